"""Where messages come in: taken or refused within milliseconds, and never answered with a reason."""

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
from pipelines.webhooks.deduplication import ReplayGuard
from pipelines.webhooks.event_routing import EventRouting
from pipelines.webhooks.signatures import NotVerified, VerifiedMessage

log = logging.getLogger(__name__)
MAX_BODY = 1 << 20
MAX_BODY_S = 10.0
QUIET_S = 60.0  # between two complaints of the same kind: a stranger must not fill the log


@dataclass(frozen=True)
class WebhookSource:
    """One vendor: its path, its header, how its messages are proven (header, body, Unix time) and what they mean."""

    name: str
    header: str
    genuine: Callable[[str, bytes, float], VerifiedMessage]
    meaning: Callable[[bytes], EventRouting]


@dataclass
class Counters:
    """What came of one side's messages: each is refused, a repetition, or genuine and new; `kinds` of the last."""

    came: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def facts(self) -> dict[str, Any]:
        return {
            "came": self.came,
            "taken": self.came - self.repeated - self.refused.total(),
            "repeated": self.repeated,
            "refused": dict(sorted(self.refused.items())),
            "kinds": dict(sorted(self.kinds.items())),
        }


class WebhookReceiver:
    """`flows` are those that the channel has; `hint` is called with some of them, `facts` says what became of it."""

    def __init__(
        self,
        channel: str,
        sides: Sequence[WebhookSource],
        flows: Collection[str],
        hint: Callable[[Collection[str]], None],
        facts: Callable[[], dict[str, Any]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel, self._flows, self._hint, self._facts, self._now = channel, frozenset(flows), hint, facts, now
        self._tallies = {side.name: Counters() for side in sides}
        self._seen = {side.name: ReplayGuard() for side in sides}
        self._hinted: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()
        self._complained: dict[tuple[str, str], float] = {}
        routes = [Route(f"/{side.name}", partial(self._post, side), methods=["POST"]) for side in sides]
        health = Route("/health", self._health, methods=["GET"])
        self.app = Router([*routes, health], redirect_slashes=False)

    async def _health(self, _: Request) -> Response:
        said = {
            "channel": self._channel,
            **{name: tally.facts() for name, tally in self._tallies.items()},
            "hints": dict(sorted(self._hinted.items())),
            "ignored": dict(sorted(self._ignored.items())),
            **self._facts(),
        }
        return Response(encode(said), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _post(self, side: WebhookSource, request: Request) -> Response:
        self._tallies[side.name].came += 1
        header = ",".join(request.headers.getlist(side.header))
        try:
            async with asyncio.timeout(MAX_BODY_S):
                body = await _body(request)
            if body is None:
                return self._refused(side, "too_large", 413)
            now = self._now()
            genuine = side.genuine(header, body, now)
        except NotVerified as error:
            return self._refused(side, error.reason, 401)
        except TimeoutError:
            return self._refused(side, "too_slow", 408)
        except ClientDisconnect:
            return self._refused(side, "broken_off", 400)
        if self._seen[side.name].before(genuine, now):
            self._tallies[side.name].repeated += 1
            log.info("side=%s came before", side.name)
        else:
            self._take(side, side.meaning(body))
        return Response()

    def _take(self, side: WebhookSource, meaning: EventRouting) -> None:
        self._tallies[side.name].kinds.update(meaning.kinds)
        known, other = meaning.flows & self._flows, meaning.flows - self._flows
        self._ignored.update(other)
        self._hinted.update(known)
        if known:
            self._hint(known)
        log.info("side=%s kinds=%s flows=%s", side.name, ",".join(meaning.kinds), ",".join(sorted(known)) or "none")

    def _refused(self, side: WebhookSource, reason: str, status: int) -> Response:
        tally = self._tallies[side.name]
        tally.refused[reason] += 1
        last, now = self._complained.get((side.name, reason)), time.monotonic()
        if last is None or now - last >= QUIET_S:
            self._complained[side.name, reason] = now
            log.warning("side=%s refused reason=%s times=%s", side.name, reason, tally.refused[reason])
        # Of a body that was not read to its end, nobody knows where the next request would begin.
        return Response(status_code=status, headers=None if status == 401 else {"Connection": "close"})


async def _body(request: Request) -> bytes | None:
    """The bytes as they came; None as soon as they are too many."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)
