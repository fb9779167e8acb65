"""The requests that the stand-ins received, and how each ended."""

from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.exchange import Request
from pipelines.sandbox.common.json_formats import parse_json

MAX_ENTRIES = 200_000
LOGGED_HEADERS = (b"accept", b"content-type", b"user-agent")
# Headers with credentials of the other side: no request to this side should have them.
OTHER_SIDE_HEADERS = {"centra": (b"authorization", b"x-ogokey"), "myogo": (b"api-authorization",)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `status` is None when no answer was sent, `stray` is true when it had a key of the other side."""

    side: str
    method: str
    path: str
    query: str
    status: int | None
    applied: bool
    auth: str
    fault: str | None
    stray: bool
    at: float
    headers: tuple[bytes | None, ...]
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """The entry without secrets: a token request shows only grant and scope, a webhook no key."""
        sent = zip(LOGGED_HEADERS, self.headers, strict=True)
        headers = {name.decode(): value.decode("latin-1") for name, value in sent if value}
        row: dict[str, Any] = {
            "side": self.side, "method": self.method, "path": self.path, "query": self.query,
            "status": self.status, "applied": self.applied, "auth": self.auth, "fault": self.fault,
            "stray": self.stray, "at": utc(self.at), "headers": headers,
        }  # fmt: skip
        if _is_token(self.path):
            form = parse_qs(self.body.decode("utf-8", "replace")) | parse_qs(self.query)
            row["query"] = ""
            row["body"] = {key: form[key][0] for key in ("grant_type", "scope") if key in form}
        elif self.body:
            row["body"] = _parsed_or_text(self.body)
            if _is_webhook(self.path) and isinstance(row["body"], dict):
                row["body"] = {k: v for k, v in row["body"].items() if k.lower() != "key"}
        return row


class RequestLog:
    """The newest requests, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)

    def add(self, side: str, request: Request, status: int | None, applied: bool, auth: str, fault: str | None) -> None:
        headers = tuple(request.headers.get(name) for name in LOGGED_HEADERS)
        stray = any(name in request.headers for name in OTHER_SIDE_HEADERS[side])
        self._entries.append(
            Entry(
                side, request.method, request.path, request.query, status, applied, auth, fault,
                stray, self._clock.now(), headers, request.body,
            )
        )  # fmt: skip

    def entries(self, side: str | None = None) -> list[dict[str, Any]]:
        return [entry.as_json() for entry in self._entries if side in (None, entry.side)]

    def clear(self) -> None:
        self._entries.clear()


def _is_token(path: str) -> bool:
    return path.rstrip("/").lower() == "/oauth/token"


def _is_webhook(path: str) -> bool:
    return path.lower().startswith("/api/v1/webhooks")


def _parsed_or_text(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")
