"""A blow at every step of a run: SIGKILL, SIGTERM and SIGINT, at every write, commit and HTTP boundary."""

from __future__ import annotations

import functools
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.clients.payload import decode
from pipelines.sandbox import Sandbox
from tests.conftest import Shop
from tests.line.helpers import journal, writes
from tests.torture import child
from tests.torture.cells import EVERYTHING, Cell, Ended, chosen
from tests.torture.child import Blow
from tests.torture.story import healed, others, shop_in, start

SIDES = ("centra", "myogo")
BLOWS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
# Every place that a push of the story passes, and how often.
PLACES = (
    {"lock: taken": 1, "lock: told": 1}
    | {
        f"store: {when} {what}": 1
        for what in (
            "the tables",
            "the beginning of the run",
            "the memory of faults",
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
    | {f"stage: {what} {side}": 1 for what in ("extracted", "normalised", "loaded", "tidied") for side in SIDES}
    | {f"Centra: {when} GET": 4 for when in ("before", "after")}
    | {f"myOGO: {when} GET": 10 for when in ("before", "after")}
    | {f"myOGO: {when} POST": 3 for when in ("before", "after")}
    | {f"myOGO: {when} PUT": 2 for when in ("before", "after")}
    | {f"journal: {when} the {what}": 4 for when in ("before", "after") for what in ("intent", "outcome")}
    | {"journal: folded": 1, "journal: gone": 1}
    | {
        f"books: {what}": 1
        for what in ("planned", "before the end of the run", "after the end of the run", "ready to publish")
    }
    | {"publish: before the copy": 1, "publish: copied": 1, "publish: in place": 1, "lock: before the release": 1}
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with start() as running:
        yield running


def words(shop: Shop) -> tuple[str, ...]:
    return "push", str(shop.file), "--data", str(shop.data), "--json"


def test_the_list_of_places_is_complete(box: Sandbox, tmp_path: Path) -> None:
    """A step that a run takes and this file does not know would go untortured."""
    shop = shop_in(box, tmp_path)
    gone = child.run(*words(shop), folder=tmp_path, trace=True)
    assert gone.code == 3, gone.printed
    assert Counter(gone.passed) == PLACES


def killed(box: Sandbox, folder: Path, place: str, nth: int) -> Ended:
    """The process dies there and then; whatever it left behind, the next run makes everything good."""
    shop = shop_in(box, folder)
    untouched = others(shop)
    gone = child.run(*words(shop), folder=folder, blow=Blow(place, nth, signal.SIGKILL))
    assert gone.code == -signal.SIGKILL, gone.printed
    assert gone.printed == ""
    assert {code: found for code, found in others(shop).items() if code in untouched} == untouched
    return Ended((gone.code, *healed(shop, untouched, twice=EVERYTHING and nth == 1)))


def signalled(box: Sandbox, folder: Path, number: int, place: str, nth: int) -> Ended:
    """The run ends in order: what was begun is recorded, the rest is told as not attempted, the exit code agrees."""
    shop = shop_in(box, folder)
    untouched = others(shop)
    gone = child.run(*words(shop), folder=folder, blow=Blow(place, nth, number))
    told = decode(gone.printed.encode())
    counts = told["flows"]["products"]
    assert (told["outcome"], gone.code) in (("interrupted", 5), ("attention", 3)), gone.printed
    assert told["exit_code"] == gone.code
    done = Counter(outcome for _, _, outcome in journal(shop))
    assert {name: counts[name] for name in ("applied", "refused", "unknown")} == {
        name: done[name] for name in ("applied", "refused", "unknown")
    }
    assert done["unknown"] == done["refused"] == 0
    assert len(writes(shop)) == done["applied"]
    assert counts["create"] + counts["update"] == done["applied"] + counts["not_attempted"]
    assert (gone.code == 3) == (counts["create"] > 0 and counts["not_attempted"] == 0)
    assert shop.sql("select outcome, exit_code, ended_at is not null from sync.runs") == [
        (told["outcome"], gone.code, True)
    ]
    return Ended((gone.code, *healed(shop, untouched)))


def killed_some_time(box: Sandbox, folder: Path, after_s: float) -> Ended:
    """The process dies wherever it is by then: in a half-written page of the database, for example."""
    shop = shop_in(box, folder)
    untouched = others(shop)
    gone = child.run(*words(shop), folder=folder, kill_after_s=after_s)
    assert gone.code in (-signal.SIGKILL, 3), gone
    return Ended((gone.code, *healed(shop, untouched)))


def cells() -> Iterator[Cell]:
    for hundredths in range(4, 204, 4):
        run = functools.partial(killed_some_time, after_s=hundredths / 100)
        yield Cell("Blows at every step", "kill -9 at some moment", "ours", f"{hundredths / 100:.2f} s", run)
    for place, times in PLACES.items():
        for nth in range(1, times + 1):
            for blow, number in BLOWS.items():
                if blow == "Ctrl-C" and nth > 1:
                    continue  # it is taken as SIGTERM is; once at each kind of step is enough
                run = (
                    functools.partial(killed, place=place, nth=nth)
                    if number == signal.SIGKILL
                    else functools.partial(signalled, number=number, place=place, nth=nth)
                )
                quick = (blow, place, nth) in QUICK
                yield Cell("Blows at every step", blow, "ours", f"{place} {nth}", run, quick)


# Each kind of step once, where it is taken for the last time.
QUICK = {
    ("kill -9", place, times)
    for place, times in PLACES.items()
    if place.startswith(("lock: t", "journal", "books", "publish", "stage: loaded", "stage: extracted c"))
    or place.startswith(("Centra: after", "myOGO: before", "myOGO: after P"))
    or place in ("store: before the commit of the beginning of the run", "store: before the commit of sync.journal")
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
