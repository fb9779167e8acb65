"""Sessions of the pages. They are kept in memory: after a restart, everyone logs in again."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from starlette.requests import Request

from pipelines.web.access.request_facts import LOCAL, User

_ID = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 random bits


@dataclass(frozen=True)
class _Session:
    user: User
    csrf: str = field(repr=False)
    ends_at: float


@dataclass(frozen=True)
class Visitor:
    """Who sends a request. `user` is None before the log-in. `is_new`: the browser does not have the id yet."""

    user: User | None
    id: str = field(repr=False)
    csrf: str = field(repr=False)
    is_new: bool


class Sessions:
    """Sessions of users end after `hours`, or when they log out.

    Before a log-in, and where there are no users, a browser has a random id, and its token is derived from
    that id and a key of this process. Nothing is stored for it, so that visitors cannot fill the memory.
    """

    def __init__(self, hours: float, secure: bool, with_users: bool, now: Callable[[], float]) -> None:
        self._seconds, self._secure, self._now = hours * 3600, secure, now
        self._anonymous = None if with_users else LOCAL
        self._sessions: dict[str, _Session] = {}
        self._key = secrets.token_bytes(32)

    def visitor(self, request: Request) -> Visitor:
        given = request.cookies.get(self._cookie_name(request), "")
        session = self._sessions.get(given)
        if session is not None and session.ends_at > self._now():
            return Visitor(session.user, given, session.csrf, is_new=False)
        self._sessions.pop(given, None)
        is_new = not _ID.fullmatch(given)
        own_id = secrets.token_urlsafe(32) if is_new else given
        return Visitor(self._anonymous, own_id, hmac.digest(self._key, own_id.encode(), "sha256").hex(), is_new)

    def start(self, user: User) -> str:
        """The id of a new session."""
        now = self._now()
        self._sessions = {one: session for one, session in self._sessions.items() if session.ends_at > now}
        session_id = secrets.token_urlsafe(32)
        self._sessions[session_id] = _Session(user, secrets.token_urlsafe(32), now + self._seconds)
        return session_id

    def users_changed(self, users: Mapping[str, User], ended: Container[str]) -> None:
        """Ends the sessions of the users `ended`; the others go on with the role that they have now."""
        self._anonymous = None if users else LOCAL
        self._sessions = {
            one: replace(session, user=users[session.user.name])
            for one, session in self._sessions.items()
            if session.user.name in users and session.user.name not in ended
        }

    def end(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)

    def cookie(self, request: Request, session_id: str) -> str:
        """The value of Set-Cookie; with an empty id, the browser deletes the cookie."""
        attributes = "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self._secure else "")
        return f"{self._cookie_name(request)}={session_id}; {attributes}" + ("" if session_id else "; Max-Age=0")

    def _cookie_name(self, request: Request) -> str:
        # Browsers share cookies between the ports of a host. `__Host-` keeps out those of other hosts of the domain.
        server = request.scope.get("server") or ("", "")
        return f"{'__Host-' if self._secure else ''}centra_myogo_{server[1]}"
