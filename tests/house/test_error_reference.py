"""The error catalogue: complete, rendered, and every id in it exercised."""

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
    """The names of our errors that the code raises or hands on."""
    names: set[str] = set()
    for path in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                names.add(node.func.id)
    return names


def test_the_page_is_what_the_code_says() -> None:
    """`make docs` renews it."""
    assert error_reference.PAGE.read_text("utf-8") == error_reference.page()


def test_every_kind_of_error_has_an_id_of_its_own_or_its_family_s() -> None:
    entries = error_reference.errors()
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(entry.meaning and entry.cause and entry.fix and entry.owner for entry in entries)
    assert raised_kinds() == set(KINDS) - ABSTRACT


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_exercised_by_a_test(rule: str) -> None:
    assert any(rule in text for text in TESTS.values())


@pytest.mark.parametrize("entry", [entry.id for entry in error_reference.errors()])
def test_every_error_is_exercised_by_a_test(entry: str) -> None:
    """Each has a situation in tests/end_to_end/test_error_ids.py."""
    assert f'"{entry}"' in (ROOT / "tests/end_to_end/test_error_ids.py").read_text("utf-8")


def test_the_id_stands_on_the_screen_and_in_the_json(shop_of: Callable[..., Shop]) -> None:
    """Also for what the analysts read."""
    shop = shop_of(size(1))
    shop.edit("max_creates      = 5000", "max_creates      = 0")
    assert shop.json("plan")["error"]["id"] == "LIMIT-001"
    assert "(LIMIT-001)" in shop.command("plan", str(shop.file), "--data", str(shop.data)).stdout
    assert shop.sql("select distinct facts ->> 'error_id' from sync.runs") == [("LIMIT-001",)]
    assert "(CONFIG-001)" in shop.command("plan", "nowhere").stderr


def test_the_tables_of_the_page_can_be_read_by_a_person() -> None:
    """No cell breaks its table: every line has as many as the line above it."""
    above = 0
    for line in error_reference.page().splitlines():
        cells = line.count("|") if line.startswith("|") else 0
        assert not (above and cells) or cells == above, line
        above = cells


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_every_expectation_is_exercised_by_a_test(expectation: str) -> None:
    assert any(expectation in text for text in TESTS.values())
