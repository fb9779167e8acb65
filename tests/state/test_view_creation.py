"""Views are created once, and again when they or their tables change."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb

from pipelines.state.schema import View, columns
from pipelines.state.store import Folder, Store
from pipelines.state.view_creation import make_views
from tests.support.declared import SCHEMA

VIEW = View("v_one", "One.", "select * from raw_centra.one", columns("code varchar | The code."))


def created_at(db: duckdb.DuckDBPyConnection) -> int:
    ((number,),) = db.execute("select view_oid from duckdb_views() where view_name = 'v_one'").fetchall()
    return int(number)


def test_views_are_created_again_only_if_they_or_their_tables_have_changed(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "demo")
    folder.make()
    with closing(Store(folder, SCHEMA)) as store:
        db = store.connection
        db.execute("create schema if not exists raw_centra")
        db.execute("create table raw_centra.one (code varchar)")
        make_views(db, (VIEW,))
        first = created_at(db)
        make_views(db, (VIEW,))
        assert created_at(db) == first
        # A read replaces the table, with a new column that the view must have too.
        db.execute("create or replace table raw_centra.one (code varchar, name varchar)")
        make_views(db, (VIEW,))
        second = created_at(db)
        assert second != first
        assert db.execute("from v_one").fetchall() == []
        make_views(db, (View("v_one", "One.", "select name from raw_centra.one", columns("name varchar | Its name.")),))
        assert created_at(db) != second
    with closing(Store(folder, SCHEMA)) as store:  # opened again, and by a program with other tables
        assert store.connection.execute("select views is not null from sync.schema_version").fetchall() == [(True,)]
        store.connection.execute("update sync.schema_version set declared = 'before'")
    with closing(Store(folder, SCHEMA)) as store:
        assert store.connection.execute("select views from sync.schema_version").fetchall() == [(None,)]
