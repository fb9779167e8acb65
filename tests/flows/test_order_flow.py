"""How the order flows recognise their own orders and their destinations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipelines.flows.order_flow import (
    destination_digest,
    order_id_of,
    own_orders,
    reading_digest,
    reference_prefix,
    status_names,
)
from pipelines.systems.centra.order_source import frames_of
from tests.support.frames import plain_list, texts
from tests.support.order_frames import Row, line, order_row, shipment


def test_our_orders_are_those_with_our_prefix_and_an_order_number() -> None:
    """Two shops of one merchant may be `demo` and `demo-web`; a person at the warehouse may write anything."""
    ours = ["demo-1001-1", "demo-1001"]
    others = ["demo_web-1001-1", "demo-web-1001-1", "demo-", "demo-1001-1-1", "demo-x", "Xdemo-1", "manual", None]
    own = own_orders(pd.DataFrame({"reference": texts([*others, *ours])}), "demo")
    assert plain_list(own["reference"]) == ours
    assert plain_list(own["source_id"]) == ["1001-1", "1001"]
    assert list(own.index) == [0, 1]


def test_a_prefix_is_taken_literally() -> None:
    own = own_orders(pd.DataFrame({"reference": texts(["a.b-1", "axb-1"])}), "a.b")
    assert plain_list(own["reference"]) == ["a.b-1"]


@pytest.mark.parametrize(
    ("own", "of_orders", "prefix"),
    [("mine", "shop", "mine"), (None, "shop", "shop"), (None, None, "demo_web")],
    ids=["the flow's", "the orders flow's", "the channel's name"],
)
def test_the_prefix_is_that_of_the_flow_or_the_orders_flow_or_the_channel(
    own: str | None, of_orders: str | None, prefix: str
) -> None:
    channel: Any = SimpleNamespace(
        name="demo-web", flows={"orders": ...}, flow_params=lambda _: SimpleNamespace(prefix=of_orders)
    )
    assert reference_prefix(channel, SimpleNamespace(prefix=own)) == prefix


def test_the_number_of_an_order_is_the_first_part_of_a_shipment_number() -> None:
    assert (order_id_of("1001-2"), order_id_of("1001")) == ("1001", "1001")


def test_digests_of_another_secret_token_have_another_prefix() -> None:
    """Only digests with the same prefix are compared, so a new secret token does not mean a changed address."""
    rows = pd.DataFrame({"a": ["x", "y", None], "b": ["", "", "x"]})
    one, two = destination_digest(rows, "one"), destination_digest(rows, "two")
    assert len({*one, *two}) == 6
    assert [len({digest.rpartition("-")[0] for digest in digests}) for digests in (one, two, one + two)] == [1, 1, 2]
    assert destination_digest(rows, "one") == one


def reading(*rows: Row) -> list[str]:
    """The digests of shipments that were read in one list."""
    frames = [frames_of(row, "shipments", with_note=True) for row in rows]
    lines = pd.concat([of_row.assign(position=of_row["position"] + 10 * n, inside=of_row["inside"] + 10 * n)
                       for n, (_, of_row) in enumerate(frames)], ignore_index=True)  # fmt: skip
    return reading_digest(pd.concat([of_row for of_row, _ in frames], ignore_index=True), lines, "key")


CHANGES: list[Row] = [
    shipment(deliveryCity="Espoo"), shipment(hold=1), shipment(grandTotalValue="99"), shipment(otherComment="Gift"),
    shipment(line("1", "A", 2)), shipment(line("1", "A", price="9")), shipment(line("1", "A"), line("2", "B")),
    shipment(line("1", "A", isBundle=True, bundle=[line("2", "B")])), shipment(shippingList="express"),
]  # fmt: skip


def test_a_shipment_that_is_read_again_has_the_same_digest() -> None:
    """Whatever else was in the list; also after its payment was taken."""
    (alone,) = reading(shipment(line("1", "A", 2)))
    others = [shipment(line("1", "A", None), shipmentId="0-1"), shipment(line("1", "A", 2)), shipment(shipmentId="2-1")]
    assert reading(*others)[1] == alone
    assert reading(shipment(line("1", "A", 2), paid=0, shouldCapture=1)) == [alone]
    set_line = shipment(line("1", "S", bundle=[line("2", "A"), line("3", "B")]))
    assert reading(shipment(shipmentId="0-1"), set_line)[1] == reading(set_line)[0]


@pytest.mark.parametrize("changed", CHANGES)
def test_a_shipment_that_was_changed_has_another_digest(changed: Row) -> None:
    assert reading(changed) != reading(shipment())


def test_the_status_of_an_order_is_no_part_of_its_digest() -> None:
    """It is compared by the statuses that the channel sends."""
    one, two = (frames_of(order_row(orderStatus=status), "orders", with_note=False) for status in ("2", "3"))
    assert reading_digest(*one, "key") == reading_digest(*two, "key")


@pytest.mark.parametrize("listed", [("3",), ("Processing",), ("processing",), ("2", " Processing ")], ids=repr)
def test_a_status_is_the_same_by_number_and_by_name(listed: tuple[str, ...]) -> None:
    """Centra may send either, in any case; a number comes as text too."""
    sent = status_names(texts(["3", "Processing", "PROCESSING", " 3", "1", "Pending", "33", "", None]))
    known = status_names(texts([*listed]))
    assert list(sent.isin(known)) == [True] * 4 + [False] * 5
