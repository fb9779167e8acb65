"""The error reference: complete, up to date, and each id covered by a test."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.core.errors import CentraMyogoError
from pipelines.reports import error_reference
from schemas.products.expectations import EXPECTATIONS
from tests.support.declared import RULES
from tests.support.shop import Shop, size

ROOT = Path(__file__).resolve().parents[2]
TESTS = {path: path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)}
KINDS = sorted({kind.__name__ for kind in error_reference._kinds(CentraMyogoError)})
ABSTRACT = {"CentraMyogoError", "RecordError", "RemoteSystemError"}


def raised_kinds() -> set[str]:
    """The names of the error classes that the code instantiates."""
    names: set[str] = set()
    for path in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                names.add(node.func.id)
    return names


def test_the_page_matches_the_code() -> None:
    """`make docs` rewrites it."""
    assert error_reference.PAGE.read_text("utf-8") == error_reference.page()


def test_every_error_class_has_an_id_or_inherits_one() -> None:
    entries = error_reference.errors()
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(entry.meaning and entry.cause and entry.fix and entry.owner for entry in entries)
    assert raised_kinds() == set(KINDS) - ABSTRACT


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_covered_by_a_test(rule: str) -> None:
    assert any(rule in text for text in TESTS.values())


@pytest.mark.parametrize("entry", [entry.id for entry in error_reference.errors()])
def test_every_error_is_covered_by_a_test(entry: str) -> None:
    """tests/end_to_end/test_error_ids.py has a situation for each."""
    assert f'"{entry}"' in (ROOT / "tests/end_to_end/test_error_ids.py").read_text("utf-8")


def test_the_error_id_is_on_the_screen_and_in_the_json(shop_of: Callable[..., Shop]) -> None:
    """And in sync.runs."""
    shop = shop_of(size(1))
    shop.edit("max_creates      = 5000", "max_creates      = 0")
    assert shop.json("plan")["error"]["id"] == "LIMIT-001"
    assert "(LIMIT-001)" in shop.command("plan", str(shop.file), "--data", str(shop.data)).stdout
    assert shop.sql("select distinct facts ->> 'error_id' from sync.runs") == [("LIMIT-001",)]
    assert "(CONFIG-001)" in shop.command("plan", "nowhere").stderr


def test_the_tables_of_the_page_are_well_formed() -> None:
    """Each line of a table has as many cells as the line above it."""
    above = 0
    for line in error_reference.page().splitlines():
        cells = line.count("|") if line.startswith("|") else 0
        assert not (above and cells) or cells == above, line
        above = cells


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_every_expectation_is_covered_by_a_test(expectation: str) -> None:
    assert any(expectation in text for text in TESTS.values())
