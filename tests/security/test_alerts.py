"""The addresses of alerts and heartbeats hold tokens; they appear in no output, log or file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.security.canaries import PLAIN, SecretScanner
from tests.support.alert_server import AlertServer, alert_server
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER

ALERTS = '\n[alerts]\nurls = [{ env = "ALERT_URL" }, { env = "OTHER_URL" }]\nheartbeat = { env = "HEARTBEAT_URL" }\n'


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    with alert_server(monkeypatch) as running:
        yield running


@pytest.mark.parametrize("status", [200, 302, 500])
def test_no_address_is_printed_logged_or_stored(
    shop_of: Callable[..., Shop], server: AlertServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Whatever the target answers, with all logs on."""
    token, password, ping = PLAIN.centra_token, PLAIN.client_secret, PLAIN.secret_token
    monkeypatch.setenv("ALERT_URL", f"json://me:{password}@127.0.0.1:{server.port}/{token}")
    monkeypatch.setenv("OTHER_URL", f"nonsense://me:{PLAIN.client_id}@127.0.0.1/{PLAIN.client_id}")
    monkeypatch.setenv("HEARTBEAT_URL", f"http://127.0.0.1:{server.port}/{ping}")
    server.status = status
    shop = shop_of(size(1), size(2, prices=[]))
    shop.text += ALERTS
    shop.file.write_text(shop.text, "utf-8")
    (shop.folder / "channels").mkdir()
    (shop.folder / "channels" / "demo.toml").write_text(shop.text, "utf-8")
    scanner = SecretScanner([token, password, ping, PLAIN.client_id])
    found: list[str] = []
    for words in (["check", "demo"], ["push", "demo"], ["push", "demo", "--json"], ["status", "--max-age", "0s"]):
        result = shop.command("--log", "debug", *words)
        found += scanner.find(words[0], result.output)
    shop.box.add_fault(side="centra", kind="status", status=401, path="/products", times=FOREVER)
    found += scanner.find("failed", shop.command("--log", "debug", "push", "demo").output)
    assert [one.path for one in server.received].count(f"/{token}") >= 2
    assert found + scanner.in_files(shop.data) == []
