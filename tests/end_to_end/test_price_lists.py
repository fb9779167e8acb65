"""One price list for the complete catalogue: what a merchant's price lists look like on an ordinary day."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import held, writes

STAFF = euro("19.90", "40", pricelist="Staff")


def _prices(shop: Shop) -> dict[str, Decimal]:
    return {code: product["salesPrice"] for code, product in held(shop).items()}


@pytest.mark.parametrize("chunk", [1, 100_000])
def test_no_size_gets_the_price_of_another_list(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Also if the sizes are transformed in several parts. A list that only inactive sizes have does not count."""
    monkeypatch.setattr("pipelines.state.store.BATCH", chunk)
    shop = shop_of(
        size(1, prices=[euro("329.00"), STAFF]),
        size(2, prices=[STAFF]),
        size(3, prices=[euro("1.00", "9")], active=0),
        size(4, prices=[euro("15.00")]),
    )
    assert shop.run().exit_code == 3
    assert _prices(shop) == {"SKU1": Decimal("329.00"), "SKU4": Decimal("15.00")}
    assert shop.sql("select code, rule, message from sync.withheld") == [
        ("SKU2", "PRICE-001", "No EUR price in price list 36. Found EUR (list 40, Staff).")
    ]


@pytest.mark.parametrize(
    ("prices", "rule"),
    [
        pytest.param([euro(None), STAFF], "PRICE-001", id="the price goes blank"),
        pytest.param([STAFF], "PRICE-001", id="the product leaves the list"),
        pytest.param([euro("329.00"), euro("299.00"), STAFF], "PRICE-005", id="an import adds a second price"),
    ],
)
def test_myogo_keeps_its_price_until_the_price_list_is_right(
    shop_of: Callable[..., Shop], prices: list[dict[str, Any]], rule: str
) -> None:
    shop = shop_of(size(1, prices=[euro("329.00"), STAFF]), size(2))
    assert shop.run().exit_code == 0
    shop.box.change_centra_row(1, prices=prices)
    assert shop.run().exit_code == 3
    assert shop.sql("select rule from sync.withheld where run_id = (select max(run_id) from sync.runs)") == [(rule,)]
    shop.box.change_centra_row(1, prices=[euro("299.00"), STAFF])
    assert shop.run().exit_code == 0
    assert _prices(shop)["SKU1"] == Decimal("299.00")
    assert sorted(writes(shop)) == ["POST SKU1", "POST SKU2", "PUT SKU1"]
