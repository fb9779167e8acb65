"""A working file that cannot be used any more is put aside, and made anew with the history that can be read."""

from __future__ import annotations

import contextlib
import logging
import os
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.core.errors import StorageError
from pipelines.state.migrations import history_query
from pipelines.state.schema import DatabaseSchema
from pipelines.state.store import Folder, Store

log = logging.getLogger(__name__)

HEADERS = 3 * 4096  # what a DuckDB file begins with; one that ends before has nothing to lose


def is_truncated(folder: Folder) -> bool:
    """Whether the working file ends within its headers: its making was cut off, by a full disk for example."""
    return folder.work.is_file() and folder.work.stat().st_size < HEADERS


def rebuild(folder: Folder, schema: DatabaseSchema, now: datetime) -> str:
    """What was done, in words. Nothing is deleted: the old file stays beside the new one.

    The history (`sync.*`) comes from the old file or from the published copy, table by table, from whichever has
    more that can be read. Everything else is read from the two systems by the run that follows.
    Raises StorageError.
    """
    aside = folder.work.with_name(f"{folder.work.name}.aside-{now:%Y%m%dT%H%M%S}")
    moved = folder.work.exists()
    try:
        if moved:
            os.replace(folder.work, aside)
        wal = folder.work.with_name(f"{folder.work.name}.wal")
        if wal.exists():
            os.replace(wal, aside.with_name(f"{aside.name}.wal"))
    except OSError as error:
        raise StorageError(
            f"{folder.work} cannot be put aside: {error}.", "Check the owner and the rights of the data folder."
        ) from error
    told = [f"{folder.work} was put aside as {aside.name}" if moved else f"There was no {folder.work}"]
    with contextlib.closing(Store(folder, schema)) as store:
        taken = _history(store, [path for path in (aside, folder.published) if path.is_file()])
    return "; ".join([*told, *taken]) + "."


def _history(store: Store, sources: list[Path]) -> list[str]:
    """Fills the tables of `sync`, each from the source that has most of it; what came of each, in words."""
    db = store.connection
    attached: dict[str, Path] = {}
    for number, source in enumerate(sources):
        try:
            db.execute(f"attach '{str(source).replace(chr(39), chr(39) * 2)}' as old{number} (read_only)")
            attached[f"old{number}"] = source
        except duckdb.Error as error:
            log.warning("no history from %s: %s", source, error)
    # Not sync.reads: it speaks of a stage that is gone, and changes must not be merged into an empty one.
    tables = db.execute(
        "select distinct table_name from duckdb_tables() where schema_name = 'sync' and table_name not in "
        "('schema_version', 'reads') "
        "and database_name = current_database() order by 1"
    ).fetchall()
    taken: dict[str, list[str]] = {}
    for (table,) in tables:
        rows = {name: _rows(store, name, table, source) for name, source in attached.items()}
        best = sorted((name for name in rows if rows[name]), key=lambda name: -rows[name])
        origin = next((attached[name] for name in best if _copied(store, name, table, attached[name])), None)
        taken.setdefault(f"history taken from {origin.name}" if origin else "no history found", []).append(table)
    for name in attached:
        db.execute(f"detach {name}")
    return [f"{what}: {', '.join(names)}" for what, names in taken.items()]


def _rows(store: Store, name: str, table: str, source: Path) -> int:
    """How many rows it says it has; a file that is cut off may open as it was some time ago."""
    try:
        query = history_query(store.connection, name, table)
        return int(store.connection.execute(f"select count(*) from ({query})").fetchall()[0][0]) if query else 0
    except duckdb.Error as error:
        log.warning("no history of %s from %s: %s", table, source, error)
        return 0


def _copied(store: Store, name: str, table: str, source: Path) -> bool:
    try:
        with store.transaction(f"the history of {table}"):
            query = history_query(store.connection, name, table)
            store.connection.execute(f"insert into sync.{table} by name {query}")
    except duckdb.Error as error:
        log.warning("no history of %s from %s: %s", table, source, error)
        return False
    return True
