"""A digest of the rows of a staged table, to notice that they have changed."""

from __future__ import annotations

from pipelines.state.store import Store


def digest_of_rows(store: Store, table: str) -> str:
    """Changes with the rows of `table` (with its schema), whatever their order; "" if it was not staged yet. What dlt
    adds to each row does not count."""
    schema, _, name = table.partition(".")
    columns = store.connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? and not starts_with(column_name, '_dlt') order by column_name",
        [schema, name],
    ).fetchall()
    if not columns:
        return ""
    hashed = ", ".join(f'"{column}"' for column, _ in columns)
    rows = store.connection.execute(f"select count(*), sum(hash({hashed})::hugeint) from {table}").fetchall()
    return repr((columns, rows))
