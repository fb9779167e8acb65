"""The interface for analysts: documented views, a database that can stay open during a run, Parquet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import duckdb
import pytest

from tests.support.shop import Shop, euro, size
from tests.support.waiting import LONG_S

VIEWS = (
    "v_duplicate_codes",
    "v_missing_euro_price",
    "v_stock_side_by_side",
    "v_history",
    "v_rule_trend",
    "v_latest_run",
)
HOLD = """
import duckdb, sys
db = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'ro')
db.execute('begin')
if sys.argv[2] == 'rw':
    db.execute('create table mine as select 1 as x')
print(db.execute('select count(*) from sync.runs').fetchone()[0], flush=True)
sys.stdin.readline()
print(db.execute('select count(*) from sync.runs').fetchone()[0], flush=True)
db.execute('commit')
db.close()
"""


def test_views_and_their_columns_have_comments(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    views = dict(shop.sql("select view_name, comment from duckdb_views() where not internal and schema_name = 'main'"))
    assert set(views) == set(VIEWS)
    assert all(views.values())
    without_comment = shop.sql(
        "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal "
        "and comment is null and table_name like 'v\\_%' escape '\\'"
    )
    assert without_comment == []
    staged_comment = shop.sql(
        "select comment from duckdb_columns() where table_name = 'products' and column_name = 'ean'"
    )
    assert staged_comment == [("ean, as the system sent it",)]


def test_views_list_clashes_missing_prices_stock_and_the_latest_run(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(
        size(1, sku="TWIN"),
        size(2, sku="TWIN"),
        size(3, prices=[euro("1.00", currency="SEK")]),
        size(4, physical=7, allocated=2),
        myogo=[{"code": "SKU4", "stock": 9, "reserved": 1}],
    )
    shop.run("plan")
    assert shop.sql("select code, stock_item_id, size_count from v_duplicate_codes") == [
        ("TWIN", "1", 2),
        ("TWIN", "2", 2),
    ]
    assert shop.sql("select code, message from v_missing_euro_price") == [
        ("SKU3", "No EUR price in price list 36. Found SEK (list 36, EUR).")
    ]
    assert shop.sql(
        "select centra_available, myogo_available, difference from v_stock_side_by_side where code = 'SKU4'"
    ) == [(5, 8, 3)]
    assert shop.sql("select withheld from v_latest_run") == [(3,)]
    assert shop.sql("select row_count from v_rule_trend where rule = 'SKU-002'") == [(2,)]


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_an_open_database_neither_blocks_a_run_nor_changes_under_the_reader(
    shop_of: Callable[..., Shop], mode: str
) -> None:
    """A second process keeps its view of the tables while a run completes and publishes."""
    shop = shop_of(size(1))
    shop.run("plan")
    file = shop.data / "demo" / "analytics.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "1"
    assert shop.run("push").exit_code == 0
    assert shop.sql("select count(*) from sync.runs") == [(2,)]
    output, _ = holder.communicate("\n", timeout=LONG_S)
    assert output.strip() == "1"
    assert holder.returncode == 0
    assert shop.run("plan").exit_code == 0
    assert shop.sql("select count(*) from sync.runs") == [(3,)]
    assert shop.sql("select count(*) from duckdb_tables() where table_name = 'mine'") == [(0,)]


def test_export_writes_every_table_as_parquet(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), size(2))
    shop.run("push")
    folder = shop.folder / "parquet"
    result = shop.command("export", str(shop.file), "--data", str(shop.data), "--parquet", str(folder))
    assert result.exit_code == 0
    names = {path.name for path in folder.iterdir()}
    assert {"raw_centra.products.parquet", "out_myogo.products.parquet", "sync.journal.parquet"} <= names
    rows = duckdb.sql(f"select code, sales_price from '{folder / 'out_myogo.products.parquet'}' order by 1").fetchall()
    assert [(code, str(price)) for code, price in rows] == [("SKU1", "10.0000"), ("SKU2", "10.0000")]
    assert not any(name.startswith("raw_centra._dlt") for name in names)


def test_all_tables_and_views_exist_after_a_first_run_that_read_nothing(shop_of: Callable[..., Shop]) -> None:
    """They have the same columns as after a successful run."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="/products", kind="no", times=1)
    assert shop.run("plan").exit_code == 5
    columns = "select table_schema, table_name, column_name, data_type from information_schema.columns where "
    staged = columns + "table_schema like 'raw_%' and table_name not like '\\_dlt%' escape '\\' order by all"
    before = shop.sql(staged)
    for view in VIEWS:
        assert shop.sql(f"select count(*) from {view}") == [(1 if view == "v_latest_run" else 0,)]
    assert shop.run("push").exit_code == 0
    assert shop.sql(staged) == before
    assert shop.sql("select code from raw_myogo.products") == []
    assert shop.run("plan").counts["unchanged"] == 1


def test_an_unknown_field_is_reported_on_the_screen(shop_of: Callable[..., Shop]) -> None:
    """The line names the system and the first row with the field; the value is stored."""
    shop = shop_of(size(1, wash="30"))
    output = shop.command("plan", str(shop.file), "--data", str(shop.data)).stdout
    assert "New field from Centra: wash, first seen on Centra size 1" in output
    assert shop.sql("select extra from raw_centra.products") == [('{"wash":"30"}',)]


def test_report_json_keeps_the_id_of_the_error(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    shop.edit("max_creates      = 5000", "max_creates      = 0")
    shop.run("plan")
    assert shop.json("report")["error"]["id"] == "LIMIT-001"
