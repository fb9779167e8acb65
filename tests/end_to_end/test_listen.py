"""Webhooks as hints: a `listen` process, a sandbox that sends messages, and real pushes."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from pipelines.sandbox.common.webhook_signing import centra_signature
from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder
from tests.support.listening import CENTRA_SECRET, MYOGO_KEY, TABLE, ListenProcess, listening
from tests.support.shop import Shop, size
from tests.support.waiting import HANG_S, LONG_S, wait_for

ShopOf = Callable[..., Shop]
LEVEL = '{"productCode": "SKU1", "stock": %d, "stockAvailable": 1, "reserved": 0}'


@pytest.fixture
def shop(shop_of: ShopOf) -> Shop:
    """A size in both systems and one in Centra only; a channel with the products flow and the stock flow."""
    listening_shop = shop_of(size(1, physical=3), size(2, physical=0), myogo=[{"code": "SKU1", "stock": 10}])
    listening_shop.text += "\n[flows.stock.params]\ngoods_received = true\n"
    listening_shop.file.write_text(listening_shop.text)
    return listening_shop


def subscribe(box: Sandbox, url: str, kind: str) -> None:
    """Subscribes to a webhook over myOGO's API, as is done once per merchant."""
    box.switch("myogo", webhook_hosts="any")
    known = box.credentials
    form = {
        "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
        "username": known.merchant_id, "password": known.secret_token, "scope": "read:webhook write:webhook",
    }  # fmt: skip
    token = requests.post(box.token_url, data=form, timeout=LONG_S).json()["access_token"]
    answer = requests.post(
        f"{box.myogo_url}/api/v1/webhooks", json={"url": url, "key": MYOGO_KEY, "type": kind},
        headers={"Authorization": f"Bearer {token}"}, timeout=LONG_S,
    )  # fmt: skip
    assert answer.ok


def test_vendor_messages_start_pushes(shop: Shop) -> None:
    """A stock change in myOGO reaches Centra; a message without a flow in the channel is only counted."""
    box = shop.box
    with listening(shop) as listener:
        subscribe(box, f"http://localhost:{listener.port}/myogo", "ProductStockLevelChanged")
        box.switch("centra", webhook_header="spaced")
        box.set_centra_webhook(f"{listener.url}/centra", CENTRA_SECRET)
        assert listener.health()["runs"] == 0
        box.receive("SKU1", 7)
        wait_for(lambda: box.centra_row(1)["physical"] == 17)
        health = wait_for(lambda: (status := listener.health())["last_run"] and status)
        last = health["last_run"]
        assert (last["flows"], last["exit_code"], last["outcome"]) == (["stock"], 0, "ok")
        assert (health["hints"], health["waiting"], health["running"]) == ({"stock": 1}, [], [])
        assert len(box.myogo_products()) == 1, "the other flow was not run"

        box.place_centra_order()
        wait_for(lambda: [one["status"] for one in box.webhooks()] == [200, 200])
        health = listener.health()
        assert (health["ignored"], health["centra"]["kinds"]) == ({"orders": 1}, {"order": 1, "shipment": 1})

        assert listener.centra('{"products": ["12412"]}').status_code == 200
        wait_for(lambda: listener.health()["runs"] == 2)
        assert {product["code"] for product in box.myogo_products()} == {"SKU1", "SKU2"}
        assert shop.sql("select verb, flow, outcome from sync.runs order by started_at") == [
            ("push", "stock", "ok"), ("push", "products", "ok"),
        ]  # fmt: skip
        assert listener.stop(signal.SIGINT) == 0
    assert "run ended flows=stock exit=0 outcome=ok" in listener.log


def test_listen_answers_while_a_run_is_in_progress(shop: Shop) -> None:
    """The run hangs: messages are answered, unsigned ones with only a status, no run starts twice, and a stop
    interrupts the run."""
    shop.box.add_fault(side="centra", kind="hang", seconds=HANG_S, times=-1)
    with listening(shop) as listener:
        assert listener.myogo(LEVEL % 1).status_code == 200
        wait_for(lambda: listener.health()["running"] == ["stock"] and shop.box.requests("centra"))
        _messages_are_answered(listener)
        _unsigned_messages_are_refused(listener)
        health = listener.health()
        assert (health["runs"], health["running"], health["waiting"]) == (0, ["stock"], ["stock"])
        assert listener.stop(signal.SIGTERM) == 0
        assert listener.process.stdout is not None
        assert listener.process.stdout.read() == "", "stdout holds only the address"
    assert "run ended flows=stock exit=5 outcome=interrupted" in listener.log
    assert shop.sql("select outcome from sync.runs") == [("interrupted",)]
    with channel_lock(Folder(shop.data, "demo"), "demo", "test", shop.file):
        pass


def _messages_are_answered(listener: ListenProcess) -> None:
    for number in range(2, 32):
        assert listener.myogo(LEVEL % number).status_code == 200
    repeated = listener.health()["myogo"]["repeated"]
    assert listener.myogo(LEVEL % 2).status_code == 200
    health = listener.health()
    assert (health["myogo"]["repeated"], health["hints"]["stock"]) == (repeated + 1, 31)


def _unsigned_messages_are_refused(listener: ListenProcess) -> None:
    before = listener.health()
    now = time.time()
    refusals = [
        listener.myogo(LEVEL % 99, **{"X-OGOship-Hmac-SHA256": "x" * 44}),
        listener.centra('{"products": ["1"]}', **{"X-Centra-Signature": f"t={int(now)},v1={'0' * 64}"}),
        listener.centra('{"products": ["1"]}', now - 301),
        listener.centra('{"products": ["1"]}', now + 330),
        requests.post(f"{listener.url}/centra", "payload={}", timeout=LONG_S),
        requests.post(f"{listener.url}/myogo", LEVEL % 99, timeout=LONG_S),
    ]
    assert {(answer.status_code, answer.content) for answer in refusals} == {(401, b"")}
    assert len({tuple(sorted(answer.headers.keys() - {"date"})) for answer in refusals}) == 1
    assert listener.myogo("x" * (1 << 20)).status_code == 200, "verified, whatever its content"
    assert listener.myogo("x" * ((1 << 20) + 1)).status_code == 413
    paths = ("/centra", "/", "/myogo/x")
    statuses = [requests.get(f"{listener.url}{path}", timeout=LONG_S).status_code for path in paths]
    assert statuses == [405, 404, 404]
    assert requests.post(f"{listener.url}/myogo/", "{}", timeout=LONG_S, allow_redirects=False).status_code == 404
    assert requests.post(f"{listener.url}/health", timeout=LONG_S).status_code == 405
    health = listener.health()
    assert health["centra"]["refused"] == {"no_signature": 1, "out_of_time": 2, "wrong_signature": 1}
    assert health["myogo"]["refused"] == {"no_signature": 1, "too_large": 1, "wrong_signature": 1}
    assert health["hints"] == before["hints"] | {"stock": before["hints"]["stock"] + 1}
    assert health["centra"]["taken"] == 0


def test_a_signature_header_folded_over_two_lines_is_accepted(shop: Shop) -> None:
    """Centra's samples fold it. A system without a secret has no path."""
    with listening(shop, table=TABLE.replace('myogo_key     = { env = "MYOGO_WEBHOOK_KEY" }\n', "")) as listener:
        body, moment = b"payload=%7B%22markets%22%3A%5B1%5D%7D", int(time.time())
        head = (
            f"POST /centra HTTP/1.1\r\nHost: x\r\nX-Centra-Signature: t={moment},\r\n"
            f" v1={centra_signature(CENTRA_SECRET, moment, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", listener.port), timeout=LONG_S) as connection:
            connection.sendall(head.encode() + body)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert listener.health()["centra"] == {
            "came": 1, "taken": 1, "repeated": 0, "refused": {}, "kinds": {"markets": 1},
        }  # fmt: skip
        assert listener.myogo(LEVEL % 1).status_code == 404
        assert "myogo" not in listener.health()
        assert listener.health()["waiting"] == []


def test_listen_polls_and_warns_about_a_host_that_is_reachable_from_outside(shop: Shop) -> None:
    """All flows run once at the start."""
    table = TABLE.replace("[listen]", '[listen]\nhost = "0.0.0.0"\npoll_minutes = 60')
    with listening(shop, table=table, level="warning") as listener:
        assert listener.url.startswith("http://0.0.0.0:")
        wait_for(lambda: shop.box.centra_row(1)["physical"] == 10)
        wait_for(lambda: listener.health()["runs"] == 1)
        assert 3500 < listener.health()["next_in_s"] <= 3600
        assert {product["code"] for product in shop.box.myogo_products()} == {"SKU1", "SKU2"}
        assert "listen.host = 0.0.0.0 can be reached from other machines" in listener.log
        assert listener.stop(signal.SIGTERM) == 0


def _refusal_message(shop: Shop, table: str, *arguments: str) -> str:
    """The error message for a channel with this table; the process does not listen."""
    shop.file.write_text(shop.text + table)
    result: Any = shop.command("listen", str(shop.file), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    return " ".join(result.stderr.split())


def test_listen_requires_a_table_secrets_and_a_free_port(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = _refusal_message(shop, "")
    assert "has no table [listen]" in missing
    assert 'centra_secret = { env = "CENTRA_WEBHOOK_SECRET" }' in missing
    assert 'myogo_key = { env = "MYOGO_WEBHOOK_KEY" }' in missing
    assert "neither centra_secret nor myogo_key" in _refusal_message(shop, "\n[listen]\nport = 0\n")
    assert "CENTRA_WEBHOOK_SECRET is not set" in _refusal_message(shop, TABLE)
    monkeypatch.setenv("CENTRA_WEBHOOK_SECRET", CENTRA_SECRET)
    monkeypatch.setenv("MYOGO_WEBHOOK_KEY", MYOGO_KEY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Cannot listen on 127.0.0.1, port {port}" in _refusal_message(shop, TABLE, "--port", str(port))
    assert "Cannot listen on 192.0.2.1" in _refusal_message(shop, TABLE + 'host = "192.0.2.1"\n')


def test_other_commands_run_without_the_secrets_of_listen(shop: Shop) -> None:
    """Only `listen` reads them."""
    shop.file.write_text(shop.text + TABLE)
    document = json.loads(shop.command("plan", str(shop.file), "--json", "--data", str(shop.data)).stdout)
    assert document["exit_code"] == 0
