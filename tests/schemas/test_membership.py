"""`is_in` answers like pandas' `isin`."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from schemas.membership import is_in

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=3)))


@given(TEXTS, TEXTS)
def test_it_answers_like_isin(texts: list[str | None], others: list[str | None]) -> None:
    column = pd.Series(texts, range(5, 5 + len(texts)), dtype="str")
    values = pd.Series(others, dtype="str")
    for wanted in (values, pd.Index(values)):
        found = is_in(column, wanted)
        assert found.dtype == "bool"
        pd.testing.assert_series_equal(found, column.isin(values), check_names=False)
