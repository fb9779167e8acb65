"""The runs of one channel: one at a time, each in a separate process, and a bounded number over all channels."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.state.permissions import restrictive_umask
from pipelines.state.store import utc_now
from pipelines.webhooks.run_process import RunCommand, RunExit, RunLauncher
from pipelines.webhooks.warm_process import ForkServer

KEPT_JOBS = 50
MAX_WAITING = 20  # requests of the pages that wait for the same channel


class TooManyRequests(Exception):
    """So many runs of the channel wait already that another one makes no sense."""


@dataclass
class Job:
    """A run that somebody requested, or that the schedule or a webhook started. `codes` are those that were chosen;
    None is all. Times are UTC."""

    number: int
    command: RunCommand
    requested_at: datetime
    codes: tuple[str, ...] | None = None
    started_at: datetime | None = None
    exit: RunExit | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    stop_requested: bool = False

    @property
    def state(self) -> str:
        if self.exit is not None:
            return "ended"
        return "waiting" if self.started_at is None else "running"

    def update(self, facts: dict[str, Any]) -> None:
        """Takes a line of progress."""
        if isinstance(facts.get("check"), dict):
            self.checks.append(facts["check"])
        else:
            self.progress = facts


class ChannelRuns:
    """Starts the runs of a channel. `slots` bounds the runs of all channels; `folder` takes lists of codes."""

    def __init__(
        self, channel: Path, data: Path, folder: Path, slots: asyncio.Semaphore, forks: ForkServer | None
    ) -> None:
        self._launcher = RunLauncher(channel, data, forks)
        self._folder, self._slots = folder, slots
        self._turn = asyncio.Lock()
        self._jobs: deque[Job] = deque(maxlen=KEPT_JOBS)
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[RunExit]] = set()
        self._stopping = False

    @property
    def jobs(self) -> list[Job]:
        """The last jobs, the newest first."""
        return [*reversed(self._jobs)]

    @property
    def running(self) -> Job | None:
        return next((job for job in self._jobs if job.state == "running"), None)

    def job(self, number: int) -> Job | None:
        return next((job for job in self._jobs if job.number == number), None)

    def push_of(self, plan: Job, fingerprint: str) -> Job | None:
        """The push of this plan that waits, runs or was applied; None if it can be sent."""
        pushes = (job for job in self.jobs if job.command.expect == fingerprint and job.codes == plan.codes)
        since = (job for job in pushes if job.number > plan.number)
        return next((job for job in since if job.exit is None or job.exit.exit_code in (0, 3)), None)

    def request(self, command: RunCommand, codes: Sequence[str] | None = None) -> Job:
        """Queues a run; with `codes`, a run of these codes only. Raises TooManyRequests."""
        if sum(job.state == "waiting" for job in self._jobs) >= MAX_WAITING:
            raise TooManyRequests
        job = Job(next(self._numbers), command, utc_now(), None if codes is None else tuple(codes))
        self._jobs.append(job)
        task = asyncio.create_task(self._execute(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        """Pushes the flows, for the schedule and for webhooks."""
        job = Job(next(self._numbers), RunCommand("push", flows), utc_now())
        self._jobs.append(job)
        return await self._execute(job)

    def interrupt(self, job: Job) -> None:
        """Stops the job: if it runs, after the write that is under way."""
        job.stop_requested = True
        if job.state == "running":
            self._launcher.interrupt()

    def stop(self) -> None:
        """Stops the current run. Runs that wait are not started."""
        self._stopping = True
        for job in self._jobs:
            job.stop_requested = True
        self._launcher.stop()

    async def ended(self) -> None:
        """Waits until all requested runs have ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _execute(self, job: Job) -> RunExit:
        async with self._turn, self._slots:
            if job.stop_requested or self._stopping:
                job.exit = RunExit(job.command.flows, 5, "interrupted", "", "", 0.0, "", "stopped before it began")
                return job.exit
            job.started_at = utc_now()
            with self._listed(job) as command:
                job.exit = await self._launcher.execute(command, job.update)
        return job.exit

    @contextlib.contextmanager
    def _listed(self, job: Job) -> Iterator[RunCommand]:
        """The job's command, with a file of the codes while it runs."""
        if job.codes is None:
            yield job.command
            return
        file = self._folder / f"pages-codes-{job.number}.txt"
        with restrictive_umask():
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(job.codes), "utf-8")
        try:
            yield replace(job.command, codes_from=file)
        finally:
            file.unlink(missing_ok=True)
