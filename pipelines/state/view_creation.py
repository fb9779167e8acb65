"""Creates the views of a working file, if they or the tables that they read have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import duckdb

from pipelines.state.schema import View, all_statements


def make_views(db: duckdb.DuckDBPyConnection, views: Iterable[View]) -> None:
    """Creates or replaces the views, inside the caller's transaction. Does nothing if that was done before with the
    same declaration and the same tables: DuckDB refuses a view whose table has got other columns."""
    statements = [*all_statements(views)]
    tables = db.execute(
        "select sql from duckdb_tables() where database_name = current_database() order by 1"
    ).fetchall()
    digest = hashlib.blake2s(repr((statements, tables)).encode(), digest_size=8).hexdigest()
    if db.execute("select views from sync.schema_version").fetchall() == [(digest,)]:
        return
    for statement in statements:
        db.execute(statement)
    db.execute("update sync.schema_version set views = ?", [digest])
