"""Collects the result of each cell; `make torture` writes the table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import TORTURE
from tests.support.shop_helpers import OtherHost
from tests.torture.matrix import Cell, CellResult
from tests.torture.table import Row, render, with_families

PASSED_KEY = "torture/passed"
REST = os.environ.get("CELLS") == "rest"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "torture.md"


@pytest.fixture(scope="module")
def _other_host() -> Iterator[OtherHost]:
    with OtherHost() as host:
        yield host


@pytest.fixture
def other(_other_host: OtherHost) -> Iterator[OtherHost]:
    """Another host, which must get no request."""
    _other_host.received.clear()
    yield _other_host
    assert _other_host.received == []


@pytest.fixture
def record_cell(record_property: Callable[[str, object], None]) -> Callable[[Cell, CellResult], None]:
    """Records the result of a cell for the table, also across the processes of xdist."""

    def record(cell: Cell, result: CellResult) -> None:
        row = [cell.family, cell.fault, cell.side, cell.place, list(result.exits), result.note]
        record_property("torture", [cell.id, row])

    return record


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make torture CELLS=rest` runs only the cells that have not passed yet, after a fix or an interruption."""
    if REST:
        passed = _passed(config)
        items[:] = [item for item in items if _cell_id(item) not in {"", *passed}]


def _cell_id(item: pytest.Item) -> str:
    """The id of the item's cell; "" if it has none."""
    spec = getattr(item, "callspec", None)
    cell = spec.params.get("cell") if spec else None
    return cell.id if isinstance(cell, Cell) else ""


def _passed(config: pytest.Config) -> dict[str, list[Any]]:
    """The cells that have passed, also in a run that was killed before its summary."""
    if config.cache is None:
        return {}
    log = _log_of(config)
    logged = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []
    return dict(config.cache.get(PASSED_KEY, {})) | dict(logged)


def _log_of(config: pytest.Config) -> Path:
    assert config.cache is not None
    return config.cache.mkdir("torture") / "passed.jsonl"


def pytest_configure(config: pytest.Config) -> None:
    """Logs each cell as soon as it has passed: `make torture` takes long, and may be interrupted."""
    if TORTURE and not hasattr(config, "workerinput") and config.cache is not None:
        if not REST:
            _log_of(config).unlink(missing_ok=True)
        config.pluginmanager.register(_CellLog(_log_of(config)))


class _CellLog:
    def __init__(self, log: Path) -> None:
        self.log = log

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            cells = [value for name, value in report.user_properties if name == "torture"]
            with self.log.open("a", encoding="utf-8") as log:
                log.writelines(f"{json.dumps(cell)}\n" for cell in cells)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Writes a table per family to docs/torture.md; a family is rewritten once all its cells have passed."""
    if not TORTURE or config.option.collectonly or hasattr(config, "workerinput") or config.cache is None:
        return
    passed = _passed(config) if REST else {}
    for report in terminalreporter.stats.get("passed", []):
        passed |= dict(value for name, value in report.user_properties if name == "torture")
    config.cache.set(PASSED_KEY, passed)
    missing = [cell for cell in _all_cells() if cell.id not in passed]
    rows = [Row(*row) for row in passed.values()]
    terminalreporter.write_line(render(rows))
    if missing:
        terminalreporter.write_line(f"{len(missing)} cells have not passed yet, such as {missing[0].id!r}.")
    complete = {cell.family for cell in _all_cells()} - {cell.family for cell in missing}
    TABLE.write_text(with_families(TABLE.read_text("utf-8"), rows, complete), "utf-8")


def _all_cells() -> list[Cell]:
    from tests.torture import test_disk, test_faults, test_kills, test_order_faults

    return [cell for module in (test_disk, test_faults, test_kills, test_order_faults) for cell in module.CELLS]
