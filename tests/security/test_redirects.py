"""No credential follows a redirect to another host or port, for any kind of call."""

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
from tests.security.conftest import CanaryShop
from tests.security.echo_server import Reply, at
from tests.support.shop import TORTURE, Shop, size
from tests.support.shop_helpers import OtherHost, create, push_of, update

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
def test_redirects_of_reads_and_token_requests_are_not_followed(shop: Shop, call: str) -> None:
    side, path = READS[call]
    with OtherHost() as other:
        for status in STATUSES:
            shop.box.clear_faults()
            location = f"{other.url}/x?next=1"
            shop.box.add_fault(side=side, path=path, kind="redirect", status=status, location=location, times=-1)
            checks = shop.json("check")
            assert checks["exit_code"] == 2, status
            assert f"a redirect to {other.url}/x" in str(checks["checks"]), status
        assert other.received == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_redirects_of_writes_are_not_followed(shop: Shop, method: str) -> None:
    change = create("B") if method == "POST" else update("A", name="new")
    with OtherHost() as other:
        for status in STATUSES:
            shop.box.clear_faults()
            shop.box.add_fault(
                side="myogo", method=method, kind="redirect", status=status, location=f"{other.url}/x", times=-1
            )
            push_of(shop, change)
        assert other.received == []


LOCATIONS = [
    "//evil.example/x", "/\\evil.example", "http://[", "http://[::1", "javascript:alert(1)", "", "   ", "http://a:b@c/",
    "x" * 5000, "http://\u00e9.example", "?", "#", "%00", "http://user:word@evil.example/p",
]  # fmt: skip


@pytest.mark.parametrize("location", LOCATIONS, ids=ascii)
def test_an_invalid_location_is_a_normal_error(shop: Shop, location: str) -> None:
    """Not an internal error, and a password in it is not printed."""
    shop.box.add_fault(side="centra", kind="status", status=302, headers={"Location": location}, body="", times=-1)
    result = shop.command("check", str(shop.file))
    assert result.exit_code == 2
    assert "a redirect to" in result.stdout
    assert "\x1b" not in result.stdout
    assert "word" not in result.stdout


def test_control_characters_of_a_location_are_not_printed(canary_shop_of: Callable[..., CanaryShop]) -> None:
    canary_shop = canary_shop_of(PLAIN, size(1))
    canary_shop.echo_server.script(
        at("centra", "/"), lambda _: Reply(302, "", {"Location": "http://x.test/\x1b[2J\x1b]0;t\x07\x9b2J"})
    )
    for arguments in (["check"], ["plan", "--data", str(canary_shop.shop.data)]):
        result = canary_shop.shop.command(arguments[0], str(canary_shop.shop.file), *arguments[1:])
        assert result.exit_code == 2
        assert "a redirect to http://x.test/" in result.output
        assert not set("\x1b\x07\x9b") & set(result.output)


def test_the_body_of_a_redirect_is_not_read(shop: Shop) -> None:
    """An endless body would block the run and fill the memory."""
    stopped = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def endless() -> None:
            with closing(listening.accept()[0]) as connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while not stopped.is_set():
                        connection.sendall(b"1\r\nx\r\n")
                        time.sleep(0.01)
                except OSError:
                    return

        thread = threading.Thread(target=endless, daemon=True)
        thread.start()
        config = shop.channel().systems["centra"]
        session = Session("Centra", config, f"http://127.0.0.1:{listening.getsockname()[1]}")
        with closing(session), pytest.raises(RedirectNotFollowed):
            session.call(Request("GET", "/products", Repeat.SAFE))
        stopped.set()
        thread.join(5)
