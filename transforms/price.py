"""The price of a size in the channel's currency."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MONEY = pd.ArrowDtype(pa.decimal128(18, 4))
# What a money column can hold without rounding: up to 14 digits before the point, 4 after it, zeros aside.
_PLAIN_NUMBER = r"\s*[+-]?(?:[0-9]{1,14}(?:\.[0-9]{0,4}0*)?|\.[0-9]{1,4}0*)\s*"


def money(text: pd.Series) -> pd.Series:
    """Decimals with 4 places; null where `text` is null or no plain number that fits without rounding.

    A comma, an exponent, NaN, infinity and words are no plain numbers.
    """
    usable = text.where(text.str.fullmatch(_PLAIN_NUMBER, flags=0).fillna(False).astype(bool))
    trimmed = pc.utf8_trim_whitespace(pa.array(usable, pa.string(), from_pandas=True))
    # Arrow will not drop digits that do not fit, so zeros beyond the fourth place go first.
    short = pc.replace_substring_regex(trimmed, r"(\.[0-9]{4})0+$", r"\1")
    short = pc.replace_substring_regex(short, r"^\+", "")
    return pd.Series(pc.cast(short, pa.decimal128(18, 4)), index=text.index, dtype=MONEY)


def price_in(prices: pd.DataFrame, currency: str, pricelist_id: str | None) -> pd.DataFrame:
    """One row per size that has an entry in `currency`, indexed by `stock_item_id`.

    Columns: `price_text` (as Centra sent it, null where empty or missing), `pricelist_id` (where it came
    from) and `pricelists` (how many lists of that currency carry the size).

    The rule, which no vendor documents for several lists: entries whose currency is `currency` (case aside);
    with `pricelist_id`, that list and no other where a size has it among several; otherwise the lowest
    numeric id. The base price, never a campaign's: the payload does not say whether a campaign is running.
    """
    mine = prices[prices["currency"].fillna("").str.strip().str.upper() == currency.upper()]
    ids = mine["pricelist_id"].fillna("").astype("str")
    numeric = pd.to_numeric(ids.where(ids.str.fullmatch("[0-9]{1,15}")), errors="coerce")
    chosen = (ids != pricelist_id) if pricelist_id is not None else pd.Series(False, index=mine.index)
    text = mine["price"].astype("str")
    text = text.mask(text.fillna("").str.strip() == "")
    ordered = mine.assign(
        price_text=text,
        _other=chosen.astype(int),
        _number=numeric.fillna(float("inf")),
        _id=ids,
    ).sort_values(["stock_item_id", "_other", "_number", "_id", "position"], kind="stable")
    lists = mine.assign(_id=ids).groupby("stock_item_id")["_id"].nunique()
    first = ordered.drop_duplicates("stock_item_id").set_index("stock_item_id")
    return first[["price_text", "pricelist_id"]].join(lists.rename("pricelists"), validate="one_to_one")
