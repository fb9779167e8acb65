"""Every fault at every request of orders, tracking and stock, and kill -9 around each: nothing is done twice, and the
same command again brings both sides to where they belong."""

from __future__ import annotations

import functools
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from tests.support import child_process
from tests.support.child_process import Blow
from tests.support.shop_helpers import FOREVER, Elsewhere
from tests.torture import trade
from tests.torture.cells import Cell, Ended, chosen
from tests.torture.faults import FAULTS, Fault
from tests.torture.places import Kind, Place
from tests.torture.test_faults import patience
from tests.torture.trade import FLOWS, REQUESTS, Trade

FAULTY, KILLED = "Orders, tracking and stock: faults over HTTP", "Orders, tracking and stock: blows"
READING = {"centra": 10, "myogo": 7}  # how many requests of each side are sent before anything is written
# What stays as it is until the rerun, on every request of the side from the place on.
LASTING = ("429", "500", "503", "reset before the answer", "200 with HTML", "401", "served, then reset")
NOT_HERE = ("next leads to another host", "next leads in a loop")  # orders and shipments are paged by offset
BLOWS = (
    {f"Centra: {when} {verb}": times for when in ("before", "after") for verb, times in trade.VERBS["centra"].items()}
    | {f"myOGO: {when} {verb}": times for when in ("before", "after") for verb, times in trade.VERBS["myogo"].items()}
    | {f"journal: {when} the {what}": 7 for when in ("before", "after") for what in ("intent", "outcome")}
)
QUICK = {
    ("503", "PUT /capture 1004-1"),
    ("served, then reset", "PUT /capture 1004-1"),
    ("served, then read timeout", "POST /Orders demo-1003-1"),
    ("500", "POST /Orders demo-1004-1"),
    ("429, Retry-After in seconds", "POST /shipment 1001-1"),
    ("served, yet 503", "POST /shipment 1002-1"),
    ("200 with HTML, from here on", "POST /shipment 1001-1"),
    ("reset before the answer", "POST /stock"),
    ("503, from here on", "POST /stock"),
    ("truncated JSON", "GET /orders offset 0"),
    ("redirect to another host", "PUT /capture 1004-1"),
    ("token expired in mid-run", "POST /Orders demo-1004-1"),
    ("kill -9", "Centra: after POST 2"),
    ("kill -9", "Centra: after PUT 1"),
    ("kill -9", "myOGO: after POST 3"),
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with trade.shop() as running:
        yield running


def _places() -> Iterator[tuple[int, Place]]:
    """With how many requests its side has answered before."""
    for side, names in REQUESTS.items():
        for nth, name in enumerate(names):
            method = name.split(" ")[0]
            kind: Kind = "list" if nth < READING[side] else "look"
            if method != "GET":
                kind = "token" if "Token" in name else "post"
            yield nth, Place(side, kind, name, method, "*")


def struck(fault: Fault, nth: int, place: Place, lasting: bool, box: Sandbox, folder: Path, other: Elsewhere) -> Ended:
    """The fault at one request, or at all of that side from it on."""
    here = Trade(box, folder, **patience(fault, lasting))
    spec = dict(fault.spec(other.url) if callable(fault.spec) else fault.spec)
    where = {"side": place.side, "skip": nth, "times": FOREVER if lasting else 1}
    if spec["kind"] in ("refuse", "silence"):  # from the end of the request before
        spec["seconds"] = 0.15
        where["skip"] -= 1
        if nth == 0:
            box.add_fault(side=place.side, path="/knock", **spec)
            url = box.centra_url if place.side == "centra" else box.myogo_url
            requests.get(f"{url}/knock", timeout=5)
            box.clear_requests()
            where = {}
    if where:
        box.add_fault(**where, **spec)
    report = here.push()
    notes = [f"{report.counts[name]} {name}" for name in ("refused", "unknown") if report.counts[name]]
    done = here.tells_the_truth(report)
    here.calms_down()
    exits = [report.exit_code]
    if not done:
        exits.append(here.heals())
        here.rests()
    here.clean_up()
    return Ended(tuple(exits), ", ".join(notes))


def killed(blow: Blow, box: Sandbox, folder: Path, other: Elsewhere) -> Ended:
    """The process dies there and then; whatever it left behind, the next run makes everything good."""
    here = Trade(box, folder)
    gone = child_process.run(*here.words, folder=folder, blow=blow)
    assert gone.code == -signal.SIGKILL, gone
    here.is_underway()
    exits = (gone.code, here.heals())
    here.rests()
    return Ended(exits)


def cells() -> Iterator[Cell]:
    for nth, place in _places():
        for fault in FAULTS:
            if not fault.at(place) or fault.name in NOT_HERE:
                continue
            for lasting in (False, True) if fault.name in LASTING else (False,):
                name = f"{fault.name}, from here on" if lasting else fault.name
                run = functools.partial(struck, fault, nth, place, lasting)
                yield Cell(FAULTY, name, place.side, place.name, run, quick=(name, place.name) in QUICK)
    for place_name, times in BLOWS.items():
        for nth in range(1, times + 1):
            run = functools.partial(killed, Blow(place_name, nth, signal.SIGKILL))
            name = f"{place_name} {nth}"
            yield Cell(KILLED, "kill -9", "ours", name, run, quick=("kill -9", name) in QUICK)


CELLS = [*cells()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", chosen(CELLS))
def test_trade(cell: Cell, box: Sandbox, tmp_path: Path, other: Elsewhere, tell: Callable[[Cell, Ended], None]) -> None:
    tell(cell, cell.run(box, tmp_path, other))


def test_the_places_are_the_requests_of_a_run(box: Sandbox, tmp_path: Path) -> None:
    """In their order on each side, and none is missing; the run does all that is to do, and the next nothing."""
    here = Trade(box, tmp_path)
    report = here.shop.run("push", flows=FLOWS)
    asked = {side: [*map(trade.name, box.requests(side))] for side in REQUESTS}
    assert asked == {side: [re.sub(", (proof|again)$", "", name) for name in names] for side, names in REQUESTS.items()}
    here.is_underway()
    assert (report.exit_code, here.tells_the_truth(report)) == (0, True)
    here.rests()


def test_the_list_of_blows_is_complete(box: Sandbox, tmp_path: Path) -> None:
    gone = child_process.run(*Trade(box, tmp_path).words, folder=tmp_path, trace=True)
    assert gone.code == 0, gone.printed
    passed: Any = Counter(place for place in gone.passed if place.startswith(("Centra", "myOGO", "journal: ")))
    assert {place: times for place, times in passed.items() if not place.endswith(("folded", "gone"))} == BLOWS


def test_every_quick_cell_is_there() -> None:
    assert {(cell.fault, cell.place) for cell in CELLS} >= QUICK
    assert [name for name, count in Counter(cell.id for cell in CELLS).items() if count > 1] == []
