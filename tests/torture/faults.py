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


Ends = Mapping[str, int]
# How a struck run ends, by the kind of request; what is not named ends with 3, because some rows are withheld.
FINE: Ends = {}
AWAY: Ends = {"list": 5, "look": 5, "token": 5}  # what cannot be read stops the run; a write is settled by look-ups
ALL_AWAY: Ends = {**AWAY, "post": 5, "put": 5}
WRONG: Ends = {**AWAY, "token": 2}  # no outage: the token address may be another one
NOT_OURS: Ends = dict.fromkeys(("list", "look", "token", "post", "put"), 2)


@dataclass(frozen=True)
class Fault:
    """`spec` is what the sandbox is told, or what makes it of the moment and of another host's address.

    `once` are the places where it strikes a single time, `lasting` those where it stays until the rerun; `ends`
    and `stays` say how the struck run ends then, `but` names the places that are otherwise, lasting or not.
    """

    name: str
    spec: Spec | Callable[[str], Spec]
    ends: Ends
    stays: Ends
    once: tuple[Place, ...] = PLACES
    lasting: tuple[Place, ...] = SOME
    kinds: frozenset[str] = ALL_KINDS
    side: str = ""
    but: Ends = field(default_factory=dict)

    def at(self, place: Place) -> bool:
        return place.kind in self.kinds and self.side in ("", place.side)

    def exit(self, place: Place, lasting: bool) -> int:
        """What a run must end with that is struck there."""
        table = self.stays if lasting else self.ends
        return self.but.get(place.name, self.but.get(f"{place.side} {place.kind}", table.get(place.kind, 3)))


def _status(status: int, **more: Any) -> Spec:
    return {"kind": "status", "status": status, **more}


def _busy(after: Callable[[], str]) -> Callable[[str], Spec]:
    return lambda _: _status(429, headers={"Retry-After": after()})


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _named(other: str) -> str:
    """The other host under a name that is not Centra's; the port alone makes no other host."""
    return other.replace("127.0.0.1", "localhost")


def _said(body: Any) -> Spec:
    return {"kind": "body", "body": body}


HTML = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
LISTS = ("/products", "/stock", "/Products", "/Stock")
LIST = frozenset({"list"})
# An empty answer of myOGO is one that it may give: the list ends there, and the look-ups before the writes find out.
NO_ROWS: Ends = {"myogo list": 3, "GET NEW-A": 3, "GET NEW-B": 3, "GET NEW-J": 3, "GET OLD-C": 3, "GET OLD-D": 3}
EMPTY = ("GET NEW-A", "GET NEW-B", "GET NEW-J", "/Products page 4", "/Stock page 4")
FAULTS = (
    Fault("429", _status(429), FINE, ALL_AWAY),
    Fault("429, Retry-After in seconds", _busy(lambda: "1"), FINE, ALL_AWAY),
    Fault("429, Retry-After an HTTP date", _busy(lambda: format_datetime(_in(2), usegmt=True)), FINE, FINE, PLACES, ()),
    Fault("429, Retry-After an ISO date", _busy(lambda: _in(1).isoformat()), FINE, FINE, PLACES, ()),
    Fault("429, Retry-After an epoch", _busy(lambda: str(int(time.time()) + 2)), FINE, FINE, PLACES, ()),
    Fault("429, Retry-After unreadable", _busy(lambda: "soon"), FINE, ALL_AWAY),
    Fault("429, Retry-After of hours", _busy(lambda: "7200"), ALL_AWAY, ALL_AWAY),
    Fault("500", _status(500), FINE, AWAY),
    Fault("502", _status(502), FINE, AWAY),
    Fault("503", _status(503), FINE, ALL_AWAY),
    Fault("503 with HTML", _status(503, body=HTML, content_type="text/html"), FINE, ALL_AWAY),
    Fault("504", _status(504), FINE, AWAY),
    Fault("400", _status(400), WRONG, WRONG, but={"/Products page 4": 3, "/Stock page 4": 3}),
    Fault("connection refused", {"kind": "refuse"}, FINE, ALL_AWAY),
    Fault("connect timeout", {"kind": "silence"}, FINE, ALL_AWAY),
    Fault("read timeout", {"kind": "hang", "seconds": 10}, FINE, AWAY),
    Fault("reset before the answer", {"kind": "drop"}, FINE, AWAY),
    Fault("reset in mid-body", {"kind": "reset_body"}, FINE, AWAY),
    Fault("truncated JSON", {"kind": "truncated"}, WRONG, WRONG),
    Fault("length too large", {"kind": "wrong_length", "by": 10}, FINE, AWAY),
    Fault("length too small", {"kind": "wrong_length", "by": -10}, WRONG, WRONG),
    Fault("200 with HTML", {"kind": "html", "body": HTML}, WRONG, WRONG),
    Fault("gzip bomb of 1 GB", {"kind": "gzip_bomb"}, AWAY, AWAY),
    Fault("JSON nested 100,000 deep", {"kind": "deep_json"}, WRONG, WRONG),
    # Who looks up a code that is not there, or asks beyond the end of a list, gets no field to swell.
    Fault(
        "a field of 50 MB",
        {"kind": "huge_field"},
        AWAY,
        AWAY,
        but=dict.fromkeys(EMPTY, 3),
    ),
    Fault(
        "redirect to another host",
        lambda other: {"kind": "redirect", "status": 307, "location": other},
        NOT_OURS,
        NOT_OURS,
    ),
    Fault("200, an object", _said({}), WRONG, WRONG),
    Fault("200, a list", _said([]), WRONG, WRONG, but=NO_ROWS),
    Fault("200, a text", _said("ok"), WRONG, WRONG),
    Fault("200, null", _said(None), WRONG, WRONG, but=NO_ROWS),
    Fault("200, empty", _status(200, body=""), WRONG, WRONG),
    Fault("204", _status(204, body=""), WRONG, WRONG),
    Fault('200, status "no"', {"kind": "no"}, AWAY, AWAY, side="centra"),
    Fault("401", _status(401), FINE, NOT_OURS, side="myogo", kinds=ALL_KINDS - {"token"}),
    Fault(
        "token expired in mid-run",
        {"kind": "revoke_tokens"},
        FINE,
        FINE,
        lasting=(),
        side="myogo",
        kinds=ALL_KINDS - {"token"},
    ),
    # Served, whatever the answer says.
    Fault("served, then read timeout", {"kind": "hang_after", "seconds": 10}, FINE, FINE, kinds=WRITES),
    Fault("served, then reset", {"kind": "drop_after"}, FINE, AWAY, kinds=WRITES | {"token"}),
    Fault("served, then 302", {"kind": "status_after", "status": 302}, FINE, FINE, kinds=WRITES),
    *(
        Fault(f"served, yet {status}", {"kind": "status_after", "status": status}, FINE, FINE, kinds=WRITES)
        for status in (400, 409, 500, 503, 504)
    ),
    # Lists.
    Fault("an empty page", {"kind": "empty_page"}, FINE, FINE, kinds=LIST),
    Fault(
        "a page repeated",
        {"kind": "repeat_page"},
        AWAY,
        AWAY,
        kinds=LIST,
        # No page is before the first, and what comes beyond the end may be the last page again.
        but=dict.fromkeys(
            (
                "/products page 1",
                "/stock page 1",
                "/Products page 1",
                "/Stock page 1",
                "/Products page 4",
                "/Stock page 4",
            ),
            3,
        ),
    ),
    Fault("next leads in a loop", {"kind": "loop_next"}, AWAY, AWAY, kinds=LIST, side="centra"),
    Fault(
        "next leads to another host",
        lambda other: _said({"status": "ok", "products": [], "next": f"{_named(other)}/products?page=2"}),
        AWAY,
        AWAY,
        once=(),  # an empty page is asked for again before anything of it is believed
        lasting=PLACES,
        kinds=LIST,
        side="centra",
    ),
)
