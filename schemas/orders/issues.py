"""What we say about orders: which are withheld and why, and what is worth a warning. Nothing of a person is told."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from schemas.fields.myogo_orders import FINAL, HELD_BACK, MOVING
from schemas.issues import COLUMNS, issue_rows
from schemas.order_units import units_in


def judged(
    orders: pd.DataFrame,
    live: pd.DataFrame,
    known: Collection[str],
    clashing: Collection[str],
    sent_before: Mapping[str, str],
    destinations: Mapping[str, str],
    capture: bool,
) -> pd.DataFrame:
    """`orders` with `rule`, the first that withholds the order ("" for none), and `told`, what its message speaks of.

    `live` are myOGO's orders (`reference`, `status` in small letters, `lines`, `test`), `known` the codes that myOGO
    holds (empty where that was never read), `clashing` those that more than one size of Centra makes, `sent_before` the
    orders of myOGO that stand for the same goods already (reference by `owner_id`), `destinations` where each reference
    was sent to; `capture` says whether the channel takes payments.
    """
    there = orders["reference"].isin(live["reference"])
    theirs = live.drop_duplicates("reference").set_index("reference")
    held = theirs["lines"]
    statuses = theirs["status"].to_dict()
    status = pd.Series([statuses.get(own, "") for own in orders["reference"]], orders.index, dtype="str")
    final = status.isin(FINAL)
    unreal = (status == "draft") & (orders["status"] == "New")
    unreal |= ~orders["test"].astype(bool) & orders["reference"].isin(theirs.index[theirs["test"]])
    before = pd.Series([sent_before.get(own, "") for own in orders["owner_id"]], orders.index, dtype="str")
    moved = [
        _moved(destinations.get(reference), now)
        for reference, now in zip(orders["reference"], orders["destination"], strict=True)
    ]
    elsewhere = ~final & pd.Series(moved, orders.index, dtype=bool)
    copies = orders["reference"].map(live["reference"].value_counts()).fillna(0)
    strange = _among(orders["codes"], lambda code: bool(known) and code not in known)
    shared = _among(orders["codes"], lambda code: code in clashing)
    changed = [
        None not in (mine, theirs) and mine != theirs
        for mine, theirs in zip(orders["lines"].map(units_in), orders["reference"].map(held).map(units_in), strict=True)
    ]
    rule, told = pd.Series("", index=orders.index, dtype="str"), pd.Series("", index=orders.index, dtype="str")
    for name, hit, what in (
        ("ORDER-005", ~there & orders["owed"] & (not capture), ""),
        ("ORDER-008", ~there & (shared != ""), shared),
        ("ORDER-003", ~there & (strange != ""), strange),
        ("ORDER-001", ~there & orders["shipping_code"].isna(), orders["shipping_method"].fillna("")),
        ("ORDER-004", ~there & (orders["unnamed"] != ""), orders["unnamed"]),
        (
            "ORDER-002",
            ~there & (orders["line_fault"].notna() | orders["lines"].isna()),
            orders["line_fault"].fillna(""),
        ),
        ("ORDER-013", ~there & (orders["odd"] != ""), orders["odd"]),
        ("ORDER-016", ~there & (before != ""), before),
        ("ORDER-011", there & status.isin(["cancelled", "returned"]), ""),
        ("ORDER-012", there & status.isin(HELD_BACK), ""),
        ("ORDER-017", there & ~status.isin([*MOVING, *HELD_BACK, *FINAL]), ""),
        ("ORDER-014", there & unreal & ~status.isin(["cancelled", "returned"]), ""),
        (
            "ORDER-006",
            there & elsewhere,
            "its address, pick-up point or shipping method is not the one",
        ),
        ("ORDER-006", there & ~final & pd.Series(changed, index=orders.index, dtype=bool), "its lines are not those"),
        ("ORDER-009", copies > 1, ""),
    ):
        hit = hit.fillna(False).astype(bool)
        rule = rule.mask(hit, name)
        told = told.mask(hit, what)
    return orders.assign(rule=rule, told=told, there=status)


def withheld(orders: pd.DataFrame, gone: pd.DataFrame, methods: Mapping[str, str]) -> pd.DataFrame:
    """COLUMNS of the withheld among `orders`, and of `gone`: ours in myOGO that Centra no longer shows."""
    mapped = ", ".join(f"{method} = {code}" for method, code in sorted(methods.items())) or "nothing"
    words = {
        "ORDER-001": lambda row: f"The shipping method {row.told!r} is not mapped. Mapped: {mapped}.",
        "ORDER-002": lambda row: row.told[:1].upper() + row.told[1:] + "." if row.told else "It has no line to pick.",
        "ORDER-003": lambda row: f"myOGO does not hold {row.told}, as far as was last read.",
        "ORDER-004": lambda row: f"The delivery address lacks: {row.told}.",
        "ORDER-005": lambda row: "Its payment is to be captured before it is sent, and capture is not set.",
        "ORDER-006": lambda row: f"{row.told[:1].upper()}{row.told[1:]} that myOGO has.",
        "ORDER-008": lambda row: f"More than one size of Centra makes {row.told}.",
        "ORDER-009": lambda row: "myOGO holds its reference more than once.",
        "ORDER-013": lambda row: row.told[:1].upper() + row.told[1:] + ".",
        "ORDER-011": lambda row: f"It is {row.there} in myOGO, and open in Centra.",
        "ORDER-012": lambda row: f"It is {row.there} in myOGO.",
        "ORDER-014": lambda row: "It is a draft or a test in myOGO, from before real orders were sent.",
        "ORDER-016": lambda row: f"myOGO has the same order as {row.told!r}.",
        "ORDER-017": lambda row: f"Its status in myOGO is {row.there!r}.",
    }
    rows = orders.assign(code=orders["reference"], stock_item_id=orders["owner_id"])
    parts = [issue_rows(name, rows[rows["rule"] == name], "told", say) for name, say in words.items()]
    parts.append(
        issue_rows(
            "ORDER-007",
            gone.assign(code=gone["reference"], stock_item_id=gone["owner_id"], told=gone["status"]),
            "told",
            lambda row: f"It is {row.status} in myOGO, and no longer good to go in Centra.",
        )
    )
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def warnings(orders: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what is worth a look; `orders` are those that are not withheld."""
    rows = orders.assign(code=orders["reference"], stock_item_id=orders["owner_id"])
    there = rows["reference"].isin(live["reference"])
    return issue_rows("ORDER-010", rows[~there & rows["phoneless"]], "reference", lambda row: "It has no phone number.")


def waiting(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of `orders` of Centra that nothing has become of yet: `order_id` and their `order_status`."""
    rows = orders.assign(code=orders["order_id"], stock_item_id=orders["order_id"])
    return issue_rows("ORDER-015", rows, "order_status", lambda row: f"Its status is {row.order_status}, and it waits.")


def _moved(was: str | None, now: str) -> bool:
    """Whether two destinations are known to differ: made in the same way, with the same key, and not the same."""
    return was is not None and was.rpartition("-")[0] == now.rpartition("-")[0] and was != now


def _among(codes: pd.Series, hit: Any) -> pd.Series:
    """The codes of each order that `hit` picks, quoted; "" for none."""
    told = [
        ", ".join(repr(code) for code in json.loads(cell) if hit(code)) if isinstance(cell, str) else ""
        for cell in codes
    ]
    return pd.Series(told, index=codes.index, dtype="str")
