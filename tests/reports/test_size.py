"""A run with many issues: the page stays small, the lists stay complete."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from tests.reports.conftest import report_page
from tests.support.shop import Shop, size

ISSUES, CHANGED, STOCKED = 20_000, 20_000, 20_000
RULE_IDS = "['SKU-002', 'PRICE-001', 'PRICE-002', 'NAME-001', 'COO-001']"
TEXT = "A text that is long enough to be one: " + "x" * 200


def add_many_rows(shop: Shop, run_id: str) -> None:
    """Adds many issues, changes and stock rows to the tables of the run."""
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb")) as db:
        db.execute(
            "insert into sync.withheld by name select $run as run_id, 'products' as flow, i::varchar as key, "
            f"i::varchar as source_id, 'CODE' || i as code, {RULE_IDS}[1 + i % 5] as rule, "
            f"now()::timestamp as since, '{TEXT}' as message, 'Fix it.' as fix, 'Centra' as fix_in "
            f"from range({ISSUES}) t(i)",
            {"run": run_id},
        )
        db.execute(
            "insert into sync.issues by name select 'products' as flow, i::varchar as source_id, "
            f"'CODE' || i as code, {RULE_IDS}[1 + i % 5] as rule, '{TEXT}' as message, 'Centra' as fix_in, "
            "if(i % 2 = 0, $run, null) as closed_run_id, if(i % 2 = 0, 'fixed', null) as closed_reason, "
            f"now()::timestamp as since, 2 as occurrences from range({ISSUES}) t(i)",
            {"run": run_id},
        )
        db.execute(
            "insert into sync.changes select $run, 'products', if(i % 2 = 0, 'create', 'update'), 'CODE' || i, "
            f'i::varchar, \'{{"name":null,"sales_price":1.50}}\', \'{{"name":"{TEXT}","sales_price":2.50}}\' '
            f"from range({CHANGED}) t(i)",
            {"run": run_id},
        )
        db.execute(
            "insert into raw_myogo.stock by name select 'CODE' || i as product_code, i as stock, 0 as reserved, "
            "i as stock_available, '2026-01-01T00:00:00Z' as modified, 'x' as _dlt_load_id, i::varchar as _dlt_id "
            f"from range({STOCKED}) t(i)"
            if _has_dlt(db)
            else "insert into raw_myogo.stock by name select 'CODE' || i as product_code, i as stock, 0 as reserved, "
            f"i as stock_available, '2026-01-01T00:00:00Z' as modified from range({STOCKED}) t(i)"
        )


def _has_dlt(db: duckdb.DuckDBPyConnection) -> bool:
    return any(row[0] == "_dlt_id" for row in db.execute("describe raw_myogo.stock").fetchall())


def test_a_large_run_gives_a_small_page(shop_of: Callable[..., Shop]) -> None:
    """Under 2 MB, with at most 50 rows per table and correct counts; the lists have all rows."""
    shop = shop_of(size(1))
    add_many_rows(shop, shop.run("plan").run_id)
    page = report_page(shop)
    assert len(page.html.encode()) < 2_000_000
    assert page.text("PRICE-001").startswith("4,000 Centra PRICE-001")
    assert "3,950 more in withheld.csv" in page.text("PRICE-001")
    assert page.text("closed").startswith("Closed since the last run: 10,000 10,000 fixed.")
    assert "To update: 10,000" in page.text("changes")
    assert "20,000 in myOGO only" in page.text("stock")
    assert max(html.count("<tr>") for html in re.split("<table[^>]*>", page.html)) <= 51
    folder = shop.folder / "csv"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--csv", str(folder))
    lines = {path.stem: path.read_bytes().count(b"\n") - 1 for path in folder.iterdir()}
    assert (lines["withheld"], lines["changes"], lines["closed"]) == (ISSUES, CHANGED + 1, ISSUES // 2)
    assert lines["stock"] >= STOCKED
