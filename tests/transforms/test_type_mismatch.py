"""Fields of another type than ever are told row by row, in words; what is merely unknown is not."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from transforms.type_mismatch import MAX_SHOWN, mismatched_fields


def extra(*objects: dict[str, Any] | None) -> pd.Series:
    return pd.Series([None if one is None else json.dumps(one, separators=(",", ":")) for one in objects], dtype="str")


def told(sizes: list[dict[str, Any] | None], prices: list[tuple[str, dict[str, Any] | None]] = ()) -> list[Any]:
    """What is said of sizes "0", "1", ...; prices are pairs of a size and its `extra`."""
    ids = pd.Series([str(number) for number in range(len(sizes))], dtype="str")
    entries = pd.DataFrame(
        {"stock_item_id": pd.Series([own for own, _ in prices], dtype="str"), "extra": extra(*(o for _, o in prices))}
    )
    odd = mismatched_fields(
        pd.DataFrame({"stock_item_id": ids, "extra": extra(*sizes)}), entries, ["brand", "ean"], ["id"]
    )
    assert odd.name == "mismatched"
    return [None if pd.isna(one) else one for one in odd]


def test_each_row_for_itself_and_in_order_of_the_names() -> None:
    sizes = [{"ean": True, "brand": []}, None, {"brand": {"a": 1}}]
    assert told(sizes) == ["brand is [], ean is true", None, 'brand is {"a": 1}']


def test_a_field_that_nobody_asks_for_says_nothing() -> None:
    """Also where it speaks of one that is asked for, or stands beside one."""
    sizes = [{"newField": True}, {"newField": '"brand":'}, {"ean": 1.5, "newField": {"brand": 1}}]
    assert told(sizes) == [None, None, "ean is 1.5"]


def test_prices_are_told_of_their_size_the_first_odd_one_only() -> None:
    sizes = [{"brand": True}, None, None, {"ean": []}]
    prices = [("0", {"id": [1]}), ("1", None), ("1", {"id": True}), ("1", {"id": False}), ("2", {"campaigns": 1})]
    assert told(sizes, prices) == ["brand is true, prices: id is [1]", "prices: id is true", None, "ean is []"]


@pytest.mark.parametrize(
    ("letters", "cut"), [(MAX_SHOWN - 2, ""), (MAX_SHOWN - 1, "...")], ids=["fits", "one too long"]
)
def test_a_long_value_is_cut(letters: int, cut: str) -> None:
    """With its quotes it may take SHOWN characters; letters of any script stay letters."""
    assert told([{"brand": ["ö" * 3]}, {"brand": "x" * letters}]) == [
        'brand is ["ööö"]',
        f"brand is {json.dumps('x' * letters)[:MAX_SHOWN]}{cut}",
    ]
