"""JSON as each vendor writes it, and a reader that keeps every digit."""

import codecs
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

dotnet_json = _encoder.encode


def parse_json(text: bytes | str) -> Any:
    """The value; every fractional number is a Decimal with its digits as sent. ValueError if it is not JSON."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise ValueError(str(problem)) from problem


def php_json(value: Any) -> str:
    """JSON as PHP's default encoder writes it: slashes and non-ASCII escaped, an empty map as a list."""
    if type(value) is str:
        text = encode_basestring_ascii(value)
    else:
        text = _encoder.encode(value).decode()
        if "{}" in text:
            return _php_nested(value)
        if not text.isascii():
            text = text.encode("ascii", "php").decode("ascii")
    return text.replace("/", "\\/") if "/" in text else text


def _php_nested(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{php_json(str(k))}:{php_json(v)}" for k, v in value.items()) + "}" if value else "[]"
    return "[" + ",".join(map(php_json, value)) + "]"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return encode_basestring_ascii(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("php", _escaped)
