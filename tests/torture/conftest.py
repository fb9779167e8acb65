"""Gathers what became of each cell; `make torture` writes the table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import TORTURE
from tests.support.shop_helpers import Elsewhere
from tests.torture.cells import Cell, Ended
from tests.torture.table import Row, rendered, with_families

HELD = "torture/held"
REST = os.environ.get("CELLS") == "rest"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "torture.md"


@pytest.fixture(scope="module")
def _elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as host:
        yield host


@pytest.fixture
def other(_elsewhere: Elsewhere) -> Iterator[Elsewhere]:
    """Another host, which nothing at all may reach."""
    _elsewhere.heard.clear()
    yield _elsewhere
    assert _elsewhere.heard == []


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Cell, Ended], None]:
    """Keeps what became of a cell for the table, also across the processes of xdist."""

    def keep(cell: Cell, ended: Ended) -> None:
        row = [cell.family, cell.fault, cell.side, cell.place, list(ended.exits), ended.note]
        record_property("torture", [cell.id, row])

    return keep


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make torture CELLS=rest` tries the cells alone that have not held yet, after a mend or a stop."""
    if REST:
        held = _held(config)
        items[:] = [item for item in items if _cell(item) not in {"", *held}]


def _cell(item: pytest.Item) -> str:
    """The id of the item's cell; "" where it has none."""
    spec = getattr(item, "callspec", None)
    cell = spec.params.get("cell") if spec else None
    return cell.id if isinstance(cell, Cell) else ""


def _held(config: pytest.Config) -> dict[str, list[Any]]:
    return dict(config.cache.get(HELD, {})) if config.cache else {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A table per family, kept in the repository; that of a family is written anew once all its cells have held."""
    if not TORTURE or config.option.collectonly or hasattr(config, "workerinput") or config.cache is None:
        return
    held = _held(config) if REST else {}
    for report in terminalreporter.stats.get("passed", []):
        held |= dict(value for name, value in report.user_properties if name == "torture")
    config.cache.set(HELD, held)
    missing = [cell for cell in _all_cells() if cell.id not in held]
    rows = [Row(*row) for row in held.values()]
    terminalreporter.write_line(rendered(rows))
    if missing:
        terminalreporter.write_line(f"{len(missing)} cells have not held yet, as {missing[0].id!r}.")
    whole = {cell.family for cell in _all_cells()} - {cell.family for cell in missing}
    TABLE.write_text(with_families(TABLE.read_text("utf-8"), rows, whole), "utf-8")


def _all_cells() -> list[Cell]:
    from tests.torture import test_disk, test_faults, test_kills, test_trade

    return [cell for module in (test_disk, test_faults, test_kills, test_trade) for cell in module.CELLS]
