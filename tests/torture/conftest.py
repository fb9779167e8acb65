"""Gathers what became of each cell; `make torture` writes the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.cells import EVERYTHING, Cell, Ended
from tests.torture.table import Row, rendered

TABLE = Path(__file__).resolve().parents[2] / "docs" / "torture.md"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Cell, Ended], None]:
    """Keeps what became of a cell for the table, also across the processes of xdist."""

    def keep(cell: Cell, ended: Ended) -> None:
        row = [cell.family, cell.fault, cell.side, cell.place, list(ended.exits), ended.note]
        record_property("torture", row)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One table of everything, kept in the repository, once every cell has run and held."""
    if not EVERYTHING or hasattr(config, "workerinput"):
        return
    passed = terminalreporter.stats.get("passed", [])
    rows = [Row(*value) for report in passed for name, value in report.user_properties if name == "torture"]
    if not rows:
        return
    text = rendered(rows)
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line("Not written, because a cell failed: docs/torture.md")
    else:
        TABLE.write_text(text, "utf-8")
    terminalreporter.write_line(text)
