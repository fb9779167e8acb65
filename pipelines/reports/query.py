"""Reads the facts of the last run from the published tables: counts and the first rows of lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.core.json_codec import decode
from pipelines.reports.flow_words import FlowWords
from pipelines.reports.model import (
    MAX_INLINE,
    ExpectationSummary,
    Facts,
    FieldChange,
    FlowFacts,
    Row,
    Section,
    Trend,
)
from pipelines.reports.named_rows import NamedRows, todos
from pipelines.reports.notes import describe_read, notes
from pipelines.reports.side_by_side import side_by_side
from pipelines.reports.table_titles import table_title
from pipelines.reports.tables import has, rows_of
from pipelines.reports.withheld_by_day import withheld_by_day
from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNT_COLUMNS

MAX_RUNS = 14
# The changes of the run $run, with their outcomes.
CHANGES = """
    select c.action, c.key as code, c.source_id, cast(c.before as varchar) as before, cast(c.after as varchar) as after,
           coalesce(j.outcome, case when r.verb = 'plan' then 'planned' else 'not_attempted' end) as outcome,
           coalesce(j.message, '') as message
    from sync.changes c join sync.runs r using (run_id)
    left join (select * from sync.journal where run_id = $run and flow = $flow) j
        on j.key = c.key and j.action = c.action
    where c.run_id = $run and c.flow = $flow"""
WITHHELD = """
    select w.rule, w.fix_in, w.code, w.source_id, w.value, w.message, w.since, w.fix,
           coalesce(i.occurrences, 1) as times
    from sync.withheld w left join sync.issues i
      on i.flow = w.flow and i.source_id = w.source_id and i.rule = w.rule
    where w.run_id = $run and w.flow = $flow"""
CLOSED = """
    select rule, fix_in, code, source_id, message, since, closed_at, closed_reason, occurrences as times
    from sync.issues where closed_run_id = $run and flow = $flow"""
EXPECTATIONS = """
    select flow, table_name, field, expectation, meaning, fix, status, stops, observed, unexpected, total, message,
           nullif(evaluated_in, run_id) as unchanged_since
    from sync.expectations where run_id = $run and status <> 'passed'"""


# Does not fit a run that is not the newest of its flow: its warnings are no longer kept.
_NO_WARNINGS = """
    select rule, fix_in, code, source_id, value, message, fix, 1 as times
    from sync.withheld where run_id = $run and flow = $flow and false"""


def warnings_query(channel: Channel, flow: str, *, is_newest: bool = True) -> str:
    """The query for the warnings of the newest run of the flow; without rows for an older run."""
    if not is_newest:
        return _NO_WARNINGS
    return (
        "select rule, fix_in, code, source_id, value, message, fix, 1 as times "
        f"from out_{channel.ends_of(flow)[1]}.warnings where flow = $flow"
    )


def gather(db: duckdb.DuckDBPyConnection, channel: Channel, run_id: str = "") -> Facts:
    """The facts about the last run in `db`, or about an earlier one: its flows only, without what is kept for the
    newest run alone. Raises ConfigError if there is no such run."""
    which = "where run_id = $run" if run_id else ""
    newest = rows_of(
        db,
        f"select * from sync.runs {which} order by started_at desc, run_id desc limit 1",
        {"run": run_id} if run_id else None,
    )
    if not newest and run_id:
        raise ConfigError(f"There is no run {run_id!r}.", f"See the list: centra-myogo runs {channel.name}")
    if not newest:
        raise ConfigError("This channel has not run yet.", "Run plan or push first.")
    last_good, last_good_push = db.execute(
        "select max(started_at), max(started_at) filter (verb = 'push') from sync.runs where exit_code in (0, 3)"
    ).fetchall()[0]
    names = _compared_flows(db, channel, run_id)
    flows = [_flow(db, channel, name, run_id) for name in names]
    lead = flows[0] if flows else None
    about = lead.run.run_id if lead else ""
    last = run_of(db, newest[0])
    selection = db.execute("select selection from sync.runs where run_id = ?", [about]).fetchall()
    expectations = _expectations(db, [newest[0]["run_id"], about])
    return Facts(
        run=last,
        lead=lead,
        words=lead.words if lead else words_of(channel, next(iter(channel.flows))),
        read=describe_read(channel, lead.run.facts.get("read", {})) if lead else "",
        others=flows[1:],
        selection=list(selection[0][0] or []) if selection else [],
        last_good=last_good,
        last_good_push=last_good_push,
        comparisons=[
            side_by_side(db, channel, name, flow.comparison)
            for name, flow in channel.known_flows.items()
            if not run_id and flow.comparison is not None and has(db, f"main.{flow.comparison.view}")
        ],
        expectations=expectations,
        table_titles={table: table_title(channel, table) for table in _tables(expectations)},
        trend=_trend(db, channel, names[0], about) if names else [],
        days=withheld_by_day(db, names, last.started_at, ZoneInfo(channel.timezone or "UTC")),
        runs=rows_of(
            db,
            "select started_at, ended_at, verb, outcome, exit_code, selection, rows_read as read, withheld, "
            "creates + updates as changes, applied from sync.runs order by started_at desc, run_id desc limit "
            f"{MAX_RUNS}",
        ),
        notes=[*last.facts.get("waiting", []), *notes(channel, last.facts.get("findings", {}))],
    )


def words_of(channel: Channel, flow: str) -> FlowWords:
    """The words for a known flow."""
    words = channel.known_flows[flow].words
    source, target = (channel.title(system) for system in channel.ends_of(flow))
    settings = channel.flows.get(flow) or channel.known_flows[flow]
    return FlowWords(words.row, words.rows, source, target, words.drifted, words.unmatched, settings.contract)


def _compared_flows(db: duckdb.DuckDBPyConnection, channel: Channel, run_id: str) -> list[str]:
    """The known flows that have compared both sides, in that run or in any; those of the channel come first."""
    rows = db.execute(
        "select distinct flow from sync.flows where fingerprint <> '' and $run in ('', run_id)", {"run": run_id}
    ).fetchall()
    compared = {name for (name,) in rows}
    known = [name for name in channel.known_flows if name in compared]
    return sorted(known, key=lambda name: name not in channel.flows)


def _compared(db: duckdb.DuckDBPyConnection, flow: str) -> Row:
    """The newest run that compared both sides of the flow."""
    return rows_of(
        db,
        "select * from sync.runs where run_id in (select run_id from sync.flows where flow = $flow and "
        "fingerprint <> '') order by started_at desc, run_id desc limit 1",
        {"flow": flow},
    )[0]


def _flow(db: duckdb.DuckDBPyConnection, channel: Channel, flow: str, run_id: str) -> FlowFacts:
    newest = _compared(db, flow)
    is_newest = run_id in ("", newest["run_id"])
    run = run_of(
        db, newest if is_newest else rows_of(db, "select * from sync.runs where run_id = $run", {"run": run_id})[0]
    )
    at = {"run": run.run_id, "flow": flow}
    names = NamedRows.of(db, channel.known_flows[flow].row_names)
    reasons = db.execute(
        "select closed_reason, count(*) from sync.issues where closed_run_id = $run and flow = $flow "
        "group by 1 order by 1",
        at,
    ).fetchall()
    return FlowFacts(
        flow=flow,
        words=words_of(channel, flow),
        run=run,
        todos=todos(db, channel, flow, WITHHELD, at, dated=True),
        warnings=todos(db, channel, flow, warnings_query(channel, flow, is_newest=is_newest), at, dated=False),
        has_warnings=is_newest,
        closed=_section(db, CLOSED, at, "rule, code, source_id"),
        closed_reasons=dict(reasons),
        created=_changes(db, names, "action = 'create' and outcome in ('applied', 'planned')", at),
        updated=_changes(db, names, "action = 'update' and outcome in ('applied', 'planned')", at),
        changed=_changes(db, names, "outcome in ('applied', 'planned')", at),
        not_written=_changes(db, names, "outcome not in ('applied', 'planned')", at),
    )


def fields(before: str, after: str) -> list[FieldChange]:
    """The old and new values of a change's fields, as text with the digits that were sent."""
    old, new = decode(before.encode()), decode(after.encode())
    return [FieldChange(name, _text(old.get(name)), _text(value)) for name, value in new.items()]


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _section(db: duckdb.DuckDBPyConnection, sql: str, at: dict[str, str], order: str) -> Section:
    at = {name: value for name, value in at.items() if f"${name}" in sql}
    total = db.execute(f"select count(*) from ({sql})", at).fetchall()[0][0]
    rows = rows_of(db, f"select * from ({sql}) order by {order} limit {MAX_INLINE}", at) if total else []
    # DuckDB 2.0 can lose the limit above a left join, but keeps the order (compare duckdb/duckdb#24542).
    return Section(total, rows[:MAX_INLINE])


def _changes(db: duckdb.DuckDBPyConnection, names: NamedRows, which: str, at: dict[str, str]) -> Section:
    section = _section(
        db, names.query(f"select * from ({CHANGES}) where {which}"), at,
        "case outcome when 'refused' then 0 when 'unknown' then 1 else 2 end, action, code",
    )  # fmt: skip
    rows = [row | {"fields": fields(row.pop("before"), row.pop("after"))} for row in section.rows]
    return Section(section.total, rows)


def _tables(expectations: ExpectationSummary) -> set[str]:
    return {row["table_name"] for row in expectations.not_passed.rows}


def _expectations(db: duckdb.DuckDBPyConnection, runs: list[str]) -> ExpectationSummary:
    """The expectations of the first of `runs` that has any."""
    for run_id in runs:
        counted = dict(
            db.execute(
                "select status, count(*) from sync.expectations where run_id = ? group by 1", [run_id]
            ).fetchall()
        )
        if counted:
            not_passed = _section(db, EXPECTATIONS, {"run": run_id}, "status desc, table_name, field, expectation")
            return ExpectationSummary(
                counted.get("passed", 0), counted.get("failed", 0), counted.get("errored", 0), not_passed
            )
    return ExpectationSummary(0, 0, 0, Section(0, []))


def _trend(db: duckdb.DuckDBPyConnection, channel: Channel, flow: str, about: str) -> list[Trend]:
    """The trend over the last runs without --sku, because a run with --sku would look like an improvement."""
    rules = channel.known_flows[flow].rules
    counted: dict[str, list[int]] = {rule.id: [] for rule in rules}
    for rule, rows in db.execute(
        "select rule, row_count from sync.rule_counts c join (select run_id, started_at from sync.runs "
        "where run_id in (select run_id from sync.rule_counts where flow = $flow) "
        "and (len(selection) = 0 or selection is null or run_id = $about) "
        f"order by started_at desc, run_id desc limit {MAX_RUNS}) using (run_id) where c.flow = $flow "
        "order by started_at, run_id",
        {"flow": flow, "about": about},
    ).fetchall():
        if rule in counted:
            counted[rule].append(rows)
    return [Trend(rule.id, rule.fix_in, rule.meaning, rule.withholds, counted[rule.id]) for rule in rules]


def run_of(db: duckdb.DuckDBPyConnection, row: Row) -> RunResult:
    """The run of a row of sync.runs."""
    flows = rows_of(db, "select * from sync.flows where run_id = $run", {"run": row["run_id"]})
    facts = decode(row["facts"].encode()) if isinstance(row["facts"], str) else {}
    started: datetime = row["started_at"]
    return RunResult(
        channel=row["channel"],
        run_id=row["run_id"],
        verb=row["verb"],
        started_at=started,
        outcome=row["outcome"] or "killed",
        exit_code=1 if row["exit_code"] is None else row["exit_code"],
        message=row["message"] or "",
        fix=str(facts.get("fix", "")),
        error_id=str(facts.get("error_id", "")),
        fingerprints={one["flow"]: one["fingerprint"] or "" for one in flows},
        flows={one["flow"]: {name: one[column] or 0 for name, column in COUNT_COLUMNS.items()} for one in flows},
        facts=facts,
        ended_at=row["ended_at"],
        narrowed=bool(row["selection"]),
    )
