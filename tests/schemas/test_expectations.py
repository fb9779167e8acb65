"""Each kind of expectation at and beyond its limit, with data frames like those of the suites."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.engine import batch_checks
from schemas.expectation import Baseline, Expectation
from schemas.products.expectations import EXPECTATIONS, SUITES


def result_of(expectation: str, frame: pd.DataFrame, usual: float | None = None) -> dict[str, Any]:
    known = Baseline({expectation: usual} if usual is not None else {})
    with batch_checks.great_expectations():
        return batch_checks.suite_results(frame, [EXPECTATIONS[expectation]], known)[expectation]


def column(name: str, good: Any, bad: Any, good_count: int, bad_count: int) -> pd.DataFrame:
    return pd.DataFrame({name: [good] * good_count + [bad] * bad_count})


@pytest.mark.parametrize(
    ("expectation", "column_of", "good", "bad", "good_count", "bad_count"),
    [
        ("GX-CPR-004", "ean", "7350000000016", "735000000001", 0, 0),
        ("GX-CPR-004", "ean", "7350000000016", "73500000016", 9, 1),
        ("GX-CPR-005", "weight_unit", "kg", "kilo", 9, 0),
        ("GX-CPC-002", "currency", "EUR", "eur", 99, 1),
        ("GX-CST-003", "physical_stock", 0, -1, 99, 1),
        ("GX-CST-004", "imbalance", 0, 1, 99, 1),
        ("GX-CST-004", "imbalance", 0, -1, 99, 1),
        ("GX-MPR-003", "ean_code", "96385074", "x", 9, 1),
        ("GX-MPR-004", "language_code", "sv", "xx", 99, 1),
        ("GX-MPR-005", "stock_rows", 1, 0, 9, 1),
        ("GX-MST-003", "stock", 0, -1, 99, 1),
        ("GX-MST-004", "imbalance", 0, 1, 99, 1),
        ("GX-EUR-001", "price", "10.00", None, 9, 1),
        ("GX-OUT-004", "ean_code", "7350000000016", "7350000-00016", 9, 1),
        ("GX-OUT-005", "language_code", "en", "xx", 9, 0),
        ("GX-AGR-001", "difference", 0, 1, 9, 1),
    ],
)
def test_a_share_passes_at_its_limit_and_fails_beyond(
    expectation: str, column_of: str, good: Any, bad: Any, good_count: int, bad_count: int
) -> None:
    """The allowed number of bad values passes; one more fails and is counted."""
    passed = result_of(expectation, column(column_of, good, bad, good_count, bad_count))
    assert (passed["status"], passed["unexpected"], passed["total"]) == ("passed", bad_count, good_count + bad_count)
    if good_count:
        failed = result_of(expectation, column(column_of, good, bad, good_count, bad_count + 1))
        assert (failed["status"], failed["unexpected"]) == ("failed", bad_count + 1)
        assert f"{good_count} of {good_count + bad_count + 1}" in failed["message"]
        assert failed["observed"] == pytest.approx(good_count / (good_count + bad_count + 1))


@pytest.mark.parametrize(
    ("expectation", "column_of", "mostly"),
    [
        ("GX-CPR-002", "stock_item_id", 1),
        ("GX-CPR-003", "code", 0.95),
        ("GX-CST-002", "stock_item_id", 1),
        ("GX-MPR-002", "code", 0.99),
        ("GX-MST-002", "product_code", 0.99),
        ("GX-OUT-002", "code", 1),
        ("GX-OUT-003", "stock_item_id", 1),
    ],
)
def test_uniqueness_counts_every_row_of_a_clash(expectation: str, column_of: str, mostly: float) -> None:
    allowed = round(200 * (1 - mostly))  # 0, 2 or 10 rows that share a value with another
    clashing = ["same"] * allowed if allowed > 1 else []
    unique = [f"SKU{n}" for n in range(200 - len(clashing))]
    assert result_of(expectation, pd.DataFrame({column_of: unique + clashing}))["status"] == "passed"
    beyond = pd.DataFrame({column_of: [*unique[:-2], *clashing, "more", "more"]})
    assert result_of(expectation, beyond)["status"] == "failed"


@pytest.mark.parametrize("expectation", [entry.id for entry in EXPECTATIONS.values() if entry.column == ""])
@pytest.mark.parametrize(
    ("rows", "usual", "status"),
    [
        pytest.param(7, None, "passed", id="first run"),
        pytest.param(7, 0, "passed", id="nothing there before"),
        pytest.param(5, 10, "passed", id="half"),
        pytest.param(4, 10, "failed", id="less than half"),
        pytest.param(5, 10.5, "failed", id="less than half of an even median"),
        pytest.param(20, 10, "passed", id="twice"),
        pytest.param(21, 10, "failed", id="more than twice"),
        pytest.param(0, 10, "failed", id="none"),
        pytest.param(0, None, "passed", id="none and none before"),
    ],
)
def test_row_counts_are_compared_with_the_usual_count(
    expectation: str, rows: int, usual: float | None, status: str
) -> None:
    """There is no upper limit for myOGO, where we add rows ourselves."""
    result = result_of(expectation, pd.DataFrame({"x": range(rows)}), usual)
    expected_status = "passed" if expectation.startswith(("GX-MPR", "GX-MST")) and rows == 21 else status
    assert (result["status"], result["observed"]) == (expected_status, rows)


@pytest.mark.parametrize(
    ("expectation", "column_of", "hours", "status"),
    [
        ("GX-MST-005", "modified_hours_ago", [900, 168], "passed"),
        ("GX-MST-005", "modified_hours_ago", [900, 168.1], "failed"),
        ("GX-MST-005", "modified_hours_ago", [900, -24], "passed"),
        ("GX-MST-005", "modified_hours_ago", [900, -24.1], "failed"),
        ("GX-MST-005", "modified_hours_ago", [None, None], "errored"),
        ("GX-MST-005", "modified_hours_ago", [], "passed"),
        ("GX-RUN-001", "good_hours_ago", [72], "passed"),
        ("GX-RUN-001", "good_hours_ago", [72.1], "failed"),
        ("GX-RUN-001", "good_hours_ago", [], "passed"),
    ],
)
def test_freshness_is_checked_against_its_limit(
    expectation: str, column_of: str, hours: list[Any], status: str
) -> None:
    """Rows without any time are an error; no rows pass."""
    assert result_of(expectation, pd.DataFrame({column_of: pd.Series(hours, dtype="float64")}))["status"] == status


def test_an_expectation_that_cannot_be_computed_is_errored_and_does_not_affect_others() -> None:
    """A missing column, values that cannot be compared and a builder that raises, next to one that passes."""

    def broken(entry: Expectation, known: Baseline) -> Any:
        raise ValueError("no such thing")

    missing_column = EXPECTATIONS["GX-CPR-002"]
    not_comparable = EXPECTATIONS["GX-CST-003"]
    valid = EXPECTATIONS["GX-CPR-005"]
    suite = [missing_column, Expectation("GX-ODD-001", "", "", "", broken), not_comparable, valid]
    frame = pd.DataFrame({"physical_stock": [{}, "x"], "weight_unit": ["kg", "lb"]})
    with batch_checks.great_expectations():
        results = batch_checks.suite_results(frame, suite, Baseline())
    assert {entry: one["status"] for entry, one in results.items()} == {
        "GX-CPR-002": "errored", "GX-ODD-001": "errored", "GX-CST-003": "errored", "GX-CPR-005": "passed",
    }  # fmt: skip
    assert "stock_item_id" in results["GX-CPR-002"]["message"]
    assert "no such thing" in results["GX-ODD-001"]["message"]


def test_no_value_of_a_row_is_in_a_result() -> None:
    result = result_of("GX-CPR-005", pd.DataFrame({"weight_unit": ["secretstone"] * 30}))
    assert result["status"] == "failed"
    assert "secretstone" not in str(result)


def test_every_expectation_belongs_to_a_suite_and_has_a_fix() -> None:
    assert [entry.id for suite in SUITES for entry in suite.expectations] == list(EXPECTATIONS)
    assert [suite.table for suite in SUITES if not suite.query] == ["candidates"]
    assert all(entry.meaning and entry.fix for entry in EXPECTATIONS.values())


@pytest.mark.parametrize("expectation", ["GX-CPR-001", "GX-CPC-001", "GX-CST-001", "GX-OUT-001"])
@pytest.mark.parametrize(("rows", "status"), [(4, "failed"), (5, "passed"), (20, "passed"), (21, "failed")])
def test_half_to_twice_the_usual_number_of_rows_passes(expectation: str, rows: int, status: str) -> None:
    frame = pd.DataFrame({EXPECTATIONS[expectation].column or "any": ["x"] * rows})
    assert result_of(expectation, frame, usual=10)["status"] == status


@pytest.mark.parametrize("expectation", ["GX-MPR-001", "GX-MST-001"])
@pytest.mark.parametrize(("rows", "status"), [(4, "failed"), (5, "passed"), (500, "passed")])
def test_half_of_the_usual_number_of_rows_in_myogo_passes(expectation: str, rows: int, status: str) -> None:
    """There is no upper limit, because our first push multiplies the rows."""
    frame = pd.DataFrame({EXPECTATIONS[expectation].column or "any": ["x"] * rows})
    assert result_of(expectation, frame, usual=10)["status"] == status
