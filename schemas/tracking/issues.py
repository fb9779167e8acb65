"""The checks that withhold the completion of a shipment, and its warnings."""

from __future__ import annotations

import pandas as pd

from schemas.issues import Check, by_id, first_broken, issue_rows, issues_of_checks
from schemas.order_units import units_in_words
from schemas.tracking.rules import RULES

_RULES = by_id(RULES)


def _is_shipped(rows: pd.DataFrame) -> pd.Series:
    return rows["final"] == "shipped"


# The first broken check counts.
CHECKS = (
    Check(
        _RULES["TRACK-005"],
        lambda rows: rows["copies"] > 1,
        "copies",
        lambda row: f"myOGO has {row.copies} orders with its reference.",
    ),
    Check(
        _RULES["TRACK-001"],
        lambda rows: rows["is_open"] & rows["final"].isin(["cancelled", "returned"]),
        "status",
        lambda row: f"It is {row.status} in myOGO; its shipment {row.shipment_id} is open in Centra.",
    ),
    Check(
        _RULES["TRACK-004"],
        lambda rows: ~rows["is_open"] & _is_shipped(rows) & ~rows["is_completed"],
        "status",
        lambda row: "It has left the warehouse; its shipment in Centra is neither open nor known to be completed.",
    ),
    Check(
        _RULES["TRACK-006"],
        lambda rows: rows["is_open"] & _is_shipped(rows) & rows["is_test"],
        "status",
        lambda row: f"It is a test in myOGO; its shipment {row.shipment_id} is open in Centra.",
    ),
    Check(
        _RULES["TRACK-007"],
        lambda rows: rows["is_open"] & _is_shipped(rows) & rows["units_differ"],
        "status",
        lambda row: (
            f"myOGO shipped {units_in_words(row.shipped_units)}; shipment {row.shipment_id} contains "
            f"{units_in_words(row.shipment_units)}."
        ),
    ),
    Check(
        _RULES["TRACK-002"],
        lambda rows: rows["is_open"] & _is_shipped(rows) & rows["payment_due"] & ~rows["may_capture"],
        "status",
        lambda row: f"Its shipment {row.shipment_id} waits for its payment, but capture is not set.",
    ),
    Check(
        _RULES["TRACK-002"],
        lambda rows: rows["is_open"] & _is_shipped(rows) & rows["refused_unpaid"].notna() & ~rows["may_capture"],
        "status",
        lambda row: (
            f"Its shipment {row.shipment_id} is not paid. When it was sent before, the answer was: {row.refused_unpaid}"
        ),
    ),
)


def failed_checks(rows: pd.DataFrame) -> pd.Series:
    """The number in CHECKS that withholds each row of `transforms.tracking.to_centra`; -1 for none.

    Further columns of `rows`: whether the shipment `is_open`, and whether it is known to be completed (`is_completed`);
    whether the order is a test while the channel sends real orders (`is_test`); whether the shipped units differ from
    the shipment's (`units_differ`, with `shipped_units` and `shipment_units`); whether the channel `may_capture`; and
    for a shipment that is not paid, why Centra refused its completion the last time (`refused_unpaid`, null if not).
    """
    return first_broken(rows, CHECKS)


def withheld(rows: pd.DataFrame, failed: pd.Series) -> pd.DataFrame:
    """COLUMNS of rows with a failed check."""
    rows = rows.assign(code=rows["reference"], source_id=rows["shipment_id"].fillna(rows["source_id"]))
    return issues_of_checks(rows, failed, CHECKS)


def warnings(due: pd.DataFrame, done: pd.DataFrame, waiting: pd.DataFrame, returned: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of the warnings: rows `due` without a tracking number that their method should have, rows `done`
    (completed shipments) for which myOGO now has other numbers (`tracking`) than Centra (`centra_has`), and rows
    `waiting` for a number that are not completed yet (with `changed` and `last_moment` in words), and rows `returned`
    to the warehouse whose shipments are not open in Centra (with `changed` and `listed_days`)."""
    due, done, waiting = (
        rows.assign(code=rows["reference"], source_id=rows["shipment_id"]) for rows in (due, done, waiting)
    )
    returned = returned.assign(code=returned["reference"])
    return pd.concat(
        [
            issue_rows(
                _RULES["TRACK-003"],
                due[due["tracking"].isna() & due["tracked"]],
                "reference",
                lambda row: f"No tracking number; shipment {row.shipment_id} is completed without one.",
            ),
            issue_rows(
                _RULES["TRACK-009"],
                waiting,
                "edit_time",
                lambda row: (
                    f"It was shipped without a tracking number (last change in myOGO: {row.changed}). Shipment "
                    f"{row.shipment_id} stays open in Centra until it has one, at the latest until {row.last_moment}."
                ),
            ),
            issue_rows(
                _RULES["TRACK-010"],
                returned,
                "status",
                lambda row: (
                    f"It came back to the warehouse (returned in myOGO, last change {row.changed}). It is listed for "
                    f"{row.listed_days} days."
                ),
            ),
            issue_rows(
                _RULES["TRACK-008"],
                done[done["tracking"].notna() & (done["tracking"] != done["centra_has"])],
                "tracking",
                lambda row: f"myOGO has {row.tracking}; Centra has {row.centra_has or 'none'}.",
            ),
        ],
        ignore_index=True,
    )
