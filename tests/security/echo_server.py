"""A server in front of the sandbox that can repeat the secrets of a request in its answer.

It replaces the planted secrets with the sandbox's before it forwards a request; the tokens in its answers are planted
too.
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
from tests.support.waiting import LONG_S

_HOPS = ("connection", "content-length", "transfer-encoding", "date", "server")


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as the server received it."""

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
        """The secrets that the request carries."""
        form = dict(parse_qsl(self.body.decode())) if self.is_token else {}
        values = [
            self.headers.get("api-authorization", ""),
            self.headers.get("authorization", "").removeprefix("Bearer "),
        ]
        values += [form.get(key, "") for key in ("client_id", "client_secret", "username", "password", "refresh_token")]
        return [secret for secret in values if secret]

    def secrets_as(self, form: str) -> str:
        """All its secrets in one encoding, as a debugging page would list them."""
        return " | ".join(forms(secret)[form] for secret in self.secrets)


@dataclass(frozen=True)
class Reply:
    """The answer; a body of None closes the connection without an answer."""

    status: int
    body: bytes | str | None
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    hang_s: float = 0.0

    def for_any_request(self, _: ReceivedRequest) -> Reply:
        """This reply to any request."""
        return self


@dataclass
class ScriptedReply:
    """The reply to `times` requests for which `when` is true."""

    when: Callable[[ReceivedRequest], bool]
    then: Callable[[ReceivedRequest], Reply]
    times: int = 10**6


class EchoServer:
    """Two servers in front of the sandbox's two servers, with planted secrets."""

    def __init__(self, box: Sandbox, canaries: Canaries) -> None:
        self.box, self.canaries = box, canaries
        self.scripted: list[ScriptedReply] = []
        self.requests: list[ReceivedRequest] = []
        self.tokens: list[str] = []
        self._sandbox_secrets = {canary: getattr(box.credentials, name) for name, canary in vars(canaries).items()}
        self._lock = threading.Lock()
        self._servers = [self._server("centra", box.centra_url), self._server("myogo", box.myogo_url)]
        centra, myogo = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        self.centra_url, self.myogo_url = f"{centra}{urlsplit(box.centra_url).path}", myogo
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.01,), daemon=True) for s in self._servers]
        for thread in self._threads:
            thread.start()

    def script(
        self, when: Callable[[ReceivedRequest], bool], then: Callable[[ReceivedRequest], Reply], times: int = 10**6
    ) -> None:
        self.scripted.append(ScriptedReply(when, then, times))

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def answer(self, request: ReceivedRequest) -> Reply:
        with self._lock:
            self.requests.append(request)
            for reply in self.scripted:
                if reply.times and reply.when(request):
                    reply.times -= 1
                    return reply.then(request)
        return self._forward(request)

    def _forward(self, request: ReceivedRequest) -> Reply:
        """The sandbox's answer to the same request with the sandbox's own secrets."""
        url = urlsplit(self.box.centra_url if request.side == "centra" else self.box.myogo_url)
        headers = {name: value for name, value in request.headers.items() if name not in (*_HOPS, "host")}
        for name in ("api-authorization", "authorization"):
            if name in headers:
                scheme, _, token = headers[name].rpartition(" ") if name == "authorization" else ("", "", headers[name])
                headers[name] = f"{scheme} {self._sandbox_secrets.get(token, token)}".strip()
        body = request.body
        if request.is_token:
            body = urlencode({key: self._sandbox_secrets.get(v, v) for key, v in parse_qsl(body.decode())}).encode()
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=LONG_S)
        try:
            connection.request(request.method, request.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if request.is_token and answer.status == 200:
            content = self._plant_tokens(content)
        return Reply(answer.status, content, {k: v for k, v in answer.getheaders() if k.lower() not in _HOPS})

    def _plant_tokens(self, content: bytes) -> bytes:
        document = json.loads(content)
        for kind in ("access_token", "refresh_token"):
            with self._lock:
                token = f"{kind[:3]}Tk{len(self.tokens):02d}h5Vb8Qx3-Zn6Wd1Jr9Lp4"
                self.tokens.append(token)
                self._sandbox_secrets[token] = document[kind]
            document[kind] = token
        return json.dumps(document).encode()

    def _server(self, side: str, url: str) -> ThreadingHTTPServer:
        echo_server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = echo_server.answer(ReceivedRequest(side, self.command, self.path, headers, body))
                time.sleep(reply.hang_s)
                if reply.body is None:
                    self.close_connection = True
                    return
                raw = reply.body.encode("utf-8", "replace") if isinstance(reply.body, str) else reply.body
                self.send_response_only(reply.status, reply.reason)
                header_names = {name.lower() for name in reply.headers}
                default_headers = {"Content-Type": "application/json"} if "content-type" not in header_names else {}
                default_headers |= {"Content-Length": str(len(raw))} if "content-length" not in header_names else {}
                for name, value in (reply.headers | default_headers).items():
                    self.send_header(name, value.encode("latin-1", "replace").decode("latin-1"))
                self.end_headers()
                self.wfile.write(raw)
                self.close_connection = "content-length" in header_names and "content-length" not in default_headers

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, *_: object) -> None:
                pass

        server = _SilentServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        return server


class _SilentServer(ThreadingHTTPServer):
    """Prints nothing when a client disconnects."""

    def handle_error(self, *_: object) -> None:
        pass


def at(side: str, *paths: str, method: str = "") -> Callable[[ReceivedRequest], bool]:
    """Matches requests to one side whose path contains one of `paths`."""

    def when(request: ReceivedRequest) -> bool:
        return (
            request.side == side
            and method in ("", request.method)
            and any(p.lower() in request.path.lower() for p in paths)
        )

    return when


def centra_error(message: Any) -> str:
    return json.dumps({"status": "no", "msg": message})


def myogo_error(message: Any) -> str:
    return json.dumps({"statusCode": 400, "statusDescription": "Bad Request", "message": message})


def oauth_error(message: str) -> str:
    return json.dumps({"error": "invalid_client", "error_description": message})
