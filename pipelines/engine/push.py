"""Applies a plan, one change at a time, a bounded number of them in flight."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
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
from pipelines.core.json_codec import decode_exact
from pipelines.engine.plan import Plan
from pipelines.state.journal import Journal
from pipelines.systems.target import BatchTarget, Target, WrittenRow

log = logging.getLogger(__name__)

UNKNOWN_IN_A_ROW = 5  # one product may be more than myOGO can digest; five in a row are an outage
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


@dataclass
class Pushed:
    """What became of the plan: counts per outcome, the results worth telling, and why it stopped early."""

    counts: dict[Outcome, int] = field(
        default_factory=lambda: {"applied": 0, "refused": 0, "unknown": 0, "not_attempted": 0}
    )
    told: list[Result] = field(default_factory=list)
    stopped: CentraMyogoError | None = None


def push(
    plan: Plan,
    target: Target | BatchTarget,
    journal: Journal,
    in_flight: int,
    on_result: Callable[[Result], None],
    interrupted: threading.Event,
) -> Pushed:
    """Each change ends in exactly one outcome; a target that takes batches gets as many at a time as it takes.

    A refused change does not stop the rest, an unavailable target does, and so do UNKNOWN_IN_A_ROW writes that nobody
    knows the fate of. After a stop no further change is begun; those in flight are finished and recorded.
    """
    pushed = Pushed()
    stop = threading.Event()
    pending = _groups(plan, target.batch if isinstance(target, BatchTarget) else 1)
    running: set[Future[list[Result]]] = set()
    left = len(plan.changes)
    calls_unknown = 0

    with ThreadPoolExecutor(in_flight, thread_name_prefix="push") as pool:
        while True:
            while len(running) < in_flight * 2 and not stop.is_set() and not interrupted.is_set():
                group = next(pending, None)
                if group is None:
                    break
                running.add(pool.submit(_apply, group, target, journal, stop, interrupted))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    results = future.result()
                except _Stopped as stopped:
                    pushed.stopped = pushed.stopped or stopped.why
                    results = stopped.results
                for result in results:
                    left -= 1
                    pushed.counts[result.outcome] += 1
                    if result.message:
                        pushed.told.append(result)
                    on_result(result)
                calls_unknown = calls_unknown + 1 if {result.outcome for result in results} == {"unknown"} else 0
                if calls_unknown >= UNKNOWN_IN_A_ROW and not stop.is_set():
                    stop.set()
                    pushed.stopped = TargetUnavailable(
                        f"{calls_unknown} writes in a row ended without a usable answer, the last: {result.message}",
                        "The rest was not begun. Safe to run again when the system answers.",
                    )
    pushed.counts["not_attempted"] += left
    if interrupted.is_set() and pushed.stopped is None and pushed.counts["not_attempted"]:
        pushed.stopped = Interrupted(
            f"Asked to stop: {pushed.counts['not_attempted']} changes were not begun.",
            "What was begun is finished and recorded. Run again to do the rest.",
        )
    return pushed


def read_back(target: BatchTarget, changes: pd.DataFrame, began: datetime, journal: Journal) -> list[str]:
    """What the target holds otherwise than it was written, one line each; the journal keeps it too, by key.

    That it could not be asked is told in the same way: what was written stays written.
    """
    rows = changes[["key", "stock_item_id", "after"]].itertuples(index=False, name=None)
    written = [WrittenRow(key, own, decode_exact(after.encode())) for key, own, after in rows]
    try:
        said = target.read_back(written, began)
    except (RemoteSystemError, ConfigError) as trouble:
        return [f"What was written could not be read back: {trouble.message}"]
    for key, words in said.items():
        if key:
            journal.record_outcome(key, "update", "applied", 200, words)
    return [f"{key}: {words}" if key else words for key, words in said.items()]


class _Stopped(Exception):
    """These changes ended in a way that ends the push."""

    def __init__(self, why: CentraMyogoError, results: list[Result]) -> None:
        super().__init__(str(why))
        self.why, self.results = why, results


def _groups(plan: Plan, size: int) -> Iterator[list[Change]]:
    rows = plan.changes[["action", "key", "after"]].itertuples(index=False, name=None)
    while group := [
        Change(action, key, after, plan.personal.get(key, "{}")) for action, key, after in islice(rows, size)
    ]:
        yield group


def _apply(
    group: list[Change],
    target: Target | BatchTarget,
    journal: Journal,
    stop: threading.Event,
    interrupted: threading.Event,
) -> list[Result]:
    if stop.is_set() or interrupted.is_set():
        return [Result(change, "not_attempted") for change in group]
    try:
        rows: list[dict[str, Any]] = [
            decode_exact(change.after.encode()) | decode_exact(change.personal.encode()) for change in group
        ]
        for change in group:
            journal.record_intent(change.key, change.action)
    except Exception as error:
        stop.set()
        why = _explained(group, error)
        raise _Stopped(why, [Result(change, "not_attempted", None, why.message) for change in group]) from error
    results, stopped = _attempt(group, rows, target)
    try:
        for result in results:
            journal.record_outcome(
                result.change.key, result.change.action, result.outcome, result.status, result.message
            )
    except CentraMyogoError as error:
        stopped = stopped or error
    if stopped is not None:
        stop.set()  # here and not by whoever collects the results: the next change is already waiting
        raise _Stopped(stopped, results)
    return results


def _attempt(
    group: list[Change], rows: list[dict[str, Any]], target: Target | BatchTarget
) -> tuple[list[Result], CentraMyogoError | None]:
    """What became of the changes of one call, and why no other should be begun, where that is so."""

    def act() -> Mapping[str, str | RecordError]:
        by_key = {change.key: row for change, row in zip(group, rows, strict=True)}
        if isinstance(target, BatchTarget):
            return target.update_batch(by_key)
        one = target.create if group[0].action == "create" else target.update
        return {key: one(key, row) for key, row in by_key.items()}

    def all_of(outcome: Outcome, status: int | None, error: CentraMyogoError) -> list[Result]:
        return [Result(change, outcome, status, error.message) for change in group]

    try:
        said = act()
        return [_result(change, said[change.key]) for change in group], None
    except TargetRefused as refused:
        return all_of("refused", refused.status, refused), None
    except TargetUnknown as unknown:
        return all_of("unknown", unknown.status, unknown), None
    except TargetLost as lost:
        return all_of("unknown", None, lost), lost
    except CentraMyogoError as error:  # not there, or credentials or configuration: nothing was done to this record
        return all_of("not_attempted", None, error), error
    except Exception as error:
        fault = _explained(group, error)
        return all_of("unknown", None, fault), fault


def _result(change: Change, said: str | RecordError) -> Result:
    if isinstance(said, str):
        return Result(change, "applied", 200, said)
    return Result(change, "refused" if isinstance(said, TargetRefused) else "unknown", said.status, said.message)


def _explained(group: list[Change], error: Exception) -> CentraMyogoError:
    """The error itself where it explains itself; else a fault of ours."""
    if isinstance(error, CentraMyogoError):
        return error
    first = group[0]
    log.error("a fault of ours %s key=%r", first.action, first.key, exc_info=error)
    said = f"{first.action} of {first.key!r}: {type(error).__name__}: {error}"
    return InternalError(said, "Please report this with the log. Safe to run again.")
