"""The queries that select what the catalogue checks look at: their rows, and their memory for a large shop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.state.duckdb_settings import DUCKDB_SETTINGS
from pipelines.state.store import Folder
from schemas.products.expectations import SUITES
from tests.support.many_rows import fill
from tests.support.shop import Shop, size

AGREEMENT = next(suite.query for suite in SUITES if suite.table == "stock_side_by_side")
ROWS = 250_000

ITEMS, CODES = st.sampled_from("1234"), st.sampled_from(["A", "B", "", None])
AMOUNTS = st.one_of(st.none(), st.integers(-3, 9))
SIZES = st.dictionaries(ITEMS, CODES)
STOCK = st.dictionaries(ITEMS, st.tuples(AMOUNTS, AMOUNTS))
PRODUCTS = st.lists(st.tuples(CODES, AMOUNTS, AMOUNTS), max_size=5)


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("create schema raw_centra; create schema raw_myogo")
        db.execute("create table raw_centra.products (stock_item_id text, sku text, variant_sku text, size_sku text)")
        db.execute("create table raw_centra.stock (stock_item_id text, available_stock bigint, physical_stock bigint)")
        db.execute("create table raw_myogo.stock (product_code text, stock_available bigint, stock bigint)")
        yield db


def fill_tables(db: duckdb.DuckDBPyConnection, **tables: list[tuple[Any, ...]]) -> None:
    for name, rows in tables.items():
        table = name.replace("__", ".")
        db.execute(f"delete from {table}")
        for row in rows:
            db.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)


def total(amounts: list[int | None]) -> int | None:
    """As SQL adds: absent amounts do not count, and none at all is absent."""
    known = [one for one in amounts if one is not None]
    return sum(known) if known else None


@given(SIZES, STOCK, PRODUCTS)
def test_stock_is_compared_by_code_as_a_person_would(
    db: duckdb.DuckDBPyConnection,
    sizes: dict[str, str | None],
    stock: dict[str, tuple[int | None, int | None]],
    products: list[tuple[str | None, int | None, int | None]],
) -> None:
    """Only of codes that both sides stock; sizes without stock, and stock without a size, do not count."""
    fill_tables(
        db,
        raw_centra__products=[(item, code, None, "") for item, code in sizes.items()],
        raw_centra__stock=[(item, *amounts) for item, amounts in stock.items()],
        raw_myogo__stock=products,
    )
    centra: dict[str, list[tuple[int | None, int | None]]] = defaultdict(list)
    for item, code in sizes.items():
        if code and item in stock:
            centra[code].append(stock[item])
    differences: list[int | None] = []
    for code, amounts in centra.items():
        held = [(available, units) for of_code, available, units in products if of_code == code]
        if not held:
            continue
        available, physical = total([one for one, _ in amounts]), total([one for _, one in amounts])
        in_myogo, units = total([one for one, _ in held]), total([one for _, one in held])
        if None not in (physical, in_myogo, units) and in_myogo <= physical <= units:
            differences.append(0)
        else:
            differences.append(None if in_myogo is None or available is None else in_myogo - available)
    found = [row[0] for row in db.execute(AGREEMENT).fetchall()]
    assert Counter(found) == Counter(differences)


def test_each_query_of_a_large_shop_fits_into_the_memory_of_a_run(shop_of: Callable[..., Shop]) -> None:
    """A quarter of a million sizes in a quarter of the memory: a million fit into all of it. The check of the stock of
    both sides ended with too little memory at a million, in each run, so that it checked nothing."""
    shop = shop_of(size(1))
    shop.run("plan")
    folder = Folder(shop.data, "demo")
    fill(folder, ROWS)
    limit = f"{int(str(DUCKDB_SETTINGS['memory_limit']).removesuffix('MB')) // 4}MB"
    with duckdb.connect(str(folder.published), config=DUCKDB_SETTINGS | {"memory_limit": limit}) as db:
        for suite in SUITES:
            if suite.query:
                now = {"now": datetime.fromisoformat("2026-01-01")} if "$now" in suite.query else None
                ((count,),) = db.execute(f"select count(*) from ({suite.query})", now).fetchall()
                rows = db.sql(suite.query, params=now).to_arrow_reader(20_000)
                assert sum(batch.num_rows for batch in rows) == count, suite.table
                assert count >= ROWS // 2 or suite.table in ("sync.runs", "out_myogo.products"), suite.table
