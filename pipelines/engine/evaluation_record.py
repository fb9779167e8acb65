"""Stores what a flow's evaluation found: withheld rows, warnings, counts per rule, and the state of each row."""

from __future__ import annotations

import pandas as pd

from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import Plan
from pipelines.state.issue_history import newly_withheld, update_issues
from pipelines.state.row_states import record_row_states, states_of
from pipelines.state.run_result import RunResult
from pipelines.state.store import Store


def record_evaluation(store: Store, report: RunResult, flow: Flow, evaluation: Evaluation, *, narrowed: bool) -> None:
    """Stores the withheld rows, since when they are withheld, the warnings, and the number of rows per rule."""
    name, withheld, warned = flow.context.name, evaluation.withheld, evaluation.warned
    report.flows[name].update(evaluation.counts)
    if evaluation.expectations:
        report.facts["expectations"] = evaluation.expectations
    since = update_issues(
        store, name, report.run_id, report.started_at, withheld, evaluation.records, narrowed=narrowed
    )
    report.flows[name]["withheld_new"] = newly_withheld(store, name, report.run_id, withheld, since, narrowed=narrowed)
    store.append("sync.withheld", withheld.assign(run_id=report.run_id, flow=name, since=since))
    store.replace_flow(f"out_{flow.context.settings.target_system}.warnings", name, warned)
    counted = pd.concat([withheld["rule"], warned["rule"]]).value_counts()
    counts = {
        "run_id": report.run_id,
        "flow": name,
        "rule": [rule.id for rule in flow.rules],
        "withholds": [rule.withholds for rule in flow.rules],
        "row_count": [int(counted.get(rule.id, 0)) for rule in flow.rules],
    }
    store.append("sync.rule_counts", pd.DataFrame(counts))


def record_states(store: Store, flow: Flow, evaluation: Evaluation, plan: Plan, *, narrowed: bool) -> None:
    """Stores the state of each row, for the page of both sides."""
    states = states_of(evaluation.records, evaluation.withheld, plan.changes, plan.found)
    listed = flow.listing is not None
    record_row_states(store, flow.context.name, flow.context.run_id, states, narrowed=narrowed, listed=listed)
