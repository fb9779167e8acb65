"""Copies of the tables without personal data, for other people and for clients of older versions of DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from pipelines.state.duckdb_settings import DUCKDB_SETTINGS
from pipelines.state.schema import quoted

STORAGE_VERSION = "v1.0.0"  # DuckDB 1.1 and newer open a copy with its views; tried with 1.1.0, 1.1.3, 1.2.2 and 1.5.5
STAGING_TABLES = "_dlt_"  # the tables of dlt, which mean nothing to anybody else, begin so


def write_shared_copy(database: Path, copy: Path, personal: Mapping[str, Collection[str]]) -> None:
    """Makes the new file `copy` with the tables, views and comments of `database`, but without the columns `personal`.

    `personal` maps tables, with their schema, to columns. Their values never reach the file, not even for a moment.
    What stood in the place of `copy` is replaced. Raises OSError and duckdb.Error.
    """
    for leftover in (copy, copy.with_name(f"{copy.name}.wal")):
        leftover.unlink(missing_ok=True)
    with contextlib.closing(duckdb.connect(config=DUCKDB_SETTINGS)) as db:
        db.execute(f"attach {quoted(str(database))} as original (read_only)")
        db.execute(f"attach {quoted(str(copy))} as shared (storage_version {quoted(STORAGE_VERSION)})")
        db.execute("copy from database original to shared (schema)")
        for schema, table in db.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'original' order by all"
        ).fetchall():
            if table.startswith(STAGING_TABLES):
                db.execute(f'drop table shared."{schema}"."{table}"')
            else:
                _fill(db, f'"{schema}"."{table}"', personal.get(f"{schema}.{table}", ()))
        db.execute("detach shared")
        db.execute("detach original")


def _fill(db: duckdb.DuckDBPyConnection, table: str, left_out: Collection[str]) -> None:
    present = {name for name, *_ in db.execute(f"describe shared.{table}").fetchall()}
    dropped = sorted(present & set(left_out))
    for column in dropped:
        db.execute(f'alter table shared.{table} drop column "{column}"')
    columns = f"* exclude ({', '.join(dropped)})" if dropped else "*"
    db.execute(f"insert into shared.{table} by name select {columns} from original.{table}")
