"""A browser for an ASGI application: it keeps cookies and sends what browsers send, without a socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp

PORT = 8630


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `headers` are in small letters; of Set-Cookie it has the last, `cookies` has all."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def csrf(self) -> str:
        """The token in the page's form."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]

    @property
    def location(self) -> str:
        return self.headers["location"]


@dataclass
class Browser:
    """`host` is the name in the address bar, `client` the address that the server sees."""

    app: ASGIApp
    host: str = f"127.0.0.1:{PORT}"
    client: str = "127.0.0.1"
    scheme: str = "http"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
        sent = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"} | dict(headers or {})
        return asyncio.run(self.request(method, path, sent, b""))

    def post(
        self, path: str, fields: Mapping[str, Any] | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A header that is given as "" is not sent."""
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"{self.scheme}://{self.host}",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "navigate",
        }
        body = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
        return asyncio.run(self.request("POST", path, sent | dict(headers or {}), body))

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self.cookies:
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | dict(headers)
        sent = [{"type": "http.request", "body": body[at : at + 65536], "more_body": at + 65536 < len(body)}
                for at in range(0, max(len(body), 1), 65536)]  # fmt: skip
        got: list[Any] = []

        async def receive() -> Any:
            return sent.pop(0) if sent else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            got.append(message)

        await self.app(self._scope(method, path, headers), receive, send)
        return self._answer(got)

    def _scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        parts = urlsplit(path)
        all_headers = {"Host": self.host} | dict(headers)
        return {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": parts.path,
            "raw_path": parts.path.encode(), "query_string": parts.query.encode(), "root_path": "",
            "headers": [(name.lower().encode(), text.encode("latin-1")) for name, text in all_headers.items() if text],
            "client": (self.client, 50_000), "server": ("127.0.0.1", PORT),
        }  # fmt: skip

    def _answer(self, messages: list[Any]) -> Answer:
        start, *rest = messages
        pairs = [(name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]]
        cookies = [value for name, value in pairs if name == "set-cookie"]
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        return Answer(start["status"], dict(pairs), cookies, b"".join(message.get("body", b"") for message in rest))
