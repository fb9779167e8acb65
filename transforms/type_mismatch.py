"""Describes fields of an unexpected type, which the staged tables keep raw in `extra`."""

from __future__ import annotations

import json
from collections.abc import Collection

import pandas as pd

from schemas.fields.centra import CODE_FIELDS
from schemas.fields.spec import MISSING

MAX_SHOWN = 60


def mismatched_fields(
    sizes: pd.DataFrame, prices: pd.DataFrame, of_size: Collection[str], of_price: Collection[str]
) -> pd.Series:
    """For each row of `sizes`, the fields among `of_size`, and among `of_price` in its prices, of an unexpected type.

    As text, `brand is true, prices: currency is ["EUR"]`; null if there are none. Both frames have a column `extra`.
    """
    entries = mismatches_in(prices["extra"], of_price)
    of_prices = ("prices: " + entries).groupby(prices["stock_item_id"]).first()
    own, priced = mismatches_in(sizes["extra"], of_size), sizes["stock_item_id"].map(of_prices).astype("str")
    return own.where(priced.isna(), (own + ", ").fillna("") + priced).rename("mismatched")


def mismatches_in(extra: pd.Series, fields: Collection[str]) -> pd.Series:
    """The values of `fields` in each JSON object, in words; null if it has none of them.

    Unknown fields are frequent and mismatches are rare, so only texts that mention a field are parsed.
    """
    mentioned = pd.Series(False, index=extra.index)
    for field in fields:
        mentioned |= extra.str.contains(f'"{field}":', regex=False)
    descriptions = {text: _description(text, fields) for text in extra[mentioned].unique()}
    return extra.map(descriptions).astype("str")


def _description(text: str, fields: Collection[str]) -> str | None:
    values = json.loads(text)
    names = [name for name in sorted(values.keys() & set(fields)) if not is_code_part(name, values[name])]
    return ", ".join(f"{name} is {_short(values[name])}" for name in names) or None


def is_code_part(name: str, value: object) -> bool:
    """Whether the value can be a part of a code: `extra` keeps the readable parts of an unreadable code, too."""
    return name in CODE_FIELDS and (value in (None, [], {}) or type(value) in (str, int))


def _short(value: object) -> str:
    if value == MISSING:
        return "missing"
    if isinstance(value, dict) and value.keys() == {"given_more_than_once"}:
        value = value["given_more_than_once"]
        return f"given more than once with different values: {_cut(json.dumps(value, ensure_ascii=False)[1:-1])}"
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
