"""Copies of a DuckDB file in which personal data is blank. Its bytes never reach the copy."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from pipelines.core.errors import StorageError
from pipelines.state.duckdb_settings import DUCKDB_SETTINGS
from pipelines.state.schema import quoted
from pipelines.state.storage_errors import storage_error_from


def write_blanked_copy(database: Path, copy: Path, personal: Mapping[str, Collection[str]]) -> None:
    """Makes the new file `copy` with everything of `database`, but null in the columns `personal` (by table with its
    schema). Raises StorageError."""
    _remove(copy)
    try:
        with contextlib.closing(duckdb.connect(config=DUCKDB_SETTINGS)) as db:
            db.execute(f"attach {quoted(str(database))} as original (read_only)")
            db.execute(f"attach {quoted(str(copy))} as blanked")
            copy.chmod(0o600)
            db.execute("copy from database original to blanked (schema)")
            for schema, table in db.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'original' order by all"
            ).fetchall():
                _fill(db, f'"{schema}"."{table}"', personal.get(f"{schema}.{table}", ()))
            db.execute("detach blanked")
            db.execute("detach original")
    except (duckdb.Error, OSError) as error:
        _remove(copy)
        raise storage_error_from(error, database.parent) or StorageError(
            f"The snapshot {copy} cannot be made: {str(error).splitlines()[0]}", "Check the disk and the rights."
        ) from error


def _fill(db: duckdb.DuckDBPyConnection, table: str, personal: Collection[str]) -> None:
    present = {name for name, *_ in db.execute(f"describe blanked.{table}").fetchall()}
    blanks = ", ".join(f'null as "{column}"' for column in sorted(present & set(personal)))
    columns = f"* replace ({blanks})" if blanks else "*"
    db.execute(f"insert into blanked.{table} by name select {columns} from original.{table}")


def _remove(copy: Path) -> None:
    for leftover in (copy, copy.with_name(f"{copy.name}.wal")):
        leftover.unlink(missing_ok=True)
