"""Messages of myOGO's webhooks: signatures and events."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Any

from pipelines.core.json_codec import NotJson, decode
from pipelines.systems.system import UNKNOWN_EVENT, NotVerified, VerifiedMessage, Webhook

HEADER = "X-OGOship-Hmac-SHA256"
_TYPES = frozenset({"ordershipped", "productstocklevelchanged"})
_OF_ORDERS = frozenset({"reference", "orderlines", "trackingnumber", "trackingurl"})
_OF_STOCK = frozenset({"stock", "stockavailable"})


def verify(key: str, tolerance_s: float, header: str, body: bytes, now: float) -> VerifiedMessage:
    """Verifies a base64 HMAC. It has no time: an equal body within the tolerance counts as the same message.

    Raises NotVerified.
    """
    if not header.strip():
        raise NotVerified("no_signature")
    digest = hmac.digest(key.encode(), body, "sha256")
    if not hmac.compare_digest(base64.b64encode(digest), header.strip().encode("utf-8", "surrogatepass")):
        raise NotVerified("wrong_signature")
    return VerifiedMessage(digest, now + tolerance_s)


def events(body: bytes) -> Sequence[str]:
    """The events of a message, whose format is not documented: its `type` if we know it, else `order` or `level`
    according to its fields."""
    try:
        payload = decode(body)
    except NotJson:
        return [UNKNOWN_EVENT]
    rows = payload if isinstance(payload, list) and payload else [payload]
    return [_event(row) for row in rows]


def _event(row: Any) -> str:
    if not isinstance(row, dict):
        return UNKNOWN_EVENT
    names = {name.lower(): value for name, value in row.items()}
    kind = names.get("type")
    if isinstance(kind, str) and kind.lower() in _TYPES:
        return kind.lower()
    of_order, of_stock = bool(names.keys() & _OF_ORDERS), bool(names.keys() & _OF_STOCK)
    if of_order == of_stock:
        return UNKNOWN_EVENT
    return "order" if of_order else "level"


WEBHOOK = Webhook("myogo_key", HEADER, verify, events)
