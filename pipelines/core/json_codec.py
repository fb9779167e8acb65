"""Lossless JSON: a number with a decimal point is decoded as the digits that were sent, never as a float."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec


class NumberText(str):
    """The digits of a JSON number with a decimal point or an exponent. It equals the same text; its type differs."""

    __slots__ = ()


def _encode_number_text(value: Any) -> str:
    if isinstance(value, NumberText):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_encode_number_text)


@cache
def _fast_decoder(number: Callable[[str], Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(float_hook=number)


class NotJson(ValueError):
    """The bytes are not a JSON document."""


@dataclass(frozen=True)
class DuplicateKeyValue:
    """The value of a key that an object repeats with different values.

    Parsers usually take the last value, but which one is meant is unknown. No field accepts this as a value. Staged
    raw, it is `{"given_more_than_once":[...]}`.
    """

    given_more_than_once: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"given more than once ({', '.join(map(repr, self.given_more_than_once))})"


def decode(body: bytes, number: Callable[[str], Any] = str) -> Any:
    """The document. A number with a decimal point or an exponent becomes text with the digits that were sent; with
    `number` = NumberText it can be distinguished from a text.

    A key that an object repeats with different values gets a DuplicateKeyValue. Raises NotJson.
    """
    document = _fast_decode(body, number)
    return _decode_all_keys(body, number, _keep_all) if document is None else document


def decode_exact(body: bytes) -> Any:
    """The document. A number with a decimal point or an exponent becomes a Decimal, which `encode` sends back
    unchanged.

    Raises NotJson, also if an object repeats a key with different values: what we send back must be certain.
    """
    document = _fast_decode(body, Decimal)
    return _decode_all_keys(body, Decimal, _reject) if document is None else document


def _fast_decode(body: bytes, number: Callable[[str], Any]) -> Any:
    """The document, decoded in three quarters of the time; None if it may have repeated keys or unusual values.

    A repeated key loses its first value, and with it at least one colon.
    """
    if b"\\u003" in body:  # a colon written as an escape
        return None
    try:
        document = _fast_decoder(number).decode(body)
        return document if encode(document).count(b":") == body.count(b":") else None
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        return None


def _decode_all_keys(body: bytes, number: Callable[[str], Any], on_duplicate: Callable[[str, list[Any]], Any]) -> Any:
    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) == len(pairs):
            return document
        values_of: dict[str, list[Any]] = {}
        for key, value in pairs:
            values_of.setdefault(key, []).append(value)
        return {
            key: values[0] if len(set(map(repr, values))) == 1 else on_duplicate(key, values)
            for key, values in values_of.items()
        }

    # Lone surrogates, NaN and bare control characters are not JSON, but shops send them, and one such row must not lose
    # a page. The standard library accepts them, and it passes on every key.
    try:
        return json.loads(body, parse_float=number, parse_constant=str, object_pairs_hook=to_dict, strict=False)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def _keep_all(key: str, values: list[Any]) -> DuplicateKeyValue:
    return DuplicateKeyValue(tuple(values))


def _reject(key: str, values: list[Any]) -> Any:
    raise NotJson(f"an object repeats the key {key!r:.80} with different values")


def encode(document: Any) -> bytes:
    """Compact UTF-8 JSON. A Decimal becomes a number with the same digits."""
    return _encoder.encode(document)
