"""The channels of the project, as their files are now: runs, webhooks and tables of each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.config.project import Project
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.state.lock import running_verb
from pipelines.state.store import Folder
from pipelines.web.channel_runs import ChannelRuns, TooManyRequests
from pipelines.web.published_tables import PublishedTables
from pipelines.web.scheduler import Scheduler
from pipelines.webhooks.dispatcher import Dispatcher
from pipelines.webhooks.receiver import WebhookReceiver
from pipelines.webhooks.run_process import RunCommand, RunExit
from pipelines.webhooks.schedule import RunSchedule
from pipelines.webhooks.server import webhook_sources
from pipelines.webhooks.warm_process import ForkServer

log = logging.getLogger(__name__)
SETTLE_S, LONGEST_S = 5.0, 60.0  # of channels without [listen]


@dataclass
class ProjectChannel:
    """One channel file. `channel` is None, with a `problem`, if the file is wrong."""

    file: Path
    version: tuple[int, int]
    channel: Channel | None
    problem: str
    folder: Folder
    runs: ChannelRuns
    tables: PublishedTables
    hints: Hints | None = None
    overview: Any = None  # what web.channel_overview has read, by one thread at a time
    reading: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.channel.name if self.channel else self.file.stem

    @property
    def foreign_run(self) -> str | None:
        """The verb of a run under way that these pages do not know: of the command line, or from before a restart."""
        return running_verb(self.folder) if self.runs.running is None else None


class Hints:
    """Turns webhooks and due times into runs of one channel, until `close`."""

    def __init__(self, channel: Channel, runs: ChannelRuns) -> None:
        loop = asyncio.get_running_loop()
        settings = channel.listen
        settle_s, longest_s = (settings.settle_s, settings.longest_s) if settings else (SETTLE_S, LONGEST_S)
        poll_s = settings.poll_minutes * 60 if settings and settings.poll_minutes else None
        flows = channel.in_order(())
        schedule = RunSchedule(flows, settle_s, longest_s, poll_s, loop.time())
        self._dispatcher = Dispatcher(schedule, _Runs(runs))
        self._task = asyncio.create_task(self._dispatcher.go())
        self.receiver = None
        if settings is not None:
            with contextlib.suppress(ConfigError):
                sources = webhook_sources(channel, settings)
                self.receiver = WebhookReceiver(channel.name, sources, flows, self.hint, self._dispatcher.facts)

    def hint(self, flows: Collection[str]) -> None:
        self._dispatcher.hint(flows)

    def close(self) -> asyncio.Task[None]:
        """Starts no further run; the task ends with the current one."""
        self._dispatcher.stop()
        return self._task


class _Runs:
    """Runs that a stopping dispatcher leaves alone: its channel file may only have changed."""

    def __init__(self, runs: ChannelRuns) -> None:
        self._runs = runs

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        return await self._runs.run(flows)

    def stop(self) -> None:
        pass


class ProjectChannels:
    """All channels. `refresh` takes up channel files that are new, changed or gone."""

    def __init__(self, project: Project, data: Path, parallel_runs: int, forks: ForkServer | None = None) -> None:
        self.project, self.data, self._forks = project, data, forks
        self._slots = asyncio.Semaphore(parallel_runs)
        self._by_file: dict[Path, ProjectChannel] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.scheduler = Scheduler(data, self._start)
        self._is_scheduled = self._is_stopped = False

    def __iter__(self) -> Iterator[ProjectChannel]:
        return iter(sorted(self._by_file.values(), key=lambda one: one.name))

    def find(self, name: str) -> ProjectChannel | None:
        return next((one for one in self if one.name == name), None)

    def refresh(self) -> None:
        """If the folder cannot be read, the channels stay as they were."""
        for one in self._by_file.values():
            one.tables.close_if_idle()
        try:
            found = {file: _version(file) for file in self.project.channel_files()}
        except CentraMyogoError as error:
            log.warning("%s %s", error.message, error.fix)
            return
        changed = [file for file, version in found.items() if not self._is_known(file, version)]
        gone = [file for file in self._by_file if file not in found]
        known = {file: self._by_file.pop(file) for file in (*gone, *changed) if file in self._by_file}
        for one in known.values():
            self._close(one)
        for file in changed:
            runs = known[file].runs if file in known else None
            self._by_file[file] = self._load(file, found[file], runs)
        if self._is_scheduled and (gone or changed):
            self.scheduler.update(self.usable())

    def reload(self, name: str) -> None:
        """Takes up new secrets of a channel whose file may be as before."""
        if (one := self.find(name)) is not None:
            one.version = (-1, -1)
        self.refresh()

    async def begin_schedule(self, last_start: Callable[[ProjectChannel, Channel], datetime | None]) -> None:
        """Starts the schedules; a run that was due while nothing served is started once. `last_start` returns the
        start of a channel's newest run (UTC); it is called in a thread, because it may read a file."""
        self.refresh()
        self.scheduler.update(self.usable())  # a schedule can be paused before it begins
        starts = dict[str, datetime | None]()
        for one in self:
            if one.channel is not None and not self._is_stopped:
                starts[one.name] = await run_in_threadpool(last_start, one, one.channel)
        if not self._is_stopped:
            self.scheduler.begin(self.usable(), starts)
            self._is_scheduled = True

    def usable(self) -> list[Channel]:
        """The channels whose files are right."""
        return [one.channel for one in self if one.channel is not None]

    def _start(self, name: str, flows: tuple[str, ...], full: bool) -> None:
        one = self.find(name)
        if one is None or one.hints is None:
            return
        if full:
            with contextlib.suppress(TooManyRequests):
                one.runs.request(RunCommand("push", flows, full=True))
        else:
            one.hints.hint(flows)

    def stop(self) -> None:
        self._is_stopped = True
        for one in self._by_file.values():
            one.runs.stop()
            self._close(one)

    async def ended(self) -> None:
        """Waits until all runs have ended."""
        await self.scheduler.end()
        for one in self._by_file.values():
            await one.runs.ended()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _is_known(self, file: Path, version: tuple[int, int]) -> bool:
        known = self._by_file.get(file)
        return known is not None and known.version == version

    def _load(self, file: Path, version: tuple[int, int], runs: ChannelRuns | None) -> ProjectChannel:
        """With the runs of the file as it was before, which may not have ended."""
        channel, problem = None, ""
        self.project.load_environment()
        try:
            channel = load(str(file))
            if any(other.name == channel.name for other in self._by_file.values()):
                problem, channel = f"Another channel file has the name {channel.name!r}, too.", None
        except CentraMyogoError as error:
            problem = f"{error.message} {error.fix}"
            log.warning("channel file cannot be used: %s", error.message)
        folder = Folder(self.data, channel.name if channel else file.stem)
        runs = runs or ChannelRuns(file, self.data, folder.root, self._slots, self._forks)
        loaded = ProjectChannel(file, version, channel, problem, folder, runs, PublishedTables(folder))
        if channel is not None:
            loaded.hints = Hints(channel, runs)
        return loaded

    def _close(self, one: ProjectChannel) -> None:
        one.tables.close()
        if one.hints is not None:
            task = one.hints.close()
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _version(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns
