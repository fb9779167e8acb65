"""JSON is read and written without loss."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipelines.core.json_codec import DuplicateKeyValue, NotJson, NumberText, decode, decode_exact, encode

NUMBERS = [
    "1.10", "0.1", "164.5", "-0.0", "1e5", "1E-7", "1E400", "3.141592653589793238462643383279",
    "0.10000000000000000000000000000000000001", "100000000000000000000.01",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_decimal_number_keeps_its_digits(number: str) -> None:
    """`decode` returns text, `decode_exact` an exact Decimal."""
    body = f'{{"price": {number}}}'.encode()
    assert decode(body) == {"price": number}
    exact = decode_exact(body)["price"]
    assert isinstance(exact, Decimal)
    assert exact.as_tuple() == Decimal(number).as_tuple()


@pytest.mark.parametrize("number", [0, 1, -1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40])
def test_an_integer_stays_an_integer(number: int) -> None:
    for read in (decode, decode_exact):
        value = read(b"[%d]" % number)[0]
        assert value == number
        assert type(value) is int


@pytest.mark.parametrize(
    "document",
    [
        {"a": Decimal("49.90"), "b": Decimal("0.0001"), "c": Decimal("100"), "d": 2**70},
        ["å ½ 😀", "\x00 \u2028", '"\\/', "", None, True, False],
        {"nested": [{"x": []}, {}]},
    ],
    ids=["numbers", "texts", "nested"],
)
def test_an_encoded_document_decodes_to_the_same_document(document: Any) -> None:
    back = decode_exact(encode(document))
    assert back == document
    assert encode(back) == encode(document)


@pytest.mark.parametrize("digits", ["49.90", "100.00", "0.0001", "12345678901234.5678", "1.50"])
def test_a_decimal_is_encoded_as_a_number_with_its_digits(digits: str) -> None:
    assert encode({"p": Decimal(digits)}) == b'{"p":%s}' % digits.encode()


def test_text_is_encoded_as_utf8() -> None:
    assert encode("Ö") == '"Ö"'.encode()


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"price": NaN}', {"price": "NaN"}),
        (b"[Infinity, -Infinity]", ["Infinity", "-Infinity"]),
        (b'["\\ud800", 1.10]', ["\ud800", "1.10"]),
        (b'\xef\xbb\xbf{"a": 1.50}', {"a": "1.50"}),
        (b'["a\tb\x00", 1.10]', ["a\tb\x00", "1.10"]),
        (b"[NaN, 18446744073709551617, 0.10]", ["NaN", 2**64 + 1, "0.10"]),
    ],
    ids=["NaN", "infinities", "lone surrogate", "byte order mark", "bare control characters", "next to exact numbers"],
)
def test_almost_valid_json_is_read(body: bytes, document: Any) -> None:
    """One invalid value must not lose a page; the values next to it keep their digits."""
    assert decode(body) == document


def test_decode_exact_reads_almost_valid_json_without_loss() -> None:
    assert decode_exact(b'{"a": NaN, "b": 49.90}') == {"a": "NaN", "b": Decimal("49.90")}


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1, "a": 1}', {"a": 1}),
        (b'{"a": 1.50, "b": 2, "a": 1.50}', {"a": "1.50", "b": 2}),
        (b'{"a": "\\u0041", "\\u0061": "A"}', {"a": "A"}),
        (b'{"a": 1, "a": true}', {"a": DuplicateKeyValue((1, True))}),
        (
            b'{"a": "x", "b": [{"c":1.5,"c": []}], "a":0}',
            {"a": DuplicateKeyValue(("x", 0)), "b": [{"c": DuplicateKeyValue(("1.5", []))}]},
        ),
    ],
    ids=["the same", "the same number", "the same, escaped", "almost the same", "two values"],
)  # fmt: skip
def test_a_duplicate_key_is_read_if_its_values_agree(body: bytes, document: Any) -> None:
    """Equal values are one value. Of different values neither is used, because no parser can know which was meant."""
    assert decode(body) == document


def test_decode_exact_refuses_a_key_with_two_values() -> None:
    assert decode_exact(b'{"a": 1.50, "a": 1.50}') == {"a": Decimal("1.50")}
    with pytest.raises(NotJson, match="repeats the key 'a' with different values"):
        decode_exact(b'[{"b": {"a": 1.50, "a": 1.5}}]')


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"<html></html>", b"{", b"[1] x", b"[1,]", b"{'a': 1}", b'"\xff"', b"[" * 100_000, b"1" * 5000, b"nul"],
    ids=["empty", "blank", "HTML", "cut off", "more after it", "trailing comma", "single quotes", "latin-1", "too deep",
         "absurd number", "cut word"],
)  # fmt: skip
@pytest.mark.parametrize("read", [decode, decode_exact])
def test_invalid_json_raises_not_json(read: Any, body: bytes) -> None:
    """And no other exception, so that the caller handles all cases in one place."""
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize("body", [b'["1.5", 1.5, 1e5, 1E-2, 2]', b'["1.5", 1.5, 1e5, 1E-2, 2, "\xed\xa0\x80"]'])
def test_a_decimal_number_can_be_distinguished_from_a_text(body: bytes) -> None:
    """By its type only: it is equal to the text, and is encoded like it. Also in a document that is almost valid."""
    document = decode(body, NumberText)[:5]
    assert document == ["1.5", "1.5", "1e5", "1E-2", 2]
    assert [type(value) for value in document] == [str, NumberText, NumberText, NumberText, int]
    assert encode(document) == b'["1.5","1.5","1e5","1E-2",2]'


def test_what_is_no_json_is_not_encoded() -> None:
    with pytest.raises(TypeError):
        encode(object())
