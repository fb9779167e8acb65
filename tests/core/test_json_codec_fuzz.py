"""Any input decodes to a document without floats or raises NotJson."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.json_codec import DuplicateKeyValue, NotJson, decode, decode_exact, encode
from tests.support.shop import euro, size
from tests.support.strategies import damaged, fuzz_settings

PAGE = json.dumps({"status": "ok", "products": [size(1, weight=0.5, prices=[euro(49.5)])], "next": "?page=2"}).encode()
TEXTS = st.text('[]{}",:0123456789.eE-+NaNIinfytulrse\\ud8\t', max_size=30).map(str.encode)


def values(document: Any) -> list[Any]:
    """Every value in the document."""
    collected, pending = [], [document]
    while pending:
        item = pending.pop()
        collected.append(item)
        if isinstance(item, DuplicateKeyValue):
            pending += item.given_more_than_once
        elif isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return collected


@fuzz_settings(300)
@given(st.binary(max_size=60) | TEXTS | damaged(PAGE))
def test_a_body_decodes_or_raises_not_json(body: bytes) -> None:
    """No number becomes a float; the two decoders differ only in the type of a decimal number."""
    try:
        document = decode(body)
    except NotJson:
        document = None
    else:
        kinds = {type(value) for value in values(document)}
        assert kinds <= {dict, list, str, int, bool, type(None), DuplicateKeyValue}
    try:
        exact = decode_exact(body)
    except NotJson:
        assert document is None or any(isinstance(value, DuplicateKeyValue) for value in values(document))
    else:
        assert {type(value) for value in values(exact)} <= {dict, list, str, int, bool, type(None), Decimal}
        assert len(values(exact)) == len(values(document))


@fuzz_settings(100)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2) | st.sampled_from([True, "1", None])), max_size=5))
def test_both_values_of_a_duplicate_key_are_kept(pairs: list[tuple[str, Any]]) -> None:
    body = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
    document = decode(body.encode())
    for key in {key for key, _ in pairs}:
        given_values = [value for other, value in pairs if other == key]
        if len({repr(value) for value in given_values}) == 1:
            assert document[key] == given_values[0]
        else:
            assert document[key] == DuplicateKeyValue(tuple(given_values))
    assert isinstance(encode(document), bytes)
