"""SIGKILL, SIGTERM and SIGINT at every step of a run: at each write, commit and HTTP request."""

from __future__ import annotations

import functools
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.json_codec import decode
from pipelines.sandbox import Sandbox
from tests.support import child_process
from tests.support.child_process import SignalAt
from tests.support.shop_helpers import writes
from tests.torture import product_environment
from tests.torture.matrix import Cell, CellResult, as_parameters
from tests.torture.product_environment import ProductEnvironment

SIDES = ("centra", "myogo")
FAMILY = "Kills and signals at every step"
SIGNALS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
# Every failpoint that a push of the products environment passes, and how often.
FAILPOINTS = (
    {"lock: taken": 1, "lock: holder written": 1}
    | {
        f"store: {when} {what}": 1
        for what in (
            "the tables",
            "the beginning of the run",
            "sync.reads",
            "the history of issues",
            "sync.withheld",
            "sync.rule_counts",
            "out_myogo.warnings",
            "out_myogo.products",
            "out_myogo.price_list",
            "out_myogo.code_texts",
            "sync.expectations",
            "sync.changes",
            "sync.row_states",
            "the daily amounts",
            "sync.journal",
            "the views",
        )
        for when in ("before", "before the commit of", "after")
    }
    | {f"store: {when} sync.flows": 3 for when in ("before", "before the commit of", "after")}
    | {f"store: {when} the links": 3 for when in ("before", "before the commit of", "after")}
    | {f"stage: {what} {side}": 1 for what in ("extracted", "normalised", "loaded", "cleaned") for side in SIDES}
    | {f"Centra: {when} GET": 6 for when in ("before", "after")}
    | {f"myOGO: {when} GET": 13 for when in ("before", "after")}
    | {f"myOGO: {when} POST": 4 for when in ("before", "after")}
    | {f"myOGO: {when} PUT": 2 for when in ("before", "after")}
    | {f"journal: {when} the {what}": 5 for when in ("before", "after") for what in ("intent", "outcome")}
    | {"journal: loaded": 1, "journal: removed": 1}
    | {
        f"run history: {what}": 1
        for what in ("planned", "before the end of the run", "after the end of the run", "ready to publish")
    }
    | {"publish: before the copy": 1, "publish: copied": 1, "publish: in place": 1, "lock: before the release": 1}
)


IN_FLIGHT = 4


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with product_environment.start_sandbox() as running:
        yield running


def test_the_list_of_failpoints_is_complete(box: Sandbox, tmp_path: Path) -> None:
    """A failpoint that this file does not list would not be tested."""
    finished = child_process.run(
        *ProductEnvironment(box, tmp_path, expectations=True, max_in_flight=IN_FLIGHT).arguments,
        folder=tmp_path,
        trace=True,
    )
    assert finished.code == 3, finished.stdout
    assert Counter(finished.failpoints) == FAILPOINTS


def killed(box: Sandbox, folder: Path, **options: Any) -> CellResult:
    """Kills the process; the next run completes the work from any state that it left."""
    environment = ProductEnvironment(box, folder, expectations=True, max_in_flight=IN_FLIGHT)
    finished = child_process.run(*environment.arguments, folder=folder, **options)
    assert finished.code == -signal.SIGKILL or (finished.code == 3 and "kill_when" in options), finished
    environment.check_partial_state()
    exits = (finished.code, environment.rerun())
    environment.check_nothing_to_do()
    return CellResult(exits)


def killed_after(box: Sandbox, folder: Path, seconds: float) -> CellResult:
    """Kills the process after some time, for example while it writes a page of the database."""
    deadline = time.monotonic() + seconds
    return killed(box, folder, kill_when=lambda: time.monotonic() > deadline)


def signalled(box: Sandbox, folder: Path, signal_at: SignalAt) -> CellResult:
    """Sends the signal: started changes are recorded, the others are not attempted, and the exit code matches."""
    environment = ProductEnvironment(box, folder, expectations=True, max_in_flight=IN_FLIGHT)
    finished = child_process.run(*environment.arguments, folder=folder, signal_at=signal_at)
    document = decode(finished.stdout.encode())
    counts = document["flows"]["products"]
    assert (document["outcome"], finished.code) in (("interrupted", 5), ("attention", 3)), finished
    assert document["exit_code"] == finished.code
    outcomes = Counter(outcome for _, _, outcome in environment.outcomes())
    assert outcomes.keys() <= {"applied"}
    assert len(writes(environment.shop)) == counts["applied"] == outcomes["applied"]
    assert counts["create"] + counts["update"] == outcomes["applied"] + counts["not_attempted"]
    assert (finished.code == 3) == (counts["create"] > 0 and counts["not_attempted"] == 0)
    assert environment.shop.sql("select outcome, exit_code, ended_at is not null from sync.runs") == [
        (document["outcome"], finished.code, True)
    ]
    environment.check_partial_state()
    exits = (finished.code, environment.rerun())
    environment.check_nothing_to_do()
    return CellResult(exits)


def cells() -> Iterator[Cell]:
    for hundredths in range(4, 204, 4):
        run = functools.partial(killed_after, seconds=hundredths / 100)
        yield Cell(FAMILY, "kill -9 after some time", "local", f"{hundredths / 100:.2f} s", run)
    for place, times in FAILPOINTS.items():
        for nth in range(1, times + 1):
            for name, number in SIGNALS.items():
                if name == "Ctrl-C" and nth > 1:
                    continue  # it is handled like SIGTERM; once at each kind of step is enough
                run_with = killed if number == signal.SIGKILL else signalled
                run = functools.partial(run_with, signal_at=SignalAt(place, nth, number))
                yield Cell(FAMILY, name, "local", f"{place} {nth}", run, quick=(name, place, nth) in QUICK)


# Each kind of step once, at its last occurrence.
QUICK = {
    ("kill -9", place, times)
    for place, times in FAILPOINTS.items()
    if place.startswith(
        ("lock: taken", "lock: holder", "journal: a", "journal: b", "publish", "stage: loaded c", "myOGO: after P")
    )
    or place in ("run history: after the end of the run", "store: before the commit of sync.journal")
} | {
    (signal_name, place, 1)
    for signal_name, place in (
        ("SIGTERM", "Centra: after GET"),
        ("SIGTERM", "journal: after the intent"),
        ("Ctrl-C", "lock: holder written"),
        ("Ctrl-C", "stage: normalised myogo"),
    )
}


CELLS = [*cells()]


@pytest.mark.parametrize("cell", as_parameters(CELLS))
def test_a_push_after_a_signal_can_be_completed(
    cell: Cell, box: Sandbox, tmp_path: Path, record_cell: Callable[[Cell, CellResult], None]
) -> None:
    record_cell(cell, cell.run(box, tmp_path))
