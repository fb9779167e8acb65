"""What withholds an order, and what is worth a warning. No message holds personal data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schemas.fields.myogo_orders import FINAL, HELD_BACK, MOVING
from schemas.issues import COLUMNS, Check, by_id, first_broken, issue_rows, issues_of_checks
from schemas.order_units import units_in
from schemas.orders.rules import RULES

_RULES = by_id(RULES)
STOPPED = ("cancelled", "returned")


@dataclass(frozen=True)
class Known:
    """What an order is checked against.

    `live` are myOGO's orders: `reference`, `status` in small letters, `lines`, `test`. `codes` are those that myOGO
    holds (empty where that was never read), `ambiguous_codes` those that more than one size of Centra makes. `sent_as`
    maps a source id to the reference under which myOGO has the same goods already, `destinations` a reference to the
    digest of where it was sent. `methods` are the shipping methods that the channel maps, `capture` says whether it
    takes payments.
    """

    live: pd.DataFrame
    codes: Collection[str]
    ambiguous_codes: Collection[str]
    sent_as: Mapping[str, str]
    destinations: Mapping[str, str]
    methods: Mapping[str, str]
    capture: bool


def _unsent(broken: Any) -> Any:
    """A check of orders that myOGO does not have yet."""
    return lambda rows: ~rows["is_sent"] & broken(rows)


def _sent(broken: Any) -> Any:
    """A check of orders that myOGO has."""
    return lambda rows: rows["is_sent"] & broken(rows)


# The first that is broken counts. Of an order that myOGO has, what became of it; of another, what keeps it from going.
CHECKS = (
    Check(
        _RULES["ORDER-009"],
        lambda rows: rows["copies"] > 1,
        "reference",
        lambda row: "myOGO holds its reference more than once.",
    ),
    Check(
        _RULES["ORDER-006"],
        _sent(lambda rows: ~rows["is_final"] & rows["lines_changed"]),
        "reference",
        lambda row: "Its lines are not those that myOGO has.",
    ),
    Check(
        _RULES["ORDER-006"],
        _sent(lambda rows: ~rows["is_final"] & rows["destination_changed"]),
        "reference",
        lambda row: "Its address, pick-up point or shipping method is not the one that myOGO has.",
    ),
    Check(
        _RULES["ORDER-014"],
        _sent(lambda rows: rows["is_test_or_draft"] & ~rows["live_status"].isin(STOPPED)),
        "live_status",
        lambda row: "It is a draft or a test in myOGO, from before real orders were sent.",
    ),
    Check(
        _RULES["ORDER-017"],
        _sent(lambda rows: ~rows["live_status"].isin([*MOVING, *HELD_BACK, *FINAL])),
        "live_status",
        lambda row: f"Its status in myOGO is {row.live_status!r}.",
    ),
    Check(
        _RULES["ORDER-012"],
        _sent(lambda rows: rows["live_status"].isin(HELD_BACK)),
        "live_status",
        lambda row: f"It is {row.live_status} in myOGO.",
    ),
    Check(
        _RULES["ORDER-011"],
        _sent(lambda rows: rows["live_status"].isin(STOPPED)),
        "live_status",
        lambda row: f"It is {row.live_status} in myOGO, and open in Centra.",
    ),
    Check(
        _RULES["ORDER-016"],
        _unsent(lambda rows: rows["sent_as"] != ""),
        "sent_as",
        lambda row: f"myOGO has the same order as {row.sent_as!r}.",
    ),
    Check(
        _RULES["ORDER-013"],
        _unsent(lambda rows: rows["unreadable"] != ""),
        "unreadable",
        lambda row: f"It cannot be read: {row.unreadable}.",
    ),
    Check(
        _RULES["ORDER-002"],
        _unsent(lambda rows: rows["line_problem"].notna() | rows["lines"].isna()),
        "line_problem",
        lambda row: (
            f"Its lines cannot be read: {row.line_problem}."
            if isinstance(row.line_problem, str)
            else "It has no line to pick."
        ),
    ),
    Check(
        _RULES["ORDER-004"],
        _unsent(lambda rows: rows["missing_address_fields"] != ""),
        "missing_address_fields",
        lambda row: f"The delivery address lacks: {row.missing_address_fields}.",
    ),
    Check(
        _RULES["ORDER-001"],
        _unsent(lambda rows: rows["shipping_code"].isna()),
        "shipping_method",
        lambda row: (
            f"The shipping method {row.shipping_method if isinstance(row.shipping_method, str) else ''!r} is not "
            f"mapped. Mapped: {row.mapped}."
        ),
    ),
    Check(
        _RULES["ORDER-003"],
        _unsent(lambda rows: rows["unknown_codes"] != ""),
        "unknown_codes",
        lambda row: f"myOGO does not hold {row.unknown_codes}, as far as was last read.",
    ),
    Check(
        _RULES["ORDER-008"],
        _unsent(lambda rows: rows["ambiguous_codes"] != ""),
        "ambiguous_codes",
        lambda row: f"More than one size of Centra makes {row.ambiguous_codes}.",
    ),
    Check(
        _RULES["ORDER-005"],
        _unsent(lambda rows: rows["payment_due"] & ~rows["may_capture"]),
        "payment_due",
        lambda row: "Its payment is to be captured before it is sent, and capture is not set.",
    ),
)


def checked(orders: pd.DataFrame, known: Known) -> pd.DataFrame:
    """`orders` with what the checks look at, and `failed`: the number in CHECKS that withholds each, -1 for none."""
    live = known.live
    theirs = live.drop_duplicates("reference").set_index("reference")
    statuses = theirs["status"].to_dict()
    status = pd.Series([statuses.get(one, "") for one in orders["reference"]], orders.index, dtype="str")
    draft = (status == "draft") & (orders["status"] == "New")
    test = ~orders["test"].astype(bool) & orders["reference"].isin(theirs.index[theirs["test"]])
    rows = orders.assign(
        is_sent=orders["reference"].isin(live["reference"]),
        live_status=status,
        is_final=status.isin(FINAL),
        is_test_or_draft=draft | test,
        copies=orders["reference"].map(live["reference"].value_counts()).fillna(0),
        lines_changed=_differ(orders["lines"], orders["reference"].map(theirs["lines"])),
        destination_changed=_moved(orders, known.destinations),
        sent_as=pd.Series([known.sent_as.get(one, "") for one in orders["source_id"]], orders.index, dtype="str"),
        unknown_codes=_among(orders["codes"], lambda code: bool(known.codes) and code not in known.codes),
        ambiguous_codes=_among(orders["codes"], lambda code: code in known.ambiguous_codes),
        may_capture=known.capture,
        mapped=", ".join(f"{method} = {code}" for method, code in sorted(known.methods.items())) or "nothing",
        code=orders["reference"],
    )
    return rows.assign(failed=first_broken(rows, CHECKS))


def withheld(orders: pd.DataFrame, gone: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of those of `checked` that failed, and of `gone`: ours in myOGO that Centra no longer shows."""
    no_longer_listed = issue_rows(
        _RULES["ORDER-007"],
        gone.assign(code=gone["reference"]),
        "status",
        lambda row: f"It is {row.status} in myOGO, and no longer good to go in Centra.",
    )
    return pd.concat([issues_of_checks(orders, orders["failed"], CHECKS), no_longer_listed], ignore_index=True)[COLUMNS]


def warnings(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what is worth a look; `orders` are those that are not withheld."""
    rows = orders[~orders["is_sent"] & orders["has_no_phone"]]
    return issue_rows(_RULES["ORDER-010"], rows, "reference", lambda row: "It has no phone number.")


def waiting(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of `orders` of Centra that nothing has become of yet: `order_id` and their `order_status`."""
    rows = orders.assign(code=orders["order_id"], source_id=orders["order_id"])
    return issue_rows(
        _RULES["ORDER-015"], rows, "order_status", lambda row: f"Its status is {row.order_status}, and it waits."
    )


def _differ(mine: pd.Series, theirs: pd.Series) -> pd.Series:
    """Whether two lists of lines are known to hold other units."""
    pairs = zip(mine.map(units_in), theirs.map(units_in), strict=True)
    return pd.Series([None not in pair and pair[0] != pair[1] for pair in pairs], mine.index, dtype=bool)


def _moved(orders: pd.DataFrame, destinations: Mapping[str, str]) -> pd.Series:
    """Whether each order is known to go elsewhere than it was sent: digests made in the same way, with the same key,
    that differ."""

    def moved(was: str | None, now: str) -> bool:
        return was is not None and was.rpartition("-")[0] == now.rpartition("-")[0] and was != now

    pairs = zip(orders["reference"], orders["destination"], strict=True)
    return pd.Series([moved(destinations.get(one), now) for one, now in pairs], orders.index, dtype=bool)


def _among(codes: pd.Series, hit: Any) -> pd.Series:
    """The codes of each order that `hit` picks, quoted; "" for none."""
    texts = [
        ", ".join(repr(code) for code in json.loads(cell) if hit(code)) if isinstance(cell, str) else ""
        for cell in codes
    ]
    return pd.Series(texts, index=codes.index, dtype="str")
