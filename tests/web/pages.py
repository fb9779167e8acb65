"""Pages behind `protect`, with users, a clock and a record of what the pages saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipelines.config.serve import Serve
from pipelines.web.access import CHANNEL, csrf_token, current_user, form, protect, require_operator
from pipelines.web.access.passwords import PasswordHash
from tests.support.asgi import Answer, Browser

OPERATOR_PASSWORD, VIEWER_PASSWORD = "otter-lamp-forest-nine", "pebble-stone-river-two"
_HASHES = {"olga": PasswordHash.of(OPERATOR_PASSWORD, 16).text, "vera": PasswordHash.of(VIEWER_PASSWORD, 16).text}
_USERS = {
    "olga": {"role": "operator", "password_hash": {"env": "OLGA"}},
    "vera": {"role": "viewer", "password_hash": {"env": "VERA"}},
}


@dataclass
class Pages:
    """`seen` has user, role and form of each request that reached the pages."""

    monkeypatch: pytest.MonkeyPatch
    users: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    now: float = 1000.0
    seen: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, text in _HASHES.items():
            self.monkeypatch.setenv(name.upper(), text)
        settings = Serve.model_validate({"users": _USERS if self.users else {}} | self.settings)
        pages = [
            Route("/", self._page, methods=["GET", "POST"]),
            Route(f"/channels/{CHANNEL}/push", self._page, methods=["GET", "POST"], name="push"),
            Route("/broken", self._broken),
            Route("/settings", self._for_operators),
            Route("/body", self._body, methods=["POST"]),
            Route("/health", self._page),
            Route("/metrics", self._page),
            Route("/static/pages.css", self._page),
            Route("/hooks/se-web/one", self._page, methods=["POST"]),
        ]
        self.starlette = Starlette(routes=pages)
        self.app: Any = protect(self.starlette, settings, now=lambda: self.now)

    async def _page(self, request: Request) -> Response:
        user = current_user(request)
        self.seen.append((user.name, user.role, form(request)))
        text = f'<input name="csrf" value="{csrf_token(request)}">'
        return Response(text, media_type="text/html", headers={"Server": "x", "Cache-Control": "max-age=60"})

    async def _broken(self, request: Request) -> Response:
        raise RuntimeError("broken")

    async def _for_operators(self, request: Request) -> Response:
        return PlainTextResponse(require_operator(request).name)

    async def _body(self, request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    def browser(self, **more: Any) -> Browser:
        return Browser(self.app, **more)

    def logged_in(self, name: str = "olga", **more: Any) -> Browser:
        browser = self.browser(**more)
        answer = log_in(browser, name)
        assert answer.status == 303, answer.text
        return browser


def log_in(browser: Browser, name: str = "olga", password: str | None = None, **fields: str) -> Answer:
    """Opens the log-in and sends its form."""
    if password is None:
        password = {"olga": OPERATOR_PASSWORD, "vera": VIEWER_PASSWORD}[name]
    csrf = browser.get("/login").csrf
    return browser.post("/login", {"name": name, "password": password, "csrf": csrf} | fields)
