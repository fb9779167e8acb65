"""Migrates a working file from an earlier version of the tables to this one."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from pipelines.state.run_tables import RUN_TABLES

SCHEMA_VERSION = 8


def schema_version_of(db: duckdb.DuckDBPyConnection) -> int:
    """The version of the file's tables; 0 for a file without tables."""
    for table in ("schema_version", "layout"):
        if _has(db, "sync", table):
            rows = db.execute(f"select max(version) from sync.{table}").fetchall()
            return int(rows[0][0] or 1)
    return 1 if _has(db, "sync", "runs") else 0


def migrate(db: duckdb.DuckDBPyConnection) -> None:
    """Migrates the tables to SCHEMA_VERSION, inside the caller's transaction. Keeps all history. The next full read
    replaces the staged tables."""
    version = schema_version_of(db)
    while 0 < version < SCHEMA_VERSION:
        _STEPS[version](db)
        version += 1


# For each table of version 1: its name from version 2 on, and its renamed columns.
_COUNTS = {"read": "rows_read", "create": "creates", "update": "updates", "unknown": "unknown_outcome"}
_ROW = {"stock_item_id": "source_id", "column": "field", "owner": "fix_in"}
_RENAMED = {
    "runs": ("runs", _COUNTS),
    "flows": ("flows", _COUNTS),
    "changes": ("changes", _ROW),
    "journal": ("journal", {}),
    "withheld": ("withheld", _ROW),
    "rule_counts": ("rule_counts", {"rows": "row_count"}),
    "reads": ("reads", {}),
    "expectations": ("expectations", {"table": "table_name", "column": "field", "gx": "gx_result"}),
    "faults": ("issues", _ROW | {"closed_because": "closed_reason", "times": "occurrences"}),
    "fault_events": ("issue_events", _ROW),
}


# Values that version 1 had not, or had otherwise: by new table, the column and its expression.
_COMPUTED = {
    "runs": ("outcome", "case outcome when 'fault' then 'internal_error' else outcome end"),
    "issue_events": (
        "flow",
        "(select any_value(f.flow) from {database}.sync.faults f "
        "where f.stock_item_id = fault_events.stock_item_id and f.rule = fault_events.rule)",
    ),
}
# Before version 1 had sync.flows, each run had one flow; its counts are in sync.runs only.
_RUNS_OF_ONE_FLOW = """
    union all by name
    select r.* exclude (channel, verb, started_at, ended_at, outcome, exit_code, message, forced, selection, facts)
    from ({runs}) r where r.ended_at is not null and r.flow not like '%,%'
        and r.run_id not in (select run_id from {database}.sync.flows)"""


def _to_2(db: duckdb.DuckDBPyConnection) -> None:
    """Renames tables and columns: clear names, and no reserved words of SQL."""
    for (view,) in db.execute(
        "select view_name from duckdb_views() where schema_name = 'main' and not internal"
    ).fetchall():
        db.execute(f"drop view main.{view}")
    declared = {table.name.removeprefix("sync."): table for table in RUN_TABLES}
    database = str(db.execute("select current_database()").fetchall()[0][0])
    queries = {new: query for _, (new, _) in _RENAMED.items() if (query := history_query(db, database, new))}
    for new, query in queries.items():
        db.execute(f"create table main.version_1_{new} as {query}")
    for old in _RENAMED:
        db.execute(f"drop table if exists sync.{old}")
    for new in queries:
        for statement in declared[new].statements():
            db.execute(statement)
        db.execute(f"insert into sync.{new} by name select * from main.version_1_{new}")
        db.execute(f"drop table main.version_1_{new}")
    db.execute("drop table if exists sync.layout")
    for schema, table in db.execute(
        "select schema_name, table_name from duckdb_tables() where starts_with(schema_name, 'out_')"
    ).fetchall():
        db.execute(f"drop table {schema}.{table}")  # of the newest run; the next run creates them again


def _to_3(db: duckdb.DuckDBPyConnection) -> None:
    """Adds sync.links, which the next run fills from sync.journal, and a column of sync.journal."""
    db.execute("alter table sync.journal add column if not exists held json")
    _create(db, "sync.links")


def _to_4(db: duckdb.DuckDBPyConnection) -> None:
    """Adds the number of newly withheld rows."""
    for table in ("runs", "flows"):
        db.execute(f"alter table sync.{table} add column if not exists withheld_new bigint")


def _to_5(db: duckdb.DuckDBPyConnection) -> None:
    """Adds sync.stock_daily and sync.prices_daily, whose history begins with the next run."""
    _create(db, "sync.stock_daily", "sync.prices_daily")


def _to_6(db: duckdb.DuckDBPyConnection) -> None:
    """Adds the user of the pages who requested a run, and sync.row_states, which the next run fills."""
    db.execute("alter table sync.runs add column if not exists requested_by varchar")
    _create(db, "sync.row_states")


def _to_7(db: duckdb.DuckDBPyConnection) -> None:
    """Adds to sync.expectations by which a run keeps the results of an earlier one, and to sync.schema_version by which
    it keeps the views."""
    db.execute("alter table if exists sync.schema_version add column if not exists views varchar")
    for column in ("evaluated_in", "digest"):
        db.execute(f"alter table sync.expectations add column if not exists {column} varchar")


def _to_8(db: duckdb.DuckDBPyConnection) -> None:
    """Adds to sync.flows by which a run keeps the evaluation of an earlier one."""
    for column in ("evaluated_in", "inputs"):
        db.execute(f"alter table sync.flows add column if not exists {column} varchar")


def _create(db: duckdb.DuckDBPyConnection, *names: str) -> None:
    for declared in RUN_TABLES:
        if declared.name in names:
            for statement in declared.statements():
                db.execute(statement)


_STEPS: dict[int, Callable[[duckdb.DuckDBPyConnection], None]] = {
    1: _to_2,
    2: _to_3,
    3: _to_4,
    4: _to_5,
    5: _to_6,
    6: _to_7,
    7: _to_8,
}


def history_query(db: duckdb.DuckDBPyConnection, database: str, table: str) -> str:
    """A query for the rows of `sync.<table>` in an attached database of this or an earlier version, with the columns of
    this version; "" if it has no such table."""
    if _columns(db, database, "schema_version"):
        return f"select * from {database}.sync.{table}" if _columns(db, database, table) else ""
    old, renamed = next(((old, renamed) for old, (new, renamed) in _RENAMED.items() if new == table), (table, {}))
    if not (columns := _columns(db, database, old)):
        return ""
    picked = {renamed.get(column, column): f'"{column}"' for column in columns}
    if table in _COMPUTED:
        column, expression = _COMPUTED[table]
        picked[column] = expression.format(database=database)
    query = f"select {', '.join(f'{value} as {name}' for name, value in picked.items())} from {database}.sync.{old}"
    if table == "flows":
        query += _RUNS_OF_ONE_FLOW.format(database=database, runs=history_query(db, database, "runs"))
    return query


def _columns(db: duckdb.DuckDBPyConnection, database: str, table: str) -> list[str]:
    rows = db.execute(
        "select column_name from duckdb_columns() where database_name = ? and schema_name = 'sync' and table_name = ? "
        "order by column_index",
        [database, table],
    ).fetchall()
    return [str(column) for (column,) in rows]


def _has(db: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    rows = db.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?", [schema, table]
    ).fetchall()
    return bool(rows[0][0])
