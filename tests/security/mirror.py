"""A hostile front of the sandbox: it knows the secrets that a client really sent, and says them back when told to.

It takes the planted secrets and knows the sandbox's own for them; tokens it hands out are planted too.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pipelines.sandbox import Sandbox
from tests.security.canaries import Canaries, forms

_HOPS = ("connection", "content-length", "transfer-encoding", "date", "server")


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    side: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_token(self) -> bool:
        return self.path.lower() == "/oauth/token"

    @property
    def secrets(self) -> list[str]:
        """What it carries that nobody else may know."""
        form = dict(parse_qsl(self.body.decode())) if self.is_token else {}
        told = [
            self.headers.get("api-authorization", ""),
            self.headers.get("authorization", "").removeprefix("Bearer "),
        ]
        told += [form.get(key, "") for key in ("client_id", "client_secret", "username", "password", "refresh_token")]
        return [secret for secret in told if secret]

    def said(self, form: str) -> str:
        """All of its secrets in one of their forms, as a debugging page would list them."""
        return " | ".join(forms(secret)[form] for secret in self.secrets)


@dataclass(frozen=True)
class Reply:
    """What goes back; None as a body closes the connection without an answer."""

    status: int
    body: bytes | str | None
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    hang_s: float = 0.0

    def to(self, _: Heard) -> Reply:
        """This reply, whatever was asked."""
        return self


@dataclass
class Spell:
    """Bends the requests that `when` is true of, so many times."""

    when: Callable[[Heard], bool]
    then: Callable[[Heard], Reply]
    times: int = 10**6


class Mirror:
    """Two servers before the sandbox's two, with planted secrets."""

    def __init__(self, box: Sandbox, canaries: Canaries) -> None:
        self.box, self.canaries = box, canaries
        self.spells: list[Spell] = []
        self.heard: list[Heard] = []
        self.tokens: list[str] = []
        self._own = {planted: getattr(box.credentials, name) for name, planted in vars(canaries).items()}
        self._lock = threading.Lock()
        self._servers = [self._server("centra", box.centra_url), self._server("myogo", box.myogo_url)]
        centra, myogo = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        self.centra_url, self.myogo_url = f"{centra}{urlsplit(box.centra_url).path}", myogo
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.01,), daemon=True) for s in self._servers]
        for thread in self._threads:
            thread.start()

    def cast(self, when: Callable[[Heard], bool], then: Callable[[Heard], Reply], times: int = 10**6) -> None:
        self.spells.append(Spell(when, then, times))

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def answer(self, heard: Heard) -> Reply:
        with self._lock:
            self.heard.append(heard)
            for spell in self.spells:
                if spell.times and spell.when(heard):
                    spell.times -= 1
                    return spell.then(heard)
        return self._forwarded(heard)

    def _forwarded(self, heard: Heard) -> Reply:
        """The sandbox's answer to the same request with the sandbox's own secrets."""
        url = urlsplit(self.box.centra_url if heard.side == "centra" else self.box.myogo_url)
        headers = {name: value for name, value in heard.headers.items() if name not in (*_HOPS, "host")}
        for name in ("api-authorization", "authorization"):
            if name in headers:
                scheme, _, token = headers[name].rpartition(" ") if name == "authorization" else ("", "", headers[name])
                headers[name] = f"{scheme} {self._own.get(token, token)}".strip()
        body = heard.body
        if heard.is_token:
            body = urlencode({key: self._own.get(v, v) for key, v in parse_qsl(body.decode())}).encode()
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        try:
            connection.request(heard.method, heard.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if heard.is_token and answer.status == 200:
            content = self._planted(content)
        return Reply(answer.status, content, {k: v for k, v in answer.getheaders() if k.lower() not in _HOPS})

    def _planted(self, content: bytes) -> bytes:
        document = json.loads(content)
        for kind in ("access_token", "refresh_token"):
            with self._lock:
                mine = f"{kind[:3]}Tk{len(self.tokens):02d}h5Vb8Qx3-Zn6Wd1Jr9Lp4"
                self.tokens.append(mine)
                self._own[mine] = document[kind]
            document[kind] = mine
        return json.dumps(document).encode()

    def _server(self, side: str, url: str) -> ThreadingHTTPServer:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                told = {name.lower(): value for name, value in self.headers.items()}
                reply = mirror.answer(Heard(side, self.command, self.path, told, body))
                time.sleep(reply.hang_s)
                if reply.body is None:
                    self.close_connection = True
                    return
                raw = reply.body.encode("utf-8", "replace") if isinstance(reply.body, str) else reply.body
                self.send_response_only(reply.status, reply.reason)
                given = {name.lower() for name in reply.headers}
                more = {"Content-Type": "application/json"} if "content-type" not in given else {}
                more |= {"Content-Length": str(len(raw))} if "content-length" not in given else {}
                for name, value in (reply.headers | more).items():
                    self.send_header(name, value.encode("latin-1", "replace").decode("latin-1"))
                self.end_headers()
                self.wfile.write(raw)
                self.close_connection = "content-length" in given and "content-length" not in more

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, *_: object) -> None:
                pass

        server = _Quiet(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        return server


class _Quiet(ThreadingHTTPServer):
    """Says nothing of clients that leave."""

    def handle_error(self, *_: object) -> None:
        pass


def at(side: str, *paths: str, method: str = "") -> Callable[[Heard], bool]:
    """Requests to one side whose path holds one of the pieces."""

    def when(heard: Heard) -> bool:
        return (
            heard.side == side and method in ("", heard.method) and any(p.lower() in heard.path.lower() for p in paths)
        )

    return when


def centra_says(message: Any) -> str:
    return json.dumps({"status": "no", "msg": message})


def myogo_says(message: Any) -> str:
    return json.dumps({"statusCode": 400, "statusDescription": "Bad Request", "message": message})


def oauth_says(message: str) -> str:
    return json.dumps({"error": "invalid_client", "error_description": message})
