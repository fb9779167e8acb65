"""Rows with the names that people know them by, and the to-dos that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.config.channel import Channel
from pipelines.engine.flow import RowNames
from pipelines.reports.model import MAX_INLINE, MAX_OF_GROUP, Row, Todo
from pipelines.reports.tables import has, rows_of
from schemas.rule import Rule

NAME_COLUMNS = (
    "product_id", "variant_id", "product_code", "variant_code", "brand", "name", "variant", "size", "remark",
)  # fmt: skip
_UNNAMED = f"""
    select null::varchar as source_id, null::varchar as code, null::varchar[] as held_in,
           {", ".join(f"null::varchar as {name}" for name in NAME_COLUMNS)} limit 0"""


@dataclass(frozen=True)
class NamedRows:
    """Adds the names of its rows to the queries about one flow, as the columns NAME_COLUMNS, `own_code`, `held_in` and
    `code_rows`, the number of source rows with that code; all are null for a row without names."""

    names: str

    @classmethod
    def of(cls, db: duckdb.DuckDBPyConnection, declared: RowNames | None) -> NamedRows:
        is_known = declared is not None and all(has(db, table) for table in declared.tables)
        return cls(declared.query if declared is not None and is_known else _UNNAMED)

    def query(self, sql: str) -> str:
        """`sql`, whose rows have `source_id` and `code`, with the names."""
        columns = ", ".join(f"names.{name}" for name in NAME_COLUMNS)
        return f"""
            select broken.*, {columns}, names.code as own_code, names.held_in, names.code_rows from ({sql}) broken
            left join (select *, count(source_id) over (partition by code) as code_rows from ({self.names})) names
            on coalesce(names.source_id, 'code ' || names.code) = coalesce(broken.source_id, 'code ' || broken.code)"""


def todos(
    db: duckdb.DuckDBPyConnection, channel: Channel, flow: str, sql: str, at: dict[str, str], *, dated: bool
) -> list[Todo]:
    """One to-do per rule that the rows of `sql` break: urgent rules first, then the most frequent."""
    declared = channel.known_flows[flow]
    rules = {rule.id: rule for rule in declared.rules}
    at = {name: value for name, value in at.items() if f"${name}" in sql}
    since = "min(since)" if dated else "null"
    counted = db.execute(
        f"select rule, count(*), count(distinct coalesce(nullif(code, ''), source_id)), {since}, "
        "count(*) filter (times > 1), any_value(fix), any_value(fix_in) "
        f"from ({sql}) group by rule order by 2 desc, 1",
        at,
    ).fetchall()
    examples = _examples(db, NamedRows.of(db, declared.row_names), sql, at, rules) if counted else []
    words = declared.row_names or declared.words
    found = [
        Todo(
            flow=flow,
            rule=rule,
            rows=rows,
            codes=codes,
            since=first,
            came_back=came_back,
            meaning=rules[rule].meaning if rule in rules else f"rule {rule} of an earlier version",
            fix=rules[rule].fix if rule in rules else fix,
            owner=rules[rule].fix_in if rule in rules else fix_in,
            urgent=rule in rules and rules[rule].urgent,
            shared=rules[rule].shared if rule in rules else "",
            row_words=(words.row, words.rows),
            examples=[row for row in examples if row["rule"] == rule],
        )
        for rule, rows, codes, first, came_back, fix, fix_in in counted
    ]
    return sorted(found, key=lambda todo: not todo.urgent)


def _examples(
    db: duckdb.DuckDBPyConnection, names: NamedRows, sql: str, at: dict[str, Any], rules: dict[str, Rule]
) -> list[Row]:
    """The first groups of each rule, the largest first, and the first rows of each group.

    A group is the rows of one product. Where rows share a value, and that is what breaks the rule, it is all rows whose
    values are shared between the same `product_id`s. `value_rows` is the number of rows with the value; `group_rows`
    is the number of lines of the group and `group_members` that of its rows.
    """
    shared = [rule.id for rule in rules.values() if rule.shared]
    return rows_of(
        db,
        f"""
        with named as ({names.query(sql)}),
        shared as (
            select rule, value, count(*) as value_rows,
                   string_agg(distinct product_id, ' ' order by product_id) as product_ids
            from named where list_contains($shared, rule) and value <> '' group by rule, value having count(*) > 1),
        grouped as (
            select named.* exclude (fix_in, fix), coalesce(value_rows, 1) as value_rows,
                   case when value_rows is not null then 'shared ' || coalesce(product_ids, value)
                        when product_id is not null then 'product ' || product_id
                        else 'row ' || coalesce(source_id, code, '') end as group_id
            from named left join shared using (rule, value)),
        counted as (
            select *, count(*) over of_group as group_rows, min(code) over of_group as group_code,
                   count(distinct coalesce(source_id, code)) over of_group as group_members,
                   row_number() over (partition by rule, group_id order by code, source_id) as place
            from grouped window of_group as (partition by rule, group_id)),
        ranked as (
            select *, dense_rank() over (partition by rule order by group_members desc, group_code, group_id) as rank
            from counted)
        select * exclude (group_code, place, rank) from ranked where rank <= {MAX_INLINE} and place <= {MAX_OF_GROUP}
        order by rule, rank, place""",
        at | {"shared": shared},
    )
