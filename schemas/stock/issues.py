"""What withholds an amount from Centra, and what is worth a warning."""

from __future__ import annotations

import pandas as pd

from schemas.issues import MAX_LISTED, Check, by_id, first_broken, issue_rows, issues_of_checks
from schemas.stock.rules import RULES

_RULES = by_id(RULES)

# The first that is broken counts.
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
            f"The code {row.code!r} is made by {row.size_count} sizes ({row.sizes}), and no EAN tells which is meant."
        ),
    ),
    Check(
        _RULES["STOCK-003"],
        lambda rows: _rules_that_matter(rows) != "",
        "broken",
        lambda row: f"The size of {row.code!r} is withheld from myOGO: {row.broken}.",
    ),
    Check(
        _RULES["STOCK-004"],
        lambda rows: rows["key"].isna(),
        "code",
        lambda row: (
            f"Another size has {row.code!r} for its EAN, and the EAN of this one ({row.ean}) tells it no better."
            if isinstance(row.ean, str)
            else f"Another size has {row.code!r} for its EAN, and this one has none of its own."
        ),
    ),
)


def failed_checks(rows: pd.DataFrame) -> pd.Series:
    """The number in CHECKS that withholds each row of `transforms.stock.address_sizes`; -1 for none."""
    return first_broken(rows, CHECKS)


def _rules_that_matter(rows: pd.DataFrame) -> pd.Series:
    """The products' rules that withhold the size; that several sizes make the code is no reason where an EAN tells
    which of them is meant."""
    broken = rows["broken"].fillna("")
    return broken.where(rows["size_count"] == 1, broken.str.replace(r"SKU-002(, )?", "", regex=True))


def withheld(rows: pd.DataFrame, failed: pd.Series, sizes: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per row with a failed check. A row of several sizes is listed under the first of them."""
    rows, failed = rows[failed >= 0], failed[failed >= 0]
    listed = sizes[sizes["code"].isin(rows["code"])].groupby("code")["stock_item_id"].agg(list)
    own: list[list[str]] = [listed.get(code, []) for code in rows["code"]]
    first = pd.Series([ids[0] if ids else None for ids in own], index=rows.index, dtype="str")
    rows = rows.assign(
        source_id=rows["stock_item_id"].fillna(first), sizes=[", ".join(ids[:MAX_LISTED]) for ids in own]
    )
    return issues_of_checks(rows, failed, CHECKS)


def warnings(rows: pd.DataFrame, valid: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what is worth a look and withholds nothing. `valid` are the rows that are compared."""
    rows, valid = (frame.assign(source_id=frame["stock_item_id"]) for frame in (rows, valid))
    unidentified = rows["code"].str.startswith("XX-") & (rows["size_count"] == 0)
    return pd.concat(
        [
            issue_rows(
                _RULES["STOCK-005"],
                valid[valid["below_zero"]],
                "quantity",
                lambda row: "myOGO counts less than nothing.",
            ),
            issue_rows(
                _RULES["STOCK-006"],
                valid[valid["raised"]],
                "quantity",
                lambda row: (
                    f"myOGO has {row.quantity} of {row.code!r}; Centra keeps the {row.allocated_stock} it promised."
                ),
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
