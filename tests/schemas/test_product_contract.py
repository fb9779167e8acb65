"""The contract of a product: each rule with values that break it and values that do not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from schemas.outgoing_contract import BrokenContract
from schemas.products.contract import failures
from tests.support.declared import RULES
from tests.support.frames import texts
from transforms.price import MONEY

VALID: dict[str, Any] = {
    "code": "A-1", "price_text": "10.00", "sales_price": Decimal("10.0000"), "name": "Parka",
    "language_code": "en", "country_of_origin": "PT", "mismatched": None, "second_price_text": None,
}  # fmt: skip
EMPTY = {"price_text": None, "sales_price": None}


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Valid products with the fields of `rows` replaced; their codes differ by default."""
    full = [VALID | {"code": f"A-{number}"} | row for number, row in enumerate(rows)]
    columns = {name: texts([row[name] for row in full]) for name in VALID if name != "sales_price"}
    return pd.DataFrame(columns).assign(sales_price=pd.Series([row["sales_price"] for row in full], dtype=MONEY))


def rules(*rows: dict[str, Any], zero: bool = False) -> list[tuple[int, str]]:
    """The row and the rule of each failure."""
    return list(failures(frame(*rows), zero).itertuples(index=False, name=None))


def _price(amount: str) -> dict[str, Any]:
    return {"price_text": amount, "sales_price": Decimal(amount)}


def _broken_by_one_rule() -> Iterator[Any]:
    yield pytest.param({"code": ""}, "SKU-001", id="SKU-001 empty")
    for name, code in {
        "slash": "A/B", "backslash": "A\\B", "tab": "A\tB", "line break": "A\nB", "NUL": "A\x00B", "DEL": "A\x7fB",
        "C1 control": "A\x85B", "zero width": "A\u200bB", "byte order mark": "\ufeffA", "soft hyphen": "A\u00adB",
        "variation selector": "A\u2764\ufe0f", "Hangul filler": "A\u3164B", "grapheme joiner": "A\u034fB",
        "Khmer vowel": "A\u17b4B", "halfwidth filler": "A\uffa0", "variation selector 17": "A\U000e0100B",
        "reserved": "A\u2065B",
        "right to left": "A\u202eB", "line separator": "A\u2028B", "replacement": "A\ufffdB", "blank before": " A",
        "blank after": "A ", "no-break space after": "A\u00a0", "ideographic space before": "\u3000A",
        "only a blank": " ", "trailing line break": "A\n",
    }.items():  # fmt: skip
        yield pytest.param({"code": code}, "SKU-003", id=f"SKU-003 {name}")
    yield pytest.param({"mismatched": "brand is true"}, "TYPE-001", id="TYPE-001")
    yield pytest.param(EMPTY, "PRICE-001", id="PRICE-001 none")
    for amount in ("0", "0.0000", "-0.0001", "-10"):
        yield pytest.param(_price(amount), "PRICE-002", id=f"PRICE-002 {amount}")
    yield pytest.param({"price_text": "49,00", "sales_price": None}, "PRICE-002", id="PRICE-002 no number")
    yield pytest.param({"name": None}, "NAME-001", id="NAME-001 null")
    for language in ("e", "eng", "", "1n", "e ", "øl", "en\n", None):
        yield pytest.param({"language_code": language}, "LANG-001", id=f"LANG-001 {language!r}")
    for country in ("P", "PRT", "P1", "PORTUGAL", "ÅL", "PT\n", "UK", "EL", "EU", "XX", "AA"):
        yield pytest.param({"country_of_origin": country}, "COO-001", id=f"COO-001 {country!r}")


@pytest.mark.parametrize(("change", "rule"), list(_broken_by_one_rule()))
def test_an_invalid_value_breaks_exactly_one_rule(change: dict[str, Any], rule: str) -> None:
    """And only in its row."""
    assert rules({}, change, {}) == [(1, rule)]
    assert RULES[rule].withholds


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"code": "A"}, id="SKU-001 one character"),
        pytest.param({"code": "0"}, id="SKU-001 nought"),
        pytest.param({"code": "A B"}, id="SKU-003 blank within"),
        pytest.param({"code": "½Ö+%.,:;#'\"_-"}, id="SKU-003 unusual but printable"),
        pytest.param({"code": "A\u00a0B"}, id="SKU-003 no-break space within"),
        pytest.param({"code": "日本"}, id="SKU-003 other letters"),
        pytest.param({"code": "A\u2013B\u2764"}, id="SKU-003 dash and sign"),
        pytest.param({"code": "e\u0301"}, id="SKU-003 combining accent"),
        pytest.param({"code": "a-0"}, id="SKU-002 case differs"),
        pytest.param(_price("0.0001"), id="PRICE-002 smallest"),
        pytest.param(_price("99999999999999.9999"), id="PRICE-002 largest"),
        pytest.param({"name": "x"}, id="NAME-001 one letter"),
        pytest.param({"language_code": "sv"}, id="LANG-001 two letters"),
        pytest.param({"country_of_origin": None}, id="COO-001 none"),
        *(pytest.param({"country_of_origin": code}, id=f"COO-001 {code}") for code in ("SE", "GB", "GR", "XK", "SX")),
    ],
)
def test_a_valid_value_breaks_no_rule(change: dict[str, Any]) -> None:
    assert rules({}, change, {}) == []


def test_a_zero_price_passes_if_it_is_allowed() -> None:
    """A price below zero does not."""
    assert rules(_price("0"), _price("-0.0001"), EMPTY, zero=True) == [(1, "PRICE-002"), (2, "PRICE-001")]


def test_every_size_with_a_shared_code_breaks_the_rule() -> None:
    assert rules({"code": "X"}, {}, {"code": "X"}, {"code": "x"}, {"code": "X"}) == [
        (0, "SKU-002"), (2, "SKU-002"), (4, "SKU-002"),
    ]  # fmt: skip


def test_several_empty_codes_are_not_a_clash() -> None:
    assert rules({"code": ""}, {"code": ""}) == [(0, "SKU-001"), (1, "SKU-001")]


def test_a_shared_invalid_code_breaks_both_rules() -> None:
    assert rules({"code": "A/"}, {"code": "A/"}) == [
        (0, "SKU-002"), (0, "SKU-003"), (1, "SKU-002"), (1, "SKU-003"),
    ]  # fmt: skip


def test_a_row_that_breaks_several_rules_is_listed_once_per_rule() -> None:
    """Sorted by rule."""
    row = EMPTY | {"code": "A/B ", "name": None, "language_code": "", "country_of_origin": "X"}
    assert rules(row) == [(0, rule) for rule in ("COO-001", "LANG-001", "NAME-001", "PRICE-001", "SKU-003")]


def test_an_empty_frame_has_no_failures() -> None:
    found = failures(frame(), False)
    assert list(found.columns) == ["row", "rule"]
    assert len(found) == 0


@pytest.mark.parametrize("column", list(VALID))
def test_a_missing_column_breaks_the_contract(column: str) -> None:
    """The error names the column."""
    with pytest.raises(BrokenContract, match=column):
        failures(frame({}).drop(columns=column), False)


def test_a_duplicate_index_breaks_the_contract() -> None:
    """Failures could not be assigned to their rows."""
    doubled = pd.concat([frame({}), frame({"code": "B"})])
    with pytest.raises(BrokenContract):
        failures(doubled, False)
