"""What strangers can reach, learn and leave behind while the program listens."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import pytest
import requests

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from pipelines.webhooks.server import MAX_CONNECTIONS
from tests.security.canaries import Watch
from tests.security.test_sandbox import _listening, _reachable_at
from tests.support.listening import CENTRA_SECRET, MYOGO_KEY, TABLE, listening, until
from tests.support.shop import Shop, size

PERSON = "Testine Persondatter"
ORDER = f'{{"reference": "1001", "type": "{PERSON}", "customer": {{"name": "{PERSON}", "{PERSON}": 1}}}}'
EVENTS = f'{{"events": [{{"type": "{PERSON}", "action": "{PERSON}", "id": "{PERSON}"}}], "{PERSON}": ["x"]}}'


@pytest.fixture
def quiet(shop_of: Callable[..., Shop]) -> Shop:
    """A channel that has none of the flows that the messages here are hints for."""
    made = shop_of(size(1))
    start = made.text.index("[flows.products.params]")
    made.text = made.text[:start] + "[flows.stock.params]\n"
    return made


def test_nothing_of_a_message_and_no_secret_is_told(quiet: Shop) -> None:
    """Not in the log at debug, not in an answer, not in what is told of its health; refused or taken."""
    with listening(quiet, level="debug") as desk:
        answers = [
            desk.myogo(ORDER),
            desk.myogo(ORDER),
            desk.myogo(ORDER, **{"X-OGOship-Hmac-SHA256": f"{PERSON}"}),
            desk.centra(EVENTS.replace('"events"', '"markets"').replace(f', "{PERSON}": ["x"]', "")),
            desk.centra(EVENTS, **{"X-Centra-Signature": f"t={PERSON},v1={CENTRA_SECRET}"}),
            requests.get(f"{desk.url}/{PERSON}?key={MYOGO_KEY}", timeout=5),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 401, 200, 401, 404]
        said = "".join(f"{answer.headers}{answer.text}" for answer in answers) + str(desk.health())
        with socket.create_connection(("127.0.0.1", desk.port), timeout=5) as line:
            line.sendall(f"{PERSON} {CENTRA_SECRET}\r\n\r\n".encode())
            assert line.recv(100).startswith(b"HTTP/1.1 400 ")
        until(lambda: "wrong_signature" in desk.log)
    told = desk.log + said
    assert "system=myogo kinds=order flows=none" in told
    for word in (*PERSON.split(), "1001"):
        assert word not in told
    assert Watch([CENTRA_SECRET, MYOGO_KEY]).found("log and answers", told) == []


def test_by_default_only_this_machine_reaches_it(quiet: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever variables say that other servers listen to."""
    for name in ("HOST", "UVICORN_HOST", "BIND", "PORT", "WEB_CONCURRENCY"):
        monkeypatch.setenv(name, "0.0.0.0" if "PORT" not in name and "WEB" not in name else "2")
    with listening(quiet) as desk:
        assert _listening()[desk.port] == "0100007F"
        assert _reachable_at(desk.port) == {"127.0.0.1"}
        assert "can be reached from elsewhere" not in desk.log


def test_a_stranger_cannot_fill_the_log(quiet: Shop) -> None:
    """One line for each kind of refusal a minute, with the count so far; the counts are exact."""
    with listening(quiet) as desk:
        for _ in range(50):
            assert desk.myogo("{}", **{"X-OGOship-Hmac-SHA256": "no"}).status_code == 401
            assert requests.post(f"{desk.url}/centra", "{}", timeout=5).status_code == 401
        health = desk.health()
        assert (health["myogo"]["refused"], health["centra"]["refused"]) == (
            {"wrong_signature": 50}, {"no_signature": 50},
        )  # fmt: skip
    assert desk.log.count("refused reason=") == 2


def test_a_sender_that_never_ends_is_left(quiet: Shop) -> None:
    """Too much is not waited for; others are answered meanwhile."""
    with listening(quiet) as desk, socket.create_connection(("127.0.0.1", desk.port), timeout=5) as line:
        line.sendall(b"POST /centra HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
        began = time.monotonic()
        assert desk.myogo("{}").status_code == 200
        assert time.monotonic() - began < 1
        line.sendall(b"x" * ((1 << 20) + 1))
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
        while line.recv(1000):
            pass
        assert time.monotonic() - began < 3, "it is not waited for what else may come"
        until(lambda: desk.health()["centra"]["refused"] == {"too_large": 1})


def test_a_crowd_is_turned_away(quiet: Shop) -> None:
    """And it is open again once they have gone."""
    with listening(quiet) as desk:
        with contextlib.ExitStack() as crowd:
            for _ in range(MAX_CONNECTIONS):
                crowd.enter_context(socket.create_connection(("127.0.0.1", desk.port), timeout=5))
            assert desk.myogo("{}").status_code == 503
        until(lambda: desk.myogo("{}").status_code == 200)


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
def test_a_secret_in_the_wrong_place_is_not_read_out(quiet: Shop, mistake: tuple[str, str]) -> None:
    quiet.file.write_text(quiet.text + TABLE.replace(*mistake))
    with pytest.raises(ConfigError) as caught:
        load(str(quiet.file))
    assert "listen." in caught.value.message
    assert CENTRA_SECRET not in str(caught.value)


def test_a_known_secret_is_masked_in_complaints(quiet: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up before anything of the file is quoted."""
    monkeypatch.setenv("CENTRA_WEBHOOK_SECRET", CENTRA_SECRET)
    quiet.file.write_text(quiet.text + TABLE + f'"{CENTRA_SECRET}" = 1\n')
    with pytest.raises(ConfigError, match=r"unknown key listen\.\*\*\*"):
        load(str(quiet.file))
