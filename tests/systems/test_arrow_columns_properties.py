"""The fast path and the slow path stage a column in the same way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import NotJson, decode, decode_exact, encode
from pipelines.systems.arrow_columns import Findings, table
from schemas.fields.spec import FieldSpec, Kind

quick = settings(deadline=None, database=None, max_examples=60)

PLAIN = (
    st.none() | st.text(max_size=5) | st.booleans() | st.integers(-3, 3) | st.integers(-(2**70), 2**70)
    | st.sampled_from(["0", "1", "true", "12", "", "\ud800"]) | st.just([]) | st.just({})
)  # fmt: skip
# Columns of one type take the fast path, mixed ones the slow path.
CELLS = st.lists(PLAIN, max_size=6) | st.one_of(
    *(st.lists(one, max_size=6) for one in (st.text(max_size=5), st.integers(0, 1), st.booleans(), st.integers()))
)


def staged(kind: Kind, cells: list[Any]) -> Any:
    """The staged column, or the row number of the error."""
    rows = [{"f": cell} for cell in cells]
    try:
        return table(rows, (FieldSpec("c", "f", kind),), lambda index: f"#{index}", Findings())["c"].to_pylist()
    except ContractError as error:
        return int(error.message.split(":")[0].removeprefix("#"))


@pytest.mark.parametrize("kind", ["id", "text", "number", "integer", "flag"])
@quick
@given(cells=CELLS)
def test_the_fast_and_the_slow_path_agree(kind: Kind, cells: list[Any]) -> None:
    """All cells together give the values of each cell with one that needs the slow path, or the first error."""
    slow_path_cells: dict[str, tuple[Any, Any]] = {
        "id": (2**64, str(2**64)), "text": ([], None), "number": ([], None), "integer": ("7", 7), "flag": ("1", True),
    }  # fmt: skip
    cell, value = slow_path_cells[kind]
    slow = [staged(kind, [one, cell]) for one in cells]
    failing_rows = [index for index, result in enumerate(slow) if result == 0]
    if failing_rows:
        assert staged(kind, cells) == failing_rows[0]
    else:
        assert all(result[1] == value for result in slow)
        assert staged(kind, cells) == [result[0] for result in slow]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(JSON)
def test_json_survives_encoding_and_decoding(document: Any) -> None:
    assert decode(encode(document)) == document


@quick
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_survives_encoding_and_decoding(number: Any) -> None:
    back = decode_exact(encode([number]))[0]
    assert back == number


@quick
@given(st.binary(max_size=40) | st.text('[]{}",:0123456789.eE-NaN\\u', max_size=20).map(str.encode))
def test_decoding_returns_a_document_or_raises_not_json(body: bytes) -> None:
    """Both decoders agree, and raise nothing else."""

    def is_json(read: Any) -> bool:
        try:
            read(body)
        except NotJson:
            return False
        return True

    assert is_json(decode) == is_json(decode_exact)
