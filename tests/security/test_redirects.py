"""No credential follows a redirect: not to another host, not even to another port, on no kind of call."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from pipelines.systems.http.failures import RedirectNotFollowed
from pipelines.systems.http.session import Repeat, Request, Session
from tests.security.canaries import PLAIN
from tests.security.conftest import Vault
from tests.security.mirror import Reply, at
from tests.support.shop import TORTURE, Shop, size
from tests.support.shop_helpers import Elsewhere, create, push_of, update

STATUSES = (300, 301, 302, 303, 305, 307, 308, 399) if TORTURE else (302, 307)
READS = {
    "centra products": ("centra", "/products"),
    "centra stock": ("centra", "/stock"),
    "the token": ("myogo", "/OAuth/Token"),
    "myogo products": ("myogo", "/api/v1/Products"),
    "myogo stock": ("myogo", "/api/v1/Stock"),
}


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    shop = shop_of(size(1), myogo=[{"code": "A"}])
    shop.edit("[systems.myogo]\n", "[systems.myogo]\nattempts = 1\n")
    return shop


@pytest.mark.parametrize("call", READS)
def test_reads_and_the_token_request_stay_where_they_are(shop: Shop, call: str) -> None:
    side, path = READS[call]
    with Elsewhere() as other:
        for status in STATUSES:
            shop.box.clear_faults()
            location = f"{other.url}/x?next=1"
            shop.box.add_fault(side=side, path=path, kind="redirect", status=status, location=location, times=-1)
            checks = shop.json("check")
            assert checks["exit_code"] == 2, status
            assert f"a redirect to {other.url}/x" in str(checks["checks"]), status
        assert other.heard == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_writes_stay_where_they_are(shop: Shop, method: str) -> None:
    change = create("B") if method == "POST" else update("A", name="new")
    with Elsewhere() as other:
        for status in STATUSES:
            shop.box.clear_faults()
            shop.box.add_fault(
                side="myogo", method=method, kind="redirect", status=status, location=f"{other.url}/x", times=-1
            )
            push_of(shop, change)
        assert other.heard == []


LOCATIONS = [
    "//evil.example/x", "/\\evil.example", "http://[", "http://[::1", "javascript:alert(1)", "", "   ", "http://a:b@c/",
    "x" * 5000, "http://\u00e9.example", "?", "#", "%00", "http://user:word@evil.example/p",
]  # fmt: skip


@pytest.mark.parametrize("location", LOCATIONS, ids=ascii)
def test_an_odd_location_is_told_and_nothing_else(shop: Shop, location: str) -> None:
    """Neither a fault of ours nor a password that somebody put into it."""
    shop.box.add_fault(side="centra", kind="status", status=302, headers={"Location": location}, body="", times=-1)
    result = shop.command("check", str(shop.file))
    assert result.exit_code == 2
    assert "a redirect to" in result.stdout
    assert "\x1b" not in result.stdout
    assert "word" not in result.stdout


def test_a_location_that_would_steer_the_terminal_does_not(vault_of: Callable[..., Vault]) -> None:
    vault = vault_of(PLAIN, size(1))
    vault.mirror.cast(
        at("centra", "/"), lambda _: Reply(302, "", {"Location": "http://x.test/\x1b[2J\x1b]0;t\x07\x9b2J"})
    )
    for words in (["check"], ["plan", "--data", str(vault.shop.data)]):
        result = vault.shop.command(words[0], str(vault.shop.file), *words[1:])
        assert result.exit_code == 2
        assert "a redirect to http://x.test/" in result.output
        assert not set("\x1b\x07\x9b") & set(result.output)


def test_what_a_redirect_says_besides_is_not_read(shop: Shop) -> None:
    """An endless body would hold us, and the memory, for as long as it likes."""
    stopped = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def endless() -> None:
            with closing(listening.accept()[0]) as caller:
                caller.recv(65536)
                caller.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while not stopped.is_set():
                        caller.sendall(b"1\r\nx\r\n")
                        time.sleep(0.01)
                except OSError:
                    return

        thread = threading.Thread(target=endless, daemon=True)
        thread.start()
        config = shop.channel().systems["centra"]
        with closing(Session("Centra", config, f"http://127.0.0.1:{listening.getsockname()[1]}")) as session:
            begun = time.monotonic()
            with pytest.raises(RedirectNotFollowed):
                session.call(Request("GET", "/products", Repeat.SAFE))
            assert time.monotonic() - begun < 5
        stopped.set()
        thread.join(5)
