"""The output of plan, push and check: lines on stdout during the run, with a progress bar on a terminal."""

from __future__ import annotations

import os
import sys
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.config.channel import Channel
from pipelines.core.json_codec import decode_exact
from pipelines.core.logs import redact, strip_control_characters
from pipelines.engine.flow import Evaluation
from pipelines.engine.plan import Plan
from pipelines.engine.preflight import Check
from pipelines.engine.push import Result
from pipelines.reports.notes import describe_read, notes
from pipelines.reports.query import words_of
from pipelines.state.run_result import RunResult
from schemas.issues import and_more

MAX_EXAMPLES = 5
MAX_MESSAGE_LENGTH = 4000  # a refusal lists all limits that the plan breaks
_MARK = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class SilentReporter:
    """Prints nothing during a run: for `--json`."""

    def step(self, name: str) -> None:
        pass

    def planned(self, report: RunResult, flow: str, plan: Plan, evaluation: Evaluation) -> None:
        pass

    def result(self, result: Result) -> None:
        pass


class StandardOutput(Console):
    """Standard output. If a reader closes it early (`push | head`), the run and its exit code are not affected."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True, emoji=False)

    def on_broken_pipe(self) -> None:
        """Discards further output. Without this, Rich ends the process, even in the middle of a push."""
        self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)


class ConsoleReporter:
    """Prints the progress of a run to stdout."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.out = channel, StandardOutput()
        self._progress: Progress | None = None
        self._total = 0
        self._done = 0

    def step(self, name: str) -> None:
        self.out.print(f"[dim]... {escape(name)}[/]")

    def planned(self, report: RunResult, flow: str, plan: Plan, evaluation: Evaluation) -> None:
        c, first = report.flows[flow], flow == next(iter(report.flows))
        of = f", flow {escape(flow)}" if len(report.flows) > 1 else ""
        self.out.print(
            f"\n[bold]Plan {plan.fingerprint}[/] for channel {escape(report.channel)}{of}\n"
            f"  read {c['read']} = skipped {c['skipped']} + withheld {c['withheld']} + create {c['create']} "
            f"+ update {c['update']} + unchanged {c['unchanged']}"
        )
        if also := words_of(self.channel, flow).also(c):
            self.out.print(f"  {escape(also)}")
        if first and (read := describe_read(self.channel, report.facts.get("read", {}))):
            self.out.print(f"  {read}")
        self._changes(flow, plan)
        with_fix = report.verb == "plan"
        self._by_rule("Withheld", flow, evaluation.withheld, with_fix)
        self._by_rule("Warnings (no row is withheld for these)", flow, evaluation.warned, with_fix)
        if evaluation.expectations:
            self._expectations(evaluation.expectations)
        self._total += len(plan.changes)

    def _changes(self, flow: str, plan: Plan) -> None:
        summary = words_of(self.channel, flow).summary
        for action in ("create", "update"):
            rows = plan.changes[plan.changes["action"] == action]
            if rows.empty:
                continue
            self.out.print(f"\n[bold]Would {action}[/] {len(rows)}")
            for key, before, after in rows[["key", "before", "after"]].head(MAX_EXAMPLES).itertuples(index=False):
                self.out.print(f"  {escape(_clean(key))}  {escape(_change(action, before, after, summary))}")
            if len(rows) > MAX_EXAMPLES:
                self.out.print(f"  [dim]... and {len(rows) - MAX_EXAMPLES} more (table sync.changes)[/]")

    def _by_rule(self, title: str, flow: str, issues: pd.DataFrame, with_fix: bool) -> None:
        """Prints a line per rule and, if `with_fix`, an example and the fix; `report` shows all rows."""
        if issues.empty:
            return
        self.out.print(f"\n[bold]{title}[/]")
        rules = {rule.id: rule for rule in self.channel.declarations[flow].rules}
        for name, rows in issues.groupby("rule", sort=True):
            rule = rules[str(name)]
            codes = list(dict.fromkeys(rows["code"]))
            self.out.print(f"  [yellow]{rule.id:9}[/] {len(rows):6}  {escape(rule.meaning)}")
            if self.channel.declarations[flow].kind == "window":  # a few rows, each of which somebody looks at
                self.out.print(f"                    {escape(_clean(and_more(codes, len(codes))))}")
            if with_fix:
                self.out.print(f"                    [dim]{escape(_clean(rows['message'].iat[0]))}[/]")
                self.out.print(f"                    [dim]{escape(rule.fix)}[/]")

    def _expectations(self, summary: dict[str, Any]) -> None:
        """Prints a line per expectation that did not pass."""
        not_passed = summary["told"]
        if not_passed:
            self.out.print(
                f"\n[bold]Batch expectations[/]: {summary['passed']} passed, {summary['failed']} failed, "
                f"{summary['errored']} errored"
            )
        for one in not_passed:
            line = f"{one['status']}: {one['meaning']}: {one['message']}"
            self.out.print(f"  [yellow]{one['expectation']}[/] {escape(_clean(line))}")

    def result(self, result: Result) -> None:
        self._done += 1
        if self.out.is_terminal and self._progress is None:
            self._progress = Progress(
                TextColumn("push"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=self.out
            )
            self._task = self._progress.add_task("push", total=self._total)
            self._progress.start()
        if result.outcome != "applied" or result.message:
            key, message = escape(_clean(result.change.key)), escape(_clean(redact(result.message)))
            self.out.print(f"  [yellow]{result.outcome}[/] {result.change.action} {key}: {message}")
        elif self._progress is None and (self._done % 500 == 0 or self._done == self._total):
            self.out.print(f"  {self._done} of {self._total} changes")
        if self._progress is not None:
            self._progress.advance(self._task)

    def ended(self, report: RunResult) -> None:
        if self._progress is not None:
            self._progress.stop()
        if rebuilt := report.facts.get("rebuilt"):
            self._note(rebuilt)
        for note in notes(self.channel, report.facts.get("findings", {})):
            self._note(note)
        for flow, c in report.flows.items():
            if report.verb == "push" and c["read"]:
                of = f" ({escape(flow)})" if len(report.flows) > 1 else ""
                self.out.print(
                    f"\nPushed{of}: create {c['create']} + update {c['update']} = applied {c['applied']} + refused "
                    f"{c['refused']} + unknown {c['unknown']} + not attempted {c['not_attempted']}"
                )
        if held_back := sorted(report.facts.get("held_back", [])):
            self._note(f"Held back by the target, which needs somebody: {and_more(held_back, len(held_back))}.")
        for line in [*report.facts.get("waiting", []), *report.facts.get("read_back", [])]:
            self._note(line)
        if len(report.flows) > 1 and report.fingerprint:
            self.out.print(f"\n[bold]Plan of all flows: {report.fingerprint}[/]")
        self.out.print(f"\n[bold]{escape(report.headline)}[/] (exit {report.exit_code}, run {report.run_id})")
        if report.message:
            message = escape(_clean(report.message, MAX_MESSAGE_LENGTH))
            self.out.print(f"{message} [dim]({report.error_id})[/]\n{escape(strip_control_characters(report.fix))}")

    def _note(self, text: str) -> None:
        self.out.print(f"[yellow]![/] {escape(_clean(text))}")


def print_check(out: Console, check: Check) -> None:
    """Prints one line, and below it the fix, if there is one."""
    out.print(f"{_MARK[check.status]} {check.system:8} {check.name:10} {escape(_clean(check.message))}")
    if check.fix:
        out.print(f"    [bold]{escape(strip_control_characters(check.fix))}[/]")


def _change(action: str, before: str, after: str, summary: tuple[str, ...]) -> str:
    new, old = decode_exact(after.encode()), decode_exact(before.encode())
    if action == "create":
        known = [str(new[field]) for field in summary if field in new]
        return _clean(", ".join(known or [f"{field}: {_short(value)}" for field, value in new.items()]))
    return _clean(", ".join(f"{field}: {_short(old.get(field))} -> {_short(value)}" for field, value in new.items()))


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 30 else f"{text[:29]}…"


def _clean(text: object, max_length: int = 300) -> str:
    """Vendor text on one line, without characters that control a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))[:max_length]
