"""A working file of an earlier version of these tables, taken along to this one."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from pipelines.state.run_tables import RUN_TABLES

SCHEMA_VERSION = 2


def found_version(db: duckdb.DuckDBPyConnection) -> int:
    """The version of the file's tables; 0 for a file without any."""
    for table in ("schema_version", "layout"):
        if _has(db, "sync", table):
            found = db.execute(f"select max(version) from sync.{table}").fetchall()
            return int(found[0][0] or 1)
    return 1 if _has(db, "sync", "runs") else 0


def migrate(db: duckdb.DuckDBPyConnection) -> None:
    """Changes what the file holds, inside of the caller's transaction, up to SCHEMA_VERSION. Nothing of the history is
    lost; staged tables are left for the next full read."""
    version = found_version(db)
    while 0 < version < SCHEMA_VERSION:
        _STEPS[version](db)
        version += 1


# Of each table of version 1: its name from version 2 on, and its columns that have other names there.
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


def _to_2(db: duckdb.DuckDBPyConnection) -> None:
    """Tables and columns whose names are no reserved words of SQL and say what they hold."""
    for (view,) in db.execute(
        "select view_name from duckdb_views() where schema_name = 'main' and not internal"
    ).fetchall():
        db.execute(f"drop view main.{view}")
    declared = {table.name.removeprefix("sync."): table for table in RUN_TABLES}
    for old, (new, _) in _RENAMED.items():
        if not _has(db, "sync", old):
            continue
        db.execute(f"create table sync.version_1 as {history_query(db, db_name(db), new)}")
        db.execute(f"drop table sync.{old}")
        for statement in declared[new].statements():
            db.execute(statement)
        db.execute(f"insert into sync.{new} by name select * from sync.version_1")
        db.execute("drop table sync.version_1")
    if _has(db, "sync", "runs"):
        db.execute("update sync.runs set outcome = 'internal_error' where outcome = 'fault'")
    if _has(db, "sync", "issue_events"):
        db.execute(
            "update sync.issue_events e set flow = i.flow from sync.issues i "
            "where i.source_id = e.source_id and i.rule = e.rule"
        )
    if _has(db, "sync", "flows"):  # runs of the time when a run had one flow
        db.execute(
            "insert into sync.flows by name select * exclude (channel, verb, started_at, ended_at, outcome, exit_code, "
            "message, forced, selection, facts) from sync.runs where ended_at is not null and flow not like '%,%' "
            "and run_id not in (select run_id from sync.flows)"
        )
    db.execute("drop table if exists sync.layout")
    for schema, table in db.execute(
        "select schema_name, table_name from duckdb_tables() where starts_with(schema_name, 'out_')"
    ).fetchall():
        db.execute(f"drop table {schema}.{table}")  # of the newest run; the next one makes them anew


_STEPS: dict[int, Callable[[duckdb.DuckDBPyConnection], None]] = {1: _to_2}


def history_query(db: duckdb.DuckDBPyConnection, database: str, table: str) -> str:
    """What selects the rows of `sync.<table>`, in today's columns, from an attached database of this version or an
    earlier one. "" where it has no such table."""
    old, renamed = next(((old, renamed) for old, (new, renamed) in _RENAMED.items() if new == table), (table, {}))
    for name in dict.fromkeys((table, old)):
        columns = db.execute(
            "select column_name from duckdb_columns() where database_name = ? and schema_name = 'sync' "
            "and table_name = ? order by column_index",
            [database, name],
        ).fetchall()
        if columns:
            picked = ", ".join(f'"{column}" as {renamed.get(column, column)}' for (column,) in columns)
            return f"select {picked} from {database}.sync.{name}"
    return ""


def db_name(db: duckdb.DuckDBPyConnection) -> str:
    return str(db.execute("select current_database()").fetchall()[0][0])


def _has(db: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = db.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?", [schema, table]
    ).fetchall()
    return bool(found[0][0])
