"""GTIN-8, -12, -13 and -14 barcodes and their check digit."""

from __future__ import annotations

import numpy as np
import pandas as pd

_WEIGHTS = np.array([3, 1] * 7)


def is_gtin(codes: pd.Series) -> pd.Series:
    """Whether each code has 8, 12, 13 or 14 digits with a correct check digit at the end (GS1's mod 10)."""
    has_valid_length = codes.str.fullmatch("[0-9]{8}|[0-9]{12,14}").fillna(False).astype(bool)
    padded = codes.where(has_valid_length, "0" * 14).str.zfill(14)
    digits = np.array(padded.tolist(), dtype="S14").view(np.uint8).reshape(-1, 14) - ord("0")
    has_valid_check_digit = (digits * _WEIGHTS).sum(axis=1) % 10 == 0
    return has_valid_length & pd.Series(has_valid_check_digit, index=codes.index)
