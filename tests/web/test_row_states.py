"""Both sides of a flow row by row, after real runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pipelines.engine.run import RunOptions, run
from pipelines.engine.sku_patterns import SkuSelection
from pipelines.reports.console import SilentReporter
from pipelines.state.store import Folder
from pipelines.web.published_tables import PublishedTables
from pipelines.web.row_states import PAGE_SIZE, FlowRows, RowFilter, RowPage, count_states
from tests.support.shop import Shop, product, size


def shown(shop: Shop, flow: str = "products", **chosen: Any) -> RowPage:
    tables = PublishedTables(Folder(shop.data, "demo"))
    declared = shop.channel().declarations[flow]
    with tables.open(brief=True) as published:
        counted = count_states(published, flow, declared)
    with tables.open() as published:
        page = FlowRows(published, flow, declared).page(RowFilter(**chosen))
    tables.close()
    assert page.states == counted  # what the first page says
    return page


def states(shop: Shop, flow: str = "products") -> dict[str, str]:
    return {row["code"] or row["source_id"]: row["state"] for row in shown(shop, flow).rows}


def sendable(shop: Shop, **chosen: Any) -> list[str]:
    tables = PublishedTables(Folder(shop.data, "demo"))
    with tables.open() as published:
        codes = FlowRows(published, "products", shop.channel().declarations["products"]).codes(RowFilter(**chosen))
    tables.close()
    return codes


@pytest.fixture
def mixed(shop_of: Callable[..., Shop]) -> Shop:
    """One row of each state that a plan can find."""
    return shop_of(
        size(1),
        size(2),
        size(3, prices=[]),
        size(4, active=0),
        size(5),
        myogo=[product(2), product(5, name="Old name"), {"code": "OLD-1", "name": "Gone", "stock": 3}],
    )


MIXED = {
    "SKU1": "only source", "SKU2": "equal", "SKU3": "withheld", "SKU4": "not wanted", "SKU5": "differs",
    "OLD-1": "only target",
}  # fmt: skip


def test_each_row_has_one_state_and_its_reason(mixed: Shop) -> None:
    mixed.run("plan")
    page = shown(mixed)
    assert {row["code"]: row["state"] for row in page.rows} == MIXED
    by_code = {row["code"]: row for row in page.rows}
    assert by_code["SKU3"]["problem"] == "No EUR price in price list 36. No price at all."
    assert by_code["SKU3"]["rules"] == ["PRICE-001"]
    assert [(one.name, one.old, one.new) for one in by_code["SKU5"]["fields"]] == [("name", "Old name", "Parka Blue S")]
    assert page.total == sum(page.states.values()) == 6


def test_a_push_makes_what_it_wrote_equal_and_keeps_what_was_refused(mixed: Shop) -> None:
    mixed.box.add_fault(side="myogo", method="POST", kind="status", status=422, contains='"SKU1"', times=1)
    assert mixed.run("push").counts["refused"] == 1
    after = {row["code"]: row for row in shown(mixed).rows}
    assert {code: row["state"] for code, row in after.items()} == MIXED | {"SKU1": "refused", "SKU5": "equal"}
    assert "422" in after["SKU1"]["answer"]
    assert sendable(mixed) == ["SKU1"]
    mixed.run("push", sku=("SKU1",))
    assert states(mixed)["SKU1"] == "equal"


def test_a_run_of_chosen_codes_leaves_the_other_rows(mixed: Shop) -> None:
    mixed.run("plan")
    mixed.run("push", sku=("SKU1",))
    assert states(mixed) == MIXED | {"SKU1": "equal"}
    mixed.run("plan", sku=("SKU5",))
    assert states(mixed) == MIXED | {"SKU1": "equal"}
    assert sendable(mixed) == ["SKU5"]


def test_a_row_that_became_equal_is_equal_after_a_plan_of_it(mixed: Shop) -> None:
    """Somebody corrected it in myOGO by hand."""
    mixed.run("plan")
    mixed.box.change_myogo_product("SKU5", name="Parka Blue S")
    mixed.run("plan", sku=("SKU5",))
    assert states(mixed)["SKU5"] == "equal"


def test_filters_meet_and_the_codes_are_those_that_can_be_sent(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(
        size(1, brand="Acme", name="Röd jacka"),
        size(2, brand="Acme", name="Blå jacka"),
        size(3, brand="Other", name="Röd byxa"),
        size(4, brand="Acme", name="Röd mössa", prices=[]),
    )
    shop.run("plan")
    assert [row["code"] for row in shown(shop, text="RÖD").rows] == ["SKU1", "SKU3", "SKU4"]
    assert [row["code"] for row in shown(shop, text="röd acme").rows] == ["SKU1", "SKU4"]
    assert [row["code"] for row in shown(shop, brand="Acme", state="sendable").rows] == ["SKU1", "SKU2"]
    assert [row["code"] for row in shown(shop, rule="PRICE-001").rows] == ["SKU4"]
    assert sendable(shop, brand="Acme") == ["SKU1", "SKU2"]
    assert sendable(shop, text="röd", brand="Other") == ["SKU3"]
    assert shown(shop, text="100%_'").total == 0
    assert shown(shop).brands == ["Acme", "Other"]


@pytest.mark.parametrize("sort", ["code", "name", "brand", "state", "source", "target"])
def test_every_page_of_every_sort_has_each_row_once(shop_of: Callable[..., Shop], sort: str) -> None:
    """Rows with equal values do not change their place from page to page."""
    shop = shop_of(*(size(number, brand=f"B{number % 3}") for number in range(1, 2 * PAGE_SIZE + 6)))
    shop.run("plan")
    for descending in (False, True):
        pages = [shown(shop, sort=sort, descending=descending, page=number) for number in (1, 2, 3)]
        assert [len(page.rows) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 5]
        assert len({row["source_id"] for page in pages for row in page.rows}) == 2 * PAGE_SIZE + 5
    assert shown(shop, page=99).number == 3


def test_a_filter_travels_in_the_address() -> None:
    chosen = RowFilter("withheld", "SKU-001", "Å & B", "a b", "name", True, 3)
    assert RowFilter.parse(dict(parse_qsl(chosen.query(page=3)))) == chosen
    assert RowFilter().query() == ""


@pytest.mark.parametrize(
    "query",
    [
        {"state": "x' or 1=1 --"},
        {"sort": "code; drop table runs"},
        {"sort": "--name"},
        {"page": "-1"},
        {"page": "٣"},
        {"page": "999999999999"},
        {"page": ""},
    ],
)
def test_what_an_address_may_not_say_counts_as_not_said(query: dict[str, str]) -> None:
    assert RowFilter.parse(query) == RowFilter()


@pytest.mark.parametrize("rule", ["'; drop table x", "PRICE-001' or '1'='1"])
def test_text_of_an_address_is_no_sql(mixed: Shop, rule: str) -> None:
    mixed.run("plan")
    assert shown(mixed, rule=rule, brand=rule, text=rule).total == 0


def test_codes_with_letters_that_patterns_use_select_only_themselves(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, sku="A*"), size(2, sku="AB"), size(3, sku="A[B]"), size(4, sku="A?"))
    for codes, expected in ((("A*",), ["A*"]), (("A[B]", "A?"), ["A?", "A[B]"]), (("A*", "gone"), ["A*"])):
        options = RunOptions("plan", selection=SkuSelection(codes=codes))
        report = run(shop.channel(), shop.data, options, SilentReporter())
        assert report.exit_code == 0
        keys = shop.sql("select key from sync.changes where run_id = ? order by key", report.run_id)
        assert [key for (key,) in keys] == expected


def test_codes_of_which_none_is_left_are_an_error(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    report = run(
        shop.channel(), shop.data, RunOptions("plan", selection=SkuSelection(codes=("X", "Y"))), SilentReporter()
    )
    assert (report.exit_code, report.message) == (
        2, "None of the 2 codes that were chosen is there any more, such as 'X'.",
    )  # fmt: skip


def test_what_to_fix_is_grouped_by_rule_and_product(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(
        size(1, productId=9, prices=[]), size(2, productId=9, prices=[]), size(3, prices=[]), size(4, sku=" X")
    )
    shop.run("plan")
    shop.run("push", sku=("SKU1",))  # a run of one code does not hide the others
    tables = PublishedTables(Folder(shop.data, "demo"))
    with tables.open() as published:
        found = FlowRows(published, "products", shop.channel().declarations["products"]).to_fix()
    tables.close()
    assert [(one.rule, one.rows, one.product_count) for one in found] == [("PRICE-001", 3, 2), ("SKU-003", 1, 1)]
    assert found[0].products[0]["codes"] == ["SKU1", "SKU2"]


def test_flows_without_a_view_of_both_sides_show_what_their_runs_found(shop: Shop) -> None:
    """Orders and parcels: a row for each, with its reference."""
    shop.run("push")
    assert shown(shop, "products").total > 2000


def test_a_size_that_only_the_target_has_can_be_withheld(shop_of: Callable[..., Shop]) -> None:
    """STOCK-009: Centra has it in stock, myOGO has no amount. The first page counts it, so the others show it."""
    shop = shop_of(size(1), size(2, allocated=0), myogo=[product(1, stock=10)])
    shop.file.write_text(shop.text + "\n[flows.stock.params]\ngoods_received = true\n")
    shop.run("plan")
    assert states(shop, "stock")["SKU2"] == "withheld"
    tables = PublishedTables(Folder(shop.data, "demo"))
    with tables.open() as published:
        found = FlowRows(published, "stock", shop.channel().declarations["stock"]).to_fix()
    tables.close()
    assert [(one.rule, one.rows) for one in found] == [("STOCK-009", 1)]
