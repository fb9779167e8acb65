"""Whether a message is from whom it says it is: each vendor's signature over the bytes that came."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

CENTRA_HEADER = "X-Centra-Signature"
MYOGO_HEADER = "X-OGOship-Hmac-SHA256"


class NotGenuine(Exception):
    """`reason` is for our counts; whoever sent the message is not told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Genuine:
    """`digest` is the same for the same message sent again; it is worth remembering `until` that Unix time."""

    digest: bytes
    until: float


def centra(secret: str, tolerance_s: float, header: str, body: bytes, now: float) -> Genuine:
    """Of `t=<Unix seconds>,v1=<hex>`, with several v1 where secrets change. Raises NotGenuine.

    Centra's samples have blanks and a line break after the comma.
    """
    pairs = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in header.split(","))]
    moments = {value for name, value in pairs if name == "t"}
    claimed = [value.lower() for name, value in pairs if name == "v1"]
    if not header.strip():
        raise NotGenuine("no_signature")
    if len(moments) != 1 or not claimed:
        raise NotGenuine("unreadable_signature")
    moment = moments.pop()
    if not re.fullmatch(r"[0-9]{1,12}", moment):
        raise NotGenuine("unreadable_signature")
    digest = hmac.digest(secret.encode(), moment.encode() + b"." + body, "sha256")
    if not any([_same(digest.hex(), one) for one in claimed]):
        raise NotGenuine("wrong_signature")
    if abs(now - int(moment)) > tolerance_s:
        raise NotGenuine("out_of_time")
    return Genuine(digest, int(moment) + tolerance_s)


def myogo(key: str, tolerance_s: float, header: str, body: bytes, now: float) -> Genuine:
    """Of a base64 text. It says no time: the same body again within the tolerance is taken for the same message.

    Raises NotGenuine.
    """
    if not header.strip():
        raise NotGenuine("no_signature")
    digest = hmac.digest(key.encode(), body, "sha256")
    if not _same(base64.b64encode(digest).decode(), header.strip()):
        raise NotGenuine("wrong_signature")
    return Genuine(digest, now + tolerance_s)


def _same(right: str, claimed: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(right.encode(), claimed.encode("utf-8", "surrogatepass"))
