"""The price of a size in the channel's currency."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_CENT = Decimal("0.01")
MONEY = pd.ArrowDtype(pa.decimal128(18, 4))
# What a money column can hold without rounding: up to 14 digits before the point, 4 after it, zeros aside.
_PLAIN_NUMBER = r"\s*[+-]?(?:[0-9]{1,14}(?:\.[0-9]{0,4}0*)?|\.[0-9]{1,4}0*)\s*"
_SCIENTIFIC = r"\s*[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?[eE][+-]?[0-9]{1,3}\s*"


def money(text: pd.Series) -> pd.Series:
    """Decimals with 4 places; null where `text` is null or no plain number that fits without rounding.

    A comma, NaN, infinity and words are no plain numbers; an exponent is written out first.
    """
    written = text.str.fullmatch(_SCIENTIFIC).fillna(False).astype(bool)
    if written.any():
        text = text.where(~written, text[written].map(lambda number: format(Decimal(number.strip()), "f")))
    usable = text.where(text.str.fullmatch(_PLAIN_NUMBER).fillna(False).astype(bool))
    trimmed = pc.utf8_trim_whitespace(pa.array(usable, pa.string(), from_pandas=True))
    # Arrow will not drop digits that do not fit, so zeros beyond the fourth place go first.
    short = pc.replace_substring_regex(trimmed, r"(\.[0-9]{4})0+$", r"\1")
    return pd.Series(pc.cast(short, pa.decimal128(18, 4)), index=text.index, dtype=MONEY)


def plain_money(value: Decimal) -> Decimal:
    """With two decimals, or as many more as it has."""
    cents = value.quantize(_CENT)
    return cents if cents == value else value.normalize()


def price_in(prices: pd.DataFrame, currency: str, pricelist_id: str | None) -> pd.DataFrame:
    """One row per size that has an amount in `currency`, indexed by `stock_item_id`.

    Columns: `price_text` (as Centra sent it), `pricelist_id` (where it came from) and `pricelists` (how many
    lists it could have come from). An entry whose price is null or blank has no amount.

    The rule, which no vendor documents for several lists: entries whose currency is `currency` (case aside).
    One: its price. Several: that of the list `pricelist_id`, and of no other, where it is given; otherwise that
    of the lowest numeric id. The base price, never a campaign's: the payload does not say whether one is running.
    """
    mine = prices[prices["currency"].fillna("").str.strip().str.upper() == currency.upper()]
    mine = mine.assign(_id=mine["pricelist_id"].fillna("").astype("str"))
    if pricelist_id is not None:
        alone = mine.groupby("stock_item_id")["_id"].transform("nunique") == 1
        mine = mine[alone | (mine["_id"] == pricelist_id)]
    text = mine["price"].astype("str")
    mine = mine.assign(price_text=text)[text.fillna("").str.strip() != ""]
    numeric = pd.to_numeric(mine["_id"].where(mine["_id"].str.fullmatch("[0-9]{1,15}")), errors="coerce")
    ordered = mine.assign(_number=numeric.fillna(float("inf"))).sort_values(
        ["stock_item_id", "_number", "_id", "position"], kind="stable"
    )
    lists = mine.groupby("stock_item_id")["_id"].nunique()
    first = ordered.drop_duplicates("stock_item_id").set_index("stock_item_id")
    return first[["price_text", "pricelist_id"]].join(lists.rename("pricelists"), validate="one_to_one")
