"""Complete runs of the products flow over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.support.shop import Shop, euro, size


def test_push_updates_myogo_to_the_values_of_centra(shop_of: Callable[..., Shop]) -> None:
    """A new size is created with all its fields, an existing one gets its price, and nothing else changes."""
    shop = shop_of(
        size(1, sku="A", variantSku="-B", sizeSku="-S", prices=[euro("49.90")]),
        size(2, sku="OLD", prices=[euro(20)]),
        myogo=[{"code": "OLD", "name": "Parka Blue S", "salesPrice": Decimal("19.50"), "infoUrl": "https://x.test/"}],
    )
    report = shop.run("push")
    held = {product["code"]: product for product in shop.box.myogo_products()}
    assert report.counts["applied"] == 2
    assert held["A-B-S"]["name"] == "Parka Blue S"
    assert held["A-B-S"]["salesPrice"] == Decimal("49.90")
    assert held["OLD"]["salesPrice"] == Decimal(20)
    assert held["OLD"]["infoUrl"] == "https://x.test/"


def test_a_second_push_has_nothing_to_do(shop: Shop) -> None:
    """On the complete sample: each planned change is applied once, and the next push sends no write."""
    first = shop.run("push")
    assert first.counts["applied"] == first.counts["create"] + first.counts["update"] > 0
    shop.box.clear_requests()
    second = shop.run("push")
    assert second.counts["unchanged"] == first.counts["applied"] + first.counts["unchanged"]
    assert {r["method"] for r in shop.box.requests("myogo") if "oauth" not in r["path"].lower()} == {"GET"}
