"""Fields that hold another type than ever, which the stage keeps raw in `extra`."""

from __future__ import annotations

import json
from collections.abc import Collection

import pandas as pd

MAX_SHOWN = 60


def mismatched_fields(
    sizes: pd.DataFrame, prices: pd.DataFrame, of_size: Collection[str], of_price: Collection[str]
) -> pd.Series:
    """Row by row of `sizes`, the fields among `of_size` and the fields of a price among `of_price` that are odd.

    As text, `brand is true, prices: currency is ["EUR"]`; null where there are none. Both frames hold `extra`.
    """
    entries = mismatches_in(prices["extra"], of_price)
    of_prices = ("prices: " + entries).groupby(prices["stock_item_id"]).first()
    own, priced = mismatches_in(sizes["extra"], of_size), sizes["stock_item_id"].map(of_prices).astype("str")
    return own.where(priced.isna(), (own + ", ").fillna("") + priced).rename("odd")


def mismatches_in(extra: pd.Series, fields: Collection[str]) -> pd.Series:
    """What each JSON object says of `fields`; null where it says nothing.

    Unknown fields are many and odd ones are few: only those are read.
    """
    mentioned = pd.Series(False, index=extra.index)
    for field in fields:
        mentioned |= extra.str.contains(f'"{field}":', regex=False).fillna(False).astype(bool)
    told = {text: _words(text, fields) for text in extra[mentioned].unique()}
    return extra.where(mentioned).map(told).astype("str")


def _words(text: str, fields: Collection[str]) -> str | None:
    odd = json.loads(text)
    return ", ".join(f"{name} is {_short(odd[name])}" for name in sorted(odd.keys() & set(fields))) or None


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
