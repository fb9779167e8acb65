"""What a snapshot holds of people: nothing, unless the channel file says otherwise."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.core.errors import StorageError
from pipelines.fleet.blanked_copy import write_blanked_copy

PERSONAL = {"raw_shop.orders": ("address", "phone"), "raw_shop.none": ("address",)}


def test_the_bytes_of_personal_data_do_not_reach_the_copy(tmp_path: Path) -> None:
    database, copy = tmp_path / "file.duckdb", tmp_path / "copy.duckdb"
    with duckdb.connect(str(database)) as db:
        db.execute("create schema raw_shop")
        db.execute("create table raw_shop.orders (id integer primary key, address varchar, amount integer)")
        db.execute("insert into raw_shop.orders select i, 'Hemligatan ' || i, i from range(3000) t(i)")
        db.execute("create view raw_shop.v as select id, address from raw_shop.orders")
        db.execute("comment on column raw_shop.orders.id is 'The number.'")
    write_blanked_copy(database, copy, PERSONAL)
    write_blanked_copy(database, copy, PERSONAL)  # over a leftover
    assert b"Hemligatan" in database.read_bytes()
    assert b"Hemligatan" not in copy.read_bytes()
    assert copy.stat().st_mode & 0o077 == 0
    with duckdb.connect(str(copy), read_only=True) as db:
        counts = db.execute("select count(*), count(address), sum(amount) from raw_shop.orders").fetchall()
        assert counts == [(3000, 0, sum(range(3000)))]
        assert db.execute("select count(*) from raw_shop.v").fetchall() == [(3000,)]
        assert db.execute("select comment from duckdb_columns() where column_name = 'id'").fetchall()[0] == (
            "The number.",
        )
    with duckdb.connect(str(copy)) as db, pytest.raises(duckdb.ConstraintException):
        db.execute("insert into raw_shop.orders (id) values (1)")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "work.duckdb").write_text("not a database" * 1000)
    with pytest.raises(StorageError):
        write_blanked_copy(tmp_path / "work.duckdb", tmp_path / "copy", {})
    assert not (tmp_path / "copy").exists()
