"""JSON in and out without loss: a number with a point reaches us as its own digits, never as a float."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

_digits = msgspec.json.Decoder(float_hook=str)
_decimals = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


class NotJson(ValueError):
    """The bytes are no JSON document."""


def decode(body: bytes) -> Any:
    """The document; a number with a point or an exponent becomes text with the digits that were sent."""
    return _decode(body, _digits, str)


def decode_exact(body: bytes) -> Any:
    """The document; a number with a point or an exponent becomes a Decimal, fit to be sent back by `encode`."""
    return _decode(body, _decimals, Decimal)


def _decode(body: bytes, decoder: msgspec.json.Decoder[Any], number: Any) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as strict:
        # Lone surrogates and NaN are no JSON, yet PHP-era shops send them: one odd row must not lose a page.
        try:
            return json.loads(body, parse_float=number, parse_constant=str)
        except (ValueError, RecursionError):
            raise NotJson(str(strict)) from strict


def encode(document: Any) -> bytes:
    """Compact UTF-8 JSON; a Decimal is written as a number with its own digits."""
    return _encoder.encode(document)
