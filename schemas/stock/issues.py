"""What may be written to Centra as an amount, and what we say about the rows that may not."""

from __future__ import annotations

from typing import Any

import pandas as pd

from schemas.issues import COLUMNS, MAX_LISTED, issue_rows


def broken(rows: pd.DataFrame) -> pd.Series:
    """The rule that withholds each row of `transforms.stock.addressed`; "" for none."""
    # That several sizes make the code is no reason where an EAN tells which of them is meant.
    alone = rows["owners"] == 1
    unfit = (
        rows["broken"].fillna("").where(alone, rows["broken"].fillna("").str.replace(r"SKU-002(, )?", "", regex=True))
    )
    rule = pd.Series("", index=rows.index, dtype="str")
    for name, hit in (
        ("STOCK-004", rows["key"].isna()),
        ("STOCK-003", unfit != ""),
        ("STOCK-002", ~alone & rows["stock_item_id"].isna()),
        ("STOCK-001", rows["copies"] > 1),
    ):
        rule = rule.mask(hit, name)
    return rule


def withheld(rows: pd.DataFrame, rule: pd.Series, sizes: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS: one line per row. A row of several sizes is told under the first of them."""
    owners = sizes[sizes["code"].isin(rows["code"])].groupby("code")["stock_item_id"].agg(list)
    rows = rows.assign(stock_item_id=rows["stock_item_id"].fillna(rows["code"].map(owners.str[0])))

    def several(row: Any) -> str:
        named = ", ".join(owners[row.code][:MAX_LISTED])
        return f"The code {row.code!r} is made by {row.owners} sizes ({named}), and no EAN tells which is meant."

    words = {
        "STOCK-001": lambda row: f"myOGO's stock list has {row.copies} rows for the code {row.code!r}.",
        "STOCK-002": several,
        "STOCK-003": lambda row: f"The size of {row.code!r} is withheld from myOGO: {row.broken}.",
        "STOCK-004": lambda row: (
            f"Another size has {row.code!r} for its EAN, and the EAN of this one ({row.ean}) tells it no better."
            if isinstance(row.ean, str)
            else f"Another size has {row.code!r} for its EAN, and this one has none of its own."
        ),
    }
    column = {"STOCK-003": "broken"}
    parts = [issue_rows(one, rows[rule == one], column.get(one, "code"), words[one]) for one in words]
    told = pd.concat(parts, ignore_index=True)
    return told[COLUMNS]


def warnings(rows: pd.DataFrame, fit: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what is worth a look and withholds nothing. `fit` are the rows that are compared."""
    made = rows["code"].str.startswith("XX-") & (rows["owners"] == 0)
    return pd.concat(
        [
            issue_rows("STOCK-005", fit[fit["below_zero"]], "quantity", lambda row: "myOGO counts less than nothing."),
            issue_rows(
                "STOCK-006",
                fit[fit["raised"]],
                "quantity",
                lambda row: (
                    f"myOGO has {row.quantity} of {row.code!r}; Centra keeps the {row.allocated_stock} it promised."
                ),
            ),
            issue_rows("STOCK-007", rows[made], "quantity", lambda row: f"{row.code!r}, {row.quantity} units."),
        ],
        ignore_index=True,
    )
