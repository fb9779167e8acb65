"""Sizes whose code changes after they were pushed, in complete runs over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, withheld_rows_of, writes

ShopOf = Callable[..., Shop]
EAN = "7350000000016"
STOCK = "\n[flows.stock.params]\ngoods_received = true\n[flows.stock.limits]\nmax_update_share = 1.0\n"


def pushed(shop_of: ShopOf, *sizes: dict[str, Any]) -> Shop:
    """A shop with stock flow, after its sizes were pushed and myOGO received 5 of each."""
    shop = shop_of(*sizes)
    assert shop.run(flows=("products",)).exit_code == 0
    for code in held(shop):
        shop.box.change_myogo_product(code, stock=5)
    shop.text += STOCK
    shop.file.write_text(shop.text)
    return shop


def links(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.sql("select source_id, key from sync.links where flow = 'products' order by 1")


def add_param(shop: Shop, line: str) -> None:
    shop.edit("[flows.products.params]\n", f"[flows.products.params]\n{line}\n")


def test_a_renamed_size_is_withheld_and_keeps_its_amount_until_myogo_is_renamed(shop_of: ShopOf) -> None:
    """No second product, and never a zero in Centra. What myOGO has under the old code goes on to Centra, which knows
    the size by its new code. Once the code is renamed in myOGO, the link follows."""
    shop = pushed(shop_of, size(1, sku="OLD-1", ean=EAN, physical=5, allocated=0), size(2, allocated=0))
    assert links(shop) == [("1", "OLD-1"), ("2", "SKU2")]
    shop.box.change_centra_row(1, sku="NEW-1")
    shop.box.change_myogo_product("OLD-1", stock=7)
    report = shop.run()
    assert report.exit_code == 3
    assert set(held(shop)) == {"OLD-1", "SKU2"}
    assert withheld_rows_of(shop, "products") == [("NEW-1", "SKU-005", "1")]
    assert withheld_rows_of(shop, "stock") == []
    assert (report.flows["products"]["unmatched"], report.flows["stock"]["unmatched"]) == (0, 0)
    assert shop.box.centra_row(1)["physical"] == 7
    [(message,)] = shop.sql("select message from sync.withheld")
    assert [words in message for words in ("'OLD-1'", "'NEW-1'", "7 in stock")] == [True] * 3

    shop.box.change_myogo_product("OLD-1", stock=6, code="NEW-1")
    report = shop.run()
    assert (report.exit_code, report.flows["products"]["unchanged"]) == (0, 2)
    assert links(shop) == [("1", "NEW-1"), ("2", "SKU2")]
    assert shop.box.centra_row(1)["physical"] == 6
    assert shop.sql("select closed_reason from sync.issues") == [("fixed",)]


def test_an_accepted_code_becomes_a_new_product(shop_of: ShopOf) -> None:
    """Its amount is then that of the new product. The channel's key can be removed after the push."""
    shop = pushed(shop_of, size(1, sku="OLD-1", ean=EAN, allocated=0), size(2))
    shop.box.change_centra_row(1, sku="NEW-1")
    add_param(shop, 'accept_as_new = ["NEW-*"]')
    assert shop.run(flows=("products",)).exit_code == 0
    assert set(held(shop)) == {"OLD-1", "NEW-1", "SKU2"}
    assert links(shop)[0] == ("1", "NEW-1")
    shop.edit('accept_as_new = ["NEW-*"]\n', "")
    shop.box.change_myogo_product("NEW-1", stock=3)
    report = shop.run()
    assert (report.exit_code, report.flows["products"]["create"]) == (0, 0)
    assert shop.box.centra_row(1)["physical"] == 3


def test_amounts_follow_the_old_code_though_myogo_has_the_new_one_too(shop_of: ShopOf) -> None:
    """And two sizes that exchanged their codes keep the amounts of their goods."""
    shop = pushed(shop_of, *(size(number, sku=sku, allocated=0) for number, sku in enumerate("ABC", start=1)))
    for number, sku in {1: "B", 2: "A", 3: "NEW"}.items():
        shop.box.change_centra_row(number, sku=sku)
    for code, stock in {"A": 11, "B": 12, "C": 13}.items():
        shop.box.change_myogo_product(code, stock=stock)
    shop.box.put_myogo_product({"code": "NEW", "name": "By hand", "languageCode": "en"})
    before = writes(shop)
    assert shop.run().exit_code == 3
    assert [shop.box.centra_row(number)["physical"] for number in (1, 2, 3)] == [11, 12, 13]
    assert writes(shop) == before
    assert withheld_rows_of(shop, "products") == [
        ("A", "SKU-005", "2"), ("B", "SKU-005", "1"), ("NEW", "SKU-005", "3"),
    ]  # fmt: skip


def test_a_new_product_is_withheld_if_myogo_has_its_ean_under_a_code_of_no_size(shop_of: ShopOf) -> None:
    """Without a link: a working file from before sizes were linked, or a product that was entered by hand."""
    shop = shop_of(
        size(1, sku="NEW-1", ean=EAN), size(2, ean="012345678905"), size(3, ean="7350000000023"),
        myogo=[{"code": "OLD-1", "eanCode": EAN, "stock": 5}, {"code": "X", "eanCode": "0012345678905"}],
    )  # fmt: skip
    assert shop.run(flows=("products",)).exit_code == 3
    assert withheld_rows_of(shop, "products") == [("NEW-1", "EAN-005", "1"), ("SKU2", "EAN-005", "2")]
    assert set(held(shop)) == {"OLD-1", "X", "SKU3"}
    add_param(shop, 'accept_as_new = ["SKU2"]')
    shop.run(flows=("products",))
    assert set(held(shop)) == {"OLD-1", "X", "SKU2", "SKU3"}


def test_sizes_are_linked_from_the_journals_of_earlier_runs(shop_of: ShopOf) -> None:
    """So a code that changes after a push that was broken off, or after an update of this program, is noticed."""
    shop = pushed(shop_of, size(1, sku="OLD-1"), size(2))
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("delete from sync.links")
    shop.box.change_centra_row(1, sku="NEW-1")
    shop.run("plan", flows=("products",))
    assert links(shop) == [("1", "OLD-1"), ("2", "SKU2")]
    assert withheld_rows_of(shop, "products") == [("NEW-1", "SKU-005", "1")]


def test_the_stock_flow_reports_goods_under_a_code_that_looks_like_a_sizes_code(shop_of: ShopOf) -> None:
    """Both codes and amounts; nothing is written for them. The warning ends when both systems have the same code."""
    shop = shop_of(
        size(1, sku="Case-1", physical=0, allocated=0), size(2, ean="012345678905", physical=9, allocated=0),
        size(3, allocated=0),
        myogo=[{"code": "CASE-1", "stock": 5}, {"code": "OLD", "eanCode": "0012345678905", "stock": 7},
               {"code": "SKU3", "stock": 5}],
    )  # fmt: skip
    shop.text += STOCK
    shop.file.write_text(shop.text)
    report = shop.run(flows=("stock",))
    assert (report.exit_code, report.flows["stock"]["applied"]) == (3, 0)
    assert withheld_rows_of(shop, "stock") == [("SKU2", "STOCK-009", "2")], "Centra has it in stock"
    assert shop.sql("select source_id, code, message from out_centra.warnings where rule = 'STOCK-008' order by 1") == [
        ("1", "CASE-1", "myOGO has 5 of 'CASE-1', a code that no size has. Centra's 'Case-1' looks like it and shows 0"
         ": it does not get that amount."),
        ("2", "OLD", "myOGO has 7 of 'OLD', a code that no size has. Centra's 'SKU2' has the same EAN and shows 9: "
         "it does not get that amount."),
    ]  # fmt: skip
    shop.box.change_myogo_product("CASE-1", code="Case-1")
    shop.box.change_myogo_product("OLD", code="SKU2")
    assert shop.run(flows=("stock",)).flows["stock"]["applied"] == 2
    assert shop.sql("select count(*) from out_centra.warnings") == [(0,)]
    assert [shop.box.centra_row(number)["physical"] for number in (1, 2)] == [5, 7]


def test_what_cannot_be_an_ean_is_not_sent(shop_of: ShopOf) -> None:
    """It is sent once it is corrected, because myOGO has none yet."""
    eans = ["0000000000000", "n/a", "7350000000017", "7.35E+12", EAN, "1233421127"]
    shop = shop_of(*(size(number, ean=ean) for number, ean in enumerate(eans, start=1)))
    assert shop.run(flows=("products",)).exit_code == 0
    assert [held(shop)[f"SKU{number}"].get("eanCode") for number in range(1, 7)] == [None] * 4 + [EAN, "1233421127"]
    shop.box.change_centra_row(3, ean="7350000000023")
    shop.run(flows=("products",))
    assert held(shop)["SKU3"]["eanCode"] == "7350000000023"
