"""Removes personal data from the working file when no flow needs it any longer."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.state.store import Store


def drop_expired_fields(store: Store, flow: str, oldest_run_id: Mapping[str, str]) -> None:
    """Removes fields from the flow's planned changes; `oldest_run_id` maps each to the first run that keeps it."""
    for field, before in oldest_run_id.items():
        store.connection.execute(
            f"""update sync.changes set after = json_merge_patch(after, '{{"{field}": null}}')
            where flow = ? and run_id < ? and json_extract_string(after, '$.{field}') is not null""",
            [flow, before],
        )


def blank_personal_data(store: Store, table: str, columns: tuple[str, ...], dated_by: str, before: str | None) -> int:
    """Blanks personal data in rows of `raw_<system>.<table>` dated before `before`, a time as the system writes it; in
    all rows if it is None. Rows without a date are blanked too. Returns the number of rows that had any."""
    schema, _, name = table.partition(".")
    staged = store.connection.execute(
        "select column_name from duckdb_columns() where schema_name = ? and table_name = ?", [schema, name]
    ).fetchall()
    # A table that an earlier version of this program has staged may lack some of the columns.
    if not (present := [column for column in columns if (column,) in staged]):
        return 0
    blanks = ", ".join(f"{column} = null" for column in present)
    blanked = store.connection.execute(
        f"update {table} set {blanks} where coalesce({', '.join(present)}) is not null "
        f"and ($before::varchar is null or {dated_by} is null or {dated_by} < $before)",
        {"before": before},
    ).fetchall()
    return int(blanked[0][0])
