"""The facts of the last run out of the published tables: counts and the starts of lists, never a whole table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb

from pipelines.config.builtin_flows import BUILT_IN_FLOWS
from pipelines.core.errors import ConfigError
from pipelines.core.json_codec import decode
from pipelines.reports.model import (
    MAX_INLINE,
    ExpectationSummary,
    Facts,
    FieldChange,
    FlowFacts,
    Row,
    Section,
    StockComparison,
    Todo,
    Trend,
)
from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNTS
from schemas.rules import RULES

RUNS_SHOWN = 14
PRODUCTS = "products"
LARGEST = 10
# What became of each change of the run $run; the ones that need a person come first.
CHANGES = """
    select c.action, c.key as code, c.stock_item_id, cast(c.before as varchar) as before,
           cast(c.after as varchar) as after,
           coalesce(j.outcome, case when r.verb = 'plan' then 'planned' else 'not_attempted' end) as outcome,
           coalesce(j.message, '') as message
    from sync.changes c join sync.runs r using (run_id)
    left join (select * from sync.journal where run_id = $run and flow = $flow) j
        on j.key = c.key and j.action = c.action
    where c.run_id = $run and c.flow = $flow"""
WITHHELD = """
    select w.rule, w.owner, w.code, w.stock_item_id, w."value", w.message, w.since, w.fix,
           coalesce(f.times, 1) as times
    from sync.withheld w left join sync.faults f
      on f.flow = w.flow and f.stock_item_id = w.stock_item_id and f.rule = w.rule
    where w.run_id = $run and w.flow = $flow"""
WARNINGS = """
    select rule, owner, code, stock_item_id, "value", message, fix, 1 as times
    from (from out_myogo.warnings union all by name from out_centra.warnings) where flow = $flow"""
CLOSED = """
    select rule, owner, code, stock_item_id, message, since, closed_at, closed_because, times
    from sync.faults where closed_run_id = $run and flow = $flow"""
STOCK = "select * from main.v_stock_side_by_side where code <> ''"
EXPECTATIONS = """
    select flow, "table", "column", expectation, meaning, fix, status, stops, observed, unexpected, total, message
    from sync.expectations where run_id = $run and status <> 'passed'"""


def gather(db: duckdb.DuckDBPyConnection) -> Facts:
    """What `db` has to say about its last run. Raises ConfigError where there is none yet."""
    newest = _rows(db, "select * from sync.runs order by started_at desc, run_id desc limit 1")
    if not newest:
        raise ConfigError("This channel has not run yet.", "Run plan or push first.")
    # A run that judged its rows counts every rule, also those that nothing breaks.
    compared = _compared(db, PRODUCTS)
    judged = _run(db, compared[0]) if compared else None
    about = judged.run_id if judged else ""
    of_products = {"run": about, "flow": PRODUCTS}
    last_good, last_good_push = db.execute(
        "select max(started_at), max(started_at) filter (verb = 'push') from sync.runs where exit_code in (0, 3)"
    ).fetchall()[0]
    because = db.execute(
        "select closed_because, count(*) from sync.faults where closed_run_id = $run and flow = $flow "
        "group by 1 order by 1",
        of_products,
    ).fetchall()
    return Facts(
        run=_run(db, newest[0]),
        judged=judged,
        selection=list(compared[0]["selection"] or []) if compared else [],
        last_good=last_good,
        last_good_push=last_good_push,
        todos=_todos(db, WITHHELD, of_products, dated=True),
        warnings=_todos(db, WARNINGS, of_products, dated=False),
        closed=_section(db, CLOSED, of_products, "rule, code, stock_item_id"),
        closed_because=dict(because),
        created=_changes(db, "action = 'create' and outcome in ('applied', 'planned')", of_products),
        updated=_changes(db, "action = 'update' and outcome in ('applied', 'planned')", of_products),
        unwritten=_changes(db, "outcome not in ('applied', 'planned')", of_products),
        others=_others(db),
        stock=_stock(db),
        expectations=_expectations(db, [newest[0]["run_id"], about]),
        trend=_trend(db, about),
        runs=_rows(
            db,
            'select started_at, ended_at, verb, outcome, exit_code, selection, "read", withheld, '
            '"create" + "update" as changes, applied from sync.runs order by started_at desc, run_id desc limit '
            f"{RUNS_SHOWN}",
        ),
    )


def _compared(db: duckdb.DuckDBPyConnection, flow: str) -> list[Row]:
    """The newest run that judged the rows of the flow, if any did."""
    return _rows(
        db,
        "select * from sync.runs where run_id in (select run_id from sync.rule_counts where flow = $flow) "
        "order by started_at desc, run_id desc limit 1",
        {"flow": flow},
    )


def _others(db: duckdb.DuckDBPyConnection) -> list[FlowFacts]:
    """What there is to say of every other flow that ever compared both sides."""
    rows = db.execute("select distinct flow from sync.rule_counts where flow <> ? order by 1", [PRODUCTS]).fetchall()
    order = [*BUILT_IN_FLOWS]
    told = []
    for flow in sorted((row[0] for row in rows), key=lambda one: order.index(one) if one in order else len(order)):
        run = _run(db, _compared(db, flow)[0])
        at = {"run": run.run_id, "flow": flow}
        told.append(
            FlowFacts(
                flow=flow,
                run=run,
                todos=_todos(db, WITHHELD, at, dated=True),
                warnings=_todos(db, WARNINGS, at, dated=False),
                changed=_changes(db, "outcome in ('applied', 'planned')", at),
                unwritten=_changes(db, "outcome not in ('applied', 'planned')", at),
            )
        )
    return told


def has(db: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the table or view `name`, schema included, is there."""
    schema, table = name.split(".")
    found = db.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
    ).fetchone()
    return bool(found and found[0])


def fields(before: str, after: str) -> list[FieldChange]:
    """The fields of a change, old and new, as text with the digits that were sent."""
    old, new = decode(before.encode()), decode(after.encode())
    return [FieldChange(name, _text(old.get(name)), _text(value)) for name, value in new.items()]


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _rows(db: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    found = db.execute(sql, parameters or {})
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _section(db: duckdb.DuckDBPyConnection, sql: str, at: dict[str, str], order: str) -> Section:
    at = {name: value for name, value in at.items() if f"${name}" in sql}
    total = db.execute(f"select count(*) from ({sql})", at).fetchall()[0][0]
    rows = _rows(db, f"select * from ({sql}) order by {order} limit {MAX_INLINE}", at) if total else []
    # DuckDB 2.0 can lose the limit above a left join (duckdb/duckdb#24542 is of that kind); the order it keeps.
    return Section(total, rows[:MAX_INLINE])


def _changes(db: duckdb.DuckDBPyConnection, which: str, at: dict[str, str]) -> Section:
    told = _section(
        db, f"select * from ({CHANGES}) where {which}", at,
        "case outcome when 'refused' then 0 when 'unknown' then 1 else 2 end, action, code",
    )  # fmt: skip
    rows = [row | {"fields": fields(row.pop("before"), row.pop("after"))} for row in told.rows]
    return Section(told.total, rows)


def _todos(db: duckdb.DuckDBPyConnection, sql: str, at: dict[str, str], *, dated: bool) -> list[Todo]:
    """One per rule, the most frequent first."""
    at = {name: value for name, value in at.items() if f"${name}" in sql}
    since = "min(since)" if dated else "null"
    counted = db.execute(
        f"select rule, count(*), {since}, count(*) filter (times > 1) from ({sql}) group by rule order by 2 desc, 1", at
    ).fetchall()
    examples = _rows(
        db,
        f"select * exclude (owner, fix) from ({sql}) qualify "
        f"row_number() over (partition by rule order by code, stock_item_id) <= {MAX_INLINE} "
        "order by rule, code, stock_item_id",
        at,
    )
    return [
        Todo(
            rule=rule,
            rows=rows,
            since=first,
            came_back=came_back,
            meaning=RULES[rule].meaning,
            fix=RULES[rule].fix,
            owner=RULES[rule].owner,
            examples=[row for row in examples if row["rule"] == rule],
        )
        for rule, rows, first, came_back in counted
    ]


def _stock(db: duckdb.DuckDBPyConnection) -> StockComparison | None:
    """None where both sides were never read."""
    if not has(db, "main.v_stock_side_by_side"):
        return None
    modified = "try_cast(myogo_modified as timestamp)"
    counts = db.execute(
        f"select count(*) filter (difference = 0), count(*) filter (difference <> 0), "
        f"count(*) filter (myogo_available < centra_available), "
        f"count(*) filter (myogo_available is null), count(*) filter (centra_available is null), "
        f"min({modified}), max({modified}), count(*) filter (myogo_available is not null and {modified} is null) "
        f"from ({STOCK})"
    ).fetchall()[0]
    largest = _rows(
        db,
        f"select code, centra_available, myogo_available, difference, {modified} as modified from ({STOCK}) "
        f"where difference <> 0 order by abs(difference) desc, code limit {LARGEST}",
    )
    equal, differing, centra_more, centra_only, myogo_only, oldest, newest, undated = counts
    read_at = db.execute("select max(began_at) from sync.reads").fetchall()[0][0] if has(db, "sync.reads") else None
    return StockComparison(
        equal, differing, centra_more, read_at, centra_only, myogo_only, oldest, newest, undated, largest
    )


def _expectations(db: duckdb.DuckDBPyConnection, runs: list[str]) -> ExpectationSummary:
    """Of the first of `runs` that has any."""
    if not has(db, "sync.expectations"):
        return ExpectationSummary(0, 0, 0, Section(0, []))
    for run_id in runs:
        counted = dict(
            db.execute(
                "select status, count(*) from sync.expectations where run_id = ? group by 1", [run_id]
            ).fetchall()
        )
        if counted:
            told = _section(db, EXPECTATIONS, {"run": run_id}, 'status desc, "table", "column", expectation')
            return ExpectationSummary(
                counted.get("passed", 0), counted.get("failed", 0), counted.get("errored", 0), told
            )
    return ExpectationSummary(0, 0, 0, Section(0, []))


def _trend(db: duckdb.DuckDBPyConnection, about: str) -> list[Trend]:
    """Over the last runs of the whole catalogue: one narrowed with --sku would look like an improvement."""
    own = [rule for rule in RULES.values() if rule.flow == PRODUCTS]
    counted: dict[str, list[int]] = {rule.id: [] for rule in own}
    for rule, rows in db.execute(
        'select rule, "rows" from sync.rule_counts join (select run_id, started_at from sync.runs '
        f"where run_id in (select run_id from sync.rule_counts where flow = '{PRODUCTS}') "
        "and (len(selection) = 0 or selection is null "
        f"or run_id = ?) order by started_at desc, run_id desc limit {RUNS_SHOWN}) using (run_id) "
        "order by started_at, run_id",
        [about],
    ).fetchall():
        if rule in counted:
            counted[rule].append(rows)
    return [Trend(r.id, r.owner, r.meaning, r.withholds, counted[r.id]) for r in own]


def _run(db: duckdb.DuckDBPyConnection, row: Row) -> RunResult:
    flows = _rows(db, "select * from sync.flows where run_id = $run", {"run": row["run_id"]})
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
        flows={one["flow"]: {name: one[name] or 0 for name in COUNTS} for one in flows},
        facts=facts,
        ended_at=row["ended_at"],
    )
