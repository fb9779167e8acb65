"""The checks that withhold an amount from Centra, and its warnings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from schemas.issues import Check, and_more, by_id, first_broken, issue_rows, issues_of_checks
from schemas.stock.rules import RULES

_RULES = by_id(RULES)

# Product rules about the identity of a size; other rules (a price, a country) do not stop an amount.
_IDENTITY = ("SKU-", "TGT-")
_OF_OLD_CODES = ("SKU-005", "SKU-006")

# The first broken check counts. Doubts about the identity stop an amount only if it would rise: no amount that it might
# have is higher.
CHECKS = (
    Check(
        _RULES["TYPE-004"],
        lambda rows: rows["unreadable_in_myogo"].notna(),
        "unreadable_in_myogo",
        lambda row: f"In myOGO's stock list, {row.unreadable_in_myogo} for the code {row.code!r}.",
    ),
    Check(
        _RULES["STOCK-009"],
        lambda rows: rows["available"].isna(),
        "code",
        lambda row: (
            f"Centra has {row.sizes} of {row.code!r} in stock, and myOGO shows neither a stock row nor a product."
        ),
    ),
    Check(
        _RULES["STOCK-002"],
        lambda rows: (rows["size_count"] != 1) & rows["stock_item_id"].isna(),
        "code",
        lambda row: (
            f"{row.size_count} sizes have the code {row.code!r}, and no EAN identifies one of them. Centra shows "
            f"{row.sizes}; myOGO has {row.available}."
        ),
    ),
    Check(
        _RULES["TYPE-003"],
        lambda rows: rows["unreadable_in_centra"].notna(),
        "unreadable_in_centra",
        lambda row: f"In Centra's stock list, {row.unreadable_in_centra} for size {row.stock_item_id} ({row.code!r}).",
    ),
    Check(
        _RULES["STOCK-004"],
        lambda rows: rows["key"].isna(),
        "code",
        lambda row: (
            f"Another size has the EAN or UPC {row.code!r}, and "
            + (
                f"the EAN of this size ({row.ean}) does not identify it either"
                if isinstance(row.ean, str)
                else "this size has no EAN"
            )
            + f". {_both_amounts(row)}"
        ),
    ),
    Check(
        _RULES["STOCK-001"],
        lambda rows: (rows["copies"] > 1) & rows["rises"],
        "code",
        lambda row: f"myOGO has {row.copies} rows for the code {row.code!r}. {_both_amounts(row)}",
    ),
    Check(
        _RULES["STOCK-003"],
        lambda rows: (identity_rules(rows) != "") & rows["rises"],
        "broken",
        lambda row: f"The size of {row.code!r} is withheld from myOGO: {row.broken}. {_both_amounts(row)}",
    ),
    Check(
        _RULES["STOCK-011"],
        lambda rows: (rows["quantity"] != rows["current"]) & (rows["current"] <= rows["kept_before"]),
        "quantity",
        lambda row: (
            f"{row.quantity} of {row.code!r} was written, and Centra showed {row.kept_before} right after it. "
            f"{_both_amounts(row)}"
        ),
    ),
)


def _both_amounts(row: Any) -> str:
    shown = "no amount" if pd.isna(row.current) else row.current
    return f"Centra shows {shown}; it should show {row.quantity}."


def failed_checks(rows: pd.DataFrame) -> pd.Series:
    """The number in CHECKS that withholds each row of `transforms.stock.with_amounts`; -1 for none.

    Further columns of `rows`: `unreadable_in_centra` and `unreadable_in_myogo`, the amounts that cannot be read, in
    words (null for none).
    """
    return first_broken(rows, CHECKS)


def identity_rules(rows: pd.DataFrame) -> pd.Series:
    """The product rules about identity that withhold each row's size, joined by ", "; "" for none.

    A shared code (SKU-002) does not count if it is clear which size is meant: the others are inactive, or an EAN
    identifies it. Nor do SKU-005 and SKU-006: the amount is that of the code by which myOGO knows the size.
    """
    broken = rows["broken"].fillna("").str.split(", ")
    identified = rows["stock_item_id"].notna()
    return pd.Series(
        [
            ", ".join(
                rule
                for rule in rules
                if rule.startswith(_IDENTITY) and rule not in _OF_OLD_CODES and not (clear and rule == "SKU-002")
            )
            for rules, clear in zip(broken, identified, strict=True)
        ],
        rows.index,
        dtype="str",
    )


def withheld(rows: pd.DataFrame, failed: pd.Series, sizes: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per row with a failed check. A row of several sizes is listed under the first of them; `sizes`
    are those of Centra, with `stock_item_id`, `code` and `physical_stock`."""
    rows, failed = rows[failed >= 0], failed[failed >= 0]
    of_codes = sizes[sizes["code"].isin(rows["code"])]
    shown = of_codes["physical_stock"].astype("str").fillna("?") + " (size " + of_codes["stock_item_id"] + ")"
    listed = of_codes.assign(shown=shown).groupby("code").agg(first=("stock_item_id", "first"), shown=("shown", list))
    rows = rows.assign(
        source_id=rows["stock_item_id"].fillna(rows["code"].map(listed["first"]).astype("str")),
        sizes=[and_more(texts, len(texts)) for texts in rows["code"].map(listed["shown"])],
        broken=identity_rules(rows),
    )
    return issues_of_checks(rows, failed, CHECKS)


def warnings(rows: pd.DataFrame, valid: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of the warnings. `valid` are the rows that are compared."""
    rows, valid = (frame.assign(source_id=frame["stock_item_id"]) for frame in (rows, valid))
    unidentified = rows["code"].str.startswith("XX-") & (rows["size_count"] == 0)
    left_out = valid[~valid["orders_are_known"] & (valid["allocated_stock"] > 0).fillna(False)]
    return pd.concat(
        [
            issue_rows(
                _RULES["STOCK-005"],
                valid[valid["below_zero"]],
                "quantity",
                lambda row: "myOGO's own amount is below zero.",
            ),
            issue_rows(
                _RULES["STOCK-006"],
                valid[valid["raised"]],
                "quantity",
                lambda row: (
                    f"myOGO has {row.quantity} of {row.code!r}; Centra keeps the {row.allocated_stock} that its orders "
                    "have allocated."
                ),
            ),
            issue_rows(
                _RULES["STOCK-020"],
                valid[valid["refused"].notna()],
                "quantity",
                lambda row: f"{row.quantity} of {row.code!r} is not sent again. Centra's answer was: {row.refused}",
            ),
            issue_rows(
                _RULES["STOCK-007"],
                rows[unidentified],
                "available",
                lambda row: f"{row.code!r}, {row.available} units.",
            ),
            issue_rows(
                _RULES["STOCK-010"],
                left_out,
                "quantity",
                lambda row: (
                    f"Centra's orders have {row.allocated_stock} of {row.code!r} allocated. If myOGO has these orders "
                    f"too, Centra may show up to {row.allocated_stock} too few."
                ),
            ),
        ],
        ignore_index=True,
    )


def similar_size_warnings(similar: pd.DataFrame, amounts: pd.Series) -> pd.DataFrame:
    """COLUMNS of the warnings about the rows of `transforms.stock.similar_sizes`. `amounts` are those of Centra, by
    `stock_item_id`."""
    rows = similar.assign(
        source_id=similar["stock_item_id"],
        in_centra=similar["stock_item_id"].map(amounts).astype("str").fillna("no amount"),
    )
    return issue_rows(
        _RULES["STOCK-008"],
        rows,
        "available",
        lambda row: (
            f"myOGO has {row.available} of {row.code!r}, a code that no size has. Centra's {row.similar_code!r} "
            f"{'has the same EAN' if row.has_same_ean else 'looks like it'} and shows {row.in_centra}: it does not get "
            "that amount."
        ),
    )
