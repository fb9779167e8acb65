"""Every fault at every request of orders, tracking and stock, and kill -9 around each: nothing is done twice, and
reruns of the same command bring both sides to the expected state."""

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
from tests.support.child_process import SignalAt
from tests.support.shop_helpers import FOREVER, OtherHost
from tests.support.waiting import LONG_S
from tests.torture import order_environment
from tests.torture.faults import FAULTS, Fault
from tests.torture.injection_points import InjectionPoint, Kind
from tests.torture.matrix import Cell, CellResult, as_parameters
from tests.torture.order_environment import FLOWS, REQUESTS, OrderEnvironment
from tests.torture.test_faults import timeouts_for

HTTP_FAMILY, KILL_FAMILY = "Orders, tracking and stock: faults over HTTP", "Orders, tracking and stock: kills"
READING = {"centra": 10, "myogo": 7}  # the number of requests of each side before the first write
# Faults that also last until the rerun, at every request of the side from one request on.
LASTING = ("429", "500", "503", "reset before the answer", "200 with HTML", "401", "served, then reset")
NOT_APPLICABLE = ("next names another host", "next forms a loop")  # orders and shipments are paged by offset
FAILPOINTS = (
    {
        f"Centra: {when} {verb}": times
        for when in ("before", "after")
        for verb, times in order_environment.VERBS["centra"].items()
    }
    | {
        f"myOGO: {when} {verb}": times
        for when in ("before", "after")
        for verb, times in order_environment.VERBS["myogo"].items()
    }
    | {f"journal: {when} the {what}": 7 for when in ("before", "after") for what in ("intent", "outcome")}
)
QUICK = {
    ("503", "PUT /capture 1004-1"),
    ("truncated JSON", "GET /shipments?order=1004&status=goodtogo offset 0, last look"),
    ("served, then reset", "PUT /capture 1004-1"),
    ("served, then read timeout", "POST /Orders demo-1003-1"),
    ("500", "POST /Orders demo-1004-1"),
    ("429, Retry-After in seconds", "PUT /shipment 1001-1"),
    ("served, but 503", "PUT /shipment 1002-1"),
    ("200 with HTML, from this request on", "PUT /shipment 1001-1"),
    ("reset before the answer", "POST /stock"),
    ("503, from this request on", "POST /stock"),
    ("truncated JSON", "GET /orders offset 0"),
    ("redirect to another host", "PUT /capture 1004-1"),
    ("token expired during the run", "POST /Orders demo-1004-1"),
    ("kill -9", "Centra: after PUT 2"),
    ("kill -9", "Centra: after PUT 1"),
    ("kill -9", "myOGO: after POST 3"),
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with order_environment.start_sandbox() as running:
        yield running


def _injection_points() -> Iterator[tuple[int, InjectionPoint]]:
    """The requests, each with its index on its side."""
    for side, names in REQUESTS.items():
        for nth, name in enumerate(names):
            method = name.split(" ")[0]
            kind: Kind = "list" if nth < READING[side] else "look"
            if method != "GET":
                kind = "token" if "Token" in name else "post"
            yield nth, InjectionPoint(side, kind, name, method, "*")


def run_fault(
    fault: Fault, nth: int, point: InjectionPoint, lasting: bool, box: Sandbox, folder: Path, other: OtherHost
) -> CellResult:
    """Injects the fault at one request, or at all requests of its side from this one on."""
    environment = OrderEnvironment(box, folder, **timeouts_for(fault, lasting))
    spec = dict(fault.spec(other.url) if callable(fault.spec) else fault.spec)
    fault_filter = {"side": point.side, "skip": nth, "times": FOREVER if lasting else 1}
    if spec["kind"] in ("refuse", "silence"):  # from the end of the previous request on
        spec["seconds"] = 0.15
        fault_filter["skip"] -= 1
        if nth == 0:
            box.add_fault(side=point.side, path="/knock", **spec)
            url = box.centra_url if point.side == "centra" else box.myogo_url
            requests.get(f"{url}/knock", timeout=LONG_S)
            box.clear_requests()
            fault_filter = {}
    if fault_filter:
        box.add_fault(**fault_filter, **spec)
    report = environment.push()
    notes = [f"{report.counts[name]} {name}" for name in ("refused", "unknown") if report.counts[name]]
    complete = environment.check_report(report)
    environment.end_faults()
    exits = [report.exit_code]
    if not complete:
        exits.append(environment.rerun())
        environment.check_nothing_to_do()
    environment.clean_up()
    return CellResult(tuple(exits), ", ".join(notes))


def killed(signal_at: SignalAt, box: Sandbox, folder: Path, other: OtherHost) -> CellResult:
    """Kills the process; the next run completes the work from any state that it left."""
    environment = OrderEnvironment(box, folder)
    finished = child_process.run(*environment.arguments, folder=folder, signal_at=signal_at)
    assert finished.code == -signal.SIGKILL, finished
    environment.check_partial_state()
    exits = (finished.code, environment.rerun())
    environment.check_nothing_to_do()
    return CellResult(exits)


def cells() -> Iterator[Cell]:
    for nth, point in _injection_points():
        for fault in FAULTS:
            if not fault.applies_to(point) or fault.name in NOT_APPLICABLE:
                continue
            for lasting in (False, True) if fault.name in LASTING else (False,):
                name = f"{fault.name}, from this request on" if lasting else fault.name
                run = functools.partial(run_fault, fault, nth, point, lasting)
                yield Cell(HTTP_FAMILY, name, point.side, point.name, run, quick=(name, point.name) in QUICK)
    for failpoint, times in FAILPOINTS.items():
        for nth in range(1, times + 1):
            run = functools.partial(killed, SignalAt(failpoint, nth, signal.SIGKILL))
            name = f"{failpoint} {nth}"
            yield Cell(KILL_FAMILY, "kill -9", "local", name, run, quick=("kill -9", name) in QUICK)


CELLS = [*cells()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", as_parameters(CELLS))
def test_orders_tracking_and_stock_with_a_fault_can_be_completed(
    cell: Cell, box: Sandbox, tmp_path: Path, other: OtherHost, record_cell: Callable[[Cell, CellResult], None]
) -> None:
    record_cell(cell, cell.run(box, tmp_path, other))


def test_the_injection_points_are_the_requests_of_a_run(box: Sandbox, tmp_path: Path) -> None:
    """In their order on each side and without a gap; the run does all the work, and the next run has nothing to do."""
    environment = OrderEnvironment(box, tmp_path)
    report = environment.shop.run("push", flows=FLOWS)
    sent = {side: [*map(order_environment.request_name, box.requests(side))] for side in REQUESTS}
    assert sent == {
        side: [re.sub(", (proof|again|last look)$", "", name) for name in names] for side, names in REQUESTS.items()
    }
    environment.check_partial_state()
    assert (report.exit_code, environment.check_report(report)) == (0, True)
    environment.check_nothing_to_do()


def test_the_list_of_failpoints_is_complete(box: Sandbox, tmp_path: Path) -> None:
    finished = child_process.run(*OrderEnvironment(box, tmp_path).arguments, folder=tmp_path, trace=True)
    assert finished.code == 0, finished.stdout
    failpoints: Any = Counter(
        point for point in finished.failpoints if point.startswith(("Centra", "myOGO", "journal: "))
    )
    assert {
        point: times for point, times in failpoints.items() if not point.endswith(("loaded", "removed"))
    } == FAILPOINTS


def test_every_quick_cell_exists_and_ids_are_unique() -> None:
    assert {(cell.fault, cell.place) for cell in CELLS} >= QUICK
    assert [name for name, count in Counter(cell.id for cell in CELLS).items() if count > 1] == []
