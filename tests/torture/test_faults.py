"""A fault at every request of a run: the same command again, at most once, brings myOGO to what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from pipelines.report import RunReport
from pipelines.sandbox import Sandbox
from tests.line.helpers import FOREVER, Elsewhere
from tests.torture import ground
from tests.torture.cells import Cell, Ended, chosen
from tests.torture.faults import FAULTS, Fault
from tests.torture.ground import Ground
from tests.torture.places import Place, before

FAMILY = "Faults over HTTP"


class Scene(NamedTuple):
    """Where a cell is played: the shop, another host, a folder of its own."""

    box: Sandbox
    other: Elsewhere
    folder: Path


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


@pytest.fixture(scope="module")
def other() -> Iterator[Elsewhere]:
    with Elsewhere() as elsewhere:
        yield elsewhere


@pytest.fixture
def scene(box: Sandbox, other: Elsewhere, tmp_path: Path) -> Iterator[Scene]:
    """Nothing at all may reach the other host."""
    other.heard.clear()
    yield Scene(box, other, tmp_path)
    assert other.heard == []


def struck(fault: Fault, place: Place, lasting: bool, quick: bool, scene: Scene) -> Ended:
    """The cell of one fault at one place."""
    here = Ground(scene.box, scene.folder, **fault.channel, **_patience(fault, lasting))
    _script(scene, fault, place, lasting)
    return ended(here, here.push(), quick)


def _patience(fault: Fault, lasting: bool) -> dict[str, Any]:
    # Long enough for somebody who left for a moment to be back.
    gone = isinstance(fault.spec, dict) and fault.spec["kind"] in ("refuse", "silence")
    return {"backoff_s": 0.2} if gone and not lasting else {}


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


def ended(here: Ground, report: RunReport, quick: bool) -> Ended:
    """What holds after the struck run, after one more where that is needed, and after the last."""
    exits = [report.exit_code]
    notes = [f"{report.counts[name]} {name}" for name in ("refused", "unknown") if report.counts[name]]
    done = here.tells_the_truth(report)
    here.box.clear_faults()
    if not done:
        exits.append(here.heals())
    here.is_at_rest(always=quick)
    here.clean_up()
    return Ended(tuple(exits), ", ".join(notes))


def _cells() -> Iterator[Cell]:
    for fault in FAULTS:
        for lasting, places in ((False, fault.once), (True, fault.lasting)):
            for place in filter(fault.at, places):
                name = f"{fault.name}, lasting" if lasting else fault.name
                quick = False
                yield Cell(FAMILY, name, place.side, place.name, partial(struck, fault, place, lasting, quick), quick)


CELLS = list(_cells())


@pytest.mark.parametrize("cell", chosen(CELLS))
def test_a_fault(cell: Cell, scene: Scene, tell: Callable[[Cell, Ended], None]) -> None:
    tell(cell, cell.run(scene))
