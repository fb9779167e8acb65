"""Barcodes and their check digits."""

from __future__ import annotations

import pytest

from schemas.gtin import is_gtin
from tests.support.frames import texts


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        pytest.param("96385074", True, id="GTIN-8"),
        pytest.param("036000291452", True, id="GTIN-12"),
        pytest.param("5901234123457", True, id="GTIN-13"),
        pytest.param("10614141000415", True, id="GTIN-14"),
        pytest.param("5901234123458", False, id="last digit wrong"),
        pytest.param("5901234123547", False, id="two digits swapped"),
        pytest.param("963850741", False, id="9 digits"),
        pytest.param("59012341234", False, id="11 digits"),
        pytest.param("000005901234123457", False, id="18 digits"),
        pytest.param("96385074abc", False, id="8 digits and letters"),
        pytest.param("abc5901234123457", False, id="letters and 13 digits"),
        pytest.param("5901234123457\n", False, id="line break at the end"),
        pytest.param(" 5901234123457", False, id="blank before"),
        pytest.param("٩٦٣٨٥٠٧٤", False, id="other digits"),
        pytest.param("StockTestEAN", False, id="words"),
        pytest.param("7.35E+12", False, id="a spreadsheet's number"),
        pytest.param("", False, id="empty"),
        pytest.param(None, False, id="null"),
    ],
)
def test_a_gtin_has_a_valid_length_and_check_digit(code: str | None, valid: bool) -> None:
    assert list(is_gtin(texts([code]))) == [valid]


def test_the_result_keeps_the_index() -> None:
    barcodes = texts(["96385074", None, "1"])
    barcodes.index = [7, 5, 3]
    assert is_gtin(barcodes).to_dict() == {7: True, 5: False, 3: False}


def test_an_empty_series_gives_an_empty_result() -> None:
    assert list(is_gtin(texts([]))) == []
