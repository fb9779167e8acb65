"""A working file that cannot be used any more is put aside, and made anew with the history that can be read."""

from __future__ import annotations

import contextlib
import logging
import os
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.errors import StorageError
from pipelines.store import Folder, Store

log = logging.getLogger(__name__)


def rebuild(folder: Folder, now: datetime) -> str:
    """What was done, in words. Nothing is deleted: the old file stays beside the new one.

    The history (`sync.*`) comes from the old file where it opens, or else from the published copy, table by
    table, as far as each can be read. Everything else is read from the two systems by the run that follows.
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
    with contextlib.closing(Store(folder)) as store:
        taken = _history(store, [path for path in (aside, folder.published) if path.is_file()])
    return "; ".join([*told, *taken]) + "."


def _history(store: Store, sources: list[Path]) -> list[str]:
    """Fills the tables of `sync`, each from the first source that gives it; what came of each, in words."""
    db = store.connection
    missing = [
        str(name)
        for (name,) in db.execute(
            "select table_name from duckdb_tables() where schema_name = 'sync' and table_name <> 'layout' order by 1"
        ).fetchall()
    ]
    told = []
    for source in sources:
        try:
            db.execute(f"attach '{str(source).replace(chr(39), chr(39) * 2)}' as old (read_only)")
        except duckdb.Error as error:
            log.warning("no history from %s: %s", source, error)
            continue
        taken = [table for table in missing if _taken(store, table, source)]
        missing = [table for table in missing if table not in taken]
        db.execute("detach old")
        if taken:
            told.append(f"history taken from {source.name}: {', '.join(taken)}")
    return told + ([f"no history found for {', '.join(missing)}"] if missing else [])


def _taken(store: Store, table: str, source: Path) -> bool:
    try:
        with store.transaction(f"the history of {table}"):
            store.connection.execute(f"insert into sync.{table} by name select * from old.sync.{table}")
    except duckdb.Error as error:
        log.warning("no history of %s from %s: %s", table, source, error)
        return False
    return True
