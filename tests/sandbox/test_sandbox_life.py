"""A sandbox starts fast, listens on loopback only, and leaves nothing running."""

import os
import signal
import socket
import threading
import time

import pytest
import requests

from pipelines.sandbox import Catalogue, PortTaken, Sandbox
from tests.support.waiting import HANG_S, LONG_S


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


def test_ports_are_closed_after_stop(shop: Catalogue) -> None:
    with Sandbox.start(shop) as box:
        kept_alive = requests.Session()
        kept_alive.get(f"{box.myogo_url}/_control/health", timeout=LONG_S)
    box.stop()
    with pytest.raises(requests.ConnectionError):
        kept_alive.get(f"{box.myogo_url}/_control/health", timeout=LONG_S)
    with Sandbox.start(shop, port_of(box.centra_url), port_of(box.myogo_url)) as again:
        assert again.centra_url == box.centra_url


def test_it_listens_on_loopback_only(box: Sandbox) -> None:
    for sock in box._sockets:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_error_names_a_taken_port(shop: Catalogue, box: Sandbox) -> None:
    port = port_of(box.myogo_url)
    with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
        Sandbox.start(shop, 0, port)


def test_each_sandbox_has_its_own_state(shop: Catalogue, box: Sandbox) -> None:
    with Sandbox.start(shop) as other:
        other.delete_myogo_product("OLD-1")
        other.change_centra_row(7001, name="Annat")
    assert len(box.myogo_products()) == 4
    assert box.centra_row(7001)["name"] == "Tröja 100 %"


def test_state_can_be_read_after_stop(shop: Catalogue) -> None:
    with Sandbox.start(shop) as box:
        requests.get(f"{box.centra_url}/products", timeout=LONG_S)
    assert len(box.requests("centra")) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_wait_ends_on_a_signal(shop: Catalogue, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Sandbox.start(shop) as box:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        box.wait()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port_of(box.myogo_url)), timeout=LONG_S)
    assert signal.getsignal(number) is before


def test_latency(box: Sandbox) -> None:
    box.switch("centra", latency_ms=50)
    began = time.monotonic()
    requests.get(f"{box.centra_url}/products", timeout=LONG_S)
    assert time.monotonic() - began >= 0.05


def test_latency_does_not_slow_the_control_endpoint(box: Sandbox) -> None:
    box.switch("myogo", latency_ms=int(1000 * HANG_S))
    assert requests.get(f"{box.myogo_url}/_control/health", timeout=LONG_S).ok


def test_generated_shop_is_the_same_for_the_same_seed() -> None:
    first, second, other = (Catalogue.generate(500, seed, faults=0.2, prefill=0.5) for seed in (1, 1, 2))
    rows = [[item.row() for item in catalogue.items.values()] for catalogue in (first, second, other)]
    assert rows[0] == rows[1] != rows[2]
    assert first.initial_products == second.initial_products
    assert len(rows[0]) == 500
    assert 100 < len(first.initial_products.products) < 300


def test_generated_codes_and_eans_are_unique_unless_faults_are_planted() -> None:
    clean = Catalogue.generate(2000).items.values()
    assert len({item.code() for item in clean}) == len({item.ean for item in clean}) == 2000
    with_faults = Catalogue.generate(2000, faults=0.3).items.values()
    assert len({item.code() for item in with_faults}) < 2000
    assert any("/" in item.code() for item in with_faults)
    assert all(any(price["currency"] == "EUR" for price in item.row()["prices"]) for item in clean)


def test_sample_is_parsed_once() -> None:
    assert Catalogue.sample() is Catalogue.sample()


def test_two_rows_with_one_id_are_refused() -> None:
    sizes = [{"stockItemId": 1}, {"stockItemId": "1"}]
    with pytest.raises(ValueError, match="occurs twice"):
        Catalogue.of({"products": [{"variants": [{"sizes": sizes}]}]})
