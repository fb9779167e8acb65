"""Webhooks as hints: a process that listens, a sandbox that sends, and pushes that really happen."""

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
from tests.support.listening import CENTRA_SECRET, MYOGO_KEY, TABLE, Listening, listening, until
from tests.support.shop import Shop, size

ShopOf = Callable[..., Shop]
LEVEL = '{"productCode": "SKU1", "stock": %d, "stockAvailable": 1, "reserved": 0}'


@pytest.fixture
def shop(shop_of: ShopOf) -> Shop:
    """A size in both systems and one in Centra only; the stock flow beside the products flow."""
    made = shop_of(size(1, physical=3), size(2), myogo=[{"code": "SKU1", "stock": 10}])
    made.text += "\n[flows.stock.params]\ngoods_received = true\n"
    made.file.write_text(made.text)
    return made


def subscribe(box: Sandbox, url: str, kind: str) -> None:
    """As somebody does it once for a merchant, over myOGO's API."""
    box.switch("myogo", webhook_hosts="any")
    known = box.credentials
    form = {
        "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
        "username": known.merchant_id, "password": known.secret_token, "scope": "read:webhook write:webhook",
    }  # fmt: skip
    token = requests.post(box.token_url, data=form, timeout=5).json()["access_token"]
    made = requests.post(
        f"{box.myogo_url}/api/v1/webhooks", json={"url": url, "key": MYOGO_KEY, "type": kind},
        headers={"Authorization": f"Bearer {token}"}, timeout=5,
    )  # fmt: skip
    assert made.ok


def test_the_vendors_messages_become_pushes(shop: Shop) -> None:
    """A change of stock in myOGO is in Centra a moment later; what the channel has no flow for is only counted."""
    box = shop.box
    with listening(shop) as desk:
        subscribe(box, f"http://localhost:{desk.port}/myogo", "ProductStockLevelChanged")
        box.switch("centra", webhook_header="spaced")
        box.aim_centra_webhook(f"{desk.url}/centra", CENTRA_SECRET)
        assert desk.health()["runs"] == 0
        box.receive("SKU1", 7)
        until(lambda: box.centra_row(1)["physical"] == 17)
        health = until(lambda: (said := desk.health())["last_run"] and said)
        last = health["last_run"]
        assert (last["flows"], last["exit_code"], last["outcome"]) == (["stock"], 0, "ok")
        assert (health["hints"], health["waiting"], health["running"]) == ({"stock": 1}, [], [])
        assert len(box.myogo_products()) == 1, "the other flow was not run"

        box.place_centra_order()
        until(lambda: [one["status"] for one in box.webhooks()] == [200, 200])
        health = desk.health()
        assert (health["ignored"], health["centra"]["kinds"]) == ({"orders": 1}, {"order": 1, "shipment": 1})

        assert desk.centra('{"products": ["12412"]}').status_code == 200
        until(lambda: desk.health()["runs"] == 2)
        assert {product["code"] for product in box.myogo_products()} == {"SKU1", "SKU2"}
        assert shop.sql("select verb, flow, outcome from sync.runs order by started_at") == [
            ("push", "stock", "ok"), ("push", "products", "ok"),
        ]  # fmt: skip
        assert desk.stop(signal.SIGINT) == 0
    assert "run ended flows=stock exit=0 outcome=ok" in desk.log


def test_while_a_run_is_on(shop: Shop) -> None:
    """Answers stay fast, strangers get nothing but a status, nothing is run twice, and a stop waits for the run."""
    shop.box.add_fault(side="centra", kind="hang", seconds=60, times=-1)
    with listening(shop) as desk:
        assert desk.myogo(LEVEL % 1).status_code == 200
        until(lambda: desk.health()["running"] == ["stock"] and shop.box.requests("centra"))
        _answers_are_fast(desk)
        _strangers_are_refused(desk)
        health = desk.health()
        assert (health["runs"], health["running"], health["waiting"]) == (0, ["stock"], ["stock"])
        began = time.monotonic()
        assert desk.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10, "the run was asked to stop, not waited out"
        assert desk.process.stdout is not None
        assert desk.process.stdout.read() == "", "one line on stdout, the address"
    assert "run ended flows=stock exit=5 outcome=interrupted" in desk.log
    assert shop.sql("select outcome from sync.runs") == [("interrupted",)]
    with channel_lock(Folder(shop.data, "demo"), "demo", "test"):
        pass


def _answers_are_fast(desk: Listening) -> None:
    took = []
    for number in range(2, 32):
        began = time.monotonic()
        assert desk.myogo(LEVEL % number).status_code == 200
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] < 0.05
    assert max(took) < 1
    repeated = desk.health()["myogo"]["repeated"]
    assert desk.myogo(LEVEL % 2).status_code == 200
    health = desk.health()
    assert (health["myogo"]["repeated"], health["hints"]["stock"]) == (repeated + 1, 31)


def _strangers_are_refused(desk: Listening) -> None:
    before = desk.health()
    now = time.time()
    refusals = [
        desk.myogo(LEVEL % 99, **{"X-OGOship-Hmac-SHA256": "x" * 44}),
        desk.centra('{"products": ["1"]}', **{"X-Centra-Signature": f"t={int(now)},v1={'0' * 64}"}),
        desk.centra('{"products": ["1"]}', now - 301),
        desk.centra('{"products": ["1"]}', now + 330),
        requests.post(f"{desk.url}/centra", "payload={}", timeout=5),
        requests.post(f"{desk.url}/myogo", LEVEL % 99, timeout=5),
    ]
    assert {(answer.status_code, answer.content) for answer in refusals} == {(401, b"")}
    assert len({tuple(sorted(answer.headers.keys() - {"date"})) for answer in refusals}) == 1
    assert desk.myogo("x" * (1 << 20)).status_code == 200, "verified, whatever it means"
    assert desk.myogo("x" * ((1 << 20) + 1)).status_code == 413
    assert [requests.get(f"{desk.url}{path}", timeout=5).status_code for path in ("/centra", "/", "/myogo/x")] == [
        405, 404, 404,
    ]  # fmt: skip
    assert requests.post(f"{desk.url}/myogo/", "{}", timeout=5, allow_redirects=False).status_code == 404
    assert requests.post(f"{desk.url}/health", timeout=5).status_code == 405
    health = desk.health()
    assert health["centra"]["refused"] == {"no_signature": 1, "out_of_time": 2, "wrong_signature": 1}
    assert health["myogo"]["refused"] == {"no_signature": 1, "too_large": 1, "wrong_signature": 1}
    assert health["hints"] == before["hints"] | {"stock": before["hints"]["stock"] + 1}
    assert health["centra"]["taken"] == 0


def test_a_signature_that_goes_on_in_a_second_line(shop: Shop) -> None:
    """As Centra's own samples have it; and a side without a secret is not there."""
    with listening(shop, table=TABLE.replace('myogo_key     = { env = "MYOGO_WEBHOOK_KEY" }\n', "")) as desk:
        body, moment = b"payload=%7B%22markets%22%3A%5B1%5D%7D", int(time.time())
        head = (
            f"POST /centra HTTP/1.1\r\nHost: x\r\nX-Centra-Signature: t={moment},\r\n"
            f" v1={centra_signature(CENTRA_SECRET, moment, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", desk.port), timeout=5) as line:
            line.sendall(head.encode() + body)
            assert line.recv(100).startswith(b"HTTP/1.1 200 ")
        assert desk.health()["centra"] == {
            "came": 1, "taken": 1, "repeated": 0, "refused": {}, "kinds": {"markets": 1},
        }  # fmt: skip
        assert desk.myogo(LEVEL % 1).status_code == 404
        assert "myogo" not in desk.health()
        assert desk.health()["waiting"] == []


def test_polling_and_a_host_that_others_can_reach(shop: Shop) -> None:
    """All flows once at the start; and a word about the host."""
    table = TABLE.replace("[listen]", '[listen]\nhost = "0.0.0.0"\npoll_minutes = 60')
    with listening(shop, table=table, level="warning") as desk:
        assert desk.url.startswith("http://0.0.0.0:")
        until(lambda: shop.box.centra_row(1)["physical"] == 10)
        until(lambda: desk.health()["runs"] == 1)
        assert 3500 < desk.health()["next_in_s"] <= 3600
        assert {product["code"] for product in shop.box.myogo_products()} == {"SKU1", "SKU2"}
        assert "listen.host = 0.0.0.0 can be reached from elsewhere" in desk.log
        assert desk.stop(signal.SIGTERM) == 0


def _refused(shop: Shop, table: str, *words: str) -> str:
    """The complaint about a channel with this table; nothing is listened to."""
    shop.file.write_text(shop.text + table)
    done: Any = shop.command("listen", str(shop.file), *words)
    assert (done.exit_code, done.stdout) == (2, "")
    return " ".join(done.stderr.split())


def test_what_listening_needs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no table [listen]" in _refused(shop, "")
    assert "neither centra_secret nor myogo_key" in _refused(shop, "\n[listen]\nport = 0\n")
    assert "CENTRA_WEBHOOK_SECRET is not set" in _refused(shop, TABLE)
    monkeypatch.setenv("CENTRA_WEBHOOK_SECRET", CENTRA_SECRET)
    monkeypatch.setenv("MYOGO_WEBHOOK_KEY", MYOGO_KEY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Nothing can listen on 127.0.0.1, port {port}" in _refused(shop, TABLE, "--port", str(port))
    assert "Nothing can listen on 192.0.2.1" in _refused(shop, TABLE + 'host = "192.0.2.1"\n')


def test_a_channel_that_listens_runs_without_its_secrets(shop: Shop) -> None:
    """Only `listen` needs them."""
    shop.file.write_text(shop.text + TABLE)
    told = json.loads(shop.command("plan", str(shop.file), "--json", "--data", str(shop.data)).stdout)
    assert told["exit_code"] == 0
