"""The faults of the matrix, and the requests at which each is injected."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.torture.injection_points import INJECTION_POINTS, SAMPLE, InjectionPoint

Spec = Mapping[str, Any]
ALL_KINDS = frozenset({"list", "token", "look", "post", "put"})
READS, WRITES = frozenset({"list", "look"}), frozenset({"post", "put"})


ExitCodes = Mapping[str, int]
# Exit codes of a run with a fault, by the kind of request; the default is 3, because some rows are withheld.
NORMAL: ExitCodes = {}
UNAVAILABLE: ExitCodes = {"list": 5, "look": 5, "token": 5}  # a failed read stops the run; look-ups settle a write
ALWAYS_UNAVAILABLE: ExitCodes = {**UNAVAILABLE, "post": 5, "put": 5}
WRONG_ANSWER: ExitCodes = {**UNAVAILABLE, "token": 2}  # not an outage: the token address may be wrong
CONFIG_ERROR: ExitCodes = dict.fromkeys(("list", "look", "token", "post", "put"), 2)


@dataclass(frozen=True)
class Fault:
    """`spec` configures the fault in the sandbox, or makes the configuration from another host's address.

    `once` are the requests that it hits a single time, `lasting` those where it stays until the rerun. `exits` and
    `lasting_exits` are the exit codes of these runs, `exceptions` those of single requests, lasting or not.
    """

    name: str
    spec: Spec | Callable[[str], Spec]
    exits: ExitCodes
    lasting_exits: ExitCodes
    once: tuple[InjectionPoint, ...] = INJECTION_POINTS
    lasting: tuple[InjectionPoint, ...] = SAMPLE
    kinds: frozenset[str] = ALL_KINDS
    side: str = ""
    exceptions: ExitCodes = field(default_factory=dict)

    def applies_to(self, point: InjectionPoint) -> bool:
        return point.kind in self.kinds and self.side in ("", point.side)

    def exit(self, point: InjectionPoint, lasting: bool) -> int:
        """The exit code of a run with the fault at this request."""
        table = self.lasting_exits if lasting else self.exits
        return self.exceptions.get(
            point.name, self.exceptions.get(f"{point.side} {point.kind}", table.get(point.kind, 3))
        )


def _status(status: int, **more: Any) -> Spec:
    return {"kind": "status", "status": status, **more}


def _busy(after: Callable[[], str]) -> Callable[[str], Spec]:
    return lambda _: _status(429, headers={"Retry-After": after()})


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _with_other_name(other: str) -> str:
    """The other host's address with another host name, because another port alone is not another host."""
    return other.replace("127.0.0.1", "localhost")


def _body(body: Any) -> Spec:
    return {"kind": "body", "body": body}


HTML = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
LISTS = ("/products", "/stock", "/Products", "/Stock")
LIST = frozenset({"list"})
# An empty answer of myOGO is valid: it ends the list, and the look-ups before the writes detect the error.
NO_ROWS: ExitCodes = {"myogo list": 3, "GET NEW-A": 3, "GET NEW-B": 3, "GET NEW-J": 3, "GET OLD-C": 3, "GET OLD-D": 3}
EMPTY = ("GET NEW-A", "GET NEW-B", "GET NEW-J", "/Products page 4", "/Stock page 4")
FAULTS = (
    Fault("429", _status(429), NORMAL, ALWAYS_UNAVAILABLE),
    Fault("429, Retry-After in seconds", _busy(lambda: "1"), NORMAL, ALWAYS_UNAVAILABLE),
    Fault(
        "429, Retry-After an HTTP date",
        _busy(lambda: format_datetime(_in(2), usegmt=True)),
        NORMAL,
        NORMAL,
        INJECTION_POINTS,
        (),
    ),
    Fault("429, Retry-After an ISO date", _busy(lambda: _in(1).isoformat()), NORMAL, NORMAL, INJECTION_POINTS, ()),
    Fault("429, Retry-After an epoch", _busy(lambda: str(int(time.time()) + 2)), NORMAL, NORMAL, INJECTION_POINTS, ()),
    Fault("429, Retry-After unreadable", _busy(lambda: "soon"), NORMAL, ALWAYS_UNAVAILABLE),
    Fault("429, Retry-After of hours", _busy(lambda: "7200"), ALWAYS_UNAVAILABLE, ALWAYS_UNAVAILABLE),
    Fault("500", _status(500), NORMAL, UNAVAILABLE),
    Fault("502", _status(502), NORMAL, UNAVAILABLE),
    Fault("503", _status(503), NORMAL, ALWAYS_UNAVAILABLE),
    Fault("503 with HTML", _status(503, body=HTML, content_type="text/html"), NORMAL, ALWAYS_UNAVAILABLE),
    Fault("504", _status(504), NORMAL, UNAVAILABLE),
    Fault("400", _status(400), WRONG_ANSWER, WRONG_ANSWER, exceptions={"/Products page 4": 3, "/Stock page 4": 3}),
    Fault("connection refused", {"kind": "refuse"}, NORMAL, ALWAYS_UNAVAILABLE),
    Fault("connect timeout", {"kind": "silence"}, NORMAL, ALWAYS_UNAVAILABLE),
    Fault("read timeout", {"kind": "hang", "seconds": 60}, NORMAL, UNAVAILABLE),
    Fault("reset before the answer", {"kind": "drop"}, NORMAL, UNAVAILABLE),
    Fault("reset in the body", {"kind": "reset_body"}, NORMAL, UNAVAILABLE),
    Fault("truncated JSON", {"kind": "truncated"}, NORMAL, UNAVAILABLE),
    Fault("length too large", {"kind": "wrong_length", "by": 10}, NORMAL, UNAVAILABLE),
    Fault("length too small", {"kind": "wrong_length", "by": -10}, NORMAL, UNAVAILABLE),
    Fault("200 with HTML", {"kind": "html", "body": HTML}, NORMAL, WRONG_ANSWER),
    Fault("gzip bomb of 1 GB", {"kind": "gzip_bomb"}, UNAVAILABLE, UNAVAILABLE),
    Fault("JSON nested 100,000 deep", {"kind": "deep_json"}, NORMAL, UNAVAILABLE),
    # A look-up of a missing code and a page beyond the end of a list have no field to enlarge.
    Fault(
        "a field of 50 MB",
        {"kind": "huge_field"},
        UNAVAILABLE,
        UNAVAILABLE,
        exceptions=dict.fromkeys(EMPTY, 3),
    ),
    Fault(
        "redirect to another host",
        lambda other: {"kind": "redirect", "status": 307, "location": other},
        CONFIG_ERROR,
        CONFIG_ERROR,
    ),
    Fault("200, an object", _body({}), WRONG_ANSWER, WRONG_ANSWER),
    Fault("200, a list", _body([]), WRONG_ANSWER, WRONG_ANSWER, exceptions=NO_ROWS),
    Fault("200, a text", _body("ok"), WRONG_ANSWER, WRONG_ANSWER),
    Fault("200, null", _body(None), WRONG_ANSWER, WRONG_ANSWER, exceptions=NO_ROWS),
    Fault("200, empty", _status(200, body=""), NORMAL, UNAVAILABLE),
    Fault("204", _status(204, body=""), NORMAL, UNAVAILABLE),
    Fault('200, status "no"', {"kind": "no"}, UNAVAILABLE, UNAVAILABLE, side="centra"),
    Fault("401", _status(401), NORMAL, CONFIG_ERROR, side="myogo", kinds=ALL_KINDS - {"token"}),
    Fault(
        "token expired during the run",
        {"kind": "revoke_tokens"},
        NORMAL,
        NORMAL,
        lasting=(),
        side="myogo",
        kinds=ALL_KINDS - {"token"},
    ),
    # Served, with any answer.
    Fault("served, then read timeout", {"kind": "hang_after", "seconds": 60}, NORMAL, NORMAL, kinds=WRITES),
    Fault("served, then reset", {"kind": "drop_after"}, NORMAL, UNAVAILABLE, kinds=WRITES | {"token"}),
    Fault("served, then 302", {"kind": "status_after", "status": 302}, NORMAL, NORMAL, kinds=WRITES),
    *(
        Fault(f"served, but {status}", {"kind": "status_after", "status": status}, NORMAL, NORMAL, kinds=WRITES)
        for status in (400, 409, 500, 503, 504)
    ),
    # Lists.
    Fault("an empty page", {"kind": "empty_page"}, NORMAL, NORMAL, kinds=LIST),
    Fault(
        "a page repeated",
        {"kind": "repeat_page"},
        UNAVAILABLE,
        UNAVAILABLE,
        kinds=LIST,
        # There is no page before the first, and beyond the end the last page may be repeated.
        exceptions=dict.fromkeys(
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
    Fault("next forms a loop", {"kind": "loop_next"}, UNAVAILABLE, UNAVAILABLE, kinds=LIST, side="centra"),
    Fault(
        "next names another host",
        lambda other: _body({"status": "ok", "products": [], "next": f"{_with_other_name(other)}/products?page=2"}),
        UNAVAILABLE,
        UNAVAILABLE,
        once=(),  # an empty page is requested again before it is used
        lasting=INJECTION_POINTS,
        kinds=LIST,
        side="centra",
    ),
)
