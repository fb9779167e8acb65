"""Properties of every catalogue: codes are their parts, inputs do not change, rows are independent."""

from __future__ import annotations

import html
import re
import unicodedata
from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.frames import plain_list, staged, texts
from tests.support.shop import euro, size
from transforms.price import money
from transforms.products import Params, to_myogo
from transforms.sku import combined_code
from transforms.text import plain

quick = settings(deadline=None, database=None, max_examples=30)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PART = st.none() | TEXT | st.integers(0, 10**20)
PRICE = st.none() | TEXT | st.integers(-5, 500) | st.decimals(0, 1000, places=2).map(str)
ENTRY = st.builds(
    euro, PRICE, st.none() | st.integers(0, 99) | TEXT, currency=st.sampled_from(["EUR", "eur", "SEK", "", None])
)
CELL = st.none() | TEXT
SIZE = st.fixed_dictionaries(
    {"sku": PART, "variantSku": PART, "sizeSku": PART, "name": CELL, "product": CELL, "variant": CELL, "size": CELL,
     "ean": CELL, "upc": CELL, "countryOfOrigin": CELL, "harmCode": CELL, "store": CELL, "folder": CELL,
     "active": st.booleans(), "categories": st.lists(TEXT, max_size=2), "prices": st.lists(ENTRY, max_size=3),
     "description": CELL}
)  # fmt: skip
SIZES = st.lists(SIZE, min_size=1, max_size=8).map(
    lambda rows: [size(number, **fields) for number, fields in enumerate(rows)]
)


def _part(value: Any) -> str:
    return "" if value is None else str(value)


@quick
@given(SIZES)
def test_a_code_is_its_parts_and_nothing_else(rows: list[dict[str, Any]]) -> None:
    """The lengths add up, and each part is in its place."""
    sizes, _ = staged(*rows)
    codes = list(combined_code(sizes))
    assert codes == [_part(row["sku"]) + _part(row["variantSku"]) + _part(row["sizeSku"]) for row in rows]
    assert [len(code) for code in codes] == [
        sum(len(_part(row[part])) for part in ("sku", "variantSku", "sizeSku")) for row in rows
    ]


@quick
@given(SIZES, st.none() | st.sampled_from(["1", "36"]))
def test_the_transform_does_not_change_its_input(rows: list[dict[str, Any]], chosen: str | None) -> None:
    sizes, prices = staged(*rows)
    before = sizes.copy(), prices.copy()
    transformed = to_myogo(sizes, prices, Params(pricelist_id=chosen))
    pd.testing.assert_frame_equal(sizes, before[0])
    pd.testing.assert_frame_equal(prices, before[1])
    assert list(transformed["stock_item_id"]) == [str(row["stockItemId"]) for row in rows]


@settings(quick, max_examples=8)
@given(SIZES, st.sampled_from(["1", "36"]))
def test_each_row_is_independent_of_the_others(rows: list[dict[str, Any]], pricelist_id: str) -> None:
    """A size gives the same product alone and with others, once the price list of the catalogue is known."""
    params = Params(pricelist_id=pricelist_id)
    together = to_myogo(*staged(*rows), params)
    for number, row in enumerate(rows):
        alone = to_myogo(*staged(row), params)
        assert plain_list(alone.iloc[0]) == plain_list(together.iloc[number])


@quick
@given(st.decimals(min_value=-(10**14) + 1, max_value=10**14 - 1, places=4), st.sampled_from(["", " ", "\t"]))
def test_money_parses_what_was_formatted(amount: Decimal, blank: str) -> None:
    assert money(texts([f"{blank}{amount:f}{blank}"]))[0] == amount


@quick
@given(st.text(max_size=12) | st.text("0123456789+-.,eE ", max_size=12))
def test_money_never_raises_and_never_rounds(text: str) -> None:
    """It returns exactly the number in the text, or null."""
    value = plain_list(money(texts([text])))[0]
    if value is not None:
        assert value == Decimal(text.strip())


@quick
@given(st.text("ab &;>/\n\u00a0\x00\x1f\x85", max_size=30) | TEXT)
def test_plain_text_of_escaped_text_is_the_original(text: str) -> None:
    """On one line and without control characters. Only tags and entities in it, escaped or not, are lost."""
    assume("<" not in text and html.unescape(text) == text)
    expected = " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c) != "Cc").split())
    assert plain(html.escape(text)) == expected
    assert plain(f"<p>{html.escape(text)}</p>") == expected


@quick
@given(st.text("abip &;<>/!?=\n", max_size=40) | st.text("<>&;lgtamp/b", max_size=40))
def test_plain_text_has_no_tag_and_stays_as_it_is(text: str) -> None:
    cleaned = plain(text)
    assert re.search(r"<[a-z/!?][^<>]*>", cleaned, re.IGNORECASE) is None
    assert plain(cleaned) == cleaned
