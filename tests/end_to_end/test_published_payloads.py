"""Complete runs with the answers printed in the vendors' documentation, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.shop import Shop

FIXTURES = Path(__file__).resolve().parent / "payloads"


def answer(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


def serve(shop: Shop, path: str, *documents: Any) -> None:
    """The next reads of `path` get these documents, one after the other."""
    for document in documents:
        shop.box.add_fault(side="centra", method="GET", path=path, kind="body", body=document, times=1)


def test_the_published_centra_example_is_read(shop_of: Callable[..., Shop]) -> None:
    """It has no paging keys, ids as text and as number, a null brand, an invalid EAN and no euro price."""
    shop = shop_of()
    serve(shop, "/products", answer("centra_products_published"))
    report = shop.run("plan")
    assert (report.counts["read"], report.counts["withheld"]) == (1, 1)
    assert shop.sql("select stock_item_id, sku, variant_sku, brand, ean, active from raw_centra.products") == [
        ("116", "123", "999", None, "1233421127", True)
    ]
    assert shop.sql("select pricelist_id, currency, price from raw_centra.prices order by position") == [
        ("19", "SEK", "100"),
        ("20", "USD", "10"),
    ]
    assert shop.sql("select code, rule, message from sync.withheld") == [
        ("123999", "PRICE-001", "No EUR price. Found SEK (list 19), USD (list 20).")
    ]


def test_two_sizes_with_every_field_reach_myogo(shop_of: Callable[..., Shop]) -> None:
    """With paging by `next`, and a campaign price that is not used."""
    shop = shop_of()
    serve(shop, "/products", answer("centra_products_two_sizes"), {"status": "ok", "products": []})
    serve(shop, "/stock", answer("centra_stock"))
    report = shop.run("push")
    assert (report.exit_code, report.counts["applied"]) == (0, 2)
    amounts = "stock_item_id, physical_stock, allocated_stock, available_stock"
    assert shop.sql(f"select {amounts} from raw_centra.stock") == [("7001", 12, 3, 9)]
    held = {product["code"]: product for product in shop.box.myogo_products()}
    assert sorted(held) == ["JKT100-BLU-M", "JKT100-BLU-S"]
    wanted = {
        "name": "Parka 100 Blue S", "salesPrice": Decimal("329.00"), "eanCode": "7350000000016", "supplier": "Acme",
        "group": "Jackets", "countryOfOrigin": "PT", "hsCode": "6201400000", "customsDescription": "Overcoats",
        "pictureUrl": "https://cdn.example.test/p/501/1.jpg", "languageCode": "en",
    }  # fmt: skip
    assert {name: held["JKT100-BLU-S"][name] for name in wanted} == wanted


def test_a_product_with_every_documented_field_of_myogo_is_staged(shop_of: Callable[..., Shop]) -> None:
    """Money keeps its digits."""
    shop = shop_of()
    shop.box.add_fault(
        side="myogo", method="GET", path="/api/v1/products", kind="body", body=[answer("myogo_product")], times=1
    )
    shop.run("plan")
    row = shop.sql("select code, ean_code, supply_price, sales_price, stock, reserved, extra from raw_myogo.products")
    assert row == [("SHIRT-BLK-S", "7312345678901", "12.5", "49.9", "120", "7", None)]
