"""One HTTP exchange: the request as read, the answer to give, and the connection it goes out on."""

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
    """A request with its whole body. The last two are set by faults that falsify a listing."""

    method: str
    path: str
    raw_path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    page_served: int | None = None
    page_linked: int | None = None

    def header(self, name: bytes) -> str:
        """The header's text, empty when it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def params(self) -> dict[str, str]:
        """The query's parameters, the last one winning."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `applied` says that the state was changed."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False

    def header_lines(self, length: int) -> list[tuple[bytes, bytes]]:
        """Type, length and date, then the answer's own headers; a `Date` among those takes the date's place."""
        own = [(name.lower().encode(), value.encode()) for name, value in self.headers]
        lines = [(b"content-type", self.content_type.encode()), (b"content-length", str(length).encode())]
        if all(name != b"date" for name, _ in own):
            lines.append((b"date", _http_date(int(time.time()))))
        return lines + own


@lru_cache(maxsize=1)
def _http_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def phrase(status: int) -> str:
    """The reason phrase, empty for a status nobody registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def received(scope: Scope, receive: Receive) -> Request:
    """The request once its body has arrived."""
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
    """Sends answers properly, or improperly when a fault asks for it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def send(self, answer: Answer) -> None:
        lines = answer.header_lines(len(answer.body))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": lines})
        await self._send({"type": "http.response.body", "body": answer.body})

    async def dribble(self, answer: Answer, seconds: float, pieces: int) -> None:
        """The whole answer, in pieces spread over the given time."""
        lines = answer.header_lines(len(answer.body))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": lines})
        step = max(1, -(-len(answer.body) // pieces))
        for start in range(0, len(answer.body), step):
            await self.pause(seconds / pieces)
            piece = answer.body[start : start + step]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def send_misstated(self, answer: Answer, body: bytes, length: int, *, reset: bool = False) -> None:
        """A head that announces `length` bytes, then `body`, then the end of the connection."""
        head = f"HTTP/1.1 {answer.status} {phrase(answer.status)}\r\n".encode()
        head += b"".join(name + b": " + value + b"\r\n" for name, value in answer.header_lines(length))
        self.transport.write(head + b"\r\n" + body)
        if reset:
            # Let the first half leave the buffer, or the reset would overtake it.
            await self.pause(0.02)
            await self.reset()
        else:
            self.transport.close()
            await self._gone()

    async def reset(self) -> None:
        """Ends the connection at once; the client sees a reset."""
        if not self.transport.is_closing():  # a client that left has taken the socket along
            linger = socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
            self.transport.get_extra_info("socket").setsockopt(*linger)
            self.transport.abort()
        await self._gone()

    async def close(self) -> None:
        """Ends the connection in an orderly way, without an answer."""
        self.transport.close()
        await self._gone()

    async def pause(self, seconds: float) -> None:
        """Waits, but no longer than the client stays."""
        try:
            await asyncio.wait_for(self._gone(), seconds)
        except TimeoutError:
            return

    async def _gone(self) -> None:
        # uvicorn counts an application that returns before the connection is lost as a failure.
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @property
    def transport(self) -> asyncio.Transport:
        """The connection below HTTP."""
        # `send` is a method of uvicorn's request cycle: the only way from ASGI to the socket.
        cycle = cast(Any, self._send).__self__
        return cast(asyncio.Transport, cycle.transport)
