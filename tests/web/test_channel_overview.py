"""The first page's facts of a channel: read once for each published file, and kept for the next start of `serve`."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.config.channel import Channel
from pipelines.config.project import Project
from pipelines.web import channel_overview
from pipelines.web.channel_overview import KEPT, Overview, keep_overviews, last_start, overview
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.published_tables import PublishedTables, TooManyRows
from tests.support.shop import Shop, size


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    shop = shop_of(size(1), size(2, prices=[]))
    (shop.folder / "channels").mkdir()
    shutil.copy(shop.file, shop.folder / "channels" / "demo.toml")
    return shop


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the channels whose tables were read."""
    names: list[str] = []
    read = channel_overview._read

    def counted(one: ProjectChannel, *rest: Any) -> Any:
        names.append(one.name)
        return read(one, *rest)

    monkeypatch.setattr(channel_overview, "_read", counted)
    return names


def shown(shop: Shop, times: int = 1) -> Overview:
    """What the first page shows after a start of `serve`, when it is opened that often."""

    async def opened() -> Overview:
        channels = ProjectChannels(Project(shop.folder), shop.data, 1)
        channels.refresh()
        one = channels.find("demo")
        assert one
        try:
            return [overview(one, channels.scheduler) for _ in range(times)][-1]
        finally:
            channels.stop()

    return asyncio.run(opened())


def kept_file(shop: Shop) -> Path:
    return shop.data / "demo" / KEPT


def test_the_tables_are_read_once_for_each_run_also_after_a_restart(shop: Shop, readings: list[str]) -> None:
    shop.run("plan")
    first = shown(shop, times=3)
    assert (first.state, first.to_fix, len(readings)) == ("attention", 1, 1)
    assert shown(shop) == first
    assert len(readings) == 1, "a restart read the tables again"
    shop.run("push")
    pushed = shown(shop)
    assert len(readings) == 2
    assert pushed.last_push
    assert pushed.last_start == pushed.last_push > (first.last_start or pushed.last_push)
    assert [(one.waiting, one.to_fix, one.equal) for one in pushed.flows[:1]] == [(0, 1, 1)]
    assert kept_file(shop).stat().st_mode & 0o077 == 0


def test_it_is_read_again_when_the_channel_file_or_the_program_changes(
    shop: Shop, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run("plan")
    shown(shop)
    file = shop.folder / "channels" / "demo.toml"
    file.write_text(f"{file.read_text('utf-8')}\n# changed\n", "utf-8")
    shown(shop)
    assert len(readings) == 2
    monkeypatch.setattr(channel_overview, "PROGRAM", "a newer one")
    shown(shop)
    assert len(readings) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff\xfe", None])
def test_a_damaged_file_is_read_over(shop: Shop, readings: list[str], content: bytes | None) -> None:
    """None: a folder stands in its place."""
    shop.run("plan")
    first = shown(shop)
    kept_file(shop).unlink()
    if content is None:
        kept_file(shop).mkdir()
    else:
        kept_file(shop).write_bytes(content)
    assert shown(shop) == first
    assert len(readings) == 2


def test_what_cannot_be_read_is_not_kept(shop: Shop) -> None:
    assert shown(shop).state == "never run"
    shop.run("plan")
    published = next((shop.data / "demo").glob("analytics.duckdb"))
    whole = published.read_bytes()
    published.write_bytes(b"no database")
    assert "cannot be opened" in shown(shop).message
    assert not kept_file(shop).exists()
    published.write_bytes(whole)
    assert shown(shop).state == "attention"


def test_a_run_is_read_before_anybody_opens_the_page(shop: Shop, readings: list[str]) -> None:
    """Of a thousand channels, the first page would otherwise take a minute."""
    shop.run("plan")

    async def served() -> None:
        channels, stopped = ProjectChannels(Project(shop.folder), shop.data, 1), asyncio.Event()
        channels.refresh()
        one = channels.find("demo")
        assert one
        looking = asyncio.create_task(keep_overviews(channels, stopped, every_s=0.01))
        for expected in (1, 2):
            while len(readings) < expected or not kept_file(shop).exists():
                await asyncio.sleep(0.01)
            assert overview(one, channels.scheduler).state == "attention"
            assert len(readings) == expected, "the page read the tables"
            if expected == 1:
                kept_file(shop).unlink()
                await asyncio.to_thread(shop.run, "plan")
        stopped.set()
        await looking
        channels.stop()

    asyncio.run(asyncio.wait_for(served(), 120))


def test_the_schedule_the_look_and_a_page_read_a_channel_once(shop: Shop, readings: list[str]) -> None:
    """All begin when `serve` starts."""
    shop.run("plan")

    async def served() -> None:
        channels, stopped = ProjectChannels(Project(shop.folder), shop.data, 1), asyncio.Event()
        channels.refresh()
        one = channels.find("demo")
        assert one
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(channels.begin_schedule(last_start))
            tasks.create_task(keep_overviews(channels, stopped, every_s=0.01))
            pages = [tasks.create_task(asyncio.to_thread(overview, one, channels.scheduler)) for _ in range(4)]
            assert [(await page).state for page in pages] == ["attention"] * 4
            stopped.set()
        channels.stop()
        await channels.ended()

    asyncio.run(served())
    assert len(readings) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (duckdb.InternalException("bad block"), "bad block"),
        (OSError("disk gone"), "disk gone"),
        (TooManyRows("too many"), "too many"),
        (KeyError("column"), "column"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_counts_that_cannot_be_read_leave_what_the_runs_say(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    """The schedule and the metrics still know the last run; the next look after a while tries again."""
    shop.run("push")
    good = shown(shop)
    kept_file(shop).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(channel_overview, "count_states", raising(error))
        failed = shown(shop)
    assert failed.state == "failed"
    assert message in failed.message
    assert (failed.last_push, failed.last_start, failed.flows) == (good.last_push, good.last_start, [])
    assert not kept_file(shop).exists()
    assert shown(shop) == good


def raising(error: Exception) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise error

    return call


def test_a_channel_that_cannot_be_read_is_read_again_after_a_while(
    shop: Shop, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run("plan")
    with monkeypatch.context() as patch:
        patch.setattr(channel_overview, "count_states", raising(OSError("disk gone")))
        assert shown(shop, times=3).state == "failed"
        assert len(readings) == 1
        patch.setattr(channel_overview, "RETRY_S", -1.0)
        shown(shop, times=3)
        assert len(readings) == 4


def test_a_folder_that_another_user_owns_stops_no_other_channel(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody ran a push as root."""
    shop.run("plan")

    def refused(_: PublishedTables) -> None:
        raise PermissionError(13, "Permission denied", "analytics.duckdb")

    monkeypatch.setattr(PublishedTables, "version", property(refused))

    async def began() -> Overview:
        channels, stopped = ProjectChannels(Project(shop.folder), shop.data, 1), asyncio.Event()
        await channels.begin_schedule(last_start)
        looking = asyncio.create_task(keep_overviews(channels, stopped, every_s=0.01))
        await asyncio.sleep(0.1)
        assert not looking.done()
        stopped.set()
        await looking
        one = channels.find("demo")
        assert one
        found = overview(one, channels.scheduler)
        channels.stop()
        await channels.ended()
        return found

    found = asyncio.run(began())
    assert (found.state, "Permission denied" in found.message) == ("failed", True)


@pytest.mark.parametrize("place", [KEPT, f".{KEPT}.new"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_written_through_a_link_or_read_from_a_pipe(shop: Shop, place: str, kind: str) -> None:
    shop.run("plan")
    first, file = shown(shop), kept_file(shop).with_name(place)
    kept_file(shop).unlink()
    victim = shop.folder / "victim"
    victim.write_text("precious", "utf-8")
    if kind == "link":
        file.symlink_to(victim)
    else:
        os.mkfifo(file)
    assert shown(shop) == first
    assert victim.read_text("utf-8") == "precious"
    assert stat.S_ISREG(kept_file(shop).lstat().st_mode)


def test_what_code_of_others_counts_is_not_kept(
    shop: Shop, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of that code would not be noticed."""
    monkeypatch.setattr(channel_overview, "is_of_program", lambda flow: False)
    shop.run("plan")
    for expected in (1, 2):
        shown(shop, times=3)
        assert len(readings) == expected
    assert not kept_file(shop).exists()


def test_the_schedule_knows_the_newest_run_without_reading_the_tables(shop: Shop, readings: list[str]) -> None:
    file = shop.folder / "channels" / "demo.toml"
    file.write_text(shop.text.replace('name = "demo"', 'name = "demo"\nschedule = "every 6 h"'), "utf-8")
    shop.run("plan")
    first = shown(shop)

    async def began() -> None:
        channels = ProjectChannels(Project(shop.folder), shop.data, 1)

        def asked(one: ProjectChannel, channel: Channel) -> datetime | None:
            """The pages answer while the channels are read."""
            assert overview(one, channels.scheduler).next_run
            channels.scheduler.pause(one.name, "anna")
            assert overview(one, channels.scheduler).pause
            channels.scheduler.resume(one.name)
            return last_start(one, channel)

        await channels.begin_schedule(asked)
        one = channels.find("demo")
        assert one
        assert one.channel
        assert last_start(one, one.channel) == first.last_start
        channels.stop()
        await channels.ended()

    asyncio.run(began())
    assert len(readings) == 1
