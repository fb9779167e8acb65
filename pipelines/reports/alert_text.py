"""The text of an alert: counts, codes, and what to do next. Never a name, an address or another value of a row."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipelines.config.channel import Channel
from pipelines.config.project import Project
from pipelines.core.errors import CentraMyogoError
from pipelines.core.logs import redact
from pipelines.reports.alert_facts import MAX_CODES, AlertFacts, NeedsFix
from pipelines.reports.alert_state import AlertRecord, State
from pipelines.reports.error_reference import errors
from pipelines.reports.formatting import age, clean, short, when
from pipelines.state.run_result import RunResult

KINDS = {"good": "success", "attention": "warning", "failed": "failure", "stale": "failure"}


def title(channel: Channel, state: State) -> str:
    return f"{channel.name}: {state}"


def body(channel: Channel, data: Path, state: State, record: AlertRecord, facts: AlertFacts, now: datetime) -> str:
    """The message about the newest run. `facts.run` is None if there is none. `data` is the folder of working files."""
    parts = [
        [*_headline(state, record, facts.run, now)],
        [*_flow_lines(record, facts.run)],
        [*_conditions(channel, facts.run)] if state == "attention" and facts.run else [],
        [*_error(facts.run)] if state == "failed" and facts.run else [],
        [*_rows(channel, facts)] if state == "attention" else [],
        [*_next(channel, data, state, facts.run)],
    ]
    return redact("\n\n".join("\n".join(part) for part in parts if part))


def exceeded(channel: Channel, run: RunResult) -> dict[str, dict[str, str]]:
    """The conditions of `[alerts]` that the run exceeds, in words: by flow, then by key."""
    alerts = channel.alerts
    found: dict[str, dict[str, str]] = {flow: {} for flow in run.flows}
    if alerts is None:
        return found
    refused = run.counts["refused"]
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else 0.0
    for flow, counts in run.flows.items():
        selected = counts["read"] - counts["skipped"]
        share = counts["withheld"] / selected if selected else 0.0
        if alerts.withheld_share is not None and share > alerts.withheld_share:
            found[flow]["withheld_share"] = (
                f"withheld_share: {flow} withholds {share:.1%} of its rows, more than {alerts.withheld_share:.1%}."
            )
        if alerts.refused is not None and counts["refused"] and refused >= alerts.refused:
            found[flow]["refused"] = f"refused: {refused:,} changes were refused; the limit is {alerts.refused:,}."
        if alerts.duration_s is not None and seconds > alerts.duration_s:
            found[flow]["duration_s"] = (
                f"duration_s: the push took {seconds:,.0f} s, more than {alerts.duration_s:g} s."
            )
    return found


def _headline(state: State, record: AlertRecord, run: RunResult | None, now: datetime) -> Iterator[str]:
    if state == "stale":
        yield (
            f"No push has ended with exit 0 or 3 since {when(record.good_at)}, {age(record.good_at, now)} ago. "
            "Either nothing starts pushes any more, or they fail."
        )
    if run is None:
        return
    last = "The last push: " if state == "stale" else ""
    took = f", {(run.ended_at - run.started_at).total_seconds():,.0f} s" if run.ended_at else ""
    name = f", run {run.run_id}" if run.run_id else ""
    yield f"{last}{run.headline} (exit {run.exit_code}{name}, {when(run.started_at)}{took})"


def _flow_lines(record: AlertRecord, run: RunResult | None) -> Iterator[str]:
    """The state of each flow, with the counts of those that ran."""
    ran = {} if run is None else run.flows
    for flow, one in record.flows.items():
        counts = ""
        if flow in ran:
            c = ran[flow]
            counts = (
                f"; read {c['read']:,}, withheld {c['withheld']:,} ({c['withheld_new']:,} new), "
                f"create {c['create']:,}, update {c['update']:,}, applied {c['applied']:,}, refused {c['refused']:,}, "
                f"unknown {c['unknown']:,}, not attempted {c['not_attempted']:,}"
            )
        yield f"{flow}: {one.state}{counts}"


def _conditions(channel: Channel, run: RunResult) -> Iterator[str]:
    lines = [line for by_key in exceeded(channel, run).values() for line in by_key.values()]
    yield from dict.fromkeys(lines)


def _error(run: RunResult) -> Iterator[str]:
    """The meaning of the error. Its message only if the run had not begun to read: it then names settings alone."""
    if run.message and not run.run_id and run.exit_code == 2:
        yield from (clean(line) for line in f"{run.message}\n{run.fix}".splitlines())
    for entry in errors():
        if entry.id == run.error_id:
            yield f"{entry.id}: {entry.meaning} {entry.fix}"


def _rows(channel: Channel, facts: AlertFacts) -> Iterator[str]:
    """The first codes by rule, with the rule's meaning and fix."""
    rules = {rule.id: rule for flow in channel.known_flows.values() for rule in flow.rules}
    shown: dict[tuple[str, str], list[str]] = {}
    held_back = [] if facts.run is None else sorted(facts.run.facts.get("held_back", []))
    rows = [*(NeedsFix("", code, "") for code in held_back), *facts.rows]
    for row in rows[:MAX_CODES]:
        shown.setdefault((row.flow, row.rule), []).append(short(clean(row.code), 60))
    entries = {entry.id: entry for entry in errors()}
    for (flow, rule_id), codes in shown.items():
        meaning, fix = "Held back by the target, which needs somebody", ""
        if rule_id in rules:
            rows_of_flow = channel.known_flows[flow].words.rows
            meaning, fix = f"{rule_id}: {rows_of_flow} where {rules[rule_id].meaning}", rules[rule_id].fix
        elif rule_id in entries:
            meaning, fix = f"{rule_id}: {entries[rule_id].meaning}", entries[rule_id].fix
        elif rule_id:
            meaning = rule_id
        yield from filter(str.strip, (meaning, f"  {', '.join(codes)}", f"  {fix}"))
    if more := len(held_back) + facts.total - len(rows[:MAX_CODES]):
        yield f"and {more:,} more"


def _next(channel: Channel, data: Path, state: State, run: RunResult | None) -> Iterator[str]:
    """The command to run now, and the page."""
    name, place = _name(channel), _place(data)
    flows = [] if run is None or len(run.flows) == len(channel.flows) else [*run.flows]
    push = ["push", name, *(word for flow in flows for word in ("--flow", flow)), *place]
    code = 0 if run is None else run.exit_code
    if state == "attention":
        yield "The report has every row and its fix:"
        yield _command("report", name, *place, "--html", f"{channel.name}.html")
    elif state == "stale":
        yield "Look whether the scheduler still starts pushes. Then:"
        yield _command("push", name, *place)
    elif state == "failed" and code == CentraMyogoError.exit_code:
        yield "Report it with the output of this command:"
        yield _command("--log", "debug", *push)
    elif state == "failed" and code == 4:
        yield "Review the plan; then push it with --force, or correct the cause:"
        yield _command("plan", *push[1:], "--all")
    elif state == "failed":
        yield "See what check says; then push again:"
        yield _command("check", name, *place)
        yield _command(*push)
    if channel.alerts is not None and channel.alerts.page:
        yield f"{channel.alerts.page}/{channel.name}"


def _command(*words: str) -> str:
    return shlex.join(["centra-myogo", *words])


def _name(channel: Channel) -> str:
    """The word that names the channel on the command line: its file's name if that is found, else the path."""
    try:
        if Project.current().find(channel.path.stem).resolve() == channel.path.resolve():
            return channel.path.stem
    except (CentraMyogoError, OSError):
        pass
    return str(channel.path)


def _place(data: Path) -> list[str]:
    """The option for the folder of working files, if it is not the usual one."""
    try:
        usual = Project.current().data()
    except CentraMyogoError:
        return ["--data", str(data)]
    return [] if usual.resolve() == data.resolve() else ["--data", str(data)]
