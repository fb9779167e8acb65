"""A fault at every request of a run: the same command again, at most once, brings myOGO to what is wanted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.shop_helpers import FOREVER, Elsewhere
from tests.torture import ground
from tests.torture.cells import Cell, Ended, chosen
from tests.torture.faults import FAULTS, Fault
from tests.torture.ground import Ground
from tests.torture.places import PLACES, Place, before
from tests.torture.stories import Story, stories

FAMILY = "Faults over HTTP"
# What `make test` runs: each sort of fault, spread over both sides and the kinds of requests.
QUICK = {
    ("429, Retry-After in seconds", "POST NEW-B"),
    ("429, Retry-After of hours", "/stock page 1"),
    ("500", "POST NEW-A"),
    ("503 with HTML", "/products page 3"),
    ("503, lasting", "PUT OLD-C"),
    ("504", "POST NEW-J"),
    ("connection refused", "/Products page 1"),
    ("connection refused, lasting", "POST NEW-B"),
    ("connect timeout, lasting", "/stock page 1"),
    ("read timeout", "/Stock page 2"),
    ("served, then read timeout", "POST NEW-J"),
    ("reset in mid-body", "/products page 2"),
    ("truncated JSON", "PUT OLD-D"),
    ("length too small", "/Stock page 3"),
    ("200 with HTML", "token"),
    ("JSON nested 100,000 deep", "GET OLD-C"),
    ("redirect to another host", "POST NEW-A"),
    ("200, null, lasting", "/Products page 2"),
    ("204", "PUT OLD-C"),
    ('200, status "no"', "/stock page 2"),
    ("token expired, refresh token used already", "POST NEW-B"),
    ("served, yet 400", "POST NEW-B"),
    ("an empty page, lasting", "/products page 2"),
    ("a page repeated", "/products page 2"),
    ("next leads in a loop", "/stock page 1"),
    ("next leads to another host, lasting", "/products page 1"),
    ("next without an end, fresh rows", "/Products page 1"),
    ("row removed while paging, sort asc", "/products page 3"),
    ("row edited while paging, sort edited", "/Products page 2"),
    ("dropped, and served later", "POST NEW-A"),
    ("made otherwise by hand before our write, a second POST upsert", "GET NEW-B"),
}


class Scene(NamedTuple):
    """Where a cell is played: the shop, another host, a folder of its own."""

    box: Sandbox
    other: Elsewhere
    folder: Path


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


@pytest.fixture
def scene(box: Sandbox, other: Elsewhere, tmp_path: Path) -> Scene:
    return Scene(box, other, tmp_path)


def struck(fault: Fault, place: Place, lasting: bool, scene: Scene) -> Ended:
    """The cell of one fault at one place."""
    here = Ground(scene.box, scene.folder, **patience(fault, lasting))
    _script(scene, fault, place, lasting)
    report = here.push()
    assert report.exit_code == fault.exit(place, lasting), report.message
    return ended(here, report)


def patience(fault: Fault, lasting: bool) -> dict[str, Any]:
    """Short where the fault is that nobody comes, and long enough for somebody who left for a moment to be back."""
    kind = "" if callable(fault.spec) else fault.spec["kind"]
    match kind:
        case "hang" | "hang_after":
            return {"read_timeout_s": 1.0}
        case "silence":
            return {"connect_timeout_s": 0.3, "backoff_s": 0.001 if lasting else 0.2}
        case "refuse" if not lasting:
            return {"backoff_s": 0.2}
    return {}


def _script(scene: Scene, fault: Fault, place: Place, lasting: bool) -> None:
    spec = dict(fault.spec(scene.other.url) if callable(fault.spec) else fault.spec)
    if spec["kind"] not in ("refuse", "silence"):
        scene.box.add_fault(**place.where, **spec, times=FOREVER if lasting else 1)
        return
    # Who refuses a connection does so from the end of the request before.
    spec["seconds"] = 60 if lasting else 0.15
    previous = before(place)
    if previous is not None:
        scene.box.add_fault(**previous.where, **spec)
        return
    scene.box.add_fault(side=place.side, path="/knock", **spec)
    url = scene.box.centra_url if place.side == "centra" else scene.box.myogo_url
    requests.get(f"{url}/knock", timeout=5)
    scene.box.clear_requests()


def ended(here: Ground, report: RunResult, *, moving: bool = False) -> Ended:
    """What holds after the struck run, after one more where that is needed, and after the last."""
    exits = [report.exit_code]
    notes = [f"{report.counts[name]} {name}" for name in ("refused", "unknown") if report.counts[name]]
    done = here.products() == here.goal() if moving else here.tells_the_truth(report)
    here.calms_down()
    if not done:
        exits.append(here.heals())
    here.is_at_rest()
    here.clean_up()
    return Ended(tuple(exits), ", ".join(notes))


def lived(story: Story, scene: Scene) -> Ended:
    """The cell of one story."""
    here = Ground(scene.box, scene.folder, **dict(story.channel))
    story.set_up(here)
    report = here.push()
    assert report.exit_code in story.exits, report.message
    time.sleep(story.wait_s)
    return ended(here, report, moving=story.moving)


def _cells() -> Iterator[Cell]:
    for fault in FAULTS:
        for lasting, places in ((False, fault.once), (True, fault.lasting)):
            for place in filter(fault.at, places):
                name = f"{fault.name}, lasting" if lasting else fault.name
                yield _cell(name, place, partial(struck, fault, place, lasting))
    for story in stories():
        yield _cell(story.name, story.place, partial(lived, story))


def _cell(name: str, place: Place, run: Callable[[Scene], Ended]) -> Cell:
    return Cell(FAMILY, name, place.side, place.name, run, quick=(name, place.name) in QUICK)


CELLS = list(_cells())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", chosen(CELLS))
def test_a_fault(cell: Cell, scene: Scene, tell: Callable[[Cell, Ended], None]) -> None:
    tell(cell, cell.run(scene))


def test_the_places_are_the_requests_of_a_run(scene: Scene) -> None:
    """In their order on each side, and none is missing: a cell at each of them is a cell at every request."""
    here = Ground(scene.box, scene.folder)
    report = here.push()
    assert here.tells_the_truth(report)
    asked = [entry for side in ("centra", "myogo") for entry in scene.box.requests(side)]
    assert len(asked) == len(PLACES)
    for place, entry in zip(PLACES, asked, strict=True):
        target = f"{entry['path']}?{entry['query']}$"
        assert (place.side, place.method) == (entry["side"], entry["method"]), place.name
        assert place.path in target
        assert place.code in ("", str(entry.get("body", {}).get("code", place.code)))


def test_every_quick_cell_is_there() -> None:
    assert sum(cell.quick for cell in CELLS) >= len(QUICK)
    assert {(cell.fault, cell.place) for cell in CELLS} >= QUICK


def test_no_two_cells_are_one() -> None:
    assert [name for name, count in Counter(cell.id for cell in CELLS).items() if count > 1] == []
