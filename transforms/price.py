"""The price of a size in the channel's currency."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import inf

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_CENT = Decimal("0.01")
MONEY = pd.ArrowDtype(pa.decimal128(18, 4))
# Numbers that a money column holds without rounding: up to 14 digits before the point, 4 after it, then only zeros.
_PLAIN_NUMBER = r"\s*[+-]?(?:[0-9]{1,14}(?:\.[0-9]{0,4}0*)?|\.[0-9]{1,4}0*)\s*"
_MORE_THAN_15_DIGITS = r"\s*-?(?=[0-9.]{17,40}\s*$)[0-9]{1,14}\.[0-9]{5,38}\s*"
_FLOAT_DIGITS = Context(prec=15, rounding=ROUND_HALF_EVEN)
_SCIENTIFIC = r"\s*[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?[eE][+-]?[0-9]{1,3}\s*"


def money(text: pd.Series) -> pd.Series:
    """Decimals with 4 places; null if `text` is null or not a plain number that fits without rounding.

    A number with a comma, NaN, infinity and words are not plain numbers. A number with an exponent is expanded first.
    """
    scientific = text.str.fullmatch(_SCIENTIFIC)
    if scientific.any():
        text = text.where(~scientific, text[scientific].map(lambda number: format(Decimal(number.strip()), "f")))
    usable = text.where(text.str.fullmatch(_PLAIN_NUMBER))
    trimmed = pc.utf8_trim_whitespace(pa.array(usable))
    # Arrow does not drop digits that do not fit, so zeros after the fourth place are removed first.
    short = pc.replace_substring_regex(trimmed, r"(\.[0-9]{4})0+$", r"\1")
    return pd.Series(pc.cast(short, MONEY.pyarrow_dtype), index=text.index, dtype=MONEY)


def without_float_residue(text: pd.Series) -> pd.Series:
    """`text`, with the residue of a float taken off: 49.899999999999999 is 49.9.

    A float holds 15 significant digits. A plain number that has more of them, and that has at most 4 decimals after
    rounding to 15, was 49.90 before a program stored it as a float. All other texts stay.
    """
    long = text.str.fullmatch(_MORE_THAN_15_DIGITS)
    return text.mask(long, text[long].map(_rounded_to_15_digits)) if long.any() else text


def _rounded_to_15_digits(text: str) -> str:
    rounded = _FLOAT_DIGITS.create_decimal(text.strip())
    return format(rounded, "f") if rounded == round(rounded, 4) != Decimal(text.strip()) else text


def is_price_jump(old: Decimal, new: Decimal, factor: Fraction) -> bool:
    """Whether the price is multiplied or divided by more than `factor`. Zero or less on either side is a jump."""
    low, high = sorted((Fraction(old), Fraction(new)))
    return high > factor * low


def plain_money(value: Decimal) -> Decimal:
    """The amount with two decimals, or with more if it has more."""
    cents = value.quantize(_CENT)
    return cents if cents == value else value.normalize()


def pricelist_of(prices: pd.DataFrame, currency: str) -> str | None:
    """The id of the price list that a catalogue follows if none is configured; None if no list has the currency.

    The only list of the currency, else the list with the lowest numeric id. Lists without any amount count, so that a
    list whose amounts were deleted is not replaced by another one, such as that of the staff.
    """
    ids = _in_currency(prices, currency)["pricelist_id"].fillna("").astype("str").unique()
    return min(ids, key=lambda one: (int(one) if re.fullmatch("[0-9]{1,15}", one) else inf, one), default=None)


def price_in(prices: pd.DataFrame, currency: str, pricelist_id: str | None) -> pd.DataFrame:
    """One row per size that has an amount in this price list in `currency`, indexed by `stock_item_id`.

    Columns: `price_text` (as Centra sent it), `second_price_text` (another amount in the same list, or null) and
    `pricelists` (the number of lists of that currency that have an amount for the size). An entry whose price is null
    or blank has no amount. The price of another list is never taken. Currencies are compared case-insensitively.
    Campaign prices are never used, because the payload does not show whether a campaign is running.
    """
    entries = _in_currency(prices, currency)
    text = entries["price"].astype("str")
    entries = entries.assign(price_text=text, _id=entries["pricelist_id"].fillna("").astype("str"))
    entries = entries[text.fillna("").str.strip() != ""].sort_values(["stock_item_id", "position"])
    lists = entries.groupby("stock_item_id")["_id"].nunique()
    mine = entries[entries["_id"] == pricelist_id]
    first = mine.drop_duplicates("stock_item_id").set_index("stock_item_id")[["price_text"]]
    amounts = mine.assign(_amount=_comparable(mine["price_text"])).drop_duplicates(["stock_item_id", "_amount"])
    others = amounts[amounts["stock_item_id"].duplicated()].drop_duplicates("stock_item_id").set_index("stock_item_id")
    return first.assign(
        second_price_text=others["price_text"].reindex(first.index), pricelists=lists.reindex(first.index)
    )


def _in_currency(prices: pd.DataFrame, currency: str) -> pd.DataFrame:
    return prices[prices["currency"].str.strip().str.upper() == currency.upper()]


def _comparable(text: pd.Series) -> pd.Series:
    """The amount as text, so that 5 and 5.00 are equal; the trimmed text itself if it is not an amount."""
    amount = money(without_float_residue(text))
    return amount.astype("str").where(amount.notna(), text.str.strip())
