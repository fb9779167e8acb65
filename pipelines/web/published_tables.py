"""Reads the published file of a channel for the pages, never an old one and never half of a new one."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipelines.state.duckdb_settings import DUCKDB_SETTINGS, READING_SETTINGS
from pipelines.state.migrations import SCHEMA_VERSION, schema_version_of
from pipelines.state.permissions import restrictive_umask
from pipelines.state.schema import quoted
from pipelines.state.store import Folder

Row = dict[str, Any]
MAX_TEMPORARY = 30
IDLE_S = 600.0
_CACHE = "pages-rows-"
_OWN = secrets.token_hex(4)  # of this process: only one serves a data folder
_numbers = itertools.count(1)
_TOO_LARGE = (
    f"The pages cannot show so many rows: they need more than {READING_SETTINGS['memory_limit']} of memory. Open "
    "analytics.duckdb in the data folder of the channel instead."
)
_OTHER_VERSION = "The tables were written by another version of this program. Press Refresh."


class NothingPublished(Exception):
    """The channel has no published file that these pages can show. The message is for people."""


class TooManyRows(NothingPublished):
    """The rows need more memory than a page may use."""


class PublishedTables:
    """The published file as the database `published`, and a database `main_rows` for tables derived from it.

    A separate connection attaches each new file: connections to one path in one process share the file that was
    opened first, also after it was replaced. `prepare` derives tables once per published file.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._current: _Attached | None = None
        self._used_at = 0.0

    @property
    def version(self) -> tuple[int, int] | None:
        """Changes with the published file; None without one."""
        try:
            status = self._folder.published.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    @contextlib.contextmanager
    def open(self, *, brief: bool = False) -> Iterator[PublishedRows]:
        """The newest file. If it is `brief`, nothing is kept for the next time, and `prepare` must not be called.
        Raises NothingPublished."""
        attached = self._take(brief)
        try:
            with contextlib.closing(attached.connection.cursor()) as cursor:
                cursor.execute("use published")
                yield PublishedRows(attached, cursor)
        except duckdb.OutOfMemoryException as error:
            raise TooManyRows(_TOO_LARGE) from error
        finally:
            self._release(attached)

    def close_if_idle(self) -> None:
        """Frees the memory of a file that no page has needed for IDLE_S."""
        with self._lock:
            if self._current is not None and not self._current.users and time.monotonic() > self._used_at + IDLE_S:
                self._current.retire()
                self._current = None

    def close(self) -> None:
        with self._lock:
            if self._current is not None:
                self._current.retire()
                self._current = None

    def _take(self, brief: bool) -> _Attached:
        with self._lock:
            version = self.version
            if version is None:
                raise NothingPublished("Nothing was read yet. Press Refresh.")
            if self._current is None or self._current.version != version:
                fresh = _attach(self._folder, version, brief)
                if brief:
                    fresh.users += 1
                    fresh.retire()
                    return fresh
                if self._current is not None:
                    self._current.retire()
                self._current = fresh
            self._current.users += 1
            return self._current

    def _release(self, attached: _Attached) -> None:
        with self._lock:
            self._used_at = time.monotonic()
            attached.users -= 1
            attached.close_if_unused()
            attached.free_if_unused()


class _Attached:
    def __init__(self, version: tuple[int, int], connection: duckdb.DuckDBPyConnection, cache: Path | None) -> None:
        self.version, self.connection, self._cache = version, connection, cache
        self.users = 0
        self.prepared = dict[str, Any]()
        self.temporary: list[str] = []  # tables of main_rows, the last used one at the end
        self.lock = threading.Lock()
        self._is_retired = False

    def retire(self) -> None:
        self._is_retired = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if self._is_retired and not self.users:
            self.connection.close()
            if self._cache is not None:
                self._cache.unlink(missing_ok=True)
                self._cache.with_name(f"{self._cache.name}.wal").unlink(missing_ok=True)

    def free_if_unused(self) -> None:
        """Gives back the memory that only a page which is being made may use: several channels can be open."""
        if not self._is_retired and not self.users:
            for settings in (DUCKDB_SETTINGS, READING_SETTINGS):  # a lower limit frees what is cached above it
                with contextlib.suppress(duckdb.Error):
                    self.connection.execute(f"set memory_limit = '{settings['memory_limit']}'")


class PublishedRows:
    """Queries of one published file."""

    def __init__(self, attached: _Attached, cursor: duckdb.DuckDBPyConnection) -> None:
        self._attached, self._cursor = attached, cursor

    def rows(self, query: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        result = self._cursor.execute(query, parameters)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]

    def value(self, query: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first column of the first row; None without rows."""
        first = self._cursor.execute(query, parameters).fetchone()
        return first[0] if first else None

    @property
    def database(self) -> duckdb.DuckDBPyConnection:
        """For the queries of reports."""
        return self._cursor

    def prepare(self, name: str, create: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        """What `create` returned when it was called for this file, once for each name. Raises NothingPublished if the
        file lacks a table or a column."""
        with self._attached.lock:
            if name not in self._attached.prepared:
                try:
                    self._attached.prepared[name] = create(self._cursor)
                except (duckdb.BinderException, duckdb.CatalogException) as error:
                    raise NothingPublished(_OTHER_VERSION) from error
            return self._attached.prepared[name]

    def prepare_table(self, name: str, create: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        """Like `prepare`, for a table `main_rows.NAME` that is dropped when MAX_TEMPORARY others were used since."""
        found = self.prepare(name, create)
        with self._attached.lock:
            used = self._attached.temporary
            if name in used:
                used.remove(name)
            used.append(name)
            while len(used) > MAX_TEMPORARY:
                oldest = used.pop(0)
                del self._attached.prepared[oldest]
                self._cursor.execute(f'drop table main_rows."{oldest}"')
        return found


def _attach(folder: Folder, version: tuple[int, int], brief: bool) -> _Attached:
    for leftover in folder.root.glob(f"{_CACHE}*"):  # of a killed process
        if not leftover.name.startswith(f"{_CACHE}{_OWN}-"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    cache = folder.root / f"{_CACHE}{_OWN}-{next(_numbers)}.duckdb"
    connection = duckdb.connect(config=READING_SETTINGS | {"temp_directory": f"{cache}.tmp"})
    try:
        if not brief:
            with restrictive_umask():
                # Small groups, because a page needs a hundred rows and DuckDB unpacks texts by the group.
                connection.execute(f"attach {quoted(str(cache))} as main_rows (row_group_size 8192)")
        connection.execute(f"attach {quoted(str(folder.published))} as published (read_only)")
        connection.execute("use published")
        if schema_version_of(connection) != SCHEMA_VERSION:
            raise NothingPublished(_OTHER_VERSION)
    except duckdb.Error as error:
        connection.close()
        message = f"The tables cannot be opened: {str(error).splitlines()[0]} Press Refresh."
        raise NothingPublished(message) from error
    except NothingPublished:
        connection.close()
        raise
    return _Attached(version, connection, None if brief else cache)
