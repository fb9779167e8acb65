"""The table says of each fault and side how its runs ended and how often they had to be repeated."""

from __future__ import annotations

from tests.torture.table import Row, rendered, with_families

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


def test_a_family_is_written_anew_and_the_others_stay() -> None:
    before = rendered(ROWS)
    more = [Row("Kills", "SIGTERM", "both", "commit", [5, 0], ""), Row("Faults", "500", "myogo", "GET A", [3], "")]
    text = with_families(before, more, {"Kills"})
    assert text == rendered([*ROWS[:-1], more[0]])
    assert with_families(before, [], set()) == before
