"""GTIN-8, -12, -13 and -14 barcodes and their check digit."""

from __future__ import annotations

import numpy as np
import pandas as pd

_WEIGHTS = np.array([3, 1] * 7)


def is_gtin(codes: pd.Series) -> pd.Series:
    """Whether each code has 8, 12, 13 or 14 digits, not all zero, with a correct check digit (GS1's mod 10)."""
    has_valid_length = _has_length_of_gtin(codes)
    padded = codes.where(has_valid_length, "0" * 14).str.zfill(14)
    digits = np.array(padded.tolist(), dtype="S14").view(np.uint8).reshape(-1, 14) - ord("0")
    has_valid_check_digit = (digits * _WEIGHTS).sum(axis=1) % 10 == 0
    return has_valid_length & ~is_no_ean(codes) & pd.Series(has_valid_check_digit, index=codes.index)


def has_wrong_check_digit(texts: pd.Series) -> pd.Series:
    """Whether each text has 8, 12, 13 or 14 digits, not all zero, and is no GTIN."""
    return _has_length_of_gtin(texts) & ~is_no_ean(texts) & ~is_gtin(texts)


def _has_length_of_gtin(texts: pd.Series) -> pd.Series:
    return texts.str.fullmatch("[0-9]{8}|[0-9]{12,14}").fillna(False).astype(bool)


def is_no_ean(texts: pd.Series) -> pd.Series:
    """Whether each text cannot be a barcode at all: zeros, or words such as `n/a`. Null is none of them."""
    return texts.notna() & ~texts.str.contains("[1-9]", regex=True).fillna(False).astype(bool)


def gtin14(texts: pd.Series) -> pd.Series:
    """The texts in a form to compare: GTINs with 14 digits, because GTIN-8, -12 and -13 are the same numbers without
    their leading zeros. Null for zeros and words (`is_no_ean`); other texts, such as short internal numbers, unchanged.

    9 to 11 digits are padded too: a spreadsheet drops the leading zeros of a GTIN.
    """
    padded = texts.str.fullmatch("[0-9]{8,14}").fillna(False).astype(bool)
    return texts.mask(padded, texts.str.zfill(14)).mask(is_no_ean(texts))
