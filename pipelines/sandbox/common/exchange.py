"""One HTTP exchange: the request as read, the answer to send, and the connection that carries it."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its complete body. Faults that falsify a listing set `page_served` and `page_linked`."""

    method: str
    path: str
    raw_path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    page_served: int | None = None
    page_linked: int | None = None

    def header(self, name: bytes) -> str:
        """The header's text; empty when the request has no such header."""
        return self.headers.get(name, b"").decode("latin-1")

    def params(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends; `applied` is true when the request changed the state."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False

    def header_lines(self, length: int) -> list[tuple[bytes, bytes]]:
        """Type, length and date, then the answer's own headers; a `Date` among those replaces the generated one."""
        own = [(name.lower().encode(), value.encode()) for name, value in self.headers]
        lines = [(b"content-type", self.content_type.encode()), (b"content-length", str(length).encode())]
        if all(name != b"date" for name, _ in own):
            lines.append((b"date", _http_date(int(time.time()))))
        return lines + own


@lru_cache(maxsize=1)
def _http_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def reason_phrase(status: int) -> str:
    """The reason phrase; empty for a status that is not registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The request, after its body has arrived."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return Request(
        method=scope["method"],
        path=scope["path"],
        raw_path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("ascii"),
        headers=dict(scope["headers"]),
        body=body,
    )


class Connection:
    """Sends answers correctly, or in the broken way that a fault needs."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def send(self, answer: Answer) -> None:
        lines = answer.header_lines(len(answer.body))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": lines})
        await self._send({"type": "http.response.body", "body": answer.body})

    async def send_in_pieces(self, answer: Answer, seconds: float, pieces: int) -> None:
        """Sends the complete answer in pieces, spread over the given seconds."""
        lines = answer.header_lines(len(answer.body))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": lines})
        step = max(1, -(-len(answer.body) // pieces))
        for start in range(0, len(answer.body), step):
            await self.pause(seconds / pieces)
            piece = answer.body[start : start + step]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def send_with_length(self, answer: Answer, body: bytes, length: int, *, reset: bool = False) -> None:
        """Sends a head that announces `length` bytes, then `body`, then ends the connection."""
        head = f"HTTP/1.1 {answer.status} {reason_phrase(answer.status)}\r\n".encode()
        head += b"".join(name + b": " + value + b"\r\n" for name, value in answer.header_lines(length))
        self.transport.write(head + b"\r\n" + body)
        if reset:
            # Let the first half leave the buffer, or the reset would discard it.
            await self.pause(0.02)
            await self.reset()
        else:
            self.transport.close()
            await self._wait_for_disconnect()

    async def reset(self) -> None:
        """Ends the connection at once; the client sees a reset."""
        if not self.transport.is_closing():  # after the client left there is no socket any more
            linger = socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
            self.transport.get_extra_info("socket").setsockopt(*linger)
            self.transport.abort()
        await self._wait_for_disconnect()

    async def pause(self, seconds: float) -> None:
        """Waits for so many seconds, or until the client leaves."""
        try:
            await asyncio.wait_for(self._wait_for_disconnect(), seconds)
        except TimeoutError:
            return

    async def _wait_for_disconnect(self) -> None:
        # uvicorn reports a failure when an application returns before the connection is lost.
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @property
    def transport(self) -> asyncio.Transport:
        """The TCP connection."""
        # `send` is a method of uvicorn's request cycle: the only way from ASGI to the socket.
        cycle = cast(Any, self._send).__self__
        return cast(asyncio.Transport, cycle.transport)
