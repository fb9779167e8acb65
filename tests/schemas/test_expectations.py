"""Each kind of expectation on both sides of its edge, over frames as the suites see them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.engine import batch_checks
from schemas.expectation import Expectation, Known
from schemas.products.expectations import EXPECTATIONS, SUITES


def judged(expectation: str, frame: pd.DataFrame, usual: float | None = None) -> dict[str, Any]:
    known = Known({expectation: usual} if usual is not None else {})
    with batch_checks.great_expectations():
        return batch_checks.suite_results(frame, [EXPECTATIONS[expectation]], known)[expectation]


def column(name: str, good: Any, bad: Any, goods: int, bads: int) -> pd.DataFrame:
    return pd.DataFrame({name: [good] * goods + [bad] * bads})


@pytest.mark.parametrize(
    ("expectation", "column_of", "good", "bad", "goods", "bads"),
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
        ("GX-MST-003", "stock", 0, -1, 99, 1),
        ("GX-MST-004", "imbalance", 0, 1, 99, 1),
        ("GX-EUR-001", "price", "10.00", None, 9, 1),
        ("GX-OUT-004", "ean_code", "7350000000016", "7350000-00016", 9, 1),
        ("GX-OUT-005", "language_code", "en", "xx", 9, 0),
        ("GX-AGR-001", "difference", 0, 1, 9, 1),
    ],
)
def test_a_share_holds_to_its_edge_and_fails_beyond(
    expectation: str, column_of: str, good: Any, bad: Any, goods: int, bads: int
) -> None:
    """So many bad ones may be there; one more, and it fails and counts them."""
    held = judged(expectation, column(column_of, good, bad, goods, bads))
    assert (held["status"], held["unexpected"], held["total"]) == ("passed", bads, goods + bads)
    if goods:
        failed = judged(expectation, column(column_of, good, bad, goods, bads + 1))
        assert (failed["status"], failed["unexpected"]) == ("failed", bads + 1)
        assert f"{goods} of {goods + bads + 1}" in failed["message"]
        assert failed["observed"] == pytest.approx(goods / (goods + bads + 1))


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
    fit = [f"SKU{n}" for n in range(200 - len(clashing))]
    assert judged(expectation, pd.DataFrame({column_of: fit + clashing}))["status"] == "passed"
    beyond = pd.DataFrame({column_of: [*fit[:-2], *clashing, "more", "more"]})
    assert judged(expectation, beyond)["status"] == "failed"


@pytest.mark.parametrize("expectation", [own.id for own in EXPECTATIONS.values() if own.column == ""])
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
def test_rows_are_compared_with_what_is_usual(expectation: str, rows: int, usual: float | None, status: str) -> None:
    """There is no upper edge in myOGO, where we add rows ourselves."""
    told = judged(expectation, pd.DataFrame({"x": range(rows)}), usual)
    wanted = "passed" if expectation.startswith(("GX-MPR", "GX-MST")) and rows == 21 else status
    assert (told["status"], told["observed"]) == (wanted, rows)


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
def test_freshness(expectation: str, column_of: str, hours: list[Any], status: str) -> None:
    """Rows of which none says when cannot be judged; no rows is nothing to judge."""
    assert judged(expectation, pd.DataFrame({column_of: pd.Series(hours, dtype="float64")}))["status"] == status


def test_what_cannot_be_judged_is_errored_and_hides_nothing() -> None:
    """A missing column, a type that cannot be compared and a builder that raises, beside one that passes."""

    def broken(own: Expectation, known: Known) -> Any:
        raise ValueError("no such thing")

    gone = EXPECTATIONS["GX-CPR-002"]
    odd = EXPECTATIONS["GX-CST-003"]
    fit = EXPECTATIONS["GX-CPR-005"]
    suite = [gone, Expectation("GX-ODD-001", "", "", "", broken), odd, fit]
    frame = pd.DataFrame({"physical_stock": [{}, "x"], "weight_unit": ["kg", "lb"]})
    with batch_checks.great_expectations():
        told = batch_checks.suite_results(frame, suite, Known())
    assert {own: one["status"] for own, one in told.items()} == {
        "GX-CPR-002": "errored", "GX-ODD-001": "errored", "GX-CST-003": "errored", "GX-CPR-005": "passed",
    }  # fmt: skip
    assert "stock_item_id" in told["GX-CPR-002"]["message"]
    assert "no such thing" in told["GX-ODD-001"]["message"]


def test_no_value_of_a_catalogue_stays_in_a_result() -> None:
    told = judged("GX-CPR-005", pd.DataFrame({"weight_unit": ["secretstone"] * 30}))
    assert told["status"] == "failed"
    assert "secretstone" not in str(told)


def test_every_expectation_belongs_to_a_suite_and_says_what_to_do() -> None:
    assert [own.id for suite in SUITES for own in suite.expectations] == list(EXPECTATIONS)
    assert [suite.table for suite in SUITES if not suite.query] == ["candidates"]
    assert all(own.meaning and own.fix for own in EXPECTATIONS.values())


@pytest.mark.parametrize("expectation", ["GX-CPR-001", "GX-CPC-001", "GX-CST-001", "GX-OUT-001"])
@pytest.mark.parametrize(("rows", "status"), [(4, "failed"), (5, "passed"), (20, "passed"), (21, "failed")])
def test_half_to_twice_the_usual_number_of_rows(expectation: str, rows: int, status: str) -> None:
    frame = pd.DataFrame({EXPECTATIONS[expectation].column or "any": ["x"] * rows})
    assert judged(expectation, frame, usual=10)["status"] == status


@pytest.mark.parametrize("expectation", ["GX-MPR-001", "GX-MST-001"])
@pytest.mark.parametrize(("rows", "status"), [(4, "failed"), (5, "passed"), (500, "passed")])
def test_half_the_usual_number_of_rows_in_myogo(expectation: str, rows: int, status: str) -> None:
    """There is no upper edge: our own first push multiplies them."""
    frame = pd.DataFrame({EXPECTATIONS[expectation].column or "any": ["x"] * rows})
    assert judged(expectation, frame, usual=10)["status"] == status
