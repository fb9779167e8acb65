"""Rows that cannot be read cost themselves and not the run, in complete runs over HTTP. Each shape of row:
tests/systems, tests/end_to_end/cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.state.run_result import RunResult
from tests.end_to_end.test_stock import held, physical, shop_with_stock, stock
from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import FOREVER, withheld_rows_of, writes

ShopOf = Callable[..., Shop]
TEN = range(101, 111)


def broken(numbers: Any, **fields: Any) -> list[dict[str, Any]]:
    return [size(number, **fields) for number in numbers]


@pytest.mark.parametrize(
    ("prices", "sent"),
    [
        pytest.param({"1": euro("59.00"), "2": euro("640.00", "9", currency="SEK")}, True, id="whole numbers"),
        pytest.param({"EUR": euro("59.00")}, False, id="words"),
        pytest.param("59.00", False, id="text"),
    ],
)
def test_one_size_with_other_prices_costs_that_size(shop_of: ShopOf, prices: Any, sent: bool) -> None:
    shop = shop_of(size(1), size(2, prices=prices), size(3))
    report = shop.run("push")
    assert report.exit_code == (0 if sent else 3)
    assert sorted(writes(shop)) == ["POST SKU1", *(["POST SKU2"] if sent else []), "POST SKU3"]
    assert withheld_rows_of(shop, "products") == ([] if sent else [("SKU2", "TYPE-001", "2")])
    assert [issue for issue in shop.sql("select message, fix from sync.withheld") if not all(issue)] == []


def test_a_size_that_is_mended_is_sent_with_the_next_run(shop_of: ShopOf) -> None:
    shop = shop_of(size(1, sku=True))
    assert shop.run("push").exit_code == 3
    shop.box.change_centra_row(1, sku="SKU1")
    assert shop.run("push").exit_code == 0
    assert shop.sql("select rule, closed_reason from sync.issues") == [("TYPE-001", "fixed")]


@pytest.mark.parametrize(
    ("field", "value", "share", "exit_code"),
    [
        pytest.param("prices", "59.00", None, 5, id="more than 2%"),
        pytest.param("sku", True, None, 5, id="part of the code"),
        pytest.param("name", ["Parka"], 0.5, 3, id="allowed by the channel"),
        pytest.param("active", "perhaps", 0.1, 5, id="more than the channel allows"),
    ],
)
def test_a_field_that_is_broken_in_many_rows_stops_the_run(
    shop_of: ShopOf, field: str, value: Any, share: float | None, exit_code: int
) -> None:
    """The message names the field, the share and the first rows. Nothing is written."""
    shop = shop_of(*broken(range(1, 21)), *broken(TEN, **{field: value}))
    if share is not None:
        shop.edit("[flows.products.limits]\n", f"[flows.products.limits]\nmax_broken_share = {share}\n")
    report = shop.run("push")
    assert report.exit_code == exit_code, report.message
    if exit_code == 5:
        assert report.outcome == "contract"
        assert writes(shop) == []
        for words in (f"'{field}'", "10 of 30 rows (33.3%)", "max_broken_share", "'101'"):
            assert words in report.message
        assert "[flows.products.limits]" in report.fix


@pytest.mark.parametrize(("good", "bad"), [(0, 9), (491, 10)], ids=["fewer than ten", "at most two percent"])
def test_few_broken_rows_do_not_stop_the_run(shop_of: ShopOf, good: int, bad: int) -> None:
    shop = shop_of(*broken(range(1000, 1000 + good)), *broken(range(1, bad + 1), brand=True))
    shop.edit("[flows.products.limits]\n", "[flows.products.limits]\nmax_withheld_share = 1.0\n")
    assert (shop.run("plan").exit_code, len(withheld_rows_of(shop, "products"))) == (3, bad)


def serve_stock(shop: Shop, rows: str) -> None:
    body = f'{{"status": "ok", "products": [{rows}]}}'
    shop.box.add_fault(side="centra", path="/stock", method="GET", kind="status", status=200, body=body, times=FOREVER)


@pytest.mark.parametrize(
    ("amount", "words"),
    [("null", "physicalStock is null"), ("5.5", 'physicalStock is "5.5"'), ('"some"', 'is "some"')],
)
def test_an_unknown_amount_in_centra_withholds_the_size_from_stock_alone(
    shop_of: ShopOf, amount: str, words: str
) -> None:
    shop = shop_with_stock(shop_of, size(1), size(2), myogo=[held(1), held(2)])
    good = '{"stockItemId": 2, "physicalStock": 5, "allocatedStock": 1, "availableStock": 4}'
    serve_stock(
        shop, f'{{"stockItemId": 1, "physicalStock": {amount}, "allocatedStock": 0, "availableStock": 0}}, {good}'
    )
    assert shop.run("push", flows=("products",)).exit_code == 0
    report = stock(shop)
    assert report.exit_code == 3
    assert physical(shop, 1, 2) == [5, 10]
    assert withheld_rows_of(shop, "stock") == [("SKU1", "TYPE-003", "1")]
    ((message,),) = shop.sql("select message from sync.withheld where rule = 'TYPE-003'")
    assert words in message


@pytest.mark.parametrize("amounts", ['"stock": 1, "stockAvailable": null', '"stock": 1.5, "stockAvailable": 1',
                                     '"stock": 1, "stockAvailable": []'])  # fmt: skip
def test_an_unknown_amount_in_myogo_withholds_its_code_from_stock_alone(shop_of: ShopOf, amounts: str) -> None:
    shop = shop_with_stock(shop_of, size(1), size(2), myogo=[held(1), held(2)])
    rows = f'{{"productCode": "SKU1", {amounts}}}, {{"stock": 4}}, 7'
    body = f'[{rows}, {{"productCode": "SKU2", "stock": 9, "stockAvailable": 9}}]'
    shop.box.add_fault(
        side="myogo", path="/api/v1/Stock", method="GET", kind="status", status=200, body=body, times=FOREVER
    )
    assert shop.run("push", flows=("products",)).exit_code == 0
    report = stock(shop)
    assert (report.exit_code, report.counts["read"]) == (3, 2)
    assert physical(shop, 1, 2) == [5, 9]
    assert withheld_rows_of(shop, "stock") == [("SKU1", "TYPE-004", "1")]


def test_a_flow_is_not_stopped_by_rows_that_it_does_not_need(shop_of: ShopOf) -> None:
    """Thirty amounts that nobody knows stop the stock flow; the products are sent, also as one of the run's flows."""
    shop = shop_with_stock(shop_of, *broken(range(1, 31)), myogo=[held(1)])
    serve_stock(shop, ", ".join(f'{{"stockItemId": {number}, "physicalStock": null}}' for number in range(1, 31)))
    products: RunResult = shop.run("push", flows=("products",))
    assert (products.exit_code, products.counts["applied"]) == (0, 30)
    report = stock(shop)
    assert (report.exit_code, report.outcome) == (5, "contract")
    assert "Centra's stock list: the field 'allocatedStock' cannot be read in 30 of 30 rows (100.0%)" in report.message


@pytest.mark.parametrize("part", ["sku", "sizeSku"])
def test_a_code_that_cannot_be_read_is_no_other_code(shop_of: ShopOf, part: str) -> None:
    """The size was pushed before: it is withheld for what cannot be read alone, and goes on under its code later."""
    shop = shop_of(size(1), size(2))
    assert shop.run("push").exit_code == 0
    shop.box.change_centra_row(1, **{part: ["SKU1"]})
    assert shop.run("push").exit_code == 3
    assert [(rule, item) for _, rule, item in withheld_rows_of(shop, "products")] == [("TYPE-001", "1")]
    shop.box.change_centra_row(1, **{part: "SKU1" if part == "sku" else ""})
    report = shop.run("push")
    assert (report.exit_code, report.counts["unchanged"], report.counts["create"]) == (0, 2, 0)


@pytest.mark.parametrize("amount", ["true", "5.5", '"many"', "null", "[1]"])
def test_a_product_whose_amount_cannot_be_read_has_none(shop_of: ShopOf, amount: str) -> None:
    """Where the stock list leaves its code out, the amount of the product counts."""
    shop = shop_with_stock(shop_of, size(1, allocated=0), size(2, allocated=0), myogo=[held(1), held(2)])
    product = '"name": "Parka Blue S", "languageCode": "en", "salesPrice": 10.0'
    products = f'[{{"id": "1", "code": "SKU1", {product}, "stockAvailable": {amount}}}, {{"id": "2", "code": "SKU2"}}]'
    level = '[{"productCode": "SKU2", "stock": 9, "stockAvailable": 9}]'
    for path, body in (("/api/v1/Products", products), ("/api/v1/Stock", level)):
        shop.box.add_fault(side="myogo", path=path, method="GET", kind="status", status=200, body=body, times=FOREVER)
    report = stock(shop, force=True)
    assert (report.exit_code, physical(shop, 1, 2)) == (3, [5, 9])
    assert withheld_rows_of(shop, "stock") == [("SKU1", "STOCK-009", "1")]
