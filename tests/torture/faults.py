"""The faults of the matrix, and where each is tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.torture.places import PLACES, SOME, Place

Spec = Mapping[str, Any]
ALL_KINDS = frozenset({"list", "token", "look", "post", "put"})
READS, WRITES = frozenset({"list", "look"}), frozenset({"post", "put"})


@dataclass(frozen=True)
class Fault:
    """`spec` is what the sandbox is told, or what makes it of the moment and of another host's address.

    `once` are the places where it strikes a single time, `lasting` those where it stays until the rerun.
    """

    name: str
    spec: Spec | Callable[[str], Spec]
    once: tuple[Place, ...] = PLACES
    lasting: tuple[Place, ...] = SOME
    kinds: frozenset[str] = ALL_KINDS
    side: str = ""
    channel: Spec = field(default_factory=dict)  # how the channel file differs

    def at(self, place: Place) -> bool:
        return place.kind in self.kinds and self.side in ("", place.side)


def _status(status: int, **more: Any) -> Spec:
    return {"kind": "status", "status": status, **more}


def _busy(after: Callable[[], str]) -> Callable[[str], Spec]:
    return lambda _: _status(429, headers={"Retry-After": after()})


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _said(body: Any) -> Spec:
    return {"kind": "body", "body": body}


HTML = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
PATIENT = {"read_timeout_s": 60}
FAULTS = (
    Fault("429", _status(429)),
    Fault("429, Retry-After in seconds", _busy(lambda: "1"), SOME),
    Fault("429, Retry-After an HTTP date", _busy(lambda: format_datetime(_in(2), usegmt=True)), SOME, ()),
    Fault("429, Retry-After an ISO date", _busy(lambda: _in(1).isoformat()), SOME, ()),
    Fault("429, Retry-After an epoch", _busy(lambda: str(int(time.time()) + 2)), SOME, ()),
    Fault("429, Retry-After unreadable", _busy(lambda: "soon"), SOME),
    Fault("429, Retry-After of hours", _busy(lambda: "7200"), SOME),
    Fault("500", _status(500)),
    Fault("502", _status(502), SOME),
    Fault("503", _status(503)),
    Fault("503 with HTML", _status(503, body=HTML, content_type="text/html")),
    Fault("504", _status(504)),
    Fault("400", _status(400)),
    Fault("connection refused", {"kind": "refuse"}),
    Fault("connect timeout", {"kind": "silence"}),
    Fault("read timeout", {"kind": "hang", "seconds": 5}),
    Fault("reset before the answer", {"kind": "drop"}),
    Fault("reset in mid-body", {"kind": "reset_body"}),
    Fault("truncated JSON", {"kind": "truncated"}),
    Fault("length too large", {"kind": "wrong_length", "by": 10}),
    Fault("length too small", {"kind": "wrong_length", "by": -10}),
    Fault("200 with HTML", {"kind": "html", "body": HTML}),
    Fault("gzip bomb of 1 GB", {"kind": "gzip_bomb"}, SOME, SOME, channel=PATIENT),
    Fault("JSON nested 100,000 deep", {"kind": "deep_json"}),
    Fault("a field of 50 MB", {"kind": "huge_field"}, SOME, SOME, channel=PATIENT),
    Fault("redirect to another host", lambda other: {"kind": "redirect", "status": 307, "location": other}),
    Fault("200, an object", _said({})),
    Fault("200, a list", _said([])),
    Fault("200, a text", _said("ok"), SOME),
    Fault("200, null", _said(None)),
    Fault("200, empty", _status(200, body="")),
    Fault("204", _status(204, body="")),
    Fault('200, status "no"', {"kind": "no"}, side="centra"),
    Fault("401", _status(401), side="myogo", kinds=ALL_KINDS - {"token"}),
    Fault("token expired in mid-run", {"kind": "revoke_tokens"}, lasting=(), side="myogo", kinds=ALL_KINDS - {"token"}),
    # Served, whatever the answer says.
    Fault("served, then read timeout", {"kind": "hang_after", "seconds": 5}, kinds=WRITES),
    Fault("served, then reset", {"kind": "drop_after"}, kinds=WRITES | {"token"}),
    Fault("served, then 302", {"kind": "status_after", "status": 302}, kinds=WRITES),
    *(
        Fault(f"served, yet {status}", {"kind": "status_after", "status": status}, kinds=WRITES)
        for status in (400, 409, 500, 503, 504)
    ),
    # Lists.
    Fault("an empty page", {"kind": "empty_page"}, kinds=frozenset({"list"})),
    Fault("a page repeated", {"kind": "repeat_page"}, kinds=frozenset({"list"})),
    Fault("next leads in a loop", {"kind": "loop_next"}, kinds=frozenset({"list"}), side="centra"),
    Fault(
        "next leads to another host",
        lambda other: _said({"status": "ok", "products": [], "next": f"{other}/api/order-api/products?page=2"}),
        kinds=frozenset({"list"}),
        side="centra",
    ),
)
