"""The receiver: slow or disconnected senders, and the time in which a repeated message is ignored."""

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
DISCONNECT: dict[str, Any] = {"type": "http.disconnect"}


class ReceiverUnderTest:
    """A receiver with its own clock, and the hints that it gave."""

    def __init__(self, *flows: str) -> None:
        self.hints: list[set[str]] = []
        self.now = 1_000_000.0
        self.receiver = WebhookReceiver("shop", SOURCES, flows, self._hint, dict, lambda: self.now)

    def _hint(self, flows: Collection[str]) -> None:
        self.hints.append(set(flows))

    def post(self, path: str, headers: dict[str, str], *pieces: Any) -> int:
        """The status of the answer to a body in these pieces; None is a piece that never arrives."""
        header_list = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": "POST", "path": path, "headers": header_list, "query_string": b"",
            "root_path": "",
        }  # fmt: skip
        remaining, sent = list(pieces), []

        async def receive() -> Any:
            piece = remaining.pop(0)
            if piece is None:
                await asyncio.sleep(60)
            return piece if isinstance(piece, dict) else {"type": "http.request", "body": piece, "more_body": remaining}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.receiver.app(scope, receive, send))
        return int(sent[0]["status"])

    def centra(self, body: bytes, moment: float) -> int:
        signature = f"t={int(moment)},v1={centra_signature('secret', int(moment), body)}"
        return self.post("/centra", {CENTRA_HEADER: signature}, body)

    def myogo(self, body: bytes) -> int:
        return self.post("/myogo", {MYOGO_HEADER: ogoship_signature("secret", body)}, body)

    def refused(self, side: str) -> dict[str, int]:
        return dict(self.receiver._counters[side].refused)


def test_a_slow_or_disconnected_sender_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_BODY_S", 0.02)
    receiver_under_test = ReceiverUnderTest("stock")
    assert receiver_under_test.post("/myogo", {}, b"{", None) == 408
    assert receiver_under_test.post("/myogo", {}, b"{", DISCONNECT) == 400
    assert (receiver_under_test.refused("myogo"), receiver_under_test.hints) == ({"too_slow": 1, "broken_off": 1}, [])


def test_a_body_in_pieces_is_joined() -> None:
    receiver_under_test = ReceiverUnderTest("stock")
    headers = {MYOGO_HEADER: ogoship_signature("secret", b'{"stock": 1}')}
    assert receiver_under_test.post("/myogo", headers, b'{"sto', b"", b'ck": 1}') == 200
    assert receiver_under_test.hints == [{"stock"}]


def test_a_repeated_message_gives_one_hint() -> None:
    """Within the tolerance; each system has its own record of messages."""
    receiver_under_test = ReceiverUnderTest("stock", "tracking", "orders", "products")
    moment = receiver_under_test.now
    for _ in range(3):
        assert receiver_under_test.centra(b"payload=%7B%22products%22%3A%5B1%5D%7D", moment) == 200
        assert receiver_under_test.myogo(b'{"stock": 1}') == 200
        receiver_under_test.now += 150
    assert receiver_under_test.hints == [{"products"}, {"stock"}]
    receiver_under_test.now += 1
    assert receiver_under_test.centra(b"payload=%7B%22products%22%3A%5B1%5D%7D", moment) == 401, (
        "too old to be sent again"
    )
    assert receiver_under_test.myogo(b'{"stock": 1}') == 200, "it has no time, so it is new again"
    assert receiver_under_test.hints == [{"products"}, {"stock"}, {"stock"}]
    assert receiver_under_test.refused("centra") == {"out_of_time": 1}


def test_a_message_gives_hints_only_for_flows_of_the_channel() -> None:
    """Other flows are counted as ignored."""
    receiver_under_test = ReceiverUnderTest("stock", "products")
    assert receiver_under_test.myogo(b"{}") == 200
    assert receiver_under_test.myogo(b'{"reference": "1"}') == 200
    assert receiver_under_test.hints == [{"stock"}]
    assert dict(receiver_under_test.receiver._ignored) == {"tracking": 2}
