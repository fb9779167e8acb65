"""The checks that withhold an order, and its warnings. No message contains personal data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from schemas.fields.myogo_orders import FINAL, HELD_BACK, MOVING, WAITING
from schemas.issues import COLUMNS, Check, by_id, first_broken, issue_rows, issues_of_checks
from schemas.orders.changes import changed_amounts, changed_lines, destination_changed
from schemas.orders.rules import RULES

_RULES = by_id(RULES)
STOPPED = ("cancelled", "returned")


@dataclass(frozen=True)
class OrderContext:
    """The data that orders are checked against.

    `live` are myOGO's orders: `reference`, `status` in small letters, `lines`, `test`, `total` and `collects` (decimals
    or None), `edit_time`, `reason`, and the digests `address_digest` and `pick_up_point_digest`. `codes` are the codes
    that myOGO is known to hold, `ambiguous_codes` the codes of more than one size in Centra. `sent_as` maps a source id
    to the reference under which myOGO already has the same goods, `destinations` a reference to the digest of the
    destination that was sent. `methods` are the shipping methods that the channel maps; `capture` is whether the
    channel captures payments.
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


# The first broken check counts. Orders that myOGO has are checked by their state there; others by what they lack.
CHECKS = (
    Check(
        _RULES["ORDER-009"],
        lambda rows: rows["copies"] > 1,
        "reference",
        lambda row: "myOGO holds its reference more than once.",
    ),
    Check(
        _RULES["ORDER-006"],
        _sent(lambda rows: ~rows["is_final"] & (rows["changed_lines"] != "")),
        "changed_lines",
        lambda row: row.changed_lines,
    ),
    Check(
        _RULES["ORDER-006"],
        _sent(lambda rows: ~rows["is_final"] & (rows["changed_amount"] != "")),
        "changed_amount",
        lambda row: row.changed_amount,
    ),
    Check(
        _RULES["ORDER-006"],
        _sent(lambda rows: ~rows["is_final"] & rows["destination_changed"]),
        "reference",
        lambda row: "Its address, pick-up point or shipping method differs from the one in myOGO.",
    ),
    Check(
        _RULES["ORDER-014"],
        _sent(lambda rows: rows["is_test_or_draft"] & ~rows["live_status"].isin(STOPPED)),
        "live_status",
        lambda row: "It is a draft or a test in myOGO, sent before the channel sent real orders.",
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
        lambda row: _state_in_words(row),
    ),
    Check(
        _RULES["ORDER-024"],
        _sent(lambda rows: rows["live_status"].isin(WAITING)),
        "live_status",
        lambda row: _state_in_words(row),
    ),
    Check(
        _RULES["ORDER-011"],
        _sent(lambda rows: rows["live_status"].isin(STOPPED)),
        "live_status",
        lambda row: f"It is {row.live_status} in myOGO, but open in Centra.",
    ),
    Check(
        _RULES["ORDER-016"],
        _unsent(lambda rows: rows["sent_as"] != ""),
        "sent_as",
        lambda row: f"myOGO has the same order as {row.sent_as!r}.",
    ),
    Check(
        _RULES["ORDER-018"],
        _unsent(lambda rows: rows["held"] != ""),
        "held",
        lambda row: f"It is not sent yet, because {row.held}.",
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
        lambda row: f"myOGO is not known to hold {row.unknown_codes}.",
    ),
    Check(
        _RULES["ORDER-008"],
        _unsent(lambda rows: rows["ambiguous_codes"] != ""),
        "ambiguous_codes",
        lambda row: f"Several sizes of Centra share the code {row.ambiguous_codes}.",
    ),
    Check(
        _RULES["ORDER-019"],
        _unsent(lambda rows: rows["amount_problem"] != ""),
        "amount_problem",
        lambda row: f"Its amounts do not add up: {row.amount_problem}.",
    ),
    Check(
        _RULES["ORDER-005"],
        _unsent(lambda rows: rows["payment_due"] & ~rows["may_capture"]),
        "payment_due",
        lambda row: "Its payment must be captured before it is sent, but capture is not set.",
    ),
)


def checked(orders: pd.DataFrame, context: OrderContext) -> pd.DataFrame:
    """`orders` with the columns that the checks use, and `failed`: the number in CHECKS that withholds each row, -1 for
    none."""
    live = context.live
    live_by_reference = live.drop_duplicates("reference").set_index("reference")
    statuses = live_by_reference["status"].to_dict()
    status = pd.Series([statuses.get(one, "") for one in orders["reference"]], orders.index, dtype="str")
    draft = (status == "draft") & (orders["status"] == "New")
    test = ~orders["test"].astype(bool) & orders["reference"].isin(live_by_reference.index[live_by_reference["test"]])
    rows = orders.assign(
        is_sent=orders["reference"].isin(live["reference"]),
        live_status=status,
        live_since=pd.to_datetime(
            orders["reference"].map(live_by_reference["edit_time"]), format="ISO8601", utc=True, errors="coerce"
        ),
        live_reason=orders["reference"].map(live_by_reference["reason"]),
        is_final=status.isin(FINAL),
        is_test_or_draft=draft | test,
        copies=orders["reference"].map(live["reference"].value_counts()).fillna(0),
        changed_lines=changed_lines(orders["lines"], orders["reference"].map(live_by_reference["lines"])),
        changed_amount=changed_amounts(orders, live_by_reference),
        destination_changed=destination_changed(orders, live_by_reference, context.destinations),
        sent_as=pd.Series([context.sent_as.get(one, "") for one in orders["source_id"]], orders.index, dtype="str"),
        unknown_codes=_codes_where(orders["codes"], lambda code: code not in context.codes),
        ambiguous_codes=_codes_where(orders["codes"], lambda code: code in context.ambiguous_codes),
        may_capture=context.capture,
        mapped=", ".join(f"{method} = {code}" for method, code in sorted(context.methods.items())) or "nothing",
        code=orders["reference"],
    )
    return rows.assign(failed=first_broken(rows, CHECKS))


def withheld(orders: pd.DataFrame, gone: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: the rows of `checked` that failed, and the orders `gone`: ours in myOGO that Centra no longer lists, or
    that must wait (`held`, in words; "" for those that it does not list)."""
    no_longer_listed = issue_rows(
        _RULES["ORDER-007"],
        gone.assign(code=gone["reference"]),
        "status",
        lambda row: (
            f"It is {row.status} in myOGO, but no longer good to go in Centra{f': {row.held}' if row.held else ''}."
        ),
    )
    return pd.concat([issues_of_checks(orders, orders["failed"], CHECKS), no_longer_listed], ignore_index=True)[COLUMNS]


def warnings(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of the warnings about `orders`, which are not withheld. An order that was sent before has none, so each
    is reported once."""
    rows = orders[~orders["is_sent"]]
    goods = rows[~rows["nothing_to_pick"]]
    parts = [
        issue_rows(
            _RULES["ORDER-010"], goods[goods["phone_problem"] != ""], "reference", lambda row: row.phone_problem
        ),
        issue_rows(
            _RULES["ORDER-020"],
            rows[rows["no_goods"] != ""],
            "no_goods",
            lambda row: (
                f"All its lines are no goods ({row.no_goods}), so it is not sent. Complete it in Centra."
                if row.nothing_to_pick
                else f"It is sent without {row.no_goods}."
            ),
        ),
        issue_rows(
            _RULES["ORDER-021"],
            goods[goods["lacks_pick_up_point"]],
            "shipping_code",
            lambda row: f"Its shipping method {row.shipping_code!r} needs a pick-up point, and it has none.",
        ),
        issue_rows(
            _RULES["ORDER-022"],
            goods[goods["lacks_state"]],
            "reference",
            lambda row: "Its delivery address has no state, which carriers need in the US, Canada and Australia.",
        ),
    ]
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def waiting(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of Centra's `orders` without a shipment: `order_id` and `order_status`."""
    rows = orders.assign(code=orders["order_id"], source_id=orders["order_id"])
    return issue_rows(
        _RULES["ORDER-015"],
        rows,
        "order_status",
        lambda row: f"Its status is {row.order_status}, and it waits for a shipment.",
    )


def placed_before(orders: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of the rows of `checked` that are good to go and were placed before the starting day."""
    return issue_rows(
        _RULES["ORDER-023"],
        orders,
        "ordered",
        lambda row: (
            f"It was placed on {row.ordered[:10]}, before the starting day, and is good to go now; myOGO has no order "
            f"{row.reference!r}."
        ),
    )


def _state_in_words(row: Any) -> str:
    since = f" (last change {row.live_since:%Y-%m-%d %H:%M} UTC)" if pd.notna(row.live_since) else ""
    reason = f": {row.live_reason.rstrip('.')}" if isinstance(row.live_reason, str) and row.live_reason else ""
    return f"It is {row.live_status} in myOGO{since}{reason}."


def _codes_where(codes: pd.Series, condition: Any) -> pd.Series:
    """The codes of each order that satisfy `condition`, quoted; "" for none."""
    texts = [
        ", ".join(repr(code) for code in json.loads(cell) if condition(code)) if isinstance(cell, str) else ""
        for cell in codes
    ]
    return pd.Series(texts, index=codes.index, dtype="str")
