"""Stands around the pages and decides about each request before they see it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.config.serve import Serve
from pipelines.web.access.body import parse_form, read_body, replay
from pipelines.web.access.login import LogIn
from pipelines.web.access.origin import HostNames, foreign_sign, is_token, local_path
from pipelines.web.access.passwords import Accounts
from pipelines.web.access.refusals import Refused, html
from pipelines.web.access.request_facts import NOBODY, Form, User, add_facts
from pipelines.web.access.sessions import Sessions, Visitor
from pipelines.web.access.users_file import UsersFile

log = logging.getLogger(__name__)
LOGIN, LOGOUT, METRICS, HEALTH = "/login", "/logout", "/metrics", "/health"
HOOKS, STATIC = "/hooks/", "/static/"
METHODS = ("GET", "HEAD", "POST")
SCRAPER = User("metrics", "viewer")
POLICY = "Content-Security-Policy"  # a page may state another one
HEADERS = {
    POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(
    app: ASGIApp, settings: Serve, *, users: UsersFile | None = None, now: Callable[[], float] = time.monotonic
) -> Guard:
    """The application behind host check, log-in, roles, and the check of forms; `/login` and `/logout` are its own.
    With `users`, changes of the users count from the next request on.

    `/hooks/`, `/health` and `/static/` need no session: a webhook has its signature, and its own limit of the body.
    Raises ConfigError if a password hash cannot be used, or if other machines reach the pages and there are no users.
    """
    settings.refuse_without_users()
    if not settings.is_local_only and not settings.secure_cookie:
        log.warning(
            "other machines can reach the pages, and passwords may arrive unencrypted: use a TLS proxy, and set "
            "secure_cookie = true in serve.toml"
        )
    return Guard(app, settings, users, now)


class Guard:
    """What `protect` returns."""

    def __init__(self, app: ASGIApp, settings: Serve, users: UsersFile | None, now: Callable[[], float]) -> None:
        self._app, self._users_file = app, users
        self._accounts = Accounts(settings.users)
        self._sessions = Sessions(settings.session_hours, settings.secure_cookie, bool(self._accounts), now)
        self._log_in = LogIn(self._accounts, self._sessions, now)
        self._names = HostNames(settings)

    def refresh_users(self) -> None:
        """Ends the sessions of users who are gone or have a new password, if the files have changed."""
        if self._users_file is not None and (accounts := self._users_file.changed()) is not None:
            ended = self._accounts.replace(accounts)
            self._sessions.users_changed(self._accounts.users, ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            secured = _SecuredSend(send, scope["path"])
            try:
                await self._answer(Request(scope, receive), receive, secured)
            except Refused as refused:
                log.info("refused status=%s reason=%s", refused.status, refused.title)
                await refused.page()(scope, receive, secured)
            except Exception:
                if secured.started:  # the answer cannot be taken back: the server logs the error and disconnects
                    raise
                log.exception("a page failed")
                await _FAILED.page()(scope, receive, secured)

    async def _answer(self, request: Request, receive: Receive, send: _SecuredSend) -> None:
        if not self._names.allow(request):
            raise Refused(
                400,
                "Unknown name of the host",
                "The pages are not reached under this name. If it is right, add it to hosts in serve.toml.",
            )
        if request.method not in METHODS:
            raise Refused(405, "Method not allowed", "Only GET, HEAD and POST are.", {"Allow": ", ".join(METHODS)})
        path = request.scope["path"]
        if path == HEALTH or path.startswith((HOOKS, STATIC)):
            await self._app(add_facts(request.scope, NOBODY, "", {}), receive, send)
            return
        self.refresh_users()
        visitor = self._sessions.visitor(request)
        if path == METRICS and visitor.user is None and self._names.is_from_this_machine(request):
            visitor = Visitor(SCRAPER, visitor.id, visitor.csrf, is_new=False)
        response = _arrival(request, visitor) or await self._own_page(path, request, visitor)
        if response is not None:
            await response(request.scope, receive, send)
            return
        if visitor.user is None:
            await _log_in_first(request)(request.scope, receive, send)
            return
        form: Form = {}
        if request.method == "POST":
            if not visitor.user.is_operator:
                raise Refused(403, "Only an operator may do this", "You may look at everything. Ask an operator.")
            form, body = await _checked_form(request, visitor)
            receive = replay(body, receive)
        if visitor.is_new:
            send.cookie = self._sessions.cookie(request, visitor.id)
        notice = self._users_file.notice if self._users_file else ""
        await self._app(add_facts(request.scope, visitor.user, visitor.csrf, form, notice), receive, send)

    async def _own_page(self, path: str, request: Request, visitor: Visitor) -> Response | None:
        """The answer to `/login` and `/logout`."""
        if path == LOGIN and request.method != "POST":
            return self._log_in.show(request, visitor)
        if path == LOGIN:
            form, _ = await _checked_form(request, visitor)
            return await self._log_in.log_in(request, visitor, form)
        if path != LOGOUT:
            return None
        if request.method != "POST":
            raise Refused(405, "Method not allowed", "Use the button on the pages to log out.", {"Allow": "POST"})
        if visitor.user is None:
            _refuse_other_sites(request)
        else:
            await _checked_form(request, visitor)
        return self._log_in.log_out(request, visitor)


def _refuse_other_sites(request: Request) -> None:
    """Raises Refused if a page of another site sent the request."""
    if header := foreign_sign(request):
        raise Refused(
            403,
            "Not sent by these pages",
            f"The header {header} names another site. If a proxy is in front, it must pass on the header Host.",
        )


async def _checked_form(request: Request, visitor: Visitor) -> tuple[Form, bytes]:
    """The form and its bytes. Raises Refused if another site sent it, or a page of another session."""
    _refuse_other_sites(request)
    body = await read_body(request)
    form = parse_form(request, body)
    given = request.headers.get("x-csrf-token") or form.get("csrf", [""])[0]
    if not is_token(given, visitor.csrf):
        raise Refused(
            403, "The page is too old", "You have logged in or out since, or we were restarted. Load it again."
        )
    return form, body


def _arrival(request: Request, visitor: Visitor) -> Response | None:
    """A page that opens the page once more, for somebody who follows a link on another site, such as a chat.

    The browser does not send a strict cookie with the first request, but with the second, which comes from our page.
    A new cookie now would end the session. Raises Refused if the other site wants to use the page as a part of itself.
    """
    if request.method == "POST" or request.headers.get("sec-fetch-site", "") not in ("cross-site", "same-site"):
        return None
    if request.headers.get("sec-fetch-mode", "") != "navigate":
        _refuse_other_sites(request)
    return html("arrival.html", 200, address=_log_in_address(request)) if visitor.is_new else None


def _log_in_address(request: Request) -> str:
    """The log-in, which leads back to this page."""
    if request.scope["path"] == LOGIN:
        return f"{LOGIN}?{urlencode({'next': local_path(request.query_params.get('next', '/'))})}"
    query = request.scope["query_string"].decode("latin-1")
    target = quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")
    return f"{LOGIN}?{urlencode({'next': target})}"


def _log_in_first(request: Request) -> Response:
    """Sends a person to the log-in; a script and a form get an error, because they would not come back."""
    is_script = "hx-request" in request.headers or request.headers.get("sec-fetch-mode", "navigate") != "navigate"
    if request.method == "POST" or is_script:
        # A page that refreshes itself leads to the log-in then, completely.
        headers = {"HX-Redirect": _log_in_address(request)} if "hx-request" in request.headers else None
        return Refused(401, "You are logged out", "Log in, and do it again.", headers).page()
    return RedirectResponse(_log_in_address(request), 303)


_FAILED = Refused(500, "Internal error", "This is a bug in the program. The log has the details; please report it.")


class _SecuredSend:
    """Adds our headers to an answer. `started` says that it cannot be changed any more."""

    def __init__(self, send: Send, path: str) -> None:
        self._send, self._is_static = send, path.startswith(STATIC)
        self.started, self.cookie = False, ""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            headers.update({name: value for name, value in HEADERS.items() if name != POLICY or name not in headers})
            if not self._is_static:
                headers["Cache-Control"] = "no-store"
            if "server" in headers:
                del headers["Server"]
            if self.cookie:
                headers.append("Set-Cookie", self.cookie)
        await self._send(message)
