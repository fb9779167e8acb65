"""Results of an earlier run's evaluation that a run keeps, because all that it depended on is unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipelines.state.issue_history import newly_withheld
from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNT_COLUMNS, Store
from schemas.issues import COLUMNS as ISSUE_COLUMNS

KEPT_COUNTS = ("read", "skipped", "withheld", "unchanged", "drifted", "unmatched")

# The run of the flow before this one, if it had these inputs. A push records links of the rows that it found, so a push
# keeps only what an earlier push has gone through with. If the clock was set back, the newest id is not that of the run
# before: nothing is kept until it is.
_EARLIER = f"""
    select run_id, evaluated_in, fingerprint, {", ".join(COUNT_COLUMNS[name] for name in KEPT_COUNTS)}
    from (from sync.flows where flow = $flow and run_id <> $run order by run_id desc limit 1) before
    where run_id < $run and inputs = $inputs and (not $push or exists (
        from sync.flows p join sync.runs r using (run_id)
        where p.flow = $flow and p.evaluated_in = before.evaluated_in and r.verb = 'push' and r.exit_code in (0, 3)))"""
_COPIES = (
    "insert into sync.withheld select * replace ($run as run_id) from sync.withheld "
    "where run_id = $earlier and flow = $flow",
    "insert into sync.rule_counts select * replace ($run as run_id) from sync.rule_counts "
    "where run_id = $earlier and flow = $flow",
    "update sync.issues set last_run_id = $run, last_at = $at where flow = $flow and closed_at is null",
    "update sync.row_states set run_id = $run where flow = $flow",
)


@dataclass(frozen=True)
class EarlierRun:
    """The run before, whose plan had no changes. `evaluated_in` is the run that computed its results; `counts` has
    KEPT_COUNTS."""

    run_id: str
    evaluated_in: str
    fingerprint: str
    counts: dict[str, int]


def earlier_run(store: Store, report: RunResult, flow: str, inputs: str) -> EarlierRun | None:
    """The run before, if these were the flow's inputs in it, and its results can be kept."""
    wanted = {"flow": flow, "run": report.run_id, "push": report.verb == "push", "inputs": inputs}
    rows = store.connection.execute(_EARLIER, wanted).fetchall()
    for run_id, evaluated_in, fingerprint, *counts in rows:
        return EarlierRun(run_id, evaluated_in, fingerprint, dict(zip(KEPT_COUNTS, counts, strict=True)))
    return None


def keep_results(store: Store, report: RunResult, flow: str, earlier: EarlierRun) -> pd.DataFrame:
    """Records the results of the earlier run as those of this one, and sets the counts of the flow. Returns the lines
    of withheld rows, as `schemas.issues` has them."""
    values = {"flow": flow, "run": report.run_id, "earlier": earlier.run_id, "at": report.started_at}
    with store.transaction("the kept results"):
        for copy in _COPIES:
            store.connection.execute(copy, {name: value for name, value in values.items() if f"${name}" in copy})
    rows = store.frame(
        "sync.withheld", [*ISSUE_COLUMNS, "since"], f"where run_id = '{report.run_id}' and flow = '{flow}'"
    )
    new = newly_withheld(store, flow, report.run_id, rows, rows["since"], narrowed=False)
    report.flows[flow].update(earlier.counts, withheld_new=new)
    return rows[ISSUE_COLUMNS]
