"""The table says of each fault and side how its runs ended and how often they had to be repeated."""

from __future__ import annotations

from tests.torture.table import Row, rendered

ROWS = [
    Row("Faults", "500", "myogo", "POST A", [3], ""),
    Row("Faults", "500", "myogo", "GET A", [5, 3], ""),
    Row("Faults", "500", "centra", "page 1", [3], ""),
    Row("Faults", "400", "myogo", "POST A", [3, 3], "1 refused"),
    Row("Kills", "SIGKILL", "both", "commit", [137, 0], ""),
]


def test_a_line_per_fault_and_side_a_column_per_end() -> None:
    assert rendered(reversed(ROWS)).partition("## ")[2].splitlines() == [
        "Faults (4 cells)",
        "",
        "| Fault | Side | Cells | exit 3 | exit 5 | 0 again | 1 again |",
        "|---|---|---:|---:|---:|---:|---:|",
        "| 400 | myogo | 1 | 1 |  |  | 1 |",
        "| 500 | centra | 1 | 1 |  | 1 |  |",
        "| 500 | myogo | 2 | 1 | 1 | 1 | 1 |",
        "| **all** |  | 4 | 3 | 1 | 2 | 2 |",
        "",
        "## Kills (1 cells)",
        "",
        "| Fault | Side | Cells | exit 137 | 1 again |",
        "|---|---|---:|---:|---:|",
        "| SIGKILL | both | 1 | 1 | 1 |",
        "| **all** |  | 1 | 1 | 1 |",
    ]
