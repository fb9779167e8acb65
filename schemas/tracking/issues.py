"""What a completed shipment is, and what we say about those that are not completed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

import pandas as pd

from schemas.issues import COLUMNS, issue_rows


def broken(rows: pd.DataFrame, capture: bool, completed: Collection[str]) -> pd.Series:
    """The rule that withholds each row of `transforms.tracking.to_centra`; "" for none.

    `completed` are shipments, and orders of shipments, that are known to be completed in Centra. Beside the columns of
    the transform, `rows` say whether the order is `unreal` (a test, where the channel sends real ones) and whether what
    was shipped `differs` from what the shipment holds.
    """
    is_open = rows["shipment_id"].notna()
    rule = pd.Series("", index=rows.index, dtype="str")
    shipped = is_open & (rows["final"] == "shipped")
    rule = rule.mask(shipped & rows["owed"] & (not capture), "TRACK-002")
    rule = rule.mask(shipped & rows["differs"], "TRACK-007")
    rule = rule.mask(shipped & rows["unreal"], "TRACK-006")
    unknown = ~is_open & (rows["final"] == "shipped") & ~rows["owner_id"].isin(completed)
    rule = rule.mask(unknown, "TRACK-004")
    rule = rule.mask(is_open & rows["final"].isin(["cancelled", "returned"]), "TRACK-001")
    return rule.mask(rows["copies"] > 1, "TRACK-005")


def withheld(rows: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of rows with their `rule`."""
    told = rows.assign(code=rows["reference"], stock_item_id=rows["shipment_id"].fillna(rows["owner_id"]))
    words = {
        "TRACK-001": lambda row: f"It is {row.status} in myOGO; its shipment {row.shipment_id} is open in Centra.",
        "TRACK-004": lambda row: (
            "It left the warehouse; its shipment in Centra is neither open nor known as completed."
        ),
        "TRACK-005": lambda row: f"myOGO has its reference {row.copies} times.",
        "TRACK-006": lambda row: f"It is a test in myOGO; its shipment {row.shipment_id} is open in Centra.",
        "TRACK-007": lambda row: (
            f"myOGO shipped {_told(row.shipped)}; shipment {row.shipment_id} is {_told(row.held)}."
        ),
        "TRACK-002": lambda row: f"Its shipment {row.shipment_id} waits for its payment, and capture is not set.",
    }
    parts = [issue_rows(name, told[told["rule"] == name], "status", say) for name, say in words.items()]
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def warnings(due: pd.DataFrame, done: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what is completed all the same, and of shipments that were (`shipment_id`, `tracking`, and
    `told`, the numbers that Centra has), where myOGO has other numbers by now."""
    due = due.assign(code=due["reference"], stock_item_id=due["shipment_id"])
    done = done.assign(code=done["reference"], stock_item_id=done["shipment_id"])
    return pd.concat(
        [
            issue_rows("TRACK-003", due[due["tracking"].isna()], "reference", lambda row: "No tracking number."),
            issue_rows(
                "TRACK-008",
                done[done["tracking"].notna() & (done["tracking"] != done["told"])],
                "tracking",
                lambda row: f"myOGO has {row.tracking}; Centra has {row.told or 'none'}.",
            ),
        ],
        ignore_index=True,
    )


def _told(units: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{quantity} of {code!r}" for code, quantity in sorted(units.items())) or "nothing"
