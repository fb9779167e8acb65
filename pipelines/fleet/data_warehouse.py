"""The data warehouse: tables and views of many channels in one PostgreSQL database, for analysts and operations.

All stand in the schema `centra_myogo`, under their names with a schema in front (`sync.runs` is `sync_runs`), with the
channel in the first column. dlt replaces the rows of one channel table by table, each in one transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipelines.core.errors import CentraMyogoError, ConfigError, DataWarehouseUnavailable, InternalError, walk_causes
from pipelines.core.failpoints import hit
from pipelines.fleet.postgres import INSTALL, Address, Failure, answers_in, connected, first_line
from pipelines.state.duckdb_settings import READING_SETTINGS
from pipelines.state.shared_copy import STAGING_TABLES, write_shared_copy
from pipelines.state.staging import clean
from pipelines.state.store import BATCH, Folder

if TYPE_CHECKING:
    import psycopg

SCHEMA = "centra_myogo"
CHANNEL = "channel"
CONNECT_S, ANSWER_S = 10, 60.0
TURN_S = 600  # how long an export waits for others to end
_STAGING = f"{SCHEMA}_staging"  # where dlt puts rows before it merges them
_KEPT_LOADS = "30 days"
# Those of this export, and others that are ours by their names: a table that somebody has added stays as it is.
_OUR_TABLES = """
select c.relname, exists (select from pg_index i join pg_attribute a on a.attrelid = i.indexrelid and a.attnum = 1
                          where i.indrelid = c.oid and a.attname = 'channel') as is_indexed
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind in ('r', 'p') and (c.relname = any(%s) or c.relname ~ '^(raw|out|sync|v)_')
order by 1"""
_COMMENTS = """
with ours as (select oid, relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p'))
select relname, '', coalesce(obj_description(oid, 'pg_class'), '') from ours
union all
select relname, attname, coalesce(col_description(oid, attnum), '')
from ours join pg_attribute on attrelid = oid and attnum > 0 and not attisdropped"""
_EXPORTS = f"""
create table if not exists {SCHEMA}.exports (
    channel text primary key,
    exported_at timestamptz not null,
    newest_run text not null);
comment on table {SCHEMA}.exports is 'One row per channel: when all its tables were last written, and its newest run.'
"""


@dataclass(frozen=True)
class Written:
    """What an export has written. `place` names the database."""

    place: str
    tables: int
    rows: int


@dataclass(frozen=True)
class _Table:
    """A table to write: its name in PostgreSQL, the query for its rows, the columns with times without a zone, and the
    comments by column, that of the table itself under ""."""

    name: str
    query: str
    times: tuple[str, ...]
    comments: Mapping[str, str]


def write(
    channel: str, folder: Folder, personal: Mapping[str, Collection[str]], views: Mapping[str, str], address: Address
) -> Written:
    """Replaces what the database has of the channel by the published tables and views, without the columns `personal`
    (by table). `views` are queries by view, for those that are views in PostgreSQL too, because they have more rows
    than should be stored.

    Raises DataWarehouseUnavailable and ConfigError.
    """
    if importlib.util.find_spec("psycopg2") is None:  # dlt's driver
        raise ConfigError("--to needs the package psycopg2-binary, which is not installed.", INSTALL)
    with tempfile.TemporaryDirectory(prefix="centra-myogo-", ignore_cleanup_errors=True) as temporary:
        copy = Path(temporary) / "shared.duckdb"
        try:
            write_shared_copy(folder.published, copy, personal)
        except (OSError, duckdb.Error) as error:
            raise ConfigError(
                f"A copy of {folder.published} cannot be written to {temporary}: {first_line(error)}",
                "Make room there, or name another folder in the variable TMPDIR.",
            ) from error
        with contextlib.closing(duckdb.connect(str(copy), config=READING_SETTINGS)) as db:
            ((newest_run,),) = db.execute("select max(run_id) from sync.runs").fetchall()
            with _turn(address) as connection:
                _refuse_older(connection, channel, newest_run, address)
                tables = [*_tables(db, channel, views)]
                rows = _load(tables, db, Path(temporary) / "dlt", address)
                hit("data warehouse: loaded")
                with answers_in(connection, ANSWER_S, failure_at(address)):
                    _comment(connection, tables)
                    _complete(connection, channel, newest_run, rows, views)
                    connection.execute("commit")
    return Written(address.place, len(rows) + len(views), sum(rows.values()))


@contextlib.contextmanager
def _turn(address: Address) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that one export at a time can have: all put their rows into the same tables before the merge. It is
    rolled back, unless the block commits it."""
    failure = failure_at(address)
    with connected(address, CONNECT_S, failure) as connection:
        with answers_in(connection, CONNECT_S, failure):
            connection.execute("begin isolation level read committed")  # to see what dlt commits meanwhile
            connection.execute("set local idle_in_transaction_session_timeout = 0")
        with answers_in(connection, TURN_S, lambda reason: failure(f"another export is under way there: {reason}")):
            connection.execute("select pg_advisory_xact_lock(hashtext('centra_myogo.exports'))")
        yield connection


def _refuse_older(connection: psycopg.Connection[Any], channel: str, newest_run: str, address: Address) -> None:
    """Raises ConfigError if the database has a newer state of the channel, which another machine has written."""
    with answers_in(connection, CONNECT_S, failure_at(address)):
        if connection.execute("select to_regclass(%s)", [f"{SCHEMA}.exports"]).fetchone() == (None,):
            return
        found = connection.execute(
            f"select newest_run from {SCHEMA}.exports where channel = %s and newest_run > %s", [channel, newest_run]
        ).fetchone()
    if found:
        raise ConfigError(
            f"{address.place} has a newer state of channel {channel!r}, of run {found[0]}; the newest run here is "
            f"{newest_run}. Nothing was written.",
            "Export on the machine that has run the channel last. If that is another shop's channel of the same name, "
            "rename one of them.",
        )


def _tables(db: duckdb.DuckDBPyConnection, channel: str, views: Mapping[str, str]) -> Iterator[_Table]:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    naming = NamingConvention(63)
    found: dict[tuple[str, str], list[tuple[str, str, str | None]]] = {}
    for schema, table, of_column in db.execute(
        "select schema_name, table_name, (column_name, data_type, comment) from duckdb_columns() "
        "where not internal and database_name = current_database() order by schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault((schema, table), []).append(of_column)
    of_tables = db.execute(
        "select schema_name, table_name, comment from duckdb_tables() where database_name = current_database() "
        "union all select schema_name, view_name, comment from duckdb_views() where database_name = current_database()"
    ).fetchall()
    described = {(schema, table): comment for schema, table, comment in of_tables}
    for (schema, table), columns in found.items():
        if table.startswith(STAGING_TABLES) or table in views:
            continue
        taken = {CHANNEL}
        selected, times = [f"'{channel}' as {CHANNEL}"], []
        comments = {"": described[schema, table], CHANNEL: "The channel, as it is called in its file"}
        for column, kind, comment in columns:
            # dlt would give two columns one name, or fill one of them with the other's values.
            name = naming.normalize_identifier(column)
            while name in taken:
                name = f"own_{name}"
            taken.add(name)
            selected.append(f'{_as_stored(column, kind)} as "{name}"')
            times += [name] if kind == "TIMESTAMP" else []
            comments[name] = comment
        name = naming.normalize_identifier(table if schema == "main" else f"{schema}_{table}")
        query = f'select {", ".join(selected)} from "{schema}"."{table}"'
        yield _Table(name, query, tuple(times), {of: text for of, text in comments.items() if text})


def _as_stored(column: str, kind: str) -> str:
    """The column as PostgreSQL can hold it: texts without NUL, no number that is none, and lists as JSON text."""
    quoted = '"' + column.replace('"', '""') + '"'
    if kind == "VARCHAR":
        return f"replace({quoted}, chr(0), '\N{REPLACEMENT CHARACTER}')"
    if kind == "JSON":
        return f"cast({quoted} as varchar)"
    if kind in ("DOUBLE", "FLOAT"):
        return f"case when isfinite({quoted}) then {quoted} end"
    plain = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DATE", "TIMESTAMP")
    return quoted if kind in plain or kind.startswith("DECIMAL") else f"cast(to_json({quoted}) as varchar)"


def _load(tables: list[_Table], db: duckdb.DuckDBPyConnection, working: Path, address: Address) -> dict[str, int]:
    """Merges the tables into the database; returns the rows of each. dlt's files go to the folder `working`."""
    clean(working)
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    counts = {table.name: 0 for table in tables}

    def rows(table: _Table) -> Iterator[pa.Table | pa.RecordBatch]:
        with db.cursor() as cursor:
            reader = cursor.sql(table.query).to_arrow_reader(BATCH)
            yield pa.Table.from_batches([], reader.schema)  # a table without rows is made too
            for batch in reader:
                counts[table.name] += batch.num_rows
                yield batch

    resources = [
        dlt.resource(
            rows(table),
            name=table.name,
            columns={time: {"data_type": "timestamp", "timezone": False} for time in table.times},
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
            merge_key=CHANNEL,
        )
        for table in tables
    ]
    try:
        pipeline = dlt.pipeline(
            "warehouse", destination=_destination(address), dataset_name=SCHEMA, pipelines_dir=str(working)
        )
        # Not as CSV, which does not distinguish an empty text from none.
        pipeline.extract(resources, loader_file_format="insert_values")
        pipeline.normalize()
        pipeline.load(workers=1, raise_on_failed_jobs=True)
    except PipelineStepFailed as failed:
        raise _explained(failed, address) from failed
    return counts


def _destination(address: Address) -> Any:
    """dlt's PostgreSQL, connected as the address says. dlt itself wants a host and a password in each address, also
    where the server wants none, and would ignore what libpq takes from elsewhere."""
    import dlt
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials
    from psycopg.conninfo import make_conninfo

    preset = {"connect_timeout": str(CONNECT_S), "application_name": "centra-myogo"}
    conninfo: str = make_conninfo("", **{**preset, **address.parts})

    class Credentials(PostgresCredentials):  # type: ignore[misc]  # dlt has no types here
        def to_native_representation(self) -> str:
            return conninfo

        def get_query(self) -> dict[str, Any]:
            return {"options": address.parts.get("options", "")}

        def copy(self) -> Any:
            return self

    credentials = Credentials()
    for required in ("host", "username", "password", "database"):
        setattr(credentials, required, "as the address says")
    return dlt.destinations.postgres(credentials=credentials)


def _comment(connection: psycopg.Connection[Any], tables: list[_Table]) -> None:
    """Gives tables and columns the comments of the file, where they differ."""
    from psycopg import sql

    there = {(table, column): comment for table, column, comment in connection.execute(_COMMENTS, [SCHEMA]).fetchall()}
    for table in tables:
        for column, text in table.comments.items():
            if there.get((table.name, column), text) != text:
                of = sql.Identifier(SCHEMA, table.name, *([column] if column else []))
                kind = sql.SQL("column" if column else "table")
                connection.execute(sql.SQL("comment on {} {} is {}").format(kind, of, sql.Literal(text)))


def _complete(
    connection: psycopg.Connection[Any],
    channel: str,
    newest_run: str,
    rows: Mapping[str, int],
    views: Mapping[str, str],
) -> None:
    """Deletes the rows of tables that are empty now, which dlt's merge leaves; makes indexes and views; and notes that
    all is written."""
    for table, is_indexed in connection.execute(_OUR_TABLES, [SCHEMA, [*rows]]).fetchall():
        if not rows.get(table):
            connection.execute(f'delete from {SCHEMA}."{table}" where {CHANNEL} = %s', [channel])
        if not is_indexed:
            connection.execute(f'create index on {SCHEMA}."{table}" ({CHANNEL})')
    for view, query in views.items():
        _make_view(connection, f'{SCHEMA}."{view}"', query.format(schema=SCHEMA))
    connection.execute(f"drop schema if exists {_STAGING} cascade")  # a second copy of the rows
    connection.execute(f"delete from {SCHEMA}._dlt_loads where inserted_at < now() - interval '{_KEPT_LOADS}'")
    connection.execute(_EXPORTS)
    connection.execute(
        f"insert into {SCHEMA}.exports values (%s, clock_timestamp(), %s) on conflict (channel) do update "
        "set exported_at = excluded.exported_at, newest_run = excluded.newest_run",
        [channel, newest_run],
    )


def _make_view(connection: psycopg.Connection[Any], view: str, query: str) -> None:
    """Only if it has changed, because this waits until nobody reads the view."""
    comment = f"Version {hashlib.blake2s(query.encode(), digest_size=8).hexdigest()}"
    if connection.execute("select obj_description(to_regclass(%s), 'pg_class')", [view]).fetchone() != (comment,):
        connection.execute(f"create or replace view {view} as {query}")
        connection.execute(f"comment on view {view} is '{comment}'")


def _explained(failed: Any, address: Address) -> CentraMyogoError:
    import psycopg2

    causes = walk_causes(failed, "exception", "client_exception", "__cause__", "__context__")
    if (ours := next((one for one in causes if isinstance(one, CentraMyogoError)), None)) is not None:
        return ours
    if (refused := next((one for one in causes if isinstance(one, psycopg2.Error)), None)) is None:
        return InternalError(f"The export failed in dlt's step {failed.step}: {first_line(causes[-1])}")
    if isinstance(refused, psycopg2.OperationalError):
        return failure_at(address)(first_line(refused))
    fix = f"If the tables there are of another version of this program: drop schema {SCHEMA} cascade, and export again."
    if isinstance(refused, psycopg2.errors.InsufficientPrivilege):
        fix = f"Let the user of --to create schemas in the database, and own the schema {SCHEMA}."
    return ConfigError(f"The data warehouse ({address.place}) refused the tables: {first_line(refused)}", fix)


def failure_at(address: Address) -> Failure:
    def failure(reason: str) -> DataWarehouseUnavailable:
        return DataWarehouseUnavailable(
            f"The data warehouse ({address.place}): {reason}",
            "Check the address and the way to it, and run again: a repeated export doubles nothing.",
        )

    return failure
