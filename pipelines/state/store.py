"""The DuckDB of a channel: the working file, which only a run opens, and the published copy for analysts."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.core.errors import ConfigError, StorageError
from pipelines.core.failpoints import hit
from pipelines.core.json_codec import encode
from pipelines.state.duckdb_settings import DUCKDB_SETTINGS
from pipelines.state.migrations import SCHEMA_VERSION, migrate, schema_version_of
from pipelines.state.permissions import restrict_folder
from pipelines.state.run_tables import RUN_TABLES, run_views
from pipelines.state.schema import DatabaseSchema, all_statements
from pipelines.state.staged_comments import comment_statements
from pipelines.state.storage_errors import REBUILD, storage_error_from
from pipelines.state.view_creation import make_views

COUNTS = (
    "read",
    "skipped",
    "withheld",
    "withheld_new",
    "create",
    "update",
    "unchanged",
    "drifted",
    "unmatched",
    "applied",
    "refused",
    "unknown",
    "not_attempted",
)
# The column of each count: some names of counts are reserved words of SQL.
COUNT_COLUMNS = {name: name for name in COUNTS} | {
    "read": "rows_read",
    "create": "creates",
    "update": "updates",
    "unknown": "unknown_outcome",
}
BATCH = 20_000  # rows per Arrow batch

# Completes the flows of a killed run from the journal. A flow without a plan keeps zero counts.
_KILLED_FLOWS = """
    update sync.flows f set applied = j.applied, refused = j.refused, unknown_outcome = j.unknown,
        not_attempted = coalesce(f.creates + f.updates, 0) - j.applied - j.refused - j.unknown
    from (select o.run_id, o.flow, count(*) filter (j.outcome = 'applied') as applied,
                 count(*) filter (j.outcome = 'refused') as refused, count(*) filter (j.outcome = 'unknown') as unknown
          from sync.flows o left join sync.journal j using (run_id, flow) where o.applied is null group by all) j
    where f.run_id = j.run_id and f.flow = j.flow"""
# Completes a killed run with the outcomes in the journal.
_KILLED = """
    update sync.runs r set outcome = 'killed', exit_code = 1, message = 'the run was killed',
        applied = j.applied, refused = j.refused, unknown_outcome = j.unknown,
        not_attempted = case when verb = 'push' then coalesce(creates + updates, 0) else 0 end
            - j.applied - j.refused - j.unknown
    from (select o.run_id, count(*) filter (j.outcome = 'applied') as applied,
                 count(*) filter (j.outcome = 'refused') as refused, count(*) filter (j.outcome = 'unknown') as unknown
          from sync.runs o left join sync.journal j using (run_id) where o.ended_at is null group by all) j
    where r.run_id = j.run_id"""


def utc_now() -> datetime:
    """The current time in UTC without an offset, as the database stores times."""
    return datetime.now(UTC).replace(tzinfo=None)


class Folder:
    """The paths of a channel's working files."""

    def __init__(self, data: Path, channel: str) -> None:
        self.root = data / channel
        self.work = self.root / "work.duckdb"
        self.published = self.root / "analytics.duckdb"
        self.dlt = self.root / "dlt"
        self.journal = self.root / "journal.jsonl"
        self.lock = self.root / "run.lock"
        self.holder = self.root / "run.lock.json"

    def make(self) -> None:
        """Creates the folder, or restricts an existing one, for its owner only. Raises ConfigError."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            restrict_folder(self.root)
        except OSError as error:
            raise ConfigError(
                f"The data folder {self.root} cannot be created: {error.strerror}.",
                "Give --data (or CENTRA_MYOGO_DATA) a folder that this user may write to.",
            ) from error
        if not os.access(self.root, os.W_OK):
            raise ConfigError(f"The data folder {self.root} cannot be written to.", "Check its owner and rights.")


class Store:
    """The working file, open for the run that holds the channel's lock. The constructor raises StorageError."""

    def __init__(self, folder: Folder, schema: DatabaseSchema) -> None:
        self.folder, self.schema = folder, schema
        try:
            self.connection = duckdb.connect(str(folder.work), config=DUCKDB_SETTINGS)
            self._refuse_newer()
            with self.transaction("the tables"):
                self._make_tables()
        except duckdb.Error as error:
            raise storage_error_from(error, folder.root) or StorageError(
                f"{folder.work} cannot be opened: {str(error).splitlines()[0]}", REBUILD
            ) from error

    def _refuse_newer(self) -> None:
        version = schema_version_of(self.connection)
        if version > SCHEMA_VERSION:
            self.connection.close()
            raise StorageError(
                f"{self.folder.work} was written by a newer version of this program (its tables have "
                f"version {version}; this program supports version {SCHEMA_VERSION}).",
                f"Update this program. Or start with a new file: {REBUILD}",
            )

    def _make_tables(self) -> None:
        db = self.connection
        if schema_version_of(db) == SCHEMA_VERSION and self._declared_as_before():
            return
        migrate(db)
        for schema in ("sync", *(f"{kind}_{name}" for name in self.schema.systems for kind in ("raw", "out"))):
            db.execute(f"create schema if not exists {schema}")
        for table in self.schema.tables:  # they hold the newest run only, and their declaration may have changed
            db.execute(f"drop table if exists {table.name}")
        for statement in all_statements((*RUN_TABLES, *self.schema.tables)):
            db.execute(statement)
        db.execute("delete from sync.schema_version")
        db.execute("insert into sync.schema_version values (?, ?, null)", [SCHEMA_VERSION, self.schema.digest])

    def _declared_as_before(self) -> bool:
        rows = self.connection.execute("select declared from sync.schema_version").fetchall()
        return rows == [(self.schema.digest,)]

    def close(self) -> None:
        self.connection.close()

    def frame(self, table: str, columns: list[str], rest: str = "") -> pd.DataFrame:
        """Columns of a staged table, with texts as pandas strings. Without rows if nothing was staged yet."""
        reader = self._reader(self.connection, table, columns, rest)
        return _frame(_owned(reader), reader.schema)

    def frames(self, table: str, columns: list[str], rest: str = "") -> Iterator[pd.DataFrame]:
        """The same in batches of BATCH rows. The last frame is always empty, so there is at least one."""
        with self.connection.cursor() as cursor:  # the next statement of a connection ends a read that is under way
            reader = self._reader(cursor, table, columns, rest)
            yield from (_frame([batch], reader.schema) for batch in _owned(reader))
            yield _frame([], reader.schema)

    def _reader(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], rest: str
    ) -> pa.RecordBatchReader:
        selected = ", ".join(f'"{column}"' for column in columns)
        return connection.sql(f"select {selected} from {table} {rest}").to_arrow_reader(BATCH)

    @contextlib.contextmanager
    def keys(self, keys: pd.Series) -> Iterator[str]:
        """Registers the keys as a table with the column `key`; yields its name for use in a statement."""
        self.connection.register("wanted_keys", pa.table({"key": pa.array(keys, pa.string())}))
        try:
            yield "wanted_keys"
        finally:
            self.connection.unregister("wanted_keys")

    @contextlib.contextmanager
    def transaction(self, of: str) -> Iterator[None]:
        """Commits all statements inside, or rolls all back on any exception. `of` names the failpoints."""
        hit(f"store: before {of}")
        self.connection.execute("begin")
        try:
            yield
            hit(f"store: before the commit of {of}")
            self.connection.execute("commit")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # a fatal error has already ended the transaction
                self.connection.execute("rollback")
            raise
        hit(f"store: after {of}")

    def replace(self, table: str, rows: pd.DataFrame) -> None:
        """Replaces all rows of `table`, in one transaction."""
        with self.transaction(table):
            self.connection.execute(f"delete from {table}")
            self.insert(table, rows)

    def replace_flow(self, table: str, flow: str, rows: pd.DataFrame) -> None:
        """Replaces the rows of the flow in `table`, in one transaction."""
        with self.transaction(table):
            self.connection.execute(f"delete from {table} where flow = ?", [flow])
            self.insert(table, rows.assign(flow=flow))

    def replace_runs(self, table: str, rows: pd.DataFrame) -> None:
        """Replaces the rows of the same runs in `table`, in one transaction."""
        with self.transaction(table):
            for run_id in rows["run_id"].unique():
                self.connection.execute(f"delete from {table} where run_id = ?", [run_id])
            self.insert(table, rows)

    def replace_rows(self, table: str, key: str, rows: pd.DataFrame) -> None:
        """Replaces the rows of `table` that have the same `key` as one of `rows`, in one transaction."""
        if rows.empty:
            return
        with self.transaction(table), self.keys(rows[key].drop_duplicates()) as keys:
            self.connection.execute(f"delete from {table} where {key} in (from {keys})")
            self.insert(table, rows)

    def append(self, table: str, rows: pd.DataFrame) -> None:
        """Adds `rows` by column name."""
        with self.transaction(table):
            self.insert(table, rows)

    def insert(self, table: str, rows: pd.DataFrame) -> None:
        """Adds `rows` by column name, inside the caller's transaction."""
        if len(rows):
            # As Arrow, because DuckDB reads each text of a data frame as a Python object.
            self.connection.register("rows_to_add", pa.Table.from_pandas(rows, preserve_index=False))
            self.connection.execute(f"insert into {table} by name select * from rows_to_add")
            self.connection.unregister("rows_to_add")

    def begin_run(self, run: dict[str, Any]) -> None:
        """Adds the row of a run that begins, and completes the rows of killed runs."""
        with self.transaction("the beginning of the run"):
            self.connection.execute(_KILLED_FLOWS)
            self.connection.execute(_KILLED)
            self.insert("sync.runs", pd.DataFrame([run]))

    def update_run(self, run_id: str, result: dict[str, Any]) -> None:
        """Updates the run's row. `result` maps columns to values; dicts become JSON."""
        values = {k: encode(v).decode() if isinstance(v, dict) else v for k, v in result.items()}
        assignments = ", ".join(f'"{column}" = ?' for column in values)
        self.connection.execute(f"update sync.runs set {assignments} where run_id = ?", [*values.values(), run_id])

    def ready_to_publish(self) -> None:
        """Creates the views, with empty tables for what was not read yet, and writes DuckDB's log into the file."""
        existing = {
            f"{schema}.{name}"
            for schema, name in self.connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }
        with self.transaction("the views"):
            for name, mirror in sorted(self.schema.mirrors.items()):
                # A first run that failed to read has no tables yet: create them empty.
                for statement in mirror.statements() if name not in existing else ():
                    self.connection.execute(statement)
            for statement in comment_statements(self.connection, self.schema.descriptions):
                self.connection.execute(statement)
            make_views(self.connection, (*run_views(self.schema.row_words), *self.schema.views))
        self.connection.execute("checkpoint")


def _owned(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Copies of the batches, because one column that stays in use would keep all of DuckDB's batch in memory."""
    return (batch.take(np.arange(len(batch))) for batch in reader)


def _frame(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pd.DataFrame:
    rows = pa.Table.from_batches(batches, schema)
    frame: pd.DataFrame = rows.to_pandas(split_blocks=True, self_destruct=True)  # frees the Arrow columns one by one
    return frame


def publish(folder: Folder, *, compact: bool = False) -> None:
    """Replaces the published copy with a copy of the (closed) working file, in one atomic step. With `compact`, the
    working file is replaced too, in another.

    A reader who has the old copy open keeps reading the old one. The copy is made row by row: a DuckDB file keeps the
    bytes of rows that were deleted or changed until it needs their place, and they may be personal data.
    """
    fresh = folder.published.with_suffix(".new")
    hit("publish: before the copy")
    _copy_rows(folder.work, fresh)
    hit("publish: copied")
    # Remove the log of a writer who opened the old copy: DuckDB would apply it to the new one.
    with contextlib.suppress(FileNotFoundError):
        _log_of(folder.published).unlink()
    os.replace(fresh, folder.published)
    hit("publish: in place")
    if compact and not _log_of(folder.work).exists():
        _replace_by_copy(folder.published, folder.work)
        hit("publish: compacted")


def _copy_rows(database: Path, fresh: Path) -> None:
    """Makes the new file `fresh` with all schemas, tables, views and comments of `database`, and without its free
    blocks. What a killed run left of `fresh` is replaced."""
    for leftover in (fresh, _log_of(fresh)):
        leftover.unlink(missing_ok=True)
    with contextlib.closing(duckdb.connect(str(fresh), config=DUCKDB_SETTINGS)) as db:
        fresh.chmod(0o600)
        ((name,),) = db.execute("select current_database()").fetchall()
        quoted = str(database).replace("'", "''")
        db.execute(f"attach '{quoted}' as working_file (read_only)")
        db.execute(f'copy from database working_file to "{name}"')
        db.execute("detach working_file")


def _replace_by_copy(source: Path, target: Path) -> None:
    """Replaces the file `target` with a copy of `source`. Whenever this is interrupted, `target` is complete."""
    copied = target.with_suffix(".compact")
    shutil.copyfile(source, copied)
    copied.chmod(0o600)
    with copied.open("rb+") as file:  # on the disk before it takes the place of the history
        os.fsync(file.fileno())
    hit("publish: before the compacted file")
    os.replace(copied, target)


def _log_of(database: Path) -> Path:
    """The write-ahead log of a DuckDB file."""
    return database.with_name(f"{database.name}.wal")


def published(folder: Folder) -> duckdb.DuckDBPyConnection:
    """Opens the published copy for reading. Raises ConfigError if there is none yet."""
    from pipelines.state.missing_copy import no_copy_error, unreadable_copy_error

    if not folder.published.is_file():
        raise no_copy_error(folder)
    try:
        db = duckdb.connect(str(folder.published), read_only=True)
    except duckdb.Error as error:
        raise unreadable_copy_error(folder, error) from error
    if schema_version_of(db) != SCHEMA_VERSION:
        db.close()
        raise ConfigError(
            f"{folder.published} was written by another version of this program.",
            "Run plan for this channel: it writes a new one and keeps the history.",
        )
    return db
