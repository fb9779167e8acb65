"""Reads rows of the published tables."""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines.reports.model import Row


def has(db: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the table or view `name`, which includes the schema, exists."""
    schema, table = name.split(".")
    row = db.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
    ).fetchone()
    return bool(row and row[0])


def second_cursor(db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A cursor for a query while another one is open; it uses the same database of several that are attached."""
    cursor = db.cursor()
    name = db.execute("select current_database()").fetchall()[0][0]
    cursor.execute(f'use "{name}"')
    return cursor


def rows_of(db: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    """The rows that the query returns, by column name."""
    result = db.execute(sql, parameters or {})
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
