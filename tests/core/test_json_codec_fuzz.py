"""JSON of any kind ends in a document without floats, or in NotJson."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.json_codec import DuplicateKeyValue, NotJson, decode, decode_exact, encode
from tests.support.shop import euro, size
from tests.support.strategies import damaged, tried

PAGE = json.dumps({"status": "ok", "products": [size(1, weight=0.5, prices=[euro(49.5)])], "next": "?page=2"}).encode()
TEXTS = st.text('[]{}",:0123456789.eE-+NaNIinfytulrse\\ud8\t', max_size=30).map(str.encode)


def values(document: Any) -> list[Any]:
    """Every value in the document."""
    found, left = [], [document]
    while left:
        item = left.pop()
        found.append(item)
        if isinstance(item, DuplicateKeyValue):
            left += item.given_more_than_once
        elif isinstance(item, dict):
            left += item.values()
        elif isinstance(item, list):
            left += item
    return found


@tried(300)
@given(st.binary(max_size=60) | TEXTS | damaged(PAGE))
def test_no_body_raises_anything_but_not_json(body: bytes) -> None:
    """No number is ever a float, and the two readings differ in nothing but how they hold a number with a point."""
    try:
        told = decode(body)
    except NotJson:
        told = None
    else:
        kinds = {type(value) for value in values(told)}
        assert kinds <= {dict, list, str, int, bool, type(None), DuplicateKeyValue}
    try:
        exact = decode_exact(body)
    except NotJson:
        assert told is None or any(isinstance(value, DuplicateKeyValue) for value in values(told))
    else:
        assert {type(value) for value in values(exact)} <= {dict, list, str, int, bool, type(None), Decimal}
        assert len(values(exact)) == len(values(told))


@tried(100)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2) | st.sampled_from([True, "1", None])), max_size=5))
def test_of_two_values_for_a_key_none_is_lost(pairs: list[tuple[str, Any]]) -> None:
    body = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
    told = decode(body.encode())
    for key in {key for key, _ in pairs}:
        given_values = [value for other, value in pairs if other == key]
        if len({repr(value) for value in given_values}) == 1:
            assert told[key] == given_values[0]
        else:
            assert told[key] == DuplicateKeyValue(tuple(given_values))
    assert isinstance(encode(told), bytes)
