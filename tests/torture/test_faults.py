"""A fault at every request of a run: at most one rerun of the same command brings myOGO to the expected state."""

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
from tests.support.shop_helpers import FOREVER, OtherHost
from tests.support.waiting import LONG_S
from tests.torture import product_environment
from tests.torture.faults import FAULTS, Fault
from tests.torture.injection_points import INJECTION_POINTS, InjectionPoint, previous
from tests.torture.matrix import Cell, CellResult, as_parameters
from tests.torture.product_environment import ProductEnvironment
from tests.torture.scenarios import Scenario, scenarios

FAMILY = "Faults over HTTP"
# The cells of `make test`: each kind of fault, spread over both sides and all kinds of requests.
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
    ("reset in the body", "/products page 2"),
    ("truncated JSON", "PUT OLD-D"),
    ("length too small", "/Stock page 3"),
    ("200 with HTML", "token"),
    ("JSON nested 100,000 deep", "GET OLD-C"),
    ("redirect to another host", "POST NEW-A"),
    ("200, null, lasting", "/Products page 2"),
    ("204", "PUT OLD-C"),
    ('200, status "no"', "/stock page 2"),
    ("token expired, refresh token already used", "POST NEW-B"),
    ("served, but 400", "POST NEW-B"),
    ("an empty page, lasting", "/products page 2"),
    ("a page repeated", "/products page 2"),
    ("next forms a loop", "/stock page 1"),
    ("next names another host, lasting", "/products page 1"),
    ("endless next, new rows", "/Products page 1"),
    ("row removed while paging, sort asc", "/products page 3"),
    ("row edited while paging, sort edited", "/Products page 2"),
    ("dropped, then served", "POST NEW-A"),
    ("created with other values before our write, duplicate POST upsert", "GET NEW-B"),
}


class Setup(NamedTuple):
    """The sandbox, another host and the folder of a cell."""

    box: Sandbox
    other: OtherHost
    folder: Path


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with product_environment.start_sandbox() as running:
        yield running


@pytest.fixture
def setup(box: Sandbox, other: OtherHost, tmp_path: Path) -> Setup:
    return Setup(box, other, tmp_path)


def run_fault(fault: Fault, point: InjectionPoint, lasting: bool, setup: Setup) -> CellResult:
    """Runs the cell of one fault at one request."""
    environment = ProductEnvironment(setup.box, setup.folder, **timeouts_for(fault, lasting))
    _inject(setup, fault, point, lasting)
    report = environment.push()
    assert report.exit_code == fault.exit(point, lasting), report.message
    return finish(environment, report)


def timeouts_for(fault: Fault, lasting: bool) -> dict[str, Any]:
    """Short timeouts for faults without an answer, and a backoff long enough for a short outage to end."""
    kind = "" if callable(fault.spec) else fault.spec["kind"]
    match kind:
        case "hang" | "hang_after":
            return {"read_timeout_s": 3.0}
        case "silence":
            return {"connect_timeout_s": 0.3, "backoff_s": 0.001 if lasting else 0.2}
        case "refuse" if not lasting:
            return {"backoff_s": 0.2}
    return {}


def _inject(setup: Setup, fault: Fault, point: InjectionPoint, lasting: bool) -> None:
    spec = dict(fault.spec(setup.other.url) if callable(fault.spec) else fault.spec)
    if spec["kind"] not in ("refuse", "silence"):
        setup.box.add_fault(**point.fault_filter, **spec, times=FOREVER if lasting else 1)
        return
    # The sandbox refuses connections from the end of the previous request on.
    spec["seconds"] = 60 if lasting else 0.15
    previous_point = previous(point)
    if previous_point is not None:
        setup.box.add_fault(**previous_point.fault_filter, **spec)
        return
    setup.box.add_fault(side=point.side, path="/knock", **spec)
    url = setup.box.centra_url if point.side == "centra" else setup.box.myogo_url
    requests.get(f"{url}/knock", timeout=LONG_S)
    setup.box.clear_requests()


def finish(environment: ProductEnvironment, report: RunResult, *, moving: bool = False) -> CellResult:
    """Checks the state after the run with the fault, after a rerun if one is needed, and that nothing is left to do."""
    exits = [report.exit_code]
    notes = [f"{report.counts[name]} {name}" for name in ("refused", "unknown") if report.counts[name]]
    complete = environment.products() == environment.expected() if moving else environment.check_report(report)
    environment.end_faults()
    if not complete:
        exits.append(environment.rerun())
    environment.check_nothing_to_do()
    environment.clean_up()
    return CellResult(tuple(exits), ", ".join(notes))


def run_scenario(scenario: Scenario, setup: Setup) -> CellResult:
    """Runs the cell of one scenario."""
    environment = ProductEnvironment(setup.box, setup.folder, **dict(scenario.channel))
    scenario.set_up(environment)
    report = environment.push()
    assert report.exit_code in scenario.exits, report.message
    time.sleep(scenario.wait_s)
    return finish(environment, report, moving=scenario.moving)


def _cells() -> Iterator[Cell]:
    for fault in FAULTS:
        for lasting, places in ((False, fault.once), (True, fault.lasting)):
            for point in filter(fault.applies_to, places):
                name = f"{fault.name}, lasting" if lasting else fault.name
                yield _cell(name, point, partial(run_fault, fault, point, lasting))
    for scenario in scenarios():
        yield _cell(scenario.name, scenario.point, partial(run_scenario, scenario))


def _cell(name: str, point: InjectionPoint, run: Callable[[Setup], CellResult]) -> Cell:
    return Cell(FAMILY, name, point.side, point.name, run, quick=(name, point.name) in QUICK)


CELLS = list(_cells())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", as_parameters(CELLS))
def test_a_push_with_a_fault_can_be_completed(
    cell: Cell, setup: Setup, record_cell: Callable[[Cell, CellResult], None]
) -> None:
    record_cell(cell, cell.run(setup))


def test_the_injection_points_are_the_requests_of_a_run(setup: Setup) -> None:
    """In their order on each side and without a gap, so the cells cover every request."""
    environment = ProductEnvironment(setup.box, setup.folder)
    report = environment.push()
    assert environment.check_report(report)
    sent = [entry for side in ("centra", "myogo") for entry in setup.box.requests(side)]
    assert len(sent) == len(INJECTION_POINTS)
    for point, entry in zip(INJECTION_POINTS, sent, strict=True):
        target = f"{entry['path']}?{entry['query']}$"
        assert (point.side, point.method) == (entry["side"], entry["method"]), point.name
        assert point.path in target
        assert point.code in ("", str(entry.get("body", {}).get("code", point.code)))


def test_every_quick_cell_exists() -> None:
    assert sum(cell.quick for cell in CELLS) >= len(QUICK)
    assert {(cell.fault, cell.place) for cell in CELLS} >= QUICK


def test_cell_ids_are_unique() -> None:
    assert [name for name, count in Counter(cell.id for cell in CELLS).items() if count > 1] == []
