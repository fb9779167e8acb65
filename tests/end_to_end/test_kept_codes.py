"""A size whose code was changed in Centra keeps its old product in myOGO: in all four flows, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, withheld_rows_of

ShopOf = Callable[..., Shop]
DAY = datetime.now(UTC) - timedelta(days=3)
FLOWS = f"""
[flows.stock.params]
goods_received = true
[flows.stock.limits]
max_update_share = 1.0

[flows.orders.params]
starting = {DAY:%Y-%m-%d}
status   = "New"
test     = false

[flows.orders.params.shipping]
standard = "HOME"

[flows.tracking.params]
starting = {DAY:%Y-%m-%d}
"""
KEPT = '\n[flows.products.params.kept_codes]\n"NEW 1" = "OLD-1"\n'


@pytest.fixture
def renamed(shop_of: ShopOf) -> Shop:
    """OLD-1 was pushed; its size is now NEW 1. myOGO has 10 of it."""
    shop = shop_of(size(1, sku="OLD-1", physical=10, allocated=0), size(2, physical=10, allocated=0))
    assert shop.run(flows=("products",)).exit_code == 0
    for code in held(shop):
        shop.box.change_myogo_product(code, stock=10)
    shop.text += FLOWS
    shop.file.write_text(shop.text, "utf-8")
    shop.box.change_centra_row(1, sku="NEW 1", name="Parka 2")
    return shop


def keep(shop: Shop, text: str = KEPT) -> None:
    shop.text += text
    shop.file.write_text(shop.text, "utf-8")


def order(shop: Shop, code: str) -> dict[str, Any]:
    return shop.box.place_centra_order(lines=[{"code": code, "qty": 2, "price": 10}], paid=1)


def test_all_four_flows_go_on_with_the_old_product(renamed: Shop) -> None:
    shop = renamed
    order(shop, "NEW 1")
    assert shop.run().exit_code == 3
    assert {rule for _, rule, _ in withheld_rows_of(shop, "products")} == {"SKU-005"}
    assert shop.box.myogo_orders() == []

    keep(shop)
    report = shop.run()
    assert (report.exit_code, report.message) == (0, "")
    assert set(held(shop)) == {"OLD-1", "SKU2"}
    assert held(shop)["OLD-1"]["name"] == "Parka 2 Blue S"
    [sent] = shop.box.myogo_orders()
    assert [(line["code"], line["quantity"]) for line in sent["orderLines"]] == [("OLD-1", 2)]
    assert shop.sql("select source_id, key from sync.links where flow = 'products' order by 1")[0] == ("1", "OLD-1")

    shop.box.change_myogo_product("OLD-1", stock=7)
    assert shop.run().exit_code == 0
    assert shop.box.centra_row(1)["physical"] == 7
    shop.box.ship(sent["reference"], ["JJFI1"])
    report = shop.run()
    assert report.exit_code == 0
    assert report.flows["tracking"]["applied"] == 1, "what was shipped is what the shipment holds"
    report = shop.run()
    assert (report.exit_code, report.flows["products"]["unchanged"], report.flows["stock"]["update"]) == (0, 2, 0)
    assert shop.sql("select code, centra_code, in_myogo, size_count from v_products where stock_item_id = '1'") == [
        ("OLD-1", "NEW 1", True, 1)
    ]
    assert shop.sql("select count(*) from v_products") == [(2,)]
    assert shop.sql("select code from v_stock_side_by_side order by 1") == [("OLD-1",), ("SKU2",)]
    assert shop.sql("select distinct code from sync.stock_daily order by 1") == [("OLD-1",), ("SKU2",)]


def test_a_pair_has_no_effect_once_myogo_has_renamed_the_product_or_lost_it(renamed: Shop) -> None:
    """No second product is ever made of it."""
    keep(renamed)
    assert renamed.run().exit_code == 0
    renamed.box.change_myogo_product("OLD-1", code="NEW 1")
    report = renamed.run()
    assert (report.exit_code, report.flows["products"]["create"]) == (0, 0)
    assert set(held(renamed)) == {"NEW 1", "SKU2"}
    assert renamed.sql("select source_id, key from sync.links where flow = 'products' order by 1")[0] == ("1", "NEW 1")


def test_an_old_code_that_another_size_has_taken_withholds_both(renamed: Shop) -> None:
    """Nobody can say whose goods they are; nothing is written and no order leaves."""
    keep(renamed)
    renamed.box.change_centra_row(2, sku="OLD-1")
    order(renamed, "NEW 1")
    assert renamed.run().exit_code == 3
    assert {(code, rule) for code, rule, _ in withheld_rows_of(renamed, "products")} >= {("OLD-1", "SKU-002")}
    assert renamed.box.myogo_orders() == []


@pytest.mark.parametrize("pattern", ["NEW*", "OLD*"])
def test_both_codes_select_the_size(renamed: Shop, pattern: str) -> None:
    keep(renamed)
    report = renamed.run("plan", sku=(pattern,), flows=("products",))
    assert (report.exit_code, report.flows["products"]["update"]) == (0, 1)
    keep(renamed, f'\n[flows.products.select]\nexclude = ["{pattern}"]\n')
    report = renamed.run("plan", flows=("products",))
    assert (report.flows["products"]["update"], report.flows["products"]["skipped"]) == (0, 1)
