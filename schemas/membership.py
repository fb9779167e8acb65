"""Which texts of a column another column has."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def is_in(column: pd.Series, values: pd.Series | pd.Index) -> pd.Series:
    """Like `column.isin(values)` for two columns of texts, without a Python object per text of `values`.

    A missing text is in `values` if one is missing there.
    """
    texts, wanted = (pa.array(one, pa.large_string(), from_pandas=True) for one in (column, values))
    return pd.Series(pc.is_in(texts, value_set=wanted).to_numpy(zero_copy_only=False), column.index, dtype="bool")
