"""The quick JSON decoder and the careful one give the same result."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.json_codec import _decode_all_keys, _fast_decode, _keep_all, _reject

keys = st.sampled_from(["a", "b", ":", 'q":', "\\u003a"])
leaves = st.none() | st.booleans() | st.integers() | st.text('a:\\"\u0000é', max_size=4) | st.just("49.90")
RAW = ["1", "-0", "0.10", "1e5", "1E-400", "123456789012345678901234567890", "9007199254740993"]
numbers = st.sampled_from(RAW)


def to_json(value: Any) -> str:
    """`value` as JSON; a tuple of pairs becomes an object whose keys may repeat, a raw number keeps its spelling."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)} : {to_json(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return value if isinstance(value, str) and value in RAW else json.dumps(value)


documents = st.recursive(
    leaves | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=4).map(tuple),
    max_leaves=12,
)


@pytest.mark.parametrize(("number", "twice"), [(str, _keep_all), (Decimal, _reject)], ids=["as text", "exact"])
@given(document=documents, escaped=st.booleans())
def test_the_quick_and_the_careful_decoder_agree(number: Any, twice: Any, document: Any, escaped: bool) -> None:
    """When the quick decoder returns a result it equals the careful one's, duplicate keys included."""
    text = to_json(document)
    body = (text.replace(":", "\\u003a") if escaped and '"' in text else text).encode()
    quick = _fast_decode(body, number)
    if quick is not None:
        careful = _decode_all_keys(body, number, twice)
        assert quick == careful
        assert repr(quick) == repr(careful)
