"""A channel whose last good push is too old: the first page, the metrics, `status` and the alerts say the same."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pipelines.config.project import Project
from pipelines.reports import alerts
from pipelines.reports.alert_facts import AlertFacts, gather_facts
from pipelines.reports.alerts import notify, notify_stale
from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder, utc_now
from pipelines.web.channel_overview import STATES, overview
from pipelines.web.project_channels import ProjectChannels
from pipelines.web.server import look_for_stale
from tests.support.alert_server import AlertServer, alert_server
from tests.support.served import served_pages, text_of
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    with alert_server(monkeypatch) as running:
        yield running


@pytest.fixture
def shop(shop_of: Callable[..., Shop], server: AlertServer) -> Shop:
    """A project whose channel must have a good push every two hours."""
    shop = shop_of(size(1))
    shop.text += '\n[alerts]\nurls = [{ env = "ALERT_URL" }]\nhours_since_success = 2\n'
    shop.file.write_text(shop.text, "utf-8")
    (shop.folder / "channels").mkdir(exist_ok=True)
    shutil.copy(shop.file, shop.folder / "channels" / "demo.toml")
    return shop


@pytest.mark.parametrize("verb", ["push", "plan", None])
def test_the_page_and_the_alert_say_stale_from_the_same_moment_on(
    shop: Shop, server: AlertServer, verb: str | None
) -> None:
    """Also without a push, and without any run: the age then counts from the first look of the alerts."""
    if verb:
        shop.run(verb)
    channel, first_look = shop.channel(), utc_now()

    async def states() -> None:
        channels = ProjectChannels(Project(shop.folder), shop.data, 1)
        channels.refresh()
        one = channels.find("demo")
        assert one
        before = overview(one, channels.scheduler, lambda: first_look + timedelta(hours=30))
        assert before.state == ("stale" if verb == "push" else "good" if verb else "never run"), before
        for hours in (1, 1.9, 2.1, 30):
            now = first_look + timedelta(hours=hours)
            alert = notify(channel, shop.data, now=first_look if hours == 1 else now)
            shown = overview(one, channels.scheduler, partial(max, now, now))
            assert (shown.state == "stale") == (alert == "stale") == (hours > 2), (hours, shown, alert)
        assert "for more than 2 h (hours_since_success)" in shown.message
        channels.stop()
        await channels.ended()

    asyncio.run(states())
    assert server.titles == ["demo: stale"]


def test_metrics_the_first_page_and_status_agree(shop: Shop) -> None:
    shop.run("push")
    file = shop.folder / "channels" / "demo.toml"
    file.write_text(shop.text.replace("hours_since_success = 2", "hours_since_success = 1e-9"), "utf-8")
    with served_pages(shop.folder, shop.data) as visitor:
        assert "stale" in text_of(visitor.get("/"))
        text = visitor.get("/metrics")
        for state in STATES:
            wanted = 1.0 if state == "stale" else 0.0
            assert f'centra_myogo_channel_state{{channel="demo",state="{state}"}} {wanted}' in text
        with channel_lock(Folder(shop.data, "demo"), "demo", "push", file):
            assert 'state="running"} 1.0' in visitor.get("/metrics")
    where = ("--project", str(shop.folder), "--data", str(shop.data))
    states = json.loads(shop.command("status", "--json", *where).stdout)["channels"]
    assert [one["stale"] for one in states] == [True]
    assert shop.command("status", "--max-age", "1d", *where).exit_code == 3


def test_a_further_look_finds_what_became_stale_since(shop: Shop, server: AlertServer) -> None:
    """One message; the interval is that of the caller."""
    shop.run("push")
    file = shop.folder / "channels" / "demo.toml"

    async def look() -> None:
        channels, stopped = ProjectChannels(Project(shop.folder), shop.data, 1), asyncio.Event()
        task = asyncio.create_task(look_for_stale(channels, stopped, 0.05))
        await asyncio.sleep(0.3)
        assert server.titles == []
        file.write_text(shop.text.replace("hours_since_success = 2", "hours_since_success = 1e-9"), "utf-8")
        async with asyncio.timeout(LONG_S):
            while not server.titles:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        stopped.set()
        await task
        channels.stop()
        await channels.ended()

    asyncio.run(look())
    assert server.titles == ["demo: stale"]


def test_a_look_opens_no_tables_unless_something_is_to_be_sent(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand channels are looked at every minute."""
    shop.run("push")
    channel, opened = shop.channel(), list[Folder]()
    assert channel.alerts
    notify(channel, shop.data)  # the first look writes the record
    gather = gather_facts

    def gathered(folder: Folder, *rest: Any) -> AlertFacts:
        opened.append(folder)
        return gather(folder, *rest)

    monkeypatch.setattr(alerts, "gather_facts", gathered)
    notify_stale([channel], shop.data)
    assert opened == []
    notify_stale([channel], shop.data, timedelta(0))  # the limit of the channel file counts more
    assert opened == []
    soon = replace(channel, alerts=channel.alerts.model_copy(update={"hours_since_success": 1e-9}))
    notify_stale([soon], shop.data)
    notify_stale([soon], shop.data)
    assert (len(opened), server.titles) == (2, ["demo: stale"])
    notify_stale([channel], shop.data)
    assert (len(opened), server.titles) == (3, ["demo: stale", "demo: good"])
    (shop.data / "demo" / "alerts.json").write_text("{", "utf-8")
    notify_stale([channel], shop.data)
    assert len(opened) == 4, "a damaged record was believed"


def test_a_good_push_that_was_not_recorded_is_found(shop: Shop, server: AlertServer) -> None:
    """It was killed after its tables were published."""
    shop.run("push")
    channel = shop.channel()
    notify(channel, shop.data)
    record = shop.data / "demo" / "alerts.json"
    notify(channel, shop.data, now=utc_now() + timedelta(hours=3))
    stale = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps(stale | {"good_at": "2026-01-01T00:00:00"}), "utf-8")
    notify_stale([channel], shop.data)
    assert server.titles == ["demo: stale", "demo: good"]


@pytest.mark.parametrize("odd", [{"good_at": "2026-01-01T00:00:00Z"}, {"flows": {"products": {"state": "stale"}}}])
def test_a_record_that_somebody_edited_stops_nothing(shop: Shop, server: AlertServer, odd: dict[str, Any]) -> None:
    shop.run("push")
    channel = shop.channel()
    notify(channel, shop.data)
    record = shop.data / "demo" / "alerts.json"
    record.write_text(json.dumps(json.loads(record.read_text("utf-8")) | odd), "utf-8")
    notify_stale([channel], shop.data)
    assert server.titles == []
