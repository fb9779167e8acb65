"""A blow at every step of a run: SIGKILL, SIGTERM and SIGINT, at every write, commit and HTTP boundary."""

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
from tests.support.child_process import Blow
from tests.support.shop_helpers import writes
from tests.torture import ground
from tests.torture.cells import Cell, Ended, chosen
from tests.torture.ground import Ground

SIDES = ("centra", "myogo")
FAMILY = "Blows at every step"
BLOWS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
# Every place that a push of the story passes, and how often.
PLACES = (
    {"lock: taken": 1, "lock: told": 1}
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
            "sync.expectations",
            "sync.changes",
            "sync.journal",
        )
        for when in ("before", "before the commit of", "after")
    }
    | {f"store: {when} sync.flows": 3 for when in ("before", "before the commit of", "after")}
    | {f"stage: {what} {side}": 1 for what in ("extracted", "normalised", "loaded", "tidied") for side in SIDES}
    | {f"Centra: {when} GET": 6 for when in ("before", "after")}
    | {f"myOGO: {when} GET": 13 for when in ("before", "after")}
    | {f"myOGO: {when} POST": 4 for when in ("before", "after")}
    | {f"myOGO: {when} PUT": 2 for when in ("before", "after")}
    | {f"journal: {when} the {what}": 5 for when in ("before", "after") for what in ("intent", "outcome")}
    | {"journal: folded": 1, "journal: gone": 1}
    | {
        f"run history: {what}": 1
        for what in ("planned", "before the end of the run", "after the end of the run", "ready to publish")
    }
    | {"publish: before the copy": 1, "publish: copied": 1, "publish: in place": 1, "lock: before the release": 1}
)


IN_FLIGHT = 4


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


def test_the_list_of_places_is_complete(box: Sandbox, tmp_path: Path) -> None:
    """A step that a run takes and this file does not know would go untortured."""
    gone = child_process.run(*Ground(box, tmp_path, max_in_flight=IN_FLIGHT).words, folder=tmp_path, trace=True)
    assert gone.code == 3, gone.printed
    assert Counter(gone.passed) == PLACES


def killed(box: Sandbox, folder: Path, **how: Any) -> Ended:
    """The process dies there and then; whatever it left behind, the next run makes everything good."""
    here = Ground(box, folder, max_in_flight=IN_FLIGHT)
    gone = child_process.run(*here.words, folder=folder, **how)
    assert gone.code == -signal.SIGKILL or (gone.code == 3 and "due" in how), gone
    here.is_underway()
    exits = (gone.code, here.heals())
    here.is_at_rest()
    return Ended(exits)


def killed_after(box: Sandbox, folder: Path, seconds: float) -> Ended:
    """The process dies wherever it is by then: in a half-written page of the database, for example."""
    until = time.monotonic() + seconds
    return killed(box, folder, due=lambda: time.monotonic() > until)


def signalled(box: Sandbox, folder: Path, blow: Blow) -> Ended:
    """The run ends in order: what was begun is recorded, the rest is told as not attempted, the exit code agrees."""
    here = Ground(box, folder, max_in_flight=IN_FLIGHT)
    gone = child_process.run(*here.words, folder=folder, blow=blow)
    told = decode(gone.printed.encode())
    counts = told["flows"]["products"]
    assert (told["outcome"], gone.code) in (("interrupted", 5), ("attention", 3)), gone
    assert told["exit_code"] == gone.code
    done = Counter(outcome for _, _, outcome in here.outcomes())
    assert done.keys() <= {"applied"}
    assert len(writes(here.shop)) == counts["applied"] == done["applied"]
    assert counts["create"] + counts["update"] == done["applied"] + counts["not_attempted"]
    assert (gone.code == 3) == (counts["create"] > 0 and counts["not_attempted"] == 0)
    assert here.shop.sql("select outcome, exit_code, ended_at is not null from sync.runs") == [
        (told["outcome"], gone.code, True)
    ]
    here.is_underway()
    exits = (gone.code, here.heals())
    here.is_at_rest()
    return Ended(exits)


def cells() -> Iterator[Cell]:
    for hundredths in range(4, 204, 4):
        run = functools.partial(killed_after, seconds=hundredths / 100)
        yield Cell(FAMILY, "kill -9 at some moment", "ours", f"{hundredths / 100:.2f} s", run)
    for place, times in PLACES.items():
        for nth in range(1, times + 1):
            for name, number in BLOWS.items():
                if name == "Ctrl-C" and nth > 1:
                    continue  # it is taken as SIGTERM is; once at each kind of step is enough
                ends = killed if number == signal.SIGKILL else signalled
                run = functools.partial(ends, blow=Blow(place, nth, number))
                yield Cell(FAMILY, name, "ours", f"{place} {nth}", run, quick=(name, place, nth) in QUICK)


# Each kind of step once, where it is taken for the last time.
QUICK = {
    ("kill -9", place, times)
    for place, times in PLACES.items()
    if place.startswith(("lock: t", "journal: a", "journal: b", "publish", "stage: loaded c", "myOGO: after P"))
    or place in ("run history: after the end of the run", "store: before the commit of sync.journal")
} | {
    (blow, place, 1)
    for blow, place in (
        ("SIGTERM", "Centra: after GET"),
        ("SIGTERM", "journal: after the intent"),
        ("Ctrl-C", "lock: told"),
        ("Ctrl-C", "stage: normalised myogo"),
    )
}


CELLS = [*cells()]


@pytest.mark.parametrize("cell", chosen(CELLS))
def test_a_blow(cell: Cell, box: Sandbox, tmp_path: Path, tell: Callable[[Cell, Ended], None]) -> None:
    tell(cell, cell.run(box, tmp_path))
