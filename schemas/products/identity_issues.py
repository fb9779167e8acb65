"""The issues of sizes whose code is not the one that myOGO knows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from schemas.issues import by_id, issue_rows
from schemas.products.rules import RULES

_RULES = by_id(RULES)


def identity_issues(
    products: pd.DataFrame,
    identities: pd.DataFrame,
    live: pd.DataFrame,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """`row` and COLUMNS: one line per row and broken rule. `identities` are those of `products`, from
    `transforms.identity`; `live` are myOGO's products; `kept` is `kept_codes`."""
    stock = live.drop_duplicates("code").set_index("code")["stock"]
    rows = products[["stock_item_id", "code", "ean_code"]].rename(columns={"stock_item_id": "source_id"})
    rows = rows.join(identities)
    rows["in_centra"] = products.get("code_in_centra", products["code"])
    has_code = rows["code"] != ""
    renamed = rows[rows["renamed_from"].notna() & has_code]
    taken = rows[rows["taken_from"].notna() & rows["renamed_from"].isna() & has_code]
    ean_held = rows[rows["ean_held_as"].notna()]
    lost = rows[rows["lost_code"].notna() & has_code]
    code_of = rows.loc[rows["source_id"].isin(taken["taken_from"])].set_index("source_id")["in_centra"]

    def holds(code: str) -> str:
        """What myOGO holds under the code, in words."""
        amount = stock.get(code)
        return f"an unknown amount under {code!r}" if pd.isna(amount) else f"{amount} in stock under {code!r}"

    def renamed_message(row: pd.Series) -> str:
        also = f" and {holds(row.code)}" if row.code in stock.index else ""
        reversed_pair = kept.get(row.renamed_from) == row.code
        return f"The size was sent to myOGO as {row.renamed_from!r}, and its code is now {row.code!r}. myOGO has " + (
            f"{holds(row.renamed_from)}{also}.{' kept_codes has this pair the wrong way round.' * reversed_pair}"
        )

    def taken_message(row: pd.Series) -> str:
        kept_as = "" if row.in_centra == row.code else f"kept_codes gives {row.in_centra!r} the code {row.code!r}. "
        now = "" if code_of[row.taken_from] == row.code else f", and its code is now {code_of[row.taken_from]!r}"
        return f"{kept_as}Size {row.taken_from} was sent to myOGO as {row.code!r}{now}. myOGO has " + (
            f"{holds(row.code)}: goods of that size, not of this one."
        )

    parts = [
        issue_rows(_RULES["SKU-005"], renamed, "code", renamed_message),
        issue_rows(_RULES["SKU-005"], taken, "code", taken_message),
        issue_rows(
            _RULES["SKU-006"],
            lost,
            "code",
            lambda row: f"kept_codes has {row.code!r} = {row.lost_code!r}, and myOGO holds neither of the two codes.",
        ),
        issue_rows(
            _RULES["EAN-005"],
            ean_held,
            "ean_code",
            lambda row: (
                f"{row.code!r} is not in myOGO, but its EAN {row.ean_code!r} is: myOGO has {holds(row.ean_held_as)}, "
                "a code that no size of Centra has."
            ),
        ),
    ]
    broken = [*renamed.index, *taken.index, *lost.index, *ean_held.index]
    return pd.concat(parts, ignore_index=True).assign(row=pd.Series(broken, dtype="int64"))
