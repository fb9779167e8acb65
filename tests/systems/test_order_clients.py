"""The clients of the order lists of both systems."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.core.errors import CentraMyogoError
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import PATH, reason_given
from pipelines.systems.myogo.source import batches
from tests.support.shop import Shop, size
from tests.support.shop_helpers import centra_of

PERSON = {"name": "Aino Mäkelä", "address1": "Hämeentie 12"}


def _read(shop: Shop, path: str) -> list[Any]:
    """The rows of one list."""
    if path == PATH:
        config = shop.channel().systems["myogo"]
        with closing(MyOgoClient(config, ("read:order", "write:order"))) as client:
            since = {"modifiedAfter": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            return [row for rows in batches(client, PATH, since) for row in rows]
    key, id_key = {"/shipments": ("shipments", "shipmentId"), "/orders": ("orders", "orderId")}[path]
    with centra_of(shop) as centra:
        return [row for rows in CentraOrders(centra).rows(path, key, id_key, {"status": "goodtogo"}) for row in rows]


@pytest.mark.parametrize("path", ["/shipments", "/orders", PATH])
def test_a_failed_answer_is_not_quoted(
    shop_of: Callable[..., Shop], capfd: pytest.CaptureFixture[str], path: str
) -> None:
    """It may contain personal data."""
    shop = shop_of(size(1))
    shop.edit("backoff_s           = 0.001", "attempts            = 1\nbackoff_s           = 0.001")
    faults: list[dict[str, Any]] = [
        {"kind": "status", "status": 500, "body": PERSON}, {"kind": "html", "body": f"<html>{PERSON}</html>"},
        {"kind": "body", "body": PERSON},
    ]  # fmt: skip
    for fault in faults:
        side = "myogo" if path == PATH else "centra"
        shop.box.add_fault(side=side, method="GET", path=path.lower(), times=9, **fault)
        with pytest.raises(CentraMyogoError) as caught:
            _read(shop, path)
        output = caught.value.message + str(caught.value) + capfd.readouterr().err
        assert [word for word in ("Mäkelä", "Hämeentie") if word in output] == []
        shop.box.clear_faults()


REASONS: list[tuple[dict[str, Any], str]] = [
    ({"warehouseComments": "Waiting for stock."}, "Waiting for stock."),
    ({"warehouseComments": "Phone +358 40 1 of Aino is invalid", "customer": {"name": "Aino M", "phone": "+358 40 1"}},
     "Phone … of … is invalid"),
    ({"warehouseComments": "Address\n Hämeentie 12 not found", "customer": {"address1": "Hämeentie 12"}},
     "Address … not found"),
    ({"warehouseComments": "", "customer": {}}, ""),
    ({"warehouseComments": None}, ""),
    ({"warehouseComments": ["x"], "customer": "y"}, ""),
    ({}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("order", "reason"), REASONS)
def test_a_reason_of_myogo_is_passed_on_without_personal_data(order: dict[str, Any], reason: str) -> None:
    assert reason_given(order) == reason
