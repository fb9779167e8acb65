"""What happens to a value after it was sent: myOGO stores it otherwise, a colleague changes it, Centra empties it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import held, writes

LONG = "Parka with a hood and many pockets"


def _warnings(shop: Shop) -> list[tuple[str, str]]:
    return [(rule, field) for rule, field in shop.sql("select rule, field from out_myogo.warnings order by all")]


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        pytest.param("salesPrice", {"prices": [euro("12.345")]}, {"prices": [euro("13.00")]}, id="rounded price"),
        pytest.param("name", {"name": LONG}, {"name": "Parka"}, id="cut name"),
        pytest.param("supplier", {"brand": f"{LONG} Ltd"}, {"brand": "Acme"}, id="cut supplier"),
    ],
)
def test_a_value_that_myogo_stores_otherwise_is_sent_once(
    shop_of: Callable[..., Shop], field: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """And again once it changes in Centra."""
    shop = shop_of(size(1, **({"variant": "", "size": ""} | before)))
    shop.box.switch("myogo", normalised_fields=[field])
    for _ in range(3):
        assert shop.run().exit_code == 0
    assert writes(shop) == ["POST SKU1"]
    report = shop.run("plan")
    assert (report.counts["unchanged"], report.counts["drifted"]) == (1, 1)
    assert [rule for rule, _ in _warnings(shop)] == ["EAN-001", "TGT-004"]
    shop.box.change_centra_row(1, **after)
    shop.run()
    assert shop.run().counts["drifted"] == 0
    assert writes(shop) == ["POST SKU1", "PUT SKU1"]
    assert [rule for rule, _ in _warnings(shop)] == ["EAN-001"]


def test_a_colleagues_change_after_the_rounding_is_undone(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, prices=[euro("12.345")]))
    shop.box.switch("myogo", normalised_fields=["salesPrice"])
    shop.run()
    shop.box.change_myogo_product("SKU1", salesPrice=Decimal("99.00"))
    shop.run()
    assert held(shop)["SKU1"]["salesPrice"] == Decimal("12.35")
    shop.run()
    assert writes(shop) == ["POST SKU1", "PUT SKU1"]


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("sales_price", {"salesPrice": Decimal("79.00")}),
        ("name", {"name": "Parka Wintersport"}),
        ("supplier", {"supplier": "Acme Oy"}),
    ],
)
def test_an_update_that_undoes_a_change_in_myogo_is_reported(
    shop_of: Callable[..., Shop], column: str, change: dict[str, Any]
) -> None:
    """Each time, as long as a second channel or a colleague writes the same product; then no more."""
    shop = shop_of(size(1, prices=[euro("99.00")]))
    shop.run()
    for _ in range(2):
        shop.box.change_myogo_product("SKU1", **change)
        assert shop.run().counts["applied"] == 1
        assert ("TGT-005", column) in _warnings(shop)
    assert shop.run().counts["unchanged"] == 1
    assert [rule for rule, _ in _warnings(shop)] == ["EAN-001"]


@pytest.mark.parametrize(
    ("column", "vendor", "field"),
    [("supplier", "supplier", "brand"), ("hs_code", "hsCode", "harmCode"), ("country_of_origin", "countryOfOrigin",
                                                                               "countryOfOrigin")],
)  # fmt: skip
def test_a_field_that_is_emptied_in_centra_is_reported_until_myogo_is_empty_too(
    shop_of: Callable[..., Shop], column: str, vendor: str, field: str
) -> None:
    shop = shop_of(size(1))
    shop.run()
    shop.box.change_centra_row(1, **{field: ""})
    report = shop.run()
    assert (report.exit_code, report.counts["drifted"], report.counts["unchanged"]) == (0, 1, 1)
    assert ("TGT-006", column) in _warnings(shop)
    shop.box.change_myogo_product("SKU1", **{vendor: ""})
    assert shop.run().counts["drifted"] == 0
    assert [rule for rule, _ in _warnings(shop)] == ["EAN-001"]


@pytest.mark.parametrize(("price", "warned"), [("160.00", True), ("50.00", False), ("50.01", True), ("0.62", True)])
def test_a_price_that_changes_by_a_large_factor_is_reported(
    shop_of: Callable[..., Shop], price: str, warned: bool
) -> None:
    """Once, in the run that sends it, although ten such prices pass the limit."""
    shop = shop_of(size(1, prices=[euro("10.00")]))
    shop.run()
    shop.box.change_centra_row(1, prices=[euro(price)])
    shop.run()
    assert (("PRICE-006", "sales_price") in _warnings(shop)) == warned
    shop.run()
    assert [rule for rule, _ in _warnings(shop)] == ["EAN-001"]
