"""Applies a plan, one change at a time, with a bounded number of changes in flight."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import pandas as pd

from pipelines.core.errors import (
    CentraMyogoError,
    ConfigError,
    InternalError,
    Interrupted,
    RecordError,
    RemoteSystemError,
    TargetLost,
    TargetRefused,
    TargetUnavailable,
    TargetUnknown,
)
from pipelines.core.json_codec import decode_exact, encode
from pipelines.core.write_guard import may_write
from pipelines.engine.plan import Plan
from pipelines.state.journal import Journal
from pipelines.systems.target import BatchTarget, HeldBack, KeptOtherwise, Target, WrittenRow

log = logging.getLogger(__name__)

UNKNOWN_IN_A_ROW = 5  # a target may fail on one record; five failures in a row are an outage
NOT_FOUND = 404
STALE_READ = "stale_read"  # the target differs from what the run has read, so the next run does a full read
FINAL_REFUSAL = "final"  # the target refuses this value whenever it is sent
HELD_BACK = "held_back"  # the target accepted the change and does not act on it until somebody deals with it
Outcome = str  # applied, refused, unknown, not_attempted


@dataclass(frozen=True)
class Change:
    action: str
    key: str
    after: str
    personal: str = field(default="{}", repr=False)


@dataclass(frozen=True)
class Result:
    change: Change
    outcome: Outcome
    status: int | None = None
    message: str = ""
    reason: str | None = None
    held: str | None = None  # JSON: the values, by our columns, that the target holds instead of those sent


@dataclass
class Pushed:
    """The number of changes by outcome, and the error that stopped the push early."""

    counts: dict[Outcome, int] = field(
        default_factory=lambda: {"applied": 0, "refused": 0, "unknown": 0, "not_attempted": 0}
    )
    stopped: CentraMyogoError | None = None


def push(
    plan: Plan,
    target: Target | BatchTarget,
    journal: Journal,
    in_flight: int,
    on_result: Callable[[Result], None],
    interrupted: threading.Event,
) -> Pushed:
    """Applies the plan; each change ends in exactly one outcome.

    A batch target gets up to `batch` changes per call. A refused change does not stop the push; an unavailable target
    does, and so do UNKNOWN_IN_A_ROW calls in a row without a usable answer. After a stop no further change begins;
    those in flight are finished and recorded.
    """
    return _Push(plan, target, journal, on_result, interrupted).run(in_flight)


def read_back(
    target: BatchTarget, changes: pd.DataFrame, began: datetime, journal: Journal
) -> tuple[list[str], Sequence[str]]:
    """Compares the target with what was written, and records the differences in the journal.

    Returns one line per difference, and the keys of the writes that the target did not keep: their outcome becomes
    refused. If the target cannot be read, the result is one line with the reason: what was written stays written.
    """
    rows = changes[["key", "source_id", "after"]].itertuples(index=False, name=None)
    written = [WrittenRow(key, source_id, decode_exact(after.encode())) for key, source_id, after in rows]
    try:
        differences = target.read_back(written, began)
    except (RemoteSystemError, ConfigError) as error:
        return [f"The written rows could not be checked, because reading them back failed: {error.message}"], []
    for key, one in differences.items():
        if key:
            outcome, held = ("applied", None) if one.held is None else ("refused", encode(one.held).decode())
            journal.record_outcome(key, "update", outcome, 200, one.message, held=held)
    lines = [f"{key}: {one.message}" if key else one.message for key, one in differences.items()]
    return lines, [key for key, one in differences.items() if one.held is not None]


class _Push:
    """`_work` runs in worker threads, everything else in the thread that called `run`."""

    def __init__(
        self,
        plan: Plan,
        target: Target | BatchTarget,
        journal: Journal,
        on_result: Callable[[Result], None],
        interrupted: threading.Event,
    ) -> None:
        self._plan, self._target, self._journal = plan, target, journal
        self._on_result, self._interrupted = on_result, interrupted
        self._stopped = threading.Event()
        self._reasons: list[CentraMyogoError] = []  # why the push stops; the first one is reported
        self._counts = Pushed().counts
        self._unknown_in_a_row = 0

    def run(self, in_flight: int) -> Pushed:
        groups = _groups(self._plan, self._target.batch if isinstance(self._target, BatchTarget) else 1)
        running: set[Future[list[Result]]] = set()
        with ThreadPoolExecutor(in_flight, thread_name_prefix="push") as pool:
            while True:
                while len(running) < in_flight * 2 and self._may_begin() and (group := next(groups, None)):
                    running.add(pool.submit(self._work, group))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._count(future.result())
        return self._summary()

    def _may_begin(self) -> bool:
        return not self._stopped.is_set() and not self._interrupted.is_set()

    def _stop(self, reason: CentraMyogoError) -> None:
        self._reasons.append(reason)
        self._stopped.set()

    def _count(self, results: list[Result]) -> None:
        for result in results:
            self._counts[result.outcome] += 1
            self._on_result(result)
        unknown = {result.outcome for result in results} == {"unknown"}
        self._unknown_in_a_row = self._unknown_in_a_row + 1 if unknown else 0
        if self._unknown_in_a_row >= UNKNOWN_IN_A_ROW and not self._stopped.is_set():
            self._stop(
                TargetUnavailable(
                    f"{self._unknown_in_a_row} writes in a row ended without a usable answer, the last: "
                    f"{results[-1].message}",
                    "The other changes were not begun. Safe to run again when the system answers.",
                )
            )

    def _summary(self) -> Pushed:
        counts = self._counts
        counts["not_attempted"] += len(self._plan.changes) - sum(counts.values())
        if self._interrupted.is_set() and not self._reasons and counts["not_attempted"]:
            self._stop(
                Interrupted(
                    f"Stopped on request: {counts['not_attempted']} changes were not begun.",
                    "The changes in progress were finished and recorded. Run again to apply the others.",
                )
            )
        return Pushed(counts, self._reasons[0] if self._reasons else None)

    def _work(self, group: list[Change]) -> list[Result]:
        """Records the intents, makes one call and records its outcomes. Raises nothing."""
        if not self._may_begin():
            return [Result(change, "not_attempted") for change in group]
        try:
            rows = [decode_exact(change.after.encode()) | decode_exact(change.personal.encode()) for change in group]
            may_write()
            self._journal.record_intents([(change.key, change.action) for change in group])
        except Exception as error:
            reason = _explained(group, error)
            self._stop(reason)
            return [Result(change, "not_attempted", None, reason.message) for change in group]
        results = self._call(group, rows)
        try:
            for one in results:
                self._journal.record_outcome(
                    one.change.key, one.change.action, one.outcome, one.status, one.message, one.reason, one.held
                )
        except CentraMyogoError as error:
            self._stop(error)
        return results

    def _call(self, group: list[Change], rows: list[dict[str, Any]]) -> list[Result]:
        """The results of one call, one per change."""

        def all_of(outcome: Outcome, error: CentraMyogoError, status: int | None = None) -> list[Result]:
            return [Result(change, outcome, status, error.message, _reason(error)) for change in group]

        try:
            answers = self._write({change.key: row for change, row in zip(group, rows, strict=True)}, group[0].action)
            return [_result(change, answers[change.key]) for change in group]
        except TargetRefused as refused:
            return all_of("refused", refused, refused.status)
        except TargetUnknown as unknown:
            return all_of("unknown", unknown, unknown.status)
        except TargetLost as lost:
            self._stop(lost)
            return all_of("unknown", lost)
        except CentraMyogoError as error:  # unavailable, or wrong credentials or settings: no change was made
            self._stop(error)
            return all_of("not_attempted", error)
        except Exception as error:
            bug = _explained(group, error)
            self._stop(bug)
            return all_of("unknown", bug)

    def _write(self, rows: dict[str, dict[str, Any]], action: str) -> Mapping[str, str | RecordError]:
        if isinstance(self._target, BatchTarget):
            return self._target.update_batch(rows)
        write = self._target.create if action == "create" else self._target.update
        return {key: write(key, row) for key, row in rows.items()}


def _groups(plan: Plan, size: int) -> Iterator[list[Change]]:
    rows = plan.changes[["action", "key", "after"]].itertuples(index=False, name=None)
    while group := [
        Change(action, key, after, plan.personal.get(key, "{}")) for action, key, after in islice(rows, size)
    ]:
        yield group


def _result(change: Change, answer: str | RecordError) -> Result:
    if isinstance(answer, str):
        held = encode(answer.held).decode() if isinstance(answer, KeptOtherwise) else None
        reason = HELD_BACK if isinstance(answer, HeldBack) else None
        return Result(change, "applied", 200, answer, reason, held)
    outcome = "refused" if isinstance(answer, TargetRefused) else "unknown"
    return Result(change, outcome, answer.status, answer.message, _reason(answer))


def _reason(error: CentraMyogoError) -> str | None:
    """STALE_READ if the target differs from what the run has read, FINAL_REFUSAL if it refuses this value each
    time; else None."""
    if isinstance(error, TargetRefused) and error.final:
        return FINAL_REFUSAL
    refused = isinstance(error, TargetRefused) and (error.stale or error.status == NOT_FOUND)
    return STALE_READ if refused else None


def _explained(group: list[Change], error: Exception) -> CentraMyogoError:
    """The error itself if it has a message for the user; else an internal error."""
    if isinstance(error, CentraMyogoError):
        return error
    first = group[0]
    log.error("internal error %s key=%r", first.action, first.key, exc_info=error)
    message = f"{first.action} of {first.key!r}: {type(error).__name__}: {error}"
    return InternalError(message, "Please report this with the log. Safe to run again.")
