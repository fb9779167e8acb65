"""The rules that withhold the completion of a shipment, and its warnings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from schemas.issues import COLUMNS
from schemas.tracking.issues import failed_checks, warnings, withheld
from tests.support.declared import RULES

Row = dict[str, Any]
SHIPPED: Row = {
    "reference": "p-1-1", "source_id": "1-1", "shipment_id": "1-1", "status": "Shipped", "final": "shipped",
    "copies": 1, "is_open": True, "is_completed": False, "is_test": False, "units_differ": False,
    "payment_due": False, "may_capture": False, "tracking": "A", "refused_unpaid": None, "tracked": True,
    "shipped_units": {"A": Decimal(1)}, "shipment_units": {"A": Decimal(1)},
}  # fmt: skip
CLOSED: Row = {"shipment_id": None, "is_open": False}
UNITS: Row = {
    "units_differ": True, "shipped_units": {"B": Decimal(1), "A": Decimal(2)}, "shipment_units": {},
}  # fmt: skip

BROKEN: list[tuple[Row, str, str]] = [
    ({"copies": 2}, "TRACK-005", "myOGO has 2 orders with its reference."),
    ({"final": "cancelled", "status": "Cancelled"}, "TRACK-001",
     "It is Cancelled in myOGO; its shipment 1-1 is open in Centra."),
    ({"final": "returned", "status": "returned"}, "TRACK-001",
     "It is returned in myOGO; its shipment 1-1 is open in Centra."),
    (CLOSED, "TRACK-004",
     "It has left the warehouse; its shipment in Centra is neither open nor known to be completed."),
    ({"is_test": True}, "TRACK-006", "It is a test in myOGO; its shipment 1-1 is open in Centra."),
    (UNITS, "TRACK-007", "myOGO shipped 2 of 'A', 1 of 'B'; shipment 1-1 contains nothing."),
    ({"payment_due": True}, "TRACK-002", "Its shipment 1-1 waits for its payment, but capture is not set."),
    ({"refused_unpaid": "Centra left it open."}, "TRACK-002",
     "Its shipment 1-1 is not paid. When it was sent before, the answer was: Centra left it open."),
    # The first rule counts.
    ({"copies": 2, "final": "cancelled", "is_test": True}, "TRACK-005", "myOGO has 2 orders with its reference."),
]  # fmt: skip
VALID: list[Row] = [
    {},
    {"payment_due": True, "may_capture": True},
    {"refused_unpaid": "Centra left it open.", "may_capture": True},
    CLOSED | {"refused_unpaid": "Centra left it open.", "is_completed": True},
    CLOSED | {"is_completed": True},
    CLOSED | {"final": "cancelled"},
    CLOSED | {"final": "returned"},
    CLOSED | {"is_completed": True, "is_test": True, "payment_due": True} | UNITS,
    {"final": ""},
    {"final": "", "is_test": True, "payment_due": True} | UNITS,
]


def frame(*rows: Row) -> pd.DataFrame:
    made = pd.DataFrame([SHIPPED | row for row in rows])
    return made.astype(dict.fromkeys(("reference", "source_id", "shipment_id", "tracking", "refused_unpaid"), "str"))


NONE = frame({}).iloc[:0]


def test_each_rule_withholds_its_order_with_a_message() -> None:
    rows = frame(*(row for row, _, _ in BROKEN))
    issues = withheld(rows, failed_checks(rows))
    assert list(issues.columns) == COLUMNS
    found = sorted(zip(issues["rule"], issues["message"], strict=True))
    assert found == sorted((rule, message) for _, rule, message in BROKEN)
    assert {*issues["source_id"]} == {"1-1"}
    assert {*issues["code"]} == {*issues["key"]} == {"p-1-1"}
    for rule, fix, place in zip(issues["rule"], issues["fix"], issues["fix_in"], strict=True):
        assert (fix, place) == (RULES[rule].fix, RULES[rule].fix_in)


def test_a_valid_order_is_not_withheld() -> None:
    rows = frame(*VALID)
    assert list(failed_checks(rows)) == [-1] * len(VALID)


def test_an_order_without_a_tracking_number_is_a_warning() -> None:
    """Not if its method has no tracking numbers."""
    due = frame({"tracking": None}, {"tracking": None, "tracked": False}, {})
    lines = warnings(due, NONE.assign(centra_has=""), NONE, NONE)
    assert list(lines[["code", "source_id", "rule", "message"]].itertuples(index=False, name=None)) == [
        ("p-1-1", "1-1", "TRACK-003", "No tracking number; shipment 1-1 is completed without one.")
    ]


def test_an_order_that_waits_for_its_tracking_number_is_a_warning() -> None:
    times = {"edit_time": "2026-11-29T10:00:00Z", "changed": "2026-11-29 10:00 UTC"}
    waiting = frame({"tracking": None} | times | {"last_moment": "2026-11-30 10:00 UTC"})
    (line,) = warnings(NONE, NONE.assign(centra_has=""), waiting, NONE).to_dict("records")
    assert (line["code"], line["source_id"], line["rule"]) == ("p-1-1", "1-1", "TRACK-009")
    assert line["message"] == (
        "It was shipped without a tracking number (last change in myOGO: 2026-11-29 10:00 UTC). Shipment 1-1 stays "
        "open in Centra until it has one, at the latest until 2026-11-30 10:00 UTC."
    )


def test_a_tracking_number_that_differs_after_the_completion_is_a_warning() -> None:
    """Not if myOGO has none."""
    done = frame({"tracking": "A"}, {"tracking": "B"}, {"tracking": "C"}, {"tracking": None})
    lines = warnings(NONE, done.assign(centra_has=["", "X", "C", "D"]), NONE, NONE)
    assert list(zip(lines["rule"], lines["message"], strict=True)) == [
        ("TRACK-008", "myOGO has A; Centra has none."), ("TRACK-008", "myOGO has B; Centra has X."),
    ]  # fmt: skip


def test_an_order_that_came_back_is_a_warning() -> None:
    returned = frame({"status": "Returned", "shipment_id": None}).assign(changed="2026-11-29 10:00 UTC", listed_days=30)
    (line,) = warnings(NONE, NONE.assign(centra_has=""), NONE, returned).to_dict("records")
    assert (line["code"], line["source_id"], line["rule"]) == ("p-1-1", "1-1", "TRACK-010")
    assert line["message"] == (
        "It came back to the warehouse (returned in myOGO, last change 2026-11-29 10:00 UTC). It is listed for 30 days."
    )
