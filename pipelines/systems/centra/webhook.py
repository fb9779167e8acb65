"""Messages of the Centra Webhook plugin: signatures and events."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from urllib.parse import parse_qs

from pipelines.core.json_codec import decode
from pipelines.systems.system import UNKNOWN_EVENT, NotVerified, VerifiedMessage, Webhook

HEADER = "X-Centra-Signature"

# Event types of the plugin's Integration version.
_EVENTS = frozenset({"order", "shipment", "customer", "account", "return", "check_first", "allocation_request"})
# The names in the keys of a Checkout or Storefront payload.
_LISTS = frozenset(
    {
        "products", "displayitems", "categories", "brands", "pricelists", "warehouses", "warehousegroups", "markets",
        "campaigns", "campaignsites", "affiliates", "giftcertificates", "statics", "cmsarticles", "mapslocations",
        "mapsregion", "collections", "languages", "brickandmortars",
    }
)  # fmt: skip


def verify(secret: str, tolerance_s: float, header: str, body: bytes, now: float) -> VerifiedMessage:
    """Verifies `t=<Unix seconds>,v1=<hex>`; there are several v1 while a secret is being replaced. Raises NotVerified.

    Centra's samples have blanks and a line break after the comma.
    """
    pairs = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in header.split(","))]
    moments = {value for name, value in pairs if name == "t"}
    claimed = [value.lower() for name, value in pairs if name == "v1"]
    if not header.strip():
        raise NotVerified("no_signature")
    if len(moments) != 1 or not claimed:
        raise NotVerified("unreadable_signature")
    moment = moments.pop()
    if not re.fullmatch(r"[0-9]{1,12}", moment):
        raise NotVerified("unreadable_signature")
    digest = hmac.digest(secret.encode(), moment.encode() + b"." + body, "sha256")
    if not any([hmac.compare_digest(digest.hex().encode(), one.encode("utf-8", "surrogatepass")) for one in claimed]):
        raise NotVerified("wrong_signature")
    if abs(now - int(moment)) > tolerance_s:
        raise NotVerified("out_of_time")
    return VerifiedMessage(digest, int(moment) + tolerance_s)


def events(body: bytes) -> Sequence[str]:
    """The event types of a form with one field `payload`, or the names of the lists in it that contain ids."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        payload = decode(fields["payload"][0].encode("utf-8", "replace"))
    except (KeyError, ValueError):
        return [UNKNOWN_EVENT]
    if not isinstance(payload, dict) or not payload:
        return [UNKNOWN_EVENT]
    if "events" in payload:
        listed = payload["events"] if isinstance(payload["events"], list) else [None]
        types = [event.get("type") if isinstance(event, dict) else None for event in listed]
        return [kind if isinstance(kind, str) and kind in _EVENTS else UNKNOWN_EVENT for kind in types]
    names = [name.lower() for name, ids in payload.items() if ids not in ([], {}, None)]
    return [name if name in _LISTS else UNKNOWN_EVENT for name in names]


WEBHOOK = Webhook("centra_secret", HEADER, verify, events)
