"""When the results of a suite are kept: the digest of its rows."""

from __future__ import annotations

import pandas as pd

from pipelines.engine.batch_checks import _digest
from schemas.expectation import Builder, Expectation, Suite, filled, smallest, usual_rows


def suite(*columns: tuple[str, Builder]) -> Suite:
    return Suite(
        "sizes", "", tuple(Expectation(f"GX-{n}", column, "", "", build) for n, (column, build) in enumerate(columns))
    )


def frame(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_only_the_columns_that_are_checked_count_in_any_order() -> None:
    checked = suite(("code", filled(1)), ("", usual_rows()))
    first = _digest(checked, frame(code=["a", None], age=[1, 2]))
    assert first == _digest(checked, frame(age=[3, 4], code=[None, "a"]))
    assert first != _digest(checked, frame(code=["a", "b"], age=[1, 2]))
    assert first != _digest(checked, frame(code=["a", None, None], age=[1, 2, 3]))
    assert first != _digest(suite(("code", filled(0.5)), ("", usual_rows())), frame(code=["a", None]))


def test_no_row_counts_for_what_each_run_computes_anew() -> None:
    measured = suite(("hours", smallest(0, 3)), ("", usual_rows()))
    assert _digest(measured, frame(hours=[])) == _digest(measured, frame(hours=[1.0, 2.0]))


def test_all_columns_count_for_a_check_of_the_table() -> None:
    of_table = suite(("", filled(1)))
    assert _digest(of_table, frame(a=[1], b=[2])) != _digest(of_table, frame(a=[1], b=[3]))


def test_rows_that_cannot_be_compared_have_no_digest() -> None:
    assert _digest(suite(("sizes", filled(1))), frame(sizes=[["S", "M"], []])) is None
