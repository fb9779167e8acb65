"""The listening socket of one side: it accepts connections, refuses them, or does not answer them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection
from typing import Any

HOST = "127.0.0.1"
BACKLOG = 1024


class PortTaken(OSError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} on {HOST} is taken; choose another, or 0 for any free one")
        self.port = port


def listening_socket(port: int) -> socket.socket:
    """A socket that listens on the port, on any free port for 0. PortTaken if the port is not free."""
    with _bound(port) as probe:
        # Bound to its number and not to 0, the port stays ours also while no socket listens.
        sock = _bound(probe.getsockname()[1])
    try:
        sock.listen(BACKLOG)
    except OSError as problem:
        sock.close()
        raise PortTaken(port) from problem
    return sock


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as problem:
        sock.close()
        raise PortTaken(port) from problem
    return sock


class Listener:
    """The listening socket of one side. To be used from the servers' own thread only."""

    def __init__(
        self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol], connections: Collection[Any]
    ) -> None:
        self._sock, self._protocol, self._connections = sock, protocol, connections
        self._server: asyncio.Task[asyncio.Server] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._backlog_fillers: list[socket.socket] = []

    def accept(self) -> None:
        """Accepts connections, also if `make_unreachable` is in effect."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._backlog_fillers:
            self._backlog_fillers.pop().close()
        if self._server is None:
            self._sock.listen(BACKLOG)
            loop = asyncio.get_running_loop()
            server = loop.create_server(self._protocol, sock=self._sock.dup(), backlog=BACKLOG)
            self._server = loop.create_task(server)

    def make_unreachable(self, kind: str, seconds: float, keep: asyncio.Transport | None = None) -> None:
        """Refuses connections (kind `refuse`) or does not answer them (`silence`) for so many seconds. Aborts all open
        connections except `keep`."""
        self._stop_accepting(keep)
        if kind == "refuse":
            self._sock.shutdown(socket.SHUT_RDWR)
        else:
            self._fill_backlog()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.accept)

    def _fill_backlog(self) -> None:
        # Linux drops the first packet of a new connection while the queue of waiting connections is full.
        self._sock.listen(0)
        for _ in range(2):
            client = socket.socket()
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(self._sock.getsockname())
            self._backlog_fillers.append(client)

    def close(self) -> None:
        """Closes the socket and aborts all connections."""
        if self._timer is not None:
            self._timer.cancel()
        self._stop_accepting(None)
        while self._backlog_fillers:
            self._backlog_fillers.pop().close()
        self._sock.close()

    def _stop_accepting(self, keep: asyncio.Transport | None) -> None:
        server, self._server = self._server, None
        if server is not None:
            if server.done():
                server.result().close()
            else:
                server.add_done_callback(lambda done: done.result().close())
        for connection in list(self._connections):
            if connection.transport is not keep:
                connection.transport.abort()
