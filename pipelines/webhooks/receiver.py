"""Receives webhook messages. Accepts or refuses each within milliseconds; no answer gives a reason."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from pipelines.core.json_codec import encode
from pipelines.systems.system import NotVerified, VerifiedMessage
from pipelines.webhooks.deduplication import ReplayGuard
from pipelines.webhooks.event_routing import EventRouting

log = logging.getLogger(__name__)
MAX_BODY = 1 << 20
MAX_BODY_S = 10.0
LOG_INTERVAL_S = 60.0  # between two log lines of the same kind, so that a stranger cannot fill the log


@dataclass(frozen=True)
class WebhookSource:
    """One system's endpoint. `name` is its path, `header` its signature header; `verify` takes the header, the body and
    the Unix time, `route` the body."""

    name: str
    header: str
    verify: Callable[[str, bytes, float], VerifiedMessage]
    route: Callable[[bytes], EventRouting]


@dataclass
class Counters:
    """Counts of one system's messages. Each message is refused (counted by reason), repeated, or accepted; `events`
    counts the events of accepted messages."""

    received: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def facts(self) -> dict[str, Any]:
        return {
            "came": self.received,
            "taken": self.received - self.repeated - self.refused.total(),
            "repeated": self.repeated,
            "refused": dict(sorted(self.refused.items())),
            "kinds": dict(sorted(self.events.items())),
        }


class WebhookReceiver:
    """The HTTP application. `flows` are the channel's flows; it calls `hint` with the flows of each accepted message.
    `facts` returns the state of the runs for `/health`."""

    def __init__(
        self,
        channel: str,
        sources: Sequence[WebhookSource],
        flows: Collection[str],
        hint: Callable[[Collection[str]], None],
        facts: Callable[[], dict[str, Any]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel, self._flows, self._hint, self._facts, self._now = channel, frozenset(flows), hint, facts, now
        self._counters = {source.name: Counters() for source in sources}
        self._seen = {source.name: ReplayGuard() for source in sources}
        self._hinted: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()
        self._logged: dict[tuple[str, str], float] = {}
        routes = [Route(f"/{source.name}", partial(self._post, source), methods=["POST"]) for source in sources]
        health = Route("/health", self._health, methods=["GET"])
        self.app = Router([*routes, health], redirect_slashes=False)

    async def _health(self, _: Request) -> Response:
        document = {
            "channel": self._channel,
            **{name: counters.facts() for name, counters in self._counters.items()},
            "hints": dict(sorted(self._hinted.items())),
            "ignored": dict(sorted(self._ignored.items())),
            **self._facts(),
        }
        return Response(encode(document), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _post(self, source: WebhookSource, request: Request) -> Response:
        self._counters[source.name].received += 1
        header = ",".join(request.headers.getlist(source.header))
        try:
            async with asyncio.timeout(MAX_BODY_S):
                body = await _body(request)
            if body is None:
                return self._refused(source, "too_large", 413)
            now = self._now()
            message = source.verify(header, body, now)
        except NotVerified as error:
            return self._refused(source, error.reason, 401)
        except TimeoutError:
            return self._refused(source, "too_slow", 408)
        except ClientDisconnect:
            return self._refused(source, "broken_off", 400)
        if self._seen[source.name].seen_before(message, now):
            self._counters[source.name].repeated += 1
            log.info("system=%s repeated message", source.name)
        else:
            self._accept(source, source.route(body))
        return Response()

    def _accept(self, source: WebhookSource, routing: EventRouting) -> None:
        self._counters[source.name].events.update(routing.events)
        own, other = routing.flows & self._flows, routing.flows - self._flows
        self._ignored.update(other)
        self._hinted.update(own)
        if own:
            self._hint(own)
        log.info("system=%s events=%s flows=%s", source.name, ",".join(routing.events), ",".join(sorted(own)) or "none")

    def _refused(self, source: WebhookSource, reason: str, status: int) -> Response:
        counters = self._counters[source.name]
        counters.refused[reason] += 1
        last, now = self._logged.get((source.name, reason)), time.monotonic()
        if last is None or now - last >= LOG_INTERVAL_S:
            self._logged[source.name, reason] = now
            log.warning("system=%s refused reason=%s times=%s", source.name, reason, counters.refused[reason])
        # The body was not fully read, so the connection cannot be reused.
        return Response(status_code=status, headers=None if status == 401 else {"Connection": "close"})


async def _body(request: Request) -> bytes | None:
    """The raw bytes of the body; None if they exceed MAX_BODY."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)
