"""Whether a message is from whom it says it is: each vendor's signature over the bytes that came."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

CENTRA_HEADER = "X-Centra-Signature"
MYOGO_HEADER = "X-OGOship-Hmac-SHA256"


class NotVerified(Exception):
    """`reason` is for our counts; whoever sent the message is not told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class VerifiedMessage:
    """`digest` is the same for the same message sent again; it is worth remembering `until` that Unix time."""

    digest: bytes
    until: float


def centra(secret: str, tolerance_s: float, header: str, body: bytes, now: float) -> VerifiedMessage:
    """Of `t=<Unix seconds>,v1=<hex>`, with several v1 where secrets change. Raises NotGenuine.

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
    if not any([_same(digest.hex(), one) for one in claimed]):
        raise NotVerified("wrong_signature")
    if abs(now - int(moment)) > tolerance_s:
        raise NotVerified("out_of_time")
    return VerifiedMessage(digest, int(moment) + tolerance_s)


def myogo(key: str, tolerance_s: float, header: str, body: bytes, now: float) -> VerifiedMessage:
    """Of a base64 text. It says no time: the same body again within the tolerance is taken for the same message.

    Raises NotGenuine.
    """
    if not header.strip():
        raise NotVerified("no_signature")
    digest = hmac.digest(key.encode(), body, "sha256")
    if not _same(base64.b64encode(digest).decode(), header.strip()):
        raise NotVerified("wrong_signature")
    return VerifiedMessage(digest, now + tolerance_s)


def _same(right: str, claimed: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(right.encode(), claimed.encode("utf-8", "surrogatepass"))
