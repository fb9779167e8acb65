"""Whether one side can be reached at all: it listens, refuses connections, or leaves them without an answer."""

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


def listening(port: int) -> socket.socket:
    """A socket that listens on the port, or on any free one for 0. PortTaken if it is not free."""
    with _bound(port) as probe:
        # Bound to a number and not to 0, the port stays ours also while nobody listens.
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


class Reach:
    """The listening socket of one side. To be used from the servers' own thread only."""

    def __init__(
        self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol], connections: Collection[Any]
    ) -> None:
        self._sock, self._protocol, self._connections = sock, protocol, connections
        self._server: asyncio.Task[asyncio.Server] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._callers: list[socket.socket] = []

    def serve(self) -> None:
        """Takes connections, again if it had left; whoever comes from now on is not turned away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._callers:
            self._callers.pop().close()
        if self._server is None:
            self._sock.listen(BACKLOG)
            loop = asyncio.get_running_loop()
            server = loop.create_server(self._protocol, sock=self._sock.dup(), backlog=BACKLOG)
            self._server = loop.create_task(server)

    def leave(self, how: str, seconds: float, but: asyncio.Transport | None = None) -> None:
        """For so many seconds, connections are refused or get no answer; open ones are cut, `but` for one."""
        self._cut(but)
        if how == "refuse":
            self._sock.shutdown(socket.SHUT_RDWR)
        else:
            self._be_full()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.serve)

    def _be_full(self) -> None:
        # Linux drops the first packet of whoever comes while the queue of those who wait is full.
        self._sock.listen(0)
        for _ in range(2):
            caller = socket.socket()
            caller.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                caller.connect(self._sock.getsockname())
            self._callers.append(caller)

    def close(self) -> None:
        """The end; whoever is connected is cut."""
        if self._timer is not None:
            self._timer.cancel()
        self._cut(None)
        while self._callers:
            self._callers.pop().close()
        self._sock.close()

    def _cut(self, but: asyncio.Transport | None) -> None:
        server, self._server = self._server, None
        if server is not None:
            if server.done():
                server.result().close()
            else:
                server.add_done_callback(lambda done: done.result().close())
        for connection in list(self._connections):
            if connection.transport is not but:
                connection.transport.abort()
