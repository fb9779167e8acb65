"""Applies a plan, one change at a time, a bounded number of them in flight."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipelines.clients.payload import decode_exact
from pipelines.errors import (
    CentraMyogoError,
    Interrupted,
    OurFault,
    TargetLost,
    TargetRefused,
    TargetUnavailable,
    TargetUnknown,
)
from pipelines.journal import Journal
from pipelines.targets import Target

log = logging.getLogger(__name__)

UNKNOWN_IN_A_ROW = 5  # one product may be more than myOGO can digest; five in a row are an outage
Outcome = str  # applied, refused, unknown, not_attempted


@dataclass(frozen=True)
class Change:
    action: str
    key: str
    after: str


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
    changes: pd.DataFrame,
    target: Target,
    journal: Journal,
    in_flight: int,
    on_result: Callable[[Result], None],
    interrupted: threading.Event,
) -> Pushed:
    """Each change ends in exactly one outcome. A refused one does not stop the rest, an unavailable target does,
    and so do UNKNOWN_IN_A_ROW changes that nobody knows the fate of.

    After a stop no further change is begun; those in flight are finished and recorded.
    """
    pushed = Pushed()
    stop = threading.Event()
    pending = _changes(changes)
    running: set[Future[Result]] = set()
    left = len(changes)
    in_a_row = 0

    with ThreadPoolExecutor(in_flight, thread_name_prefix="push") as pool:
        while True:
            while len(running) < in_flight * 2 and not stop.is_set() and not interrupted.is_set():
                change = next(pending, None)
                if change is None:
                    break
                running.add(pool.submit(_apply, change, target, journal, stop, interrupted))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    result = future.result()
                except _Stopped as stopped:
                    pushed.stopped = pushed.stopped or stopped.why
                    result = stopped.result
                left -= 1
                pushed.counts[result.outcome] += 1
                if result.message:
                    pushed.told.append(result)
                on_result(result)
                in_a_row = in_a_row + 1 if result.outcome == "unknown" else 0
                if in_a_row >= UNKNOWN_IN_A_ROW and not stop.is_set():
                    stop.set()
                    pushed.stopped = TargetUnavailable(
                        f"{in_a_row} changes in a row ended without a usable answer, the last: {result.message}",
                        "The rest was not begun. Safe to run again when myOGO answers.",
                    )
    pushed.counts["not_attempted"] += left
    if interrupted.is_set() and pushed.stopped is None and pushed.counts["not_attempted"]:
        pushed.stopped = Interrupted(
            f"Asked to stop: {pushed.counts['not_attempted']} changes were not begun.",
            "What was begun is finished and recorded. Run again to do the rest.",
        )
    return pushed


class _Stopped(Exception):
    """This change ended in a way that ends the push."""

    def __init__(self, why: CentraMyogoError, result: Result) -> None:
        super().__init__(str(why))
        self.why, self.result = why, result


def _changes(changes: pd.DataFrame) -> Iterator[Change]:
    return (Change(*row) for row in changes[["action", "key", "after"]].itertuples(index=False, name=None))


def _apply(
    change: Change, target: Target, journal: Journal, stop: threading.Event, interrupted: threading.Event
) -> Result:
    if stop.is_set() or interrupted.is_set():
        return Result(change, "not_attempted")
    try:
        product: dict[str, Any] = decode_exact(change.after.encode())
        journal.intend(change.key, change.action)
    except Exception as error:
        stop.set()
        why = _explained(change, error)
        raise _Stopped(why, Result(change, "not_attempted", None, why.message)) from error
    result, stopped = _attempt(change, product, target)
    try:
        journal.conclude(change.key, change.action, result.outcome, result.status, result.message)
    except CentraMyogoError as error:
        stopped = stopped or error
    if stopped is not None:
        stop.set()  # here and not by whoever collects the results: the next change is already waiting
        raise _Stopped(stopped, result)
    return result


def _attempt(change: Change, product: dict[str, Any], target: Target) -> tuple[Result, CentraMyogoError | None]:
    """What became of the change, and why no other should be begun, where that is so."""
    act = target.create if change.action == "create" else target.update
    try:
        return Result(change, "applied", 200, act(change.key, product)), None
    except TargetRefused as refused:
        return Result(change, "refused", refused.status, refused.message), None
    except TargetUnknown as unknown:
        return Result(change, "unknown", unknown.status, unknown.message), None
    except TargetLost as lost:
        return Result(change, "unknown", None, lost.message), lost
    except CentraMyogoError as error:  # not there, or credentials or configuration: nothing was done to this record
        return Result(change, "not_attempted", None, error.message), error
    except Exception as error:
        fault = _explained(change, error)
        return Result(change, "unknown", None, fault.message), fault


def _explained(change: Change, error: Exception) -> CentraMyogoError:
    """The error itself where it explains itself; else a fault of ours."""
    if isinstance(error, CentraMyogoError):
        return error
    log.error("a fault of ours %s key=%r", change.action, change.key, exc_info=error)
    said = f"{change.action} of {change.key!r}: {type(error).__name__}: {error}"
    return OurFault(said, "Please report this with the log. Safe to run again.")
