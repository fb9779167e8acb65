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
        self._server: asyncio.AbstractServer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._callers: list[socket.socket] = []

    async def serve(self) -> None:
        """Takes connections, again if it had left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._server is None:
            self._sock.listen(BACKLOG)
            self._server = await asyncio.get_running_loop().create_server(
                self._protocol, sock=self._sock.dup(), backlog=BACKLOG
            )
        while self._callers:
            self._callers.pop().close()

    def leave(self, how: str, seconds: float, but: asyncio.Transport | None = None) -> None:
        """For so many seconds, connections are refused or get no answer; open ones are cut, `but` for one."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            if connection.transport is not but:
                connection.transport.abort()
        if how == "refuse":
            self._sock.shutdown(socket.SHUT_RDWR)
        else:
            self._be_full()
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, lambda: loop.create_task(self.serve()))

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
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        while self._callers:
            self._callers.pop().close()
        self._sock.close()
