"""Gathers what became of each cell; `make torture` writes the table."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TORTURE
from tests.torture.cells import Cell, Ended
from tests.torture.table import Row, rendered

HELD = "torture/held"
REST = os.environ.get("CELLS") == "rest"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "torture.md"


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
    """One table of everything, kept in the repository, once every cell has held."""
    if not TORTURE or hasattr(config, "workerinput") or config.cache is None:
        return
    held = _held(config) if REST else {}
    for report in terminalreporter.stats.get("passed", []):
        held |= dict(value for name, value in report.user_properties if name == "torture")
    config.cache.set(HELD, held)
    missing = sorted(_all_cells() - held.keys())
    text = rendered(Row(*row) for row in held.values())
    terminalreporter.write_line(text)
    if missing:
        terminalreporter.write_line(f"Not written, because {len(missing)} cells have not held yet, as {missing[0]!r}.")
    else:
        TABLE.write_text(text, "utf-8")


def _all_cells() -> set[str]:
    from tests.torture import test_disk, test_faults, test_kills, test_trade

    return {cell.id for module in (test_disk, test_faults, test_kills, test_trade) for cell in module.CELLS}
