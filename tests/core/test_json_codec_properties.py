"""The quick way of reading JSON and the careful one say the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.json_codec import _decoded, _keep_all, _quick, _reject

keys = st.sampled_from(["a", "b", ":", 'q":', "\\u003a"])
leaves = st.none() | st.booleans() | st.integers() | st.text('a:\\"\u0000é', max_size=4) | st.just("49.90")
RAW = ["1", "-0", "0.10", "1e5", "1E-400", "123456789012345678901234567890", "9007199254740993"]
numbers = st.sampled_from(RAW)


def written(value: Any) -> str:
    """As JSON; a tuple of pairs is an object whose keys may repeat, a raw number stands as it is."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)} : {written(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return value if isinstance(value, str) and value in RAW else json.dumps(value)


documents = st.recursive(
    leaves | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=4).map(tuple),
    max_leaves=12,
)


@pytest.mark.parametrize(("number", "twice"), [(str, _keep_all), (Decimal, _reject)], ids=["as text", "exact"])
@given(document=documents, escaped=st.booleans())
def test_quick_and_careful_agree(number: Any, twice: Any, document: Any, escaped: bool) -> None:
    """Where the quick way gives an answer at all, it is the careful one's: keys given twice are never lost."""
    text = written(document)
    body = (text.replace(":", "\\u003a") if escaped and '"' in text else text).encode()
    quick = _quick(body, number)
    if quick is not None:
        careful = _decoded(body, number, twice)
        assert quick == careful
        assert repr(quick) == repr(careful)
