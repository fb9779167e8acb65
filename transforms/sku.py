"""The combined code of a size."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from schemas.fields.centra import CODE_PARTS


def combined_code(sizes: pd.DataFrame) -> pd.Series:
    """`sku` + `variant_sku` + `size_sku`, verbatim and without a separator, as both Centra and myOGO build it.

    A missing part counts as empty. The code is not trimmed or case-folded, and it is never split again.
    """
    parts = [sizes[column].fillna("").astype("str") for column in CODE_PARTS]
    return (parts[0] + parts[1] + parts[2]).rename("code")


def code_in_myogo(codes: pd.Series, kept: Mapping[str, str]) -> pd.Series:
    """The codes by which myOGO knows goods that have `codes` in Centra; `kept` has those that differ."""
    return codes.map(kept).astype("str").fillna(codes) if kept else codes
