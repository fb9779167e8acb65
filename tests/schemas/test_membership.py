"""`is_in` answers like pandas' `isin`."""

from __future__ import annotations

import pandas as pd
import pytest
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


@pytest.mark.parametrize("known", [["a", "c"], [], ["x", None], [None]])
@pytest.mark.parametrize("texts", [["a", "b", None, "c"], [], [None]])
@pytest.mark.parametrize("kind", ["str", "object"])
def test_chunks_and_objects_are_read_too(texts: list[str | None], known: list[str | None], kind: str) -> None:
    """Also with missing texts, and texts in several Arrow chunks."""
    column = pd.concat([pd.Series(texts, dtype=kind), pd.Series(["c"], dtype=kind)])
    for others in (pd.Series(known, dtype=kind), pd.concat([pd.Series(known, dtype=kind)] * 2)):
        pd.testing.assert_series_equal(is_in(column, others), column.isin(others), check_names=False)
    pd.testing.assert_series_equal(is_in(column, pd.Index(known, dtype=kind)), column.isin(known), check_names=False)
