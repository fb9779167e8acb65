"""A local HTTP server that takes alerts and heartbeat pings."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import LONG_S

TOKEN = "tok9fJ2kQ7wwPz31Ru5Xy8"  # a part of both addresses, and of no other text
HEARTBEAT_ID = "3f1b9c4e-77aa-4d0e-8b1c-52d9e0a6c7f4"


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    body: str

    @property
    def title(self) -> str:
        return str(json.loads(self.body)["title"])

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["message"])


class AlertServer:
    """Stores every request. It answers with `status`; with `hangs`, not before the server is closed."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status, self.hangs = 200, False
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                server.received.append(Received(self.command, self.path, body))
                if server.hangs:
                    server._closing.wait(LONG_S)
                    return
                self.send_response(server.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def alert_url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{TOKEN}"

    @property
    def heartbeat_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{HEARTBEAT_ID}"

    @property
    def alerts(self) -> list[Received]:
        return [one for one in self.received if TOKEN in one.path]

    @property
    def titles(self) -> list[str]:
        return [one.title for one in self.alerts]

    @property
    def pings(self) -> list[tuple[str, str]]:
        """Method and end of the address of each ping."""
        paths = [(one.method, one.path) for one in self.received if HEARTBEAT_ID in one.path]
        return [(method, path.removeprefix(f"/{HEARTBEAT_ID}")) for method, path in paths]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def alert_server(monkeypatch: Any) -> Iterator[AlertServer]:
    """The server, with its addresses in ALERT_URL and HEARTBEAT_URL."""
    server = AlertServer()
    monkeypatch.setenv("ALERT_URL", server.alert_url)
    monkeypatch.setenv("HEARTBEAT_URL", server.heartbeat_url)
    try:
        yield server
    finally:
        server.close()


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
