"""Reads the body of a form, with limits, and hands it on."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from pipelines.web.access.refusals import Refused
from pipelines.web.access.request_facts import Form

MAX_BODY = 1 << 20  # bytes
MAX_BODY_S = 10.0
MAX_FIELDS = 2000
_CLOSE = {"Connection": "close"}  # the rest of the body is not read


async def read_body(request: Request) -> bytes:
    """Raises Refused."""
    body = bytearray()
    try:
        async with asyncio.timeout(MAX_BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    raise Refused(413, "Too much at once", "At most 1 MiB can be sent.", _CLOSE)
    except TimeoutError:
        raise Refused(408, "Too slow", "The form did not arrive in time. Send it again.", _CLOSE) from None
    except ClientDisconnect:
        raise Refused(400, "Broken off", "The form did not arrive. Send it again.", _CLOSE) from None
    return bytes(body)


def parse_form(request: Request, body: bytes) -> Form:
    """The values by field; no fields if the body is not a form. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    values: Form = {}
    if kind == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise Refused(400, "Too many fields", f"A form has at most {MAX_FIELDS} fields.") from None
        for name, value in pairs:
            values.setdefault(name, []).append(value)
    return values


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that delivers the body once more, and then what else arrives."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
