"""The output of plan, push and check: results on stdout, progress on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipelines.config.channel import Channel
from pipelines.core.logs import redact, strip_control_characters
from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import Plan
from pipelines.engine.preflight import Check
from pipelines.engine.push import Result
from pipelines.reports.formatting import unchanged_since
from pipelines.reports.notes import notes
from pipelines.reports.plan_screen import SHOWN, PlanScreen, clean, next_steps
from pipelines.reports.progress import RunProgress
from pipelines.reports.table_titles import table_title
from pipelines.state.run_result import RunResult
from schemas.issues import and_more

MAX_EXAMPLES = 5
MAX_MESSAGE_LENGTH = 4000  # a refusal lists all limits that the plan breaks
_MARK = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class SilentReporter:
    """Prints nothing during a run: for `--json`."""

    def reading(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int]) -> AbstractContextManager[None]:
        return nullcontext()

    def planned(self, report: RunResult, flow: Flow, plan: Plan, evaluation: Evaluation) -> None:
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
    """Prints plans and results to stdout, and progress to stderr.

    `words` are the words of the command line that follow the verb, for the commands that are suggested. Of the changes
    of each kind, `show` are printed; None prints all. Without `with_changes`, planned changes are not printed.
    """

    def __init__(
        self, channel: Channel, words: Sequence[str] = (), show: int | None = SHOWN, *, with_changes: bool = True
    ) -> None:
        self.channel, self.words, self.show, self.out = channel, words, show, StandardOutput()
        self.progress = RunProgress(channel.title)
        self._screen = PlanScreen(show, with_changes=with_changes)
        self._keys: dict[str, list[str]] = {}  # of the changes that were not applied, by outcome
        self._requests = 0.0
        self._rate = 0.0

    def reading(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int]) -> AbstractContextManager[None]:
        return self.progress.reading(rows, totals)

    def planned(self, report: RunResult, flow: Flow, plan: Plan, evaluation: Evaluation) -> None:
        for line in self._screen.lines(report, flow, plan, evaluation):
            self.out.print(line)
        if evaluation.expectations:
            self._expectations(evaluation.expectations)
        self.progress.expect_writes(len(plan.changes))
        if len(plan.changes):
            self._requests += len(plan.changes) * flow.change_words.requests
            rate = self.channel.systems[flow.context.settings.target_system].requests_per_second
            self._rate = min(self._rate or rate, rate)

    def _expectations(self, summary: dict[str, Any]) -> None:
        """Prints how many passed, the ids of the others, and those that stop a push; with --all, each of the others."""
        not_passed = summary["told"]
        if not_passed:
            ids = [one["expectation"] for one in not_passed]
            self.out.print(
                f"\n[bold]Catalogue checks[/]  {summary['passed']} passed, {summary['failed']} failed, "
                f"{summary['errored']} errored: {and_more(ids, len(ids))}"
            )
        for one in not_passed:
            if self.show is not None and not one["stops"]:
                continue
            title = table_title(self.channel, one["table_name"])
            line = (
                f"{one['status']}, {title}: {one['meaning']}: {one['message']}{unchanged_since(one['unchanged_since'])}"
            )
            self.out.print(f"  [yellow]{one['expectation']}[/] {escape(clean(line))}")

    def result(self, result: Result) -> None:
        self.progress.write_done()
        keys = self._keys.setdefault(result.outcome, []) if result.outcome != "applied" else []
        keys.append(result.change.key)
        if (result.outcome != "applied" and len(keys) <= MAX_EXAMPLES) or (
            result.outcome == "applied" and result.message
        ):
            key, message = escape(clean(result.change.key)), escape(clean(redact(result.message)))
            self.out.print(f"  [yellow]{result.outcome}[/] {result.change.action} {key}: {message}")

    def ended(self, report: RunResult) -> None:
        self.progress.close()
        for name in ("restored", "new_folder", "rebuilt", "killed"):
            if note := report.facts.get(name):
                self._note(note)
        for note in notes(self.channel, report.facts.get("findings", {})):
            self._note(note)
        for flow, c in report.flows.items():
            if report.verb == "push" and (c["read"] or flow in report.fingerprints):
                of = f" ({escape(flow)})" if len(report.flows) > 1 else ""
                self.out.print(
                    f"\nPushed{of}: create {c['create']:,} + update {c['update']:,} = applied {c['applied']:,} "
                    f"+ refused {c['refused']:,} + unknown {c['unknown']:,} + not attempted {c['not_attempted']:,}"
                )
        for outcome, keys in self._keys.items():
            self._note(f"{outcome.replace('_', ' ')} {len(keys):,}: {and_more(keys, len(keys))}")
        if held_back := sorted(report.facts.get("held_back", [])):
            self._note(f"Held back by the target, which needs somebody: {and_more(held_back, len(held_back))}.")
        for line in [*report.facts.get("waiting", []), *report.facts.get("read_back", [])]:
            self._note(line)
        if report.verb == "plan" and report.exit_code in (0, 3):
            for line in next_steps(report, self.words, self._rate, self._requests):
                self.out.print(line)
        elif len(report.flows) > 1 and report.fingerprint:
            self.out.print(f"\n[bold]Plan of all flows: {report.fingerprint}[/]")
        self.out.print(f"\n[bold]{escape(report.headline)}[/] (exit {report.exit_code}, run {report.run_id})")
        if report.message:
            message = escape(clean(report.message, MAX_MESSAGE_LENGTH))
            self.out.print(f"{message} [dim]({report.error_id})[/]\n{escape(strip_control_characters(report.fix))}")

    def _note(self, text: str) -> None:
        self.out.print(f"[yellow]![/] {escape(clean(text))}")


def print_check(out: Console, check: Check) -> None:
    """Prints one line, and below it the fix, if there is one."""
    out.print(f"{_MARK[check.status]} {check.system:8} {check.name:10} {escape(clean(check.message))}")
    if check.fix:
        out.print(f"    [bold]{escape(strip_control_characters(check.fix))}[/]")
