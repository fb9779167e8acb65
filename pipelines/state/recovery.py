"""Replaces a working file that cannot be used: puts it aside and creates a new one with the readable history."""

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

HEADERS = 3 * 4096  # bytes of headers in a DuckDB file; a shorter file holds no data


def is_truncated(folder: Folder) -> bool:
    """Whether the working file ends within its headers, for example because the disk was full."""
    return folder.work.is_file() and folder.work.stat().st_size < HEADERS


def rebuild(folder: Folder, schema: DatabaseSchema, now: datetime) -> str:
    """Creates a new working file. Returns what it did, as a sentence. The old file stays next to the new one.

    Each table of the history (`sync.*`) comes from the old file or the published copy, whichever has more readable
    rows. The next run reads everything else from the systems. Raises StorageError.
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
    put_aside = f"{folder.work} was put aside as {aside.name}" if moved else f"There was no {folder.work}"
    with contextlib.closing(Store(folder, schema)) as store:
        history = _history(store, [path for path in (aside, folder.published) if path.is_file()])
    return "; ".join([put_aside, *history]) + "."


def _history(store: Store, sources: list[Path]) -> list[str]:
    """Fills each table of `sync` from the source with the most rows. Returns the origin of each, in words."""
    db = store.connection
    attached: dict[str, Path] = {}
    for number, source in enumerate(sources):
        try:
            db.execute(f"attach '{str(source).replace(chr(39), chr(39) * 2)}' as old{number} (read_only)")
            attached[f"old{number}"] = source
        except duckdb.Error as error:
            log.warning("no history from %s: %s", source, error)
    # Not sync.reads: the stage that it describes is gone, and changes must not be merged into an empty stage.
    tables = db.execute(
        "select distinct table_name from duckdb_tables() where schema_name = 'sync' and table_name not in "
        "('schema_version', 'reads') "
        "and database_name = current_database() order by 1"
    ).fetchall()
    by_origin: dict[str, list[str]] = {}
    for (table,) in tables:
        rows = {name: _rows(store, name, table, source) for name, source in attached.items()}
        best = sorted((name for name in rows if rows[name]), key=lambda name: -rows[name])
        origin = next((attached[name] for name in best if _copied(store, name, table, attached[name])), None)
        by_origin.setdefault(origin.name if origin else "", []).append(table)
    db.execute("update sync.expectations set digest = null")  # the next run evaluates them anew
    for name in attached:
        db.execute(f"detach {name}")
    for origin_name, names in by_origin.items():
        log.info("history of %s from %s", ", ".join(names), origin_name or "no file: none could be read")
    kept = sorted(name for name in by_origin if name)
    return [f"the history was kept, from {' and '.join(kept)}" if kept else "no history was found"]


def _rows(store: Store, name: str, table: str, source: Path) -> int:
    """The number of rows of the table in a source; a file that was cut off may open in an older state."""
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
