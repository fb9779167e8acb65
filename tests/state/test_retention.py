"""Personal data leaves staged tables, whatever columns an earlier version has given them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pipelines.state.retention import blank_personal_data
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA


def _store(data: Path) -> Store:
    folder = Folder(data, "demo")
    folder.make()
    return Store(folder, SCHEMA)


@pytest.mark.parametrize(
    ("before", "left"),
    [(None, [None, None, None]), ("2026-02-01", [None, "B", None]), ("2027-01-01", [None, None, None])],
)
def test_a_table_without_some_columns_is_blanked_by_those_that_it_has(
    tmp_path: Path, before: str | None, left: list[str | None]
) -> None:
    with closing(_store(tmp_path)) as store:
        store.connection.execute("create schema if not exists raw_shop")
        store.connection.execute("create table raw_shop.orders (name varchar, dated varchar)")
        store.connection.execute(
            "insert into raw_shop.orders values ('A', '2026-01-01'), ('B', '2026-03-01'), ('C', null)"
        )
        blank_personal_data(store, "raw_shop.orders", ("note", "name"), "dated", before)
        assert store.connection.execute("select name from raw_shop.orders order by dated").fetchall() == [
            (name,) for name in left
        ]


def test_a_table_that_was_never_staged_is_left_out(tmp_path: Path) -> None:
    with closing(_store(tmp_path)) as store:
        blank_personal_data(store, "raw_shop.orders", ("name",), "dated", None)
