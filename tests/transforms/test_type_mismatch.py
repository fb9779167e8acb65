"""Fields with an unexpected type are reported for each row; unknown fields are not."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from schemas.fields.spec import MISSING
from transforms.type_mismatch import MAX_SHOWN, mismatched_fields


def extra(*objects: dict[str, Any] | None) -> pd.Series:
    return pd.Series([None if one is None else json.dumps(one, separators=(",", ":")) for one in objects], dtype="str")


def mismatches_of(
    sizes: list[dict[str, Any] | None], prices: list[tuple[str, dict[str, Any] | None]] = ()
) -> list[Any]:
    """The mismatches of the sizes "0", "1", ...; `prices` are pairs of a size and its `extra`."""
    ids = pd.Series([str(number) for number in range(len(sizes))], dtype="str")
    entries = pd.DataFrame(
        {
            "stock_item_id": pd.Series([stock_item_id for stock_item_id, _ in prices], dtype="str"),
            "extra": extra(*(o for _, o in prices)),
        }
    )
    mismatches = mismatched_fields(
        pd.DataFrame({"stock_item_id": ids, "extra": extra(*sizes)}), entries, ["brand", "ean"], ["id"]
    )
    assert mismatches.name == "mismatched"
    return [None if pd.isna(one) else one for one in mismatches]


def test_mismatches_are_listed_per_row_and_sorted_by_name() -> None:
    sizes = [{"ean": True, "brand": []}, None, {"brand": {"a": 1}}]
    assert mismatches_of(sizes) == ["brand is [], ean is true", None, 'brand is {"a": 1}']


def test_an_unused_field_is_not_reported() -> None:
    """Also if it contains the name of a used field, or is next to one."""
    sizes = [{"newField": True}, {"newField": '"brand":'}, {"ean": 1.5, "newField": {"brand": 1}}]
    assert mismatches_of(sizes) == [None, None, "ean is 1.5"]


def test_the_readable_parts_of_a_code_are_no_mismatch() -> None:
    """`extra` keeps them next to an unreadable part, and keeps integers."""
    objects = [{"sku": 1.5, "variantSku": "-A"}, {"sku": 123}, {"sizeSku": True, "sku": []}, {"sku": None}]
    frame = pd.DataFrame({"stock_item_id": list("0123"), "extra": extra(*objects)}, dtype="str")
    found = mismatched_fields(frame, frame.iloc[:0], ["sku", "variantSku", "sizeSku"], [])
    assert [None if pd.isna(one) else one for one in found] == ["sku is 1.5", None, "sizeSku is true", None]


def test_the_first_mismatch_in_the_prices_of_a_size_is_reported() -> None:
    sizes = [{"brand": True}, None, None, {"ean": []}]
    prices = [("0", {"id": [1]}), ("1", None), ("1", {"id": True}), ("1", {"id": False}), ("2", {"campaigns": 1})]
    assert mismatches_of(sizes, prices) == ["brand is true, prices: id is [1]", "prices: id is true", None, "ean is []"]


@pytest.mark.parametrize(("length", "cut"), [(MAX_SHOWN - 2, ""), (MAX_SHOWN - 1, "...")], ids=["fits", "one too long"])
def test_a_long_value_is_cut(length: int, cut: str) -> None:
    """At MAX_SHOWN characters with its quotes; non-ASCII letters are not escaped."""
    assert mismatches_of([{"brand": ["ö" * 3]}, {"brand": "x" * length}]) == [
        'brand is ["ööö"]',
        f"brand is {json.dumps('x' * length)[:MAX_SHOWN]}{cut}",
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (MISSING, "brand is missing"),
        ({"missing": True, "more": 1}, 'brand is {"missing": true, "more": 1}'),
        ({"given_more_than_once": ["Acmé", 5]}, 'brand is given more than once with different values: "Acmé", 5'),
        ({"given_more_than_once": ["a"], "b": 1}, 'brand is {"given_more_than_once": ["a"], "b": 1}'),
        (["given_more_than_once"], 'brand is ["given_more_than_once"]'),
    ],
    ids=["missing", "not missing", "given twice", "an object", "a list"],
)
def test_a_value_is_described_in_words(value: Any, words: str) -> None:
    assert mismatches_of([{"brand": value}, None]) == [words, None]
