"""`[alerts]` of a channel file: the message for each mistake, and what `check` finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.config.alerts import Alerts, alert_target, heartbeat_address, require_apprise
from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from pipelines.core.logs import redact
from pipelines.core.secret import Secret
from tests.support.shop import Shop, size

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
URLS = 'urls = [{ env = "ALERT_URL" }]'


@pytest.fixture
def shop(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("ALERT_URL", SLACK)
    return shop_of(size(1))


def with_alerts(shop: Shop, *lines: str) -> Path:
    shop.file.write_text("\n".join([shop.text, "[alerts]", *lines]), "utf-8")
    return shop.file


def test_all_keys(shop: Shop) -> None:
    file = with_alerts(
        shop, URLS, 'heartbeat = { file = "ping" }', "withheld_share = 0.1", "refused = 5", "duration_s = 600",
        "hours_since_success = 2", 'page = "https://sync.shop.example/"',
    )  # fmt: skip
    alerts = load(str(file)).alerts
    assert alerts is not None
    assert (alerts.urls[0].env, alerts.heartbeat.file) == ("ALERT_URL", (shop.folder / "ping").resolve())
    assert (alerts.withheld_share, alerts.refused, alerts.duration_s, alerts.hours_since_success, alerts.page) == (
        0.1, 5, 600.0, 2.0, "https://sync.shop.example",
    )  # fmt: skip


def test_without_the_table_there_are_no_alerts(shop: Shop) -> None:
    assert shop.channel().alerts is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([URLS, "refusd = 1"], "unknown key alerts.refusd; did you mean refused?"),
        ([f'urls = ["{SLACK}"]'], "alerts.urls.0: a secret must not be written here"),
        ([f'heartbeat = "{SLACK}"'], "alerts.heartbeat: a secret must not be written here"),
        ([f'urls = [{{ env = "{SLACK}" }}]'], "must be the name of an environment variable"),
        (['urls = [{ envv = "ALERT_URL" }]'], "unknown key alerts.urls.0.envv; did you mean env?"),
        (['urls = { env = "ALERT_URL" }'], "alerts.urls: must be a list in square brackets"),
        ([URLS, "withheld_share = 1.5"], "alerts.withheld_share: must be at most 1"),
        ([URLS, "withheld_share = 5e-1", "refused = 0"], "alerts.refused: must be at least 1"),
        ([URLS, "duration_s = 0"], "alerts.duration_s: must be more than 0"),
        ([URLS, "hours_since_success = -1"], "alerts.hours_since_success: must be more than 0"),
        ([URLS, 'page = "http://sync.shop.example"'], "alerts.page: must start with https://"),
        ([URLS, 'page = "https://me:pw@sync.shop.example"'], "alerts.page: must not contain a user name"),
        ([], "alerts: give urls"),
        (['heartbeat = { env = "PING" }', "refused = 1"], "alerts: refused needs a target for the messages"),
    ],
)
def test_a_mistake_names_the_key_and_never_the_address(shop: Shop, lines: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(str(with_alerts(shop, *lines)))
    assert message in caught.value.message
    assert "TIiajk" not in str(caught.value)


def test_addresses_are_masked_as_soon_as_the_file_is_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of secrets, and a single one."""
    monkeypatch.setenv("PING", "https://hc-ping.com/3f1b9c4e-77aa")
    load(str(with_alerts(shop, URLS, 'heartbeat = { env = "PING" }')))
    assert redact(f"POST {SLACK} and https://hc-ping.com/3f1b9c4e-77aa/fail") == "POST *** and ***/fail"


def test_the_tokens_of_an_address_are_masked_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """But no word that a product text may contain: a masked text must not occur in the systems' rows."""
    monkeypatch.setenv("ALERT_URL", "mailtos://somebody:pa55%21word@mail.example/?to=warehouse-operations@shop.example")
    require_apprise()
    alert_target(Secret(env="ALERT_URL"))
    assert redact("pa55%21word pa55!word warehouse-operations") == "*** *** warehouse-operations"
    monkeypatch.setenv("ALERT_URL", SLACK)
    alert_target(Secret(env="ALERT_URL"))
    assert redact("/TIiajkdnlazkcOXrIdevi7FQ/") == "/***/"


def test_check_names_the_services(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PING", "https://hc-ping.com/3f1b9c4e-77aa")
    with_alerts(shop, URLS, 'heartbeat = { env = "PING" }')
    (check,) = [one for one in shop.json("check")["checks"] if one["name"] == "alerts"]
    assert (check["status"], check["message"]) == ("ok", "messages go to Slack; a heartbeat for each push")


@pytest.mark.parametrize(
    ("url", "ping", "message"),
    [
        ("nonsense://TIiajkdnlazkcOXrIdevi7FQ", None, "the address in ALERT_URL is not one that apprise can use"),
        ("slack://TIiajkdnlazkcOXrIdevi7FQ", None, "the address in ALERT_URL is not one that apprise can use"),
        (None, None, "alerts.urls.0: the secret ALERT_URL is not set"),
        (SLACK, "ftp://hc-ping.com/TIiajkdnlazkcOXrIdevi7FQ", "the address in PING must be a full web address"),
        (SLACK, "http://hc-ping.com/TIiajkdnlazkcOXrIdevi7FQ", "the address in PING must start with https://"),
        (SLACK, "https://hc-ping.com/TIiajk?x=1", "the address in PING must not contain"),
    ],
)
def test_check_fails_for_an_address_that_cannot_be_used(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, url: str | None, ping: str | None, message: str
) -> None:
    for name, value in (("ALERT_URL", url), ("PING", ping)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    with_alerts(shop, URLS, 'heartbeat = { env = "PING" }' if ping else "")
    result = shop.command("check", str(shop.file))
    assert result.exit_code == ConfigError.exit_code
    assert message in result.stdout.replace("\n", " ")
    assert "TIiajk" not in result.output


def test_check_fails_without_the_extra(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if the channel has targets for messages."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with_alerts(shop, URLS)
    result = shop.command("check", str(shop.file))
    assert (result.exit_code, "centra-myogo[alerts]" in result.stdout) == (2, True)
    monkeypatch.setenv("PING", "https://hc-ping.com/3f1b9c4e-77aa")
    with_alerts(shop, 'heartbeat = { env = "PING" }')
    assert shop.command("check", str(shop.file)).exit_code == 0


def test_apprise_is_not_loaded_with_a_channel_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert load(str(with_alerts(shop, URLS))).alerts == Alerts(urls=(Secret(env="ALERT_URL"),))


def test_a_slash_at_the_end_of_the_heartbeat_address_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PING", "https://hc-ping.com/3f1b9c4e-77aa/")
    assert heartbeat_address(Secret(env="PING")) == "https://hc-ping.com/3f1b9c4e-77aa"
