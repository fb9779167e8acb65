"""The receiver alone: senders that are too slow or gone, and how long a message counts as the same."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial
from typing import Any

import pytest

from pipelines.sandbox.common.webhook_signing import centra_signature, ogoship_signature
from pipelines.systems.centra.webhook import HEADER as CENTRA_HEADER
from pipelines.systems.myogo.webhook import HEADER as MYOGO_HEADER
from pipelines.webhooks import receiver
from pipelines.webhooks.event_routing import Router
from pipelines.webhooks.receiver import WebhookReceiver, WebhookSource
from tests.support.declared import FLOWS, SYSTEMS


def source(system: str) -> WebhookSource:
    webhook = SYSTEMS[system].webhook
    assert webhook is not None
    router = Router(system, webhook.events, FLOWS)
    return WebhookSource(system, webhook.header, partial(webhook.verify, "secret", 300), router.route)


SOURCES = [source("centra"), source("myogo")]
GONE: dict[str, Any] = {"type": "http.disconnect"}


class Counter:
    """A receiver on a clock of its own, and the hints that it gave."""

    def __init__(self, *flows: str) -> None:
        self.hints: list[set[str]] = []
        self.now = 1_000_000.0
        self.receiver = WebhookReceiver("shop", SOURCES, flows, self._hint, dict, lambda: self.now)

    def _hint(self, flows: Collection[str]) -> None:
        self.hints.append(set(flows))

    def post(self, path: str, headers: dict[str, str], *pieces: Any) -> int:
        """The status of the answer to a body that comes in these pieces; None is a piece that never comes."""
        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": "POST", "path": path, "headers": given, "query_string": b"", "root_path": "",
        }  # fmt: skip
        coming, sent = list(pieces), []

        async def receive() -> Any:
            piece = coming.pop(0)
            if piece is None:
                await asyncio.sleep(60)
            return piece if isinstance(piece, dict) else {"type": "http.request", "body": piece, "more_body": coming}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.receiver.app(scope, receive, send))
        return int(sent[0]["status"])

    def centra(self, body: bytes, moment: float) -> int:
        signed = f"t={int(moment)},v1={centra_signature('secret', int(moment), body)}"
        return self.post("/centra", {CENTRA_HEADER: signed}, body)

    def myogo(self, body: bytes) -> int:
        return self.post("/myogo", {MYOGO_HEADER: ogoship_signature("secret", body)}, body)

    def refused(self, side: str) -> dict[str, int]:
        return dict(self.receiver._counters[side].refused)


def test_a_sender_that_is_too_slow_or_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_BODY_S", 0.02)
    counter = Counter("stock")
    assert counter.post("/myogo", {}, b"{", None) == 408
    assert counter.post("/myogo", {}, b"{", GONE) == 400
    assert (counter.refused("myogo"), counter.hints) == ({"too_slow": 1, "broken_off": 1}, [])


def test_a_body_in_pieces_is_one_body() -> None:
    counter = Counter("stock")
    headers = {MYOGO_HEADER: ogoship_signature("secret", b'{"stock": 1}')}
    assert counter.post("/myogo", headers, b'{"sto', b"", b'ck": 1}') == 200
    assert counter.hints == [{"stock"}]


def test_one_hint_for_one_message() -> None:
    """However often it comes within the window; another side's memory is its own."""
    counter = Counter("stock", "tracking", "orders", "products")
    moment = counter.now
    for _ in range(3):
        assert counter.centra(b"payload=%7B%22products%22%3A%5B1%5D%7D", moment) == 200
        assert counter.myogo(b'{"stock": 1}') == 200
        counter.now += 150
    assert counter.hints == [{"products"}, {"stock"}]
    counter.now += 1
    assert counter.centra(b"payload=%7B%22products%22%3A%5B1%5D%7D", moment) == 401, "too old to be sent again"
    assert counter.myogo(b'{"stock": 1}') == 200, "no time in it: new again"
    assert counter.hints == [{"products"}, {"stock"}, {"stock"}]
    assert counter.refused("centra") == {"out_of_time": 1}


def test_only_flows_that_the_channel_has() -> None:
    """What is left of a message's flows is hinted at; where nothing is left, nothing."""
    counter = Counter("stock", "products")
    assert counter.myogo(b"{}") == 200
    assert counter.myogo(b'{"reference": "1"}') == 200
    assert counter.hints == [{"stock"}]
    assert dict(counter.receiver._ignored) == {"tracking": 2}
