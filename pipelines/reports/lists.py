"""The complete lists of a report: their names, queries and rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.config.channel import Channel
from pipelines.reports.model import Facts, FieldChange
from pipelines.reports.query import CHANGES, CLOSED, EXPECTATIONS, WITHHELD, fields, warnings_query
from pipelines.reports.side_by_side import comparison_query
from pipelines.reports.tables import second_cursor
from pipelines.state.schema import quoted

CHANGE_COLUMNS = ("action", "code", "source_id", "changes", "outcome", "message")
_TREND = "select started_at, run_id, flow, rule, withholds, row_count from main.v_rule_trend"
_CHUNK = 20_000


@dataclass(frozen=True)
class NamedList:
    """One list. `query` stands alone; if `is_changes`, its rows become those of `change_rows`."""

    name: str
    query: str
    is_changes: bool = False


def lists(channel: Channel, facts: Facts) -> Iterator[NamedList]:
    """The lists of the last run: those of the leading flow first, without the flow's name."""
    for flow in (facts.lead, *facts.others):
        if flow is None:
            continue
        prefix = "" if flow is facts.lead else f"{flow.flow}-"
        at = {"run": flow.run.run_id, "flow": flow.flow}
        yield NamedList(f"{prefix}changes", _filled(f"select * from ({CHANGES}) order by action, code", at), True)
        for name, query, order in (
            ("withheld", WITHHELD, "w.rule, w.code, w.source_id"),
            ("warnings", warnings_query(channel, flow.flow, is_newest=flow.has_warnings), "rule, code, source_id"),
            ("closed", CLOSED, "rule, code, source_id"),
        ):
            yield NamedList(f"{prefix}{name}", _filled(f"{query} order by {order}", at))
    for side in facts.comparisons:
        comparison = channel.known_flows[side.flow].comparison
        if comparison is not None:
            query = f"{comparison_query(comparison)} order by abs(coalesce(difference, 0)) desc, code"
            yield NamedList(side.flow, query)
    yield NamedList("rules", f"{_TREND} order by started_at, run_id, rule")
    about = {"run": "" if facts.lead is None else facts.lead.run.run_id}
    yield NamedList("expectations", _filled(f"{EXPECTATIONS} order by table_name, field, expectation", about))


def change_rows(db: duckdb.DuckDBPyConnection, one: NamedList) -> Iterator[tuple[Any, ...]]:
    """The rows of a list of changes, with CHANGE_COLUMNS. Only our own JSON reader keeps a price's digits."""
    changes = second_cursor(db).execute(one.query)
    while rows := changes.fetchmany(_CHUNK):
        for action, code, source_id, before, after, outcome, message in rows:
            change = "; ".join(_in_words(field, action) for field in fields(before, after))
            yield action, code, source_id, change, outcome, message


def _in_words(field: FieldChange, action: str) -> str:
    if action == "create":
        return f"{field.name}: {field.new or 'nothing'}"
    return f"{field.name}: {field.old or 'nothing'} -> {field.new or 'nothing'}"


def _filled(sql: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        sql = sql.replace(f"${name}", quoted(value))
    return sql
