"""The interface for analysts: documented views, a database that can stay open during a run, Parquet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from tests.support.declared import VIEWS as DECLARED
from tests.support.shop import Shop, euro, product, size
from tests.support.waiting import LONG_S

VIEWS = (
    "v_duplicate_codes",
    "v_missing_euro_price",
    "v_stock_side_by_side",
    "v_history",
    "v_rule_trend",
    "v_latest_run",
    "v_products",
    "v_open_issues",
    "v_time_to_fix",
    "v_changes",
    "v_stock_by_day",
    "v_price_changes",
)
ORDERS = """
[flows.orders.params]
starting = 2026-01-01
status   = "New"
test     = false

[flows.orders.params.shipping]
standard = "HOME"
"""
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


def uncommented(shop: Shop) -> list[tuple[Any, ...]]:
    """Tables, views and columns of the published copy without a comment."""
    return shop.sql(
        "select schema_name, table_name, '' from duckdb_tables() where comment is null union all "
        "select schema_name, view_name, '' from duckdb_views() where comment is null and not internal union all "
        "select schema_name, table_name, column_name from duckdb_columns() where comment is null and not internal "
        "order by all"
    )


def test_every_table_view_and_column_has_a_comment(shop_of: Callable[..., Shop]) -> None:
    """After a run that read nothing, and after one of all flows: dlt makes some tables only then."""
    shop = shop_of(size(1))
    shop.text += ORDERS
    shop.file.write_text(shop.text, "utf-8")
    shop.box.add_fault(side="centra", path="/products", kind="no", times=1)
    assert shop.run("plan").exit_code == 5
    assert uncommented(shop) == []
    shop.run("plan")
    assert shop.sql("select count(*) from raw_centra.shipments") == [(0,)]
    assert uncommented(shop) == []
    views = shop.sql("select view_name from duckdb_views() where not internal and schema_name = 'main' order by 1")
    assert [name for (name,) in views] == sorted(VIEWS)
    staged_comment = "select comment from duckdb_columns() where table_name = 'products' and column_name = 'ean'"
    assert shop.sql(staged_comment) == [("ean, as the system sent it.",)]


def test_v_products_has_both_sides_with_types(shop_of: Callable[..., Shop]) -> None:
    """A size that both have, one that is withheld and not in myOGO, and a code that only myOGO has."""
    shop = shop_of(
        size(1, physical=7, allocated=2, prices=[euro("12.50"), euro("99", "35", currency="SEK", pricelist="SEK")]),
        size(2, prices=[euro("99", "35", currency="SEK", pricelist="SEK")], active=0),
        size(3, sku="", prices=[euro("soon")]),
        myogo=[{"code": "SKU1", "salesPrice": Decimal("11.90"), "stock": 9, "reserved": 1, "name": "Parka"},
               {"code": "OTHER", "stock": 4}],
    )  # fmt: skip
    shop.edit('language          = "en"', 'language          = "en"\ninclude_inactive  = true')
    shop.run("plan")
    picked = (
        "code, stock_item_id, brand, active, eur_price, currency, myogo_price, centra_available, myogo_available, "
        "difference, in_centra, in_myogo, withheld_by"
    )
    assert shop.sql(f"select {picked} from v_products order by code nulls last") == [
        ("OTHER", None, None, None, None, None, None, None, 4, None, False, True, None),
        ("SKU1", "1", "Acme", True, Decimal("12.5"), "EUR", Decimal("11.9"), 5, 8, 3, True, True, None),
        ("SKU2", "2", "Acme", False, None, None, None, 4, None, None, True, False, "PRICE-001"),
        (None, "3", "Acme", True, None, "EUR", None, 4, None, None, True, False, "PRICE-002, SKU-001"),
    ]
    declared = {column.name: column.type for view in DECLARED for column in view.columns if view.name == "v_products"}
    described = shop.sql("select column_name, data_type from duckdb_columns() where table_name = 'v_products'")
    assert {name: kind.lower().replace(",", ", ") for name, kind in described} == declared


def test_every_view_has_the_declared_columns(shop_of: Callable[..., Shop]) -> None:
    """Names, order and types."""
    shop = shop_of(size(1))
    shop.run("plan")
    for view in DECLARED:
        described = shop.sql(
            "select column_name, data_type from duckdb_columns() where table_name = ? order by column_index", view.name
        )
        declared = [(column.name, column.type) for column in view.columns]
        assert [(name, kind.lower().replace("(18,4)", "(18, 4)").replace("(18,2)", "(18, 2)")) for name, kind in
                described] == declared, view.name  # fmt: skip


def test_changes_issues_and_their_fixes_are_views(shop_of: Callable[..., Shop]) -> None:
    """A price that is missing is given; the size is written, and the issue counts as fixed."""
    shop = shop_of(size(1), size(2, prices=[]), size(3, prices=[]), myogo=[product(1, salesPrice=Decimal("9.00"))])
    shop.run("push")
    changed = "select code, field, old_value, cast(new_value as decimal(18, 2)), outcome from v_changes where run_id = "
    newest = "(select run_id from v_latest_run)"
    assert shop.sql(changed + newest) == [("SKU1", "sales_price", "9.0", Decimal("10.00"), "applied")]
    opened = shop.sql("select code, rule, field, fix_in, open_days, occurrences from v_open_issues order by code")
    assert opened == [(f"SKU{n}", "PRICE-001", "price_text", "Centra", 0, 1) for n in (2, 3)]
    shop.box.change_centra_row(2, prices=[euro("20.00")])
    shop.run("push")
    assert shop.sql("select code from v_open_issues") == [("SKU3",)]
    assert shop.sql("select code, rule, hours_to_fix < 1 from v_time_to_fix") == [("SKU2", "PRICE-001", True)]
    created = shop.sql(changed + newest + " and field = 'sales_price'")
    assert created == [("SKU2", "sales_price", None, Decimal("20.00"), "applied")]


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock of runs to noon of a day of March 2026."""

    def at(day: int) -> None:
        monkeypatch.setattr(
            "pipelines.engine.run.utc_now", lambda: datetime(2026, 3, day, 12, tzinfo=UTC).replace(tzinfo=None)
        )

    return at


def test_stock_and_prices_have_a_daily_history(shop_of: Callable[..., Shop], days: Callable[[int], None]) -> None:
    """Days without a run have what was known; a withheld size has its price too; what is sent shows when it is read."""
    shop = shop_of(
        size(1, physical=5, allocated=1), size(2, sku="TWIN"), size(3, sku="TWIN"), myogo=[{"code": "SKU1", "stock": 7}]
    )
    days(2)
    shop.run("push")
    days(4)
    shop.box.change_centra_row(1, physical=3, prices=[euro("12.50")])
    shop.run("push")
    days(5)
    shop.box.delete_centra_row(2)
    shop.run("plan")
    stock = "select day(on_day), stock, available from v_stock_by_day where system = ? and code = ? order by 1"
    assert shop.sql(stock, "centra", "SKU1") == [(2, 5, 4), (3, 5, 4), (4, 3, 2), (5, 3, 2)]
    assert shop.sql(stock, "centra", "TWIN") == [(2, 10, 8), (3, 10, 8), (4, 10, 8), (5, 5, 4)]
    assert shop.sql(stock, "myogo", "SKU1") == [(day, 7, 7) for day in (2, 3, 4, 5)]
    changed = "select day(on_day), system, code, old_price, new_price, difference, change_percent, brand "
    assert shop.sql(changed + "from v_price_changes") == [
        (4, "centra", "SKU1", Decimal(10), Decimal("12.5"), Decimal("2.5"), Decimal(25), "Acme"),
        (5, "myogo", "SKU1", Decimal(10), Decimal("12.5"), Decimal("2.5"), Decimal(25), "Acme"),
    ]
    assert shop.sql("select count(*) from sync.prices_daily where code = 'TWIN'") == [(1,)]


def test_a_refused_read_is_not_remembered(shop_of: Callable[..., Shop], days: Callable[[int], None]) -> None:
    """Half of the catalogue is gone: the limit refuses the plan, and no code is recorded as gone."""
    shop = shop_of(*(size(n) for n in range(1, 21)))
    days(2)
    assert shop.run("push").exit_code == 0
    before = shop.sql("select * from sync.stock_daily order by all")
    for number in range(1, 15):
        shop.box.delete_centra_row(number)
    days(3)
    assert shop.run("plan").exit_code == 4
    assert shop.sql("select * from sync.stock_daily order by all") == before


def test_owners_of_a_code_and_brands_stand_in_their_views(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, sku="TWIN"), size(2, sku="TWIN", name="Anorak", active=0), size(3))
    shop.run("plan")
    assert shop.sql("select stock_item_id, size_count, other_owners from v_duplicate_codes") == [
        ("1", 2, "2, Anorak, Blue, S, inactive"),
        ("2", 2, "1, Parka, Blue, S"),
    ]
    assert shop.sql("select brand, name, variant, size from v_stock_side_by_side where code = 'SKU3'") == [
        ("Acme", "Parka", "Blue", "S")
    ]


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
