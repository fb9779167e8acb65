"""Barcodes and their check digits."""

from __future__ import annotations

import pytest

from schemas.gtin import gtin14, has_wrong_check_digit, is_gtin, is_no_ean
from tests.support.frames import plain_list, texts


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


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("012345678905", "00012345678905", id="GTIN-12"),
        pytest.param("0012345678905", "00012345678905", id="GTIN-13"),
        pytest.param("00012345678905", "00012345678905", id="GTIN-14"),
        pytest.param("12345678905", "00012345678905", id="a GTIN-12 without its zero"),
        pytest.param("96385074", "00000096385074", id="GTIN-8"),
        pytest.param("0000096385074", "00000096385074", id="a GTIN-8 with 13 digits"),
        pytest.param("4711", "4711", id="a short number"),
        pytest.param("000012345678905", "000012345678905", id="15 digits"),
        pytest.param("AB-12E", "AB-12E", id="another kind of code"),
        pytest.param("0000000000000", None, id="zeros"),
        pytest.param("n/a", None, id="a word"),
        pytest.param("-", None, id="a dash"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
    ],
)
def test_gtins_are_compared_with_14_digits(code: str | None, expected: str | None) -> None:
    assert plain_list(gtin14(texts([code]))) == [expected]


def test_zeros_and_words_are_no_ean() -> None:
    for text in ("0", "00000000", "00000000000000", "n/a", "N/A", "none", "saknas", "-", "?", "StockTestEAN"):
        assert list(is_no_ean(texts([text]))) == [True], text
    assert list(is_no_ean(texts(["7", "AB-12E", "0000000000010", None]))) == [False] * 4


def test_a_wrong_check_digit_is_one_of_a_gtins_length() -> None:
    wrong = ["5901234123458", "96385075", "036000291453", "10614141000416"]
    right = ["5901234123457", "96385074", "4711", "123456789", "59012341234", "n/a", "", None]
    assert list(has_wrong_check_digit(texts(wrong))) == [True] * 4
    assert list(has_wrong_check_digit(texts(right))) == [False] * 8
