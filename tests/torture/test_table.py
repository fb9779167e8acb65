"""The table has, for each fault and side, the exit codes and the numbers of reruns."""

from __future__ import annotations

from tests.torture.table import Row, render, with_families

ROWS = [
    Row("Faults", "500", "myogo", "POST A", [3], ""),
    Row("Faults", "500", "myogo", "GET A", [5, 3], ""),
    Row("Faults", "500", "centra", "page 1", [3], ""),
    Row("Faults", "400", "myogo", "POST A", [3, 3], "1 refused"),
    Row("Kills", "SIGKILL", "both", "commit", [137, 0], ""),
]


def test_the_table_has_a_line_per_fault_and_side_and_a_column_per_exit_code() -> None:
    assert render(reversed(ROWS)).partition("## ")[2].splitlines() == [
        "Faults (4 cells)",
        "",
        "| Fault | Side | Cells | exit 3 | exit 5 | 0 reruns | 1 reruns |",
        "|---|---|---:|---:|---:|---:|---:|",
        "| 400 | myogo | 1 | 1 |  |  | 1 |",
        "| 500 | centra | 1 | 1 |  | 1 |  |",
        "| 500 | myogo | 2 | 1 | 1 | 1 | 1 |",
        "| **all** |  | 4 | 3 | 1 | 2 | 2 |",
        "",
        "## Kills (1 cells)",
        "",
        "| Fault | Side | Cells | exit 137 | 1 reruns |",
        "|---|---|---:|---:|---:|",
        "| SIGKILL | both | 1 | 1 | 1 |",
        "| **all** |  | 1 | 1 | 1 |",
    ]


def test_a_complete_family_is_rewritten_and_the_others_stay() -> None:
    before = render(ROWS)
    new_rows = [Row("Kills", "SIGTERM", "both", "commit", [5, 0], ""), Row("Faults", "500", "myogo", "GET A", [3], "")]
    text = with_families(before, new_rows, {"Kills"})
    assert text == render([*ROWS[:-1], new_rows[0]])
    assert with_families(before, [], set()) == before
