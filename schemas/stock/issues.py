"""The checks that withhold an amount from Centra, and its warnings."""

from __future__ import annotations

import pandas as pd

from schemas.issues import MAX_LISTED, Check, by_id, first_broken, issue_rows, issues_of_checks
from schemas.stock.rules import RULES

_RULES = by_id(RULES)

# The first broken check counts.
CHECKS = (
    Check(
        _RULES["STOCK-001"],
        lambda rows: rows["copies"] > 1,
        "code",
        lambda row: f"myOGO's stock list has {row.copies} rows for the code {row.code!r}.",
    ),
    Check(
        _RULES["STOCK-002"],
        lambda rows: (rows["size_count"] != 1) & rows["stock_item_id"].isna(),
        "code",
        lambda row: (
            f"{row.size_count} sizes ({row.sizes}) have the code {row.code!r}, and no EAN identifies one of them."
        ),
    ),
    Check(
        _RULES["TYPE-003"],
        lambda rows: rows["unreadable_in_centra"].notna(),
        "unreadable_in_centra",
        lambda row: f"In Centra's stock list, {row.unreadable_in_centra} for size {row.stock_item_id} ({row.code!r}).",
    ),
    Check(
        _RULES["TYPE-004"],
        lambda rows: rows["unreadable_in_myogo"].notna(),
        "unreadable_in_myogo",
        lambda row: f"In myOGO's stock list, {row.unreadable_in_myogo} for the code {row.code!r}.",
    ),
    Check(
        _RULES["STOCK-003"],
        lambda rows: _relevant_rules(rows) != "",
        "broken",
        lambda row: f"The size of {row.code!r} is withheld from myOGO: {row.broken}.",
    ),
    Check(
        _RULES["STOCK-004"],
        lambda rows: rows["key"].isna(),
        "code",
        lambda row: (
            f"Another size has the EAN {row.code!r}, and the EAN of this size ({row.ean}) does not identify it either."
            if isinstance(row.ean, str)
            else f"Another size has the EAN {row.code!r}, and this size has no EAN."
        ),
    ),
)


def failed_checks(rows: pd.DataFrame) -> pd.Series:
    """The number in CHECKS that withholds each row of `transforms.stock.address_sizes`; -1 for none.

    Further columns of `rows`: `unreadable_in_centra` and `unreadable_in_myogo`, the amounts that cannot be read, in
    words (null for none).
    """
    return first_broken(rows, CHECKS)


def _relevant_rules(rows: pd.DataFrame) -> pd.Series:
    """The product rules that withhold the size, without SKU-002 (a shared code) if an EAN identifies the size, and
    without SKU-005: a renamed size has the amount of the code by which myOGO knows it."""
    broken = rows["broken"].fillna("").str.replace(r"SKU-005(, )?", "", regex=True).str.removesuffix(", ")
    return broken.where(rows["size_count"] == 1, broken.str.replace(r"SKU-002(, )?", "", regex=True))


def withheld(rows: pd.DataFrame, failed: pd.Series, sizes: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per row with a failed check. A row of several sizes is listed under the first of them."""
    rows, failed = rows[failed >= 0], failed[failed >= 0]
    ids_of_code = sizes[sizes["code"].isin(rows["code"])].groupby("code")["stock_item_id"].agg(list)
    ids_of_row: list[list[str]] = [ids_of_code.get(code, []) for code in rows["code"]]
    first = pd.Series([ids[0] if ids else None for ids in ids_of_row], index=rows.index, dtype="str")
    rows = rows.assign(
        source_id=rows["stock_item_id"].fillna(first), sizes=[", ".join(ids[:MAX_LISTED]) for ids in ids_of_row]
    )
    return issues_of_checks(rows, failed, CHECKS)


def warnings(rows: pd.DataFrame, valid: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of the warnings. `valid` are the rows that are compared."""
    rows, valid = (frame.assign(source_id=frame["stock_item_id"]) for frame in (rows, valid))
    unidentified = rows["code"].str.startswith("XX-") & (rows["size_count"] == 0)
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
                "quantity",
                lambda row: f"{row.code!r}, {row.quantity} units.",
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
        "quantity",
        lambda row: (
            f"myOGO has {row.quantity} of {row.code!r}, a code that no size has. Centra's {row.similar_code!r} "
            f"{'has the same EAN' if row.has_same_ean else 'looks like it'} and shows {row.in_centra}: it does not get "
            "that amount."
        ),
    )
