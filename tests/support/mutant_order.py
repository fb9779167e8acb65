"""For `make mutants`: the tests that have noticed other mutants of the same function or module run first.

Most mutants are then noticed by one of the first tests. Does nothing where no mutant is under test.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

NOTICED = Path(__file__).resolve().parents[2] / "noticed.txt"  # in the copy of the project that mutmut runs
_NO_MUTANTS = ("", "fail", "stats", "mutant_generation", "list_all_tests")  # other values of the variable


def _function() -> str:
    """The function whose mutant is under test, as mutmut names it, or ""."""
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    return "" if mutant in _NO_MUTANTS else mutant.rpartition("__mutmut_")[0]


def _noticed(function: str) -> Iterator[tuple[bool, str]]:
    """Whether a mutant of this very function was noticed, and by which test, for all mutants of its module."""
    if NOTICED.exists():
        for line in NOTICED.read_text("utf-8").splitlines():
            other, _, test = line.partition(" ")
            if other.rpartition(".")[0] == function.rpartition(".")[0]:
                yield other == function, test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if function := _function():
        noticed = Counter(_noticed(function))
        module = function.rpartition(".")[0].rpartition(".")[2]

        def priority(item: pytest.Item) -> tuple[int, int, bool]:
            test = item.nodeid
            return -noticed[True, test], -noticed[False, test], module not in item.path.stem

        items.sort(key=priority)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed and (function := _function()):
        with NOTICED.open("a", encoding="utf-8") as file:
            file.write(f"{function} {report.nodeid}\n")
