"""JSON in and out without loss: a number with a point reaches us as its own digits, never as a float."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_QUICK: dict[Callable[[str], Any], msgspec.json.Decoder[Any]] = {
    number: msgspec.json.Decoder(float_hook=number) for number in (str, Decimal)
}


class NotJson(ValueError):
    """The bytes are no JSON document."""


@dataclass(frozen=True)
class DuplicateKeyValue:
    """What stands for a key that an object gives more than once, with values that differ.

    Parsers commonly let the last one win; which one was meant nobody knows. No field takes this for a value.
    Kept raw, it reads `{"given_more_than_once":[...]}`.
    """

    given_more_than_once: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"given more than once ({', '.join(map(repr, self.given_more_than_once))})"


def decode(body: bytes) -> Any:
    """The document; a number with a point or an exponent becomes text with the digits that were sent.

    A key that an object gives more than once, with values that differ, has a `Several` for a value.
    """
    quick = _quick(body, str)
    return _decoded(body, str, _keep_all) if quick is None else quick


def decode_exact(body: bytes) -> Any:
    """The document; a number with a point or an exponent becomes a Decimal, fit to be sent back by `encode`.

    A key that an object gives more than once makes it no JSON: what we send back must be beyond doubt.
    """
    quick = _quick(body, Decimal)
    return _decoded(body, Decimal, _reject) if quick is None else quick


def _quick(body: bytes, number: Callable[[str], Any]) -> Any:
    """The document in three quarters of the time, where nothing in it needs a second look; else None.

    A key that came twice would have left its first value behind, and with it at least one colon.
    """
    if b"\\u003" in body:  # a colon written as an escape
        return None
    try:
        document = _QUICK[number].decode(body)
        return document if encode(document).count(b":") == body.count(b":") else None
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        return None


def _decoded(body: bytes, number: Callable[[str], Any], twice: Callable[[str, list[Any]], Any]) -> Any:
    def item(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        given: dict[str, list[Any]] = {}
        for key, value in pairs:
            given.setdefault(key, []).append(value)
        return {
            key: values[0] if len(set(map(repr, values))) == 1 else twice(key, values) for key, values in given.items()
        }

    # Lone surrogates, NaN and bare control characters are no JSON, yet shops send them: one odd row must not lose a
    # page. The standard library takes them; it is also the one that hands over every key.
    try:
        return json.loads(body, parse_float=number, parse_constant=str, object_pairs_hook=item, strict=False)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def _keep_all(key: str, values: list[Any]) -> DuplicateKeyValue:
    return DuplicateKeyValue(tuple(values))


def _reject(key: str, values: list[Any]) -> Any:
    raise NotJson(f"an object gives the key {key!r:.80} more than once")


def encode(document: Any) -> bytes:
    """Compact UTF-8 JSON; a Decimal is written as a number with its own digits."""
    return _encoder.encode(document)
