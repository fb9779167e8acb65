"""The number of fuzz examples, and strategies for what a vendor might send: unusual JSON and damaged documents."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pipelines.core.json_codec import DuplicateKeyValue

MIN_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 0)


def fuzz_settings(examples: int) -> settings:
    """Hypothesis settings with `examples` examples, or FUZZ_EXAMPLES if that is more."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=max(examples, MIN_EXAMPLES), deadline=None, database=None, suppress_health_check=slow)


UNUSUAL_TEXTS = (
    "", " ", "\u00a0", "\ud800", "\udfff\ud800", "\x00", "\ufeff", "\u202e", "0", "-1", "1e309", "NaN", "Infinity",
    "true", "49,00", "7.35E+12", "\u0664\u0669", "1_000", "null", "A/B", "=cmd()", "<script>", "\N{PILE OF POO}",
    "x" * 300, "EUR", "e\u0301", "1" * 400, "[", '{"a":', '"', "\\u0000", "\r\n", "ok", "no", "?page=2",
    "?page=" + "9" * 30, "http://[",
)  # fmt: skip
TEXT = st.text(max_size=8) | st.sampled_from(UNUSUAL_TEXTS)
INTEGER = st.integers(-3, 3) | st.integers(-(2**70), 2**70) | st.sampled_from([2**53, 2**63, 2**64, 10**400])
SCALAR = st.none() | st.booleans() | INTEGER | TEXT


def _deep(levels: int) -> Any:
    value: Any = "x\ud800"
    for _ in range(levels):
        value = [value]
    return value


JSON = st.recursive(
    SCALAR | st.sampled_from([_deep(30), _deep(200)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT, inner, max_size=3)
        | st.lists(inner, min_size=2, max_size=2).map(lambda values: DuplicateKeyValue(tuple(values)))
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, document: bytes) -> bytes:
    """The document with up to four cuts, copies, insertions or truncations."""
    body = bytearray(document)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["cut", "twice", "new", "end"])):
            case "cut":
                del body[start:end]
            case "twice":
                body[start:start] = body[start:end]
            case "new":
                body[start:end] = draw(st.binary(max_size=4) | st.sampled_from(PIECES))
            case "end":
                del body[start:]
    return bytes(body)


PIECES = (b'"', b"\\", b"\\ud800", b"\\u0000", b"NaN", b"1e309", b"[", b"{", b"null", b"\xff", b"\xed\xa0\x80",
          b"0" * 30, b",", b"\n", b"=", b"]", b"'", b'"""', b"#", b"\x00", b"true", b"inf", b"1979-05-27", b".", b"-",
          b"[[")  # fmt: skip
