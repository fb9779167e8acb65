"""`export --to`: the tables and views of several channels in one PostgreSQL database, and `status --all` from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fleet import execute
from tests.support.shop import Shop, euro, size

pytest.importorskip("psycopg2", reason="needs the packages of centra-myogo[fleet]")


def export(shop: Shop, address: str, *words: str) -> Any:
    return shop.command("export", str(shop.file), "--data", str(shop.data), "--to", address, *words)


def rows(address: str, query: str) -> list[tuple[Any, ...]]:
    return execute(address, f"set search_path to centra_myogo; {query}")


def test_the_tables_and_views_are_there_and_a_repeated_export_doubles_nothing(
    shop_of: Callable[..., Shop], database: str
) -> None:
    shop = shop_of(size(1, sku="00123", prices=[euro("149.95")]), size(2, prices=[]))
    assert shop.run("push").exit_code == 3
    for _ in range(2):
        done = export(shop, database)
        assert (done.exit_code, done.stdout.startswith("Written: ")) == (0, True), done.output
    print(done.stdout)
    print(execute(database, "select table_schema, table_name from information_schema.tables where table_schema like 'cent%%' order by 2"))
    print(execute(database, "select * from centra_myogo.v_products"))
    print(execute(database, "select * from centra_myogo.v_stock_by_day"))
    print(execute(database, "select * from centra_myogo.exports"))
