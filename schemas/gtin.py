"""Barcodes: GTIN-8, -12, -13 and -14, and their check digit."""

from __future__ import annotations

import numpy as np
import pandas as pd

_WEIGHTS = np.array([3, 1] * 7)


def is_gtin(codes: pd.Series) -> pd.Series:
    """Whether each is 8, 12, 13 or 14 digits of which the last is the right check digit (GS1's mod 10)."""
    shaped = codes.str.fullmatch("[0-9]{8}|[0-9]{12,14}").fillna(False).astype(bool)
    padded = codes.where(shaped, "0" * 14).str.zfill(14)
    digits = np.array(padded.tolist(), dtype="S14").view(np.uint8).reshape(-1, 14) - ord("0")
    right = (digits * _WEIGHTS).sum(axis=1) % 10 == 0
    return shaped & pd.Series(right, index=codes.index)
