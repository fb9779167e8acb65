"""Digests of where an order in myOGO goes, which show that two destinations are the same and not what they are."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The fields of myOGO's `customer`.
_FIELDS = ("name", "company", "address1", "address2", "zip", "city", "countryCode", "phone", "email")


@dataclass(frozen=True)
class Destination:
    """The digests of an order's address with its shipping method, and of its pick-up point."""

    address: str
    pick_up_point: str


def destination_of(reference: str, customer: Any, shipping_code: Any, pick_up_point: Any, key: str) -> Destination:
    """The digests of one order. `customer` are myOGO's fields; `key` is a secret, without which a digest reveals
    nothing. Blanks and capital letters make no difference. Two orders never have the same digests."""
    fields = customer if isinstance(customer, Mapping) else {}
    address = [_plain(fields.get(name)) for name in _FIELDS]
    return Destination(
        _digest([reference, _plain(shipping_code), *address], key),
        _digest([reference, _plain(pick_up_point)], key),
    )


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).casefold() if isinstance(value, (str, int)) else ""


def _digest(texts: list[str], key: str) -> str:
    return hmac.digest(key.encode(), json.dumps(texts).encode(), "sha256").hex()[:24]
