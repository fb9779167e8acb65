"""Who runs the channels of a database: `leases`, and the first page of `serve`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from pipelines.core.errors import StateUnavailable
from pipelines.fleet import leases as fleet_leases
from pipelines.fleet.database import Database
from pipelines.fleet.leases import leases
from tests.support.fleet import PostgresServer, execute, set_clock
from tests.support.served import served_pages, text_of
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S
from tests.web.test_serve_browser import CHROMIUM, FLAGS, serious


@pytest.fixture
def project(shop_of: Callable[..., Shop], tmp_path: Path, database: str) -> Path:
    """Two channels that share a database, and one without `[state]`."""
    shop = shop_of(size(1))
    (tmp_path / "channels").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "database").write_text(database)
    state = f'\n[state]\ndatabase = {{ file = "{tmp_path}/database" }}\nsnapshots = "file://{tmp_path}/store"\n'
    for name, more in (("mine", state), ("yours", state), ("alone", "")):
        text = shop.text.replace('name = "demo"', f'name = "{name}"') + more
        (tmp_path / "channels" / f"{name}.toml").write_text(text, "utf-8")
    return tmp_path


def take(address: str, channel: str, holder: str) -> int:
    with contextlib.closing(Database(address, 3)) as db:
        return db.take(channel, holder, 300).generation


def give_back(address: str, channel: str, generation: int) -> None:
    with contextlib.closing(Database(address, 3)) as db:
        assert db.give_back(channel, generation, None)


def test_a_lease_is_held_given_back_or_was_not_given_back(database: str) -> None:
    assert leases(database) == [], "before the first run"
    assert execute(database, "select to_regclass('centra_myogo_lease')") == [(None,)], "nothing is made"
    take(database, "dead", "push, process 1 on one")
    set_clock(database, 400)
    give_back(database, "ended", take(database, "ended", "plan, process 2 on two"))
    take(database, "held", "push, process 3 on three")
    dead, ended, held = leases(database)
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=400)
    assert (dead.channel, dead.holder, dead.is_held, dead.ended_at) == ("dead", "push, process 1 on one", False, None)
    assert dead.until is not None
    assert dead.until < now
    assert (ended.channel, ended.generation, ended.is_held, ended.until) == ("ended", 1, False, None)
    assert abs(ended.ended_at - now) < timedelta(minutes=10)
    assert (held.channel, held.is_held, held.until > now) == ("held", True, True)


def test_the_first_page_says_who_runs_each_channel(project: Path, database: str) -> None:
    take(database, "mine", "push, process 7 on worker-1")
    give_back(database, "theirs", take(database, "theirs", "push, process 8 on worker-2"))
    with served_pages(project, project / "data") as visitor:
        page = visitor.get("/")
        text = text_of(page)
    assert "push, process 7 on worker-1 has it until 20" in text
    assert "no run yet" in text
    assert "Channels of other projects in this database" in text
    assert "theirs free; last push, process 8 on worker-2, 0 min ago" in text
    assert page.count("<th") - page.count("<thead") == page.count("scope="), "each heading says of what it is"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_leases_fit_a_desk_and_a_phone(project: Path, database: str, tmp_path: Path) -> None:
    take(database, "mine", "push, process 1234567 on a-worker-with-a-long-name.region-1.compute.internal.example.com")
    give_back(database, "theirs", take(database, "theirs", "push, process 8 on worker-2"))
    with served_pages(project, project / "data") as visitor, sync_playwright() as tool:
        page = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page(bypass_csp=True)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(visitor.address, timeout=LONG_S * 1000)
            assert page.get_by_text("a-worker-with-a-long-name").is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert serious(page) == []
            page.screenshot(path=tmp_path / f"leases-{width}.png", full_page=True)


def test_the_first_page_without_state_asks_no_database(
    project: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "yours"):
        (project / "channels" / f"{name}.toml").unlink()
    monkeypatch.setattr(fleet_leases, "leases", lambda _: pytest.fail("asked"))
    with served_pages(project, project / "data") as visitor:
        assert "Lease" not in visitor.get("/")


def test_the_first_page_says_that_the_database_does_not_answer(
    project: Path, database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    take(database, "mine", "push, process 7 on worker-1")
    monkeypatch.setattr(fleet_leases, "ANSWER_S", 0.3)
    with served_pages(project, project / "data") as visitor, psycopg.connect(database) as other:
        other.execute("lock table centra_myogo_lease in access exclusive mode")
        text = text_of(visitor.get("/"))
        assert "It is not known who runs the channels now." in text
        assert "no answer in 0.3 s" in text
        assert "worker-1" not in text
        other.rollback()
        assert "worker-1" in text_of(visitor.get("/"))
        with postgres.frozen(), pytest.raises(StateUnavailable):
            leases(database)
