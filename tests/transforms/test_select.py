"""The sizes that a channel selects."""

from __future__ import annotations

import glob

import pandas as pd
import pytest

from tests.support.frames import products, texts
from tests.support.shop import size
from transforms.products import selected
from transforms.select import closest_codes, matches, only_match


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        pytest.param(["*"], [True, True, True, True], id="all, null too"),
        pytest.param([], [False, False, False, False], id="none"),
        pytest.param(["A-*"], [True, False, False, False], id="prefix"),
        pytest.param(["a-*"], [False, True, False, False], id="case matters"),
        pytest.param(["[Aa]-1"], [True, True, False, False], id="brackets"),
        pytest.param(["[!A]*"], [False, True, True, False], id="not in brackets"),
        pytest.param(["?-1"], [True, True, False, False], id="one character"),
        pytest.param(["A"], [False, False, False, False], id="complete text only"),
        pytest.param(["B[[]x]"], [False, False, True, False], id="a literal bracket"),
        pytest.param(["zzz", "A-1"], [True, False, False, False], id="any pattern"),
    ],
)
def test_patterns_match_complete_texts(patterns: list[str], expected: list[bool]) -> None:
    assert list(matches([texts(["A-1", "a-1", "B[x]", None])], patterns)) == expected


def test_a_match_in_any_column_is_enough() -> None:
    """And a null in one column does not hide a match in another."""
    assert list(matches([texts(["A", None, "C"]), texts([None, "A", "C"])], ["A"])) == [True, True, False]


CATALOGUE = (
    size(1, sku="A-1", brand="Acme", folder="Outerwear", categoryName="Jackets"),
    size(2, sku="B-1", brand="Other", folder="Outerwear", categoryName="Coats"),
    size(3, sku="C-1", brand=None, folder="", categoryName="", categories=[]),
)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        pytest.param(("*",), (), [True, True, True], id="by default everything"),
        pytest.param(("A-*",), (), [True, False, False], id="by code"),
        pytest.param(("Acme",), (), [True, False, False], id="by brand"),
        pytest.param(("Outerwear",), (), [True, True, False], id="by folder"),
        pytest.param(("Coats",), (), [False, True, False], id="by category"),
        pytest.param(("*",), ("Outer*",), [False, False, True], id="exclude"),
        pytest.param(("A-1",), ("Acme",), [False, False, False], id="exclude wins"),
        pytest.param(("*",), ("*",), [False, False, False], id="exclude everything"),
    ],
)
def test_include_and_exclude_patterns_select_sizes(
    include: tuple[str, ...], exclude: tuple[str, ...], expected: list[bool]
) -> None:
    assert list(selected(products(*CATALOGUE), include, exclude)) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("jkt100*", ["JKT100-BLU-S", "JKT100-BLU-M"]),
        ("JTK100-BLU-S", ["JKT100-BLU-S", "JKT100-BLU-M"]),
        ("JKT100-BLU-L", ["JKT100-BLU-S", "JKT100-BLU-M"]),
        ("demo-1002-1", ["demo-1001-1"]),
        ("ZZZ*", []),
        ("?", []),
    ],
)
def test_the_closest_codes_are_those_that_were_probably_meant(pattern: str, expected: list[str]) -> None:
    """The same but for case first, then similar ones."""
    codes = texts(["JKT100-BLU-S", "JKT100-BLU-M", "HAT-1", None, "HAT-1", "demo-1001-1"])
    assert closest_codes(pattern, codes) == expected


def test_of_many_codes_those_with_the_same_beginning_are_compared() -> None:
    """So that the message comes at once."""
    codes = pd.Series([f"{letter}{n:06}" for letter in "AZ" for n in range(2001)] + ["SKU-100", "SKU-200"])
    assert closest_codes("sku-1", codes) == ["SKU-100", "SKU-200"]
    assert closest_codes("a00*", codes) == ["A000000", "A000001", "A000002"]
    assert closest_codes("*SKU-10O?", codes) == ["SKU-100", "SKU-200"]


@pytest.mark.parametrize(
    "code", ["A-1", "a*b", "a?b", "a[b", "a[b]c", "[*]", "[[]", "]", "[!a]", "", "æ/ö", "XL", "XXXX"]
)
def test_an_escaped_text_matches_only_itself(code: str) -> None:
    """Also where its letters would mean something in a pattern."""
    others = ["A-2", "axb", "ab", "a[bc", "[x]", "b", "*"]
    found = matches([pd.Series([code, *others])], [glob.escape(code)])
    assert only_match(glob.escape(code)) == code
    assert [*found] == [True] + [one == code for one in others]


@pytest.mark.parametrize("pattern", ["*", "A*", "?", "[ab]", "[!a]", "[*?]", "a[[]*"])
def test_a_pattern_of_several_texts_has_no_only_match(pattern: str) -> None:
    assert only_match(pattern) is None


def test_many_exact_codes_cost_no_comparison_each() -> None:
    codes = pd.Series([f"SKU-{number}" for number in range(200_000)])
    assert matches([codes], [glob.escape(code) for code in codes[:100_000]]).sum() == 100_000


def test_a_size_is_also_selected_by_its_code_in_centra() -> None:
    """Where it keeps another one in myOGO."""
    frame = products(*CATALOGUE)
    kept = frame.assign(code_in_centra=texts(["NEW-1", "B-1", "C-1"]))
    assert list(selected(kept, ("NEW-*",), ())) == [True, False, False]
    assert list(selected(kept, ("A-1", "B-1"), ())) == [True, True, False]
    assert list(selected(kept, ("*",), ("NEW-1",))) == [False, True, True]
