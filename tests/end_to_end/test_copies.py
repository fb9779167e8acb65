"""One size that Centra lists more than once: its copies are merged, or it is withheld and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop, euro, expecting, size
from tests.support.shop_helpers import FOREVER, set_page_size, withheld_rows_of, writes

ShopOf = Callable[..., Shop]
SEK = euro("640.00", "9", currency="SEK")
RETAIL, WHOLESALE = {"store": "Retail"}, {"store": "Wholesale"}


def serve(shop: Shop, path: str, *rows: dict[str, Any]) -> None:
    """Makes Centra's list hold exactly these rows, however it is filtered."""
    body = {"status": "ok", "products": rows}
    shop.box.add_fault(side="centra", kind="body", method="GET", path=path, body=body, times=FOREVER)


def pushed(shop_of: ShopOf, *rows: dict[str, Any]) -> tuple[Shop, Any]:
    shop = shop_of(*(size(number) for number in {row["stockItemId"] for row in rows}))
    serve(shop, "/products", *rows)
    return shop, shop.run("push")


@pytest.mark.parametrize(
    ("copies", "price"),
    [
        pytest.param([{}, {}], "10.00", id="equal"),
        pytest.param([{"prices": [SEK]} | WHOLESALE, {"prices": [euro("59.00")]} | RETAIL], "59.00", id="two stores"),
        pytest.param(
            [{"prices": [euro("59.00")]} | RETAIL, {"prices": [SEK]} | WHOLESALE], "59.00", id="the other first"
        ),
        pytest.param([{"prices": [euro("59.00"), SEK]}, {"prices": [SEK]}], "59.00", id="one has both lists"),
        pytest.param([{"prices": [euro(None)]}, {"prices": [euro("59.00")]}], "59.00", id="one without an amount"),
        pytest.param([{"name": "Parka"}, {"name": "Jacket"}], None, id="two names"),
        pytest.param([{"sizeSku": "-M"}, {"sizeSku": "-L"}], None, id="two codes"),
        pytest.param([{"active": 1}, {"active": 0}], None, id="active and inactive"),
        pytest.param([{"categories": ["A"]}, {"categories": ["B"]}], None, id="two categories"),
        pytest.param([{"metaTitle": "A"}, {"metaTitle": "B"}], "10.00", id="a text that is only kept"),
    ],
)
def test_copies_of_a_size_are_merged_or_withheld(
    shop_of: ShopOf, copies: list[dict[str, Any]], price: str | None
) -> None:
    """In a list in which another size stands once."""
    shop, report = pushed(shop_of, *(size(1, **fields) for fields in copies), size(2))
    assert report.counts["read"] == 2
    assert shop.sql("select stock_item_id, copies from raw_centra.products order by 1") == [
        ("1", len(copies)),
        ("2", 1),
    ]
    if price is None:
        assert (report.exit_code, writes(shop)) == (3, ["POST SKU2"])
        ((rule, item, message),) = shop.sql("select rule, source_id, message from sync.withheld")
        assert (rule, item) == ("TYPE-001", "1")
        assert "given more than once with different values" in message
    else:
        assert report.exit_code == 0
        assert sorted(writes(shop)) == ["POST SKU1", "POST SKU2"]
        held = {product["code"]: str(product["salesPrice"]) for product in shop.box.myogo_products()}
        assert held["SKU1"] == price
    assert shop.run("push").counts["update"] == 0


def test_a_shop_whose_plugin_lists_two_stores(shop_of: ShopOf) -> None:
    """Each size of the second store is listed twice, on any page."""
    shop = shop_of(*(size(number) for number in range(1, 8)))
    set_page_size(shop, 3)
    shop.box.switch("centra", in_two_stores=[2, 3, 7])
    report = shop.run("push")
    assert report.exit_code == 0, report.message
    assert (report.counts["read"], report.counts["create"]) == (7, 7)
    assert shop.sql("select count(*) from raw_centra.prices") == [(7,)]
    assert shop.run("push").counts["update"] == 0


def test_the_expectation_is_about_what_centra_sent(shop_of: ShopOf) -> None:
    """And fails for a size that it sent twice, though its copies were merged."""
    shop = expecting(shop_of(size(1), size(2)))
    failed = "select expectation from sync.expectations where status = 'failed' and expectation like 'GX-C%-002'"
    shop.run("plan")
    assert shop.sql(failed) == []
    serve(shop, "/products", size(1, prices=[SEK], **WHOLESALE), size(1, **RETAIL), size(2))
    shop.run("plan")
    assert shop.sql(failed) == [("GX-CPR-002",)]


def test_a_size_that_was_edited_while_the_list_moved_is_read_again(shop_of: ShopOf) -> None:
    """Its two rows differ, but now it has one."""
    shop = shop_of(*(size(number) for number in range(1, 6)))
    set_page_size(shop, 2)
    body = {"status": "ok", "products": [size(1, name="Before"), size(2)], "next": "?page=2"}
    shop.box.add_fault(side="centra", kind="body", method="GET", path="/products", body=body)
    body = {"status": "ok", "products": [size(1, name="After"), size(3)], "next": "?page=3"}
    shop.box.add_fault(side="centra", kind="body", method="GET", path="page=2", body=body)
    shop.box.change_centra_row(1, name="After")
    report = shop.run("push")
    assert report.exit_code == 0, report.message
    assert shop.sql("select name from raw_centra.products where stock_item_id = '1'") == [("After",)]


@pytest.mark.parametrize(("second", "rules"), [(5, []), (7, ["TYPE-003"])], ids=["equal", "two amounts"])
def test_copies_in_the_stock_list_are_one_amount_or_none(shop_of: ShopOf, second: int, rules: list[str]) -> None:
    shop = shop_of(size(1), myogo=[{"code": "SKU1", "stock": 10}])
    shop.text += "\n[flows.stock.params]\ngoods_received = true\n"
    shop.file.write_text(shop.text)
    row = {"stockItemId": 1, "physicalStock": 5, "allocatedStock": 0, "availableStock": 5}
    serve(shop, "/stock", row, row | {"physicalStock": second})
    report = shop.run("plan", flows=("stock",))
    assert [rule for _, rule, _ in withheld_rows_of(shop, "stock")] == rules
    assert report.counts["update"] == (0 if rules else 1)


@pytest.mark.parametrize(
    "copies",
    [
        pytest.param([{"prices": [euro("59.00")]} | RETAIL, {"prices": [euro("49.00")]} | WHOLESALE], id="two stores"),
        pytest.param([{"prices": []}, {"prices": [euro("59.00")]}, {}], id="three copies"),
        pytest.param([{"prices": [euro("59.00"), SEK]}, {"prices": [euro("59.01")]}], id="a cent apart"),
    ],
)
def test_copies_with_two_amounts_in_one_list_have_two_prices(shop_of: ShopOf, copies: list[dict[str, Any]]) -> None:
    shop, report = pushed(shop_of, *(size(1, **fields) for fields in copies), size(2))
    assert (report.exit_code, writes(shop)) == (3, ["POST SKU2"])
    assert withheld_rows_of(shop, "products") == [("SKU1", "PRICE-005", "1")]
