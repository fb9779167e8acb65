"""What an attacker can reach, learn and store while `listen` runs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import pytest
import requests

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from pipelines.webhooks.server import MAX_CONNECTIONS
from tests.security.canaries import SecretScanner
from tests.security.test_sandbox import _listening_addresses, _reachable_at
from tests.support.listening import CENTRA_SECRET, MYOGO_KEY, TABLE, listening
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S, wait_for

PERSON = "Testine Persondatter"
ORDER = f'{{"reference": "1001", "type": "{PERSON}", "customer": {{"name": "{PERSON}", "{PERSON}": 1}}}}'
EVENTS = f'{{"events": [{{"type": "{PERSON}", "action": "{PERSON}", "id": "{PERSON}"}}], "{PERSON}": ["x"]}}'


@pytest.fixture
def unrelated_channel(shop_of: Callable[..., Shop]) -> Shop:
    """A channel without the flows that the messages of these tests are hints for."""
    shop = shop_of(size(1))
    start = shop.text.index("[flows.products.params]")
    shop.text = shop.text[:start] + "[flows.stock.params]\n"
    return shop


def test_neither_a_message_nor_a_secret_is_printed(unrelated_channel: Shop) -> None:
    """Not in the log at debug, in an answer or in the health report, for refused and accepted messages."""
    with listening(unrelated_channel, level="debug") as listener:
        answers = [
            listener.myogo(ORDER),
            listener.myogo(ORDER),
            listener.myogo(ORDER, **{"X-OGOship-Hmac-SHA256": f"{PERSON}"}),
            listener.centra(EVENTS.replace('"events"', '"markets"').replace(f', "{PERSON}": ["x"]', "")),
            listener.centra(EVENTS, **{"X-Centra-Signature": f"t={PERSON},v1={CENTRA_SECRET}"}),
            requests.get(f"{listener.url}/{PERSON}?key={MYOGO_KEY}", timeout=LONG_S),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 401, 200, 401, 404]
        answer_text = "".join(f"{answer.headers}{answer.text}" for answer in answers) + str(listener.health())
        with socket.create_connection(("127.0.0.1", listener.port), timeout=LONG_S) as connection:
            connection.sendall(f"{PERSON} {CENTRA_SECRET}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        wait_for(lambda: "wrong_signature" in listener.log)
    output = listener.log + answer_text
    assert "system=myogo events=order flows=none" in output
    for word in (*PERSON.split(), "1001"):
        assert word not in output
    assert SecretScanner([CENTRA_SECRET, MYOGO_KEY]).find("log and answers", output) == []


def test_by_default_only_this_machine_can_connect(unrelated_channel: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables of other servers are ignored."""
    for name in ("HOST", "UVICORN_HOST", "BIND", "PORT", "WEB_CONCURRENCY"):
        monkeypatch.setenv(name, "0.0.0.0" if "PORT" not in name and "WEB" not in name else "2")
    with listening(unrelated_channel) as listener:
        assert _listening_addresses()[listener.port] == "0100007F"
        assert _reachable_at(listener.port) == {"127.0.0.1"}
        assert "can be reached from other machines" not in listener.log


def test_unsigned_messages_cannot_fill_the_log(unrelated_channel: Shop) -> None:
    """One line a minute for each kind of refusal, with the count; the health report has exact counts."""
    with listening(unrelated_channel) as listener:
        for _ in range(50):
            assert listener.myogo("{}", **{"X-OGOship-Hmac-SHA256": "no"}).status_code == 401
            assert requests.post(f"{listener.url}/centra", "{}", timeout=LONG_S).status_code == 401
        health = listener.health()
        assert (health["myogo"]["refused"], health["centra"]["refused"]) == (
            {"wrong_signature": 50}, {"no_signature": 50},
        )  # fmt: skip
    assert listener.log.count("refused reason=") == 2


def test_an_endless_message_is_refused(unrelated_channel: Shop) -> None:
    """The rest of it is not read, and other senders are answered meanwhile."""
    with (
        listening(unrelated_channel) as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=LONG_S) as connection,
    ):
        connection.sendall(b"POST /centra HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
        assert listener.myogo("{}").status_code == 200
        connection.sendall(b"x" * ((1 << 20) + 1))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        while connection.recv(1000):
            pass
        wait_for(lambda: listener.health()["centra"]["refused"] == {"too_large": 1})


def test_too_many_connections_are_refused(unrelated_channel: Shop) -> None:
    """After they are closed, new messages are accepted."""
    with listening(unrelated_channel) as listener:
        with contextlib.ExitStack() as connections:
            for _ in range(MAX_CONNECTIONS):
                connections.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=LONG_S))
            assert listener.myogo("{}").status_code == 503
        wait_for(lambda: listener.myogo("{}").status_code == 200)


@pytest.mark.parametrize(
    "mistake",
    [
        ('{ env = "CENTRA_WEBHOOK_SECRET" }', f'"{CENTRA_SECRET}"'),
        ('{ env = "CENTRA_WEBHOOK_SECRET" }', f'{{ env = "{CENTRA_SECRET}" }}'),
        ("settle_s      = 0.05", f'settle_s = "{CENTRA_SECRET}"'),
        ("[listen]", f'[listen]\nhost = "{CENTRA_SECRET}!"'),
    ],
    ids=["for a reference", "for a variable's name", "for a number", "for a host"],
)
def test_a_secret_in_the_wrong_place_is_not_printed(unrelated_channel: Shop, mistake: tuple[str, str]) -> None:
    unrelated_channel.file.write_text(unrelated_channel.text + TABLE.replace(*mistake))
    with pytest.raises(ConfigError) as caught:
        load(str(unrelated_channel.file))
    assert "listen." in caught.value.message
    assert CENTRA_SECRET not in str(caught.value)


def test_a_known_secret_is_masked_in_config_errors(unrelated_channel: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are read before the message quotes the file."""
    monkeypatch.setenv("CENTRA_WEBHOOK_SECRET", CENTRA_SECRET)
    unrelated_channel.file.write_text(unrelated_channel.text + TABLE + f'"{CENTRA_SECRET}" = 1\n')
    with pytest.raises(ConfigError, match=r"unknown key listen\.\*\*\*"):
        load(str(unrelated_channel.file))
