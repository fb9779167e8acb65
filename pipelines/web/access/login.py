"""Log-in and log-out. Both work without JavaScript."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.web.access.lock_out import LockOut
from pipelines.web.access.origin import local_path
from pipelines.web.access.passwords import Accounts
from pipelines.web.access.refusals import html
from pipelines.web.access.request_facts import Form
from pipelines.web.access.sessions import Sessions, Visitor

log = logging.getLogger(__name__)
LOG_INTERVAL_S = 60.0  # between two warnings, so that a stranger cannot fill the log
PARALLEL_CHECKS = 2  # of passwords: each takes 16 MiB and a processor


class LogIn:
    """Answers `/login` and `/logout`; the caller has checked that the form comes from our own page."""

    def __init__(self, accounts: Accounts, sessions: Sessions, now: Callable[[], float]) -> None:
        self._accounts, self._sessions, self._now = accounts, sessions, now
        self._lock_out = LockOut()
        self._checks = asyncio.Semaphore(PARALLEL_CHECKS)
        self._wrong, self._warned_at = 0, -math.inf

    def show(self, request: Request, visitor: Visitor) -> Response:
        """The form, or the way to the page that was asked for if nobody has to log in."""
        target = local_path(request.query_params.get("next", "/"))
        if visitor.user is None:
            return self._page(request, visitor, 200, target)
        cookie = {"Set-Cookie": self._sessions.cookie(request, visitor.id)} if visitor.is_new else None
        return RedirectResponse(target, 303, cookie)

    async def log_in(self, request: Request, visitor: Visitor, form: Form) -> Response:
        target, name = local_path(_field(form, "next")), _field(form, "name").strip()
        if not self._accounts:
            return RedirectResponse(target, 303)
        address = request.client.host if request.client else ""
        if wait := self._lock_out.begin(name, address, self._now()):
            error = f"There were too many wrong passwords. Try again in {_duration(wait)}."
            return self._page(request, visitor, 429, target, error, {"Retry-After": str(math.ceil(wait))})
        changes = self._accounts.changes
        async with self._checks:
            user = await asyncio.to_thread(self._accounts.check, name, _field(form, "password"))
        if changes != self._accounts.changes:  # the password may be one from before
            return self._page(request, visitor, 403, target, "The users have just been changed. Log in again.")
        if user is None:
            self._log_wrong(name)
            return self._page(request, visitor, 403, target, "The name or the password is wrong.")
        self._lock_out.succeeded(name, address)
        self._sessions.end(visitor.id)
        log.info("user=%s logged in", user.name)
        cookie = self._sessions.cookie(request, self._sessions.start(user))
        return RedirectResponse(target, 303, {"Set-Cookie": cookie})

    def log_out(self, request: Request, visitor: Visitor) -> Response:
        if not self._accounts:
            return RedirectResponse("/", 303)
        self._sessions.end(visitor.id)
        log.info("user=%s logged out", visitor.user.name if visitor.user else "")
        return RedirectResponse("/login", 303, {"Set-Cookie": self._sessions.cookie(request, "")})

    def _page(
        self,
        request: Request,
        visitor: Visitor,
        status: int,
        target: str,
        error: str = "",
        headers: dict[str, str] | None = None,
    ) -> Response:
        response = html("login.html", status, headers, csrf=visitor.csrf, next=target, error=error)
        if visitor.is_new:
            response.headers.append("Set-Cookie", self._sessions.cookie(request, visitor.id))
        return response

    def _log_wrong(self, name: str) -> None:
        """Logs no unknown name: somebody may have typed a password there."""
        self._wrong += 1
        now = self._now()
        if now - self._warned_at >= LOG_INTERVAL_S:
            self._warned_at = now
            known = f"user={name}" if name in self._accounts else "unknown user"
            log.warning("wrong password %s wrong_since_start=%s", known, self._wrong)


def _field(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _duration(seconds: float) -> str:
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{math.ceil(seconds)} seconds" if seconds > 1 else "1 second"
