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
from pipelines.errors import CentraMyogoError, Interrupted, TargetRefused, TargetUnavailable, TargetUnknown
from pipelines.journal import Journal
from pipelines.targets import Target
from pipelines.targets.myogo import LookUpFailed

log = logging.getLogger(__name__)

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
    """Each change ends in exactly one outcome. A refused one does not stop the rest, an unavailable target does.

    After a stop no further change is begun; those in flight are finished and recorded.
    """
    pushed = Pushed()
    stop = threading.Event()
    pending = _changes(changes)
    running: set[Future[Result]] = set()
    left = len(changes)

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
                    stop.set()
                    pushed.stopped = pushed.stopped or stopped.why
                    result = stopped.result
                left -= 1
                pushed.counts[result.outcome] += 1
                if result.message:
                    pushed.told.append(result)
                on_result(result)
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
    product: dict[str, Any] = decode_exact(change.after.encode())
    act = target.create if change.action == "create" else target.update
    journal.intend(change.key, change.action)

    def ended(outcome: Outcome, status: int | None, message: str) -> Result:
        journal.conclude(change.key, change.action, outcome, status, message)
        return Result(change, outcome, status, message)

    try:
        return ended("applied", 200, act(change.key, product))
    except TargetRefused as refused:
        return ended("refused", refused.status, refused.message)
    except TargetUnknown as unknown:
        return ended("unknown", unknown.status, unknown.message)
    except LookUpFailed as lost:
        raise _Stopped(lost, ended("unknown", None, lost.message)) from lost
    except TargetUnavailable as unavailable:
        raise _Stopped(unavailable, ended("not_attempted", None, unavailable.message)) from unavailable
    except CentraMyogoError as error:  # credentials or configuration: nothing was done to this record
        raise _Stopped(error, ended("not_attempted", None, error.message)) from error
    except BaseException as error:
        journal.conclude(change.key, change.action, "unknown", None, f"a fault of ours: {error!r}")
        raise
