"""Comments of the staged tables and their columns, dlt's own included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from pipelines.state.schema import Description, quoted

_EVERY_TABLE = {
    "extra": "JSON: unknown fields, and values of an unexpected type as they were sent.",
    "_dlt_load_id": "The load of dlt that staged the row.",
    "_dlt_id": "Identifies the row for dlt.",
}
_DLT_TABLES = {
    "_dlt_loads": "dlt: one row per load into this schema.",
    "_dlt_version": "dlt: one row per version of the tables that dlt has made.",
    "_dlt_pipeline_state": "dlt: the state of its pipeline.",
}
_ANY_TABLE = "A table that a source has staged."
_ANY_COLUMN = "As the source has staged it."
_ANY_DLT = "Used by dlt only."


def comment_statements(db: duckdb.DuckDBPyConnection, descriptions: Mapping[str, Description]) -> Iterator[str]:
    """SQL that comments each table of the schemas `raw_*` and each of its columns, as far as a comment differs.

    `descriptions` are by table, with the schema. A table or column without one has a comment that says so.
    """
    tables = db.execute(
        "select schema_name || '.' || table_name, table_name, comment from duckdb_tables() "
        "where starts_with(schema_name, 'raw_') and database_name = current_database() order by 1"
    ).fetchall()
    columns = db.execute(
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        "where starts_with(schema_name, 'raw_') and database_name = current_database() order by 1, column_index"
    ).fetchall()
    for table, name, present in tables:
        wanted = descriptions[table].comment if table in descriptions else _DLT_TABLES.get(name, _ANY_TABLE)
        if present != wanted:
            yield f"comment on table {table} is {quoted(wanted)}"
    for table, column, present in columns:
        wanted = _column_comment(table, column, descriptions)
        if present != wanted:
            yield f'comment on column {table}."{column}" is {quoted(wanted)}'


def _column_comment(table: str, column: str, descriptions: Mapping[str, Description]) -> str:
    if table in descriptions and column in descriptions[table].columns:
        return descriptions[table].columns[column]
    if "._dlt_" in table:
        return _ANY_DLT
    return _EVERY_TABLE.get(column, _ANY_COLUMN)
