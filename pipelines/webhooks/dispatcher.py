"""Turns hints into runs, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pipelines.core.errors import ChannelBusy, RemoteSystemError, UnsafePlan
from pipelines.webhooks.push_process import RunExit
from pipelines.webhooks.schedule import RunSchedule

log = logging.getLogger(__name__)
PAUSES_S = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0)  # a full read of a large shop may hold the lock for a quarter hour
_AGAIN = (RemoteSystemError.exit_code, ChannelBusy.exit_code)


class Launcher(Protocol):
    """What does the runs."""

    async def run(self, flows: tuple[str, ...]) -> RunExit: ...

    def stop(self) -> None: ...


class Dispatcher:
    """A run that found the channel busy or a system away is tried again after each of the pauses, then given up."""

    def __init__(self, schedule: RunSchedule, runs: Launcher, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._schedule, self._runs, self._pauses_s = schedule, runs, pauses_s
        self._woken = asyncio.Event()
        self._stopping = False
        self._tries: Counter[str] = Counter()
        self._running: tuple[str, ...] = ()
        self._last: RunExit | None = None
        self._ended = 0

    def hint(self, flows: Collection[str]) -> None:
        """Has these run soon; returns at once."""
        self._schedule.hint(flows, self._now())
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._runs.stop()

    def facts(self) -> dict[str, Any]:
        due = self._schedule.due()
        return {
            "waiting": list(self._schedule.waiting),
            "next_in_s": None if due is None else round(max(0.0, due - self._now()), 1),
            "running": list(self._running),
            "runs": self._ended,
            "last_run": None if self._last is None else self._last.facts(),
        }

    async def go(self) -> None:
        """Returns once it was stopped and the run under way, if any, has ended."""
        while not self._stopping:
            due = self._schedule.due()
            if due is not None and due <= self._now():
                await self._run(self._schedule.begin(self._now()))
                continue
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._woken.wait()
        if self._schedule.waiting:
            log.warning("stopped before flows=%s were run; the next poll has them", ",".join(self._schedule.waiting))

    async def _run(self, flows: tuple[str, ...]) -> None:
        self._running = flows
        log.info("run begins flows=%s", ",".join(flows))
        ended = self._last = await self._runs.run(flows)
        self._running = ()
        self._ended += 1
        self._log_end(ended)
        if ended.exit_code in _AGAIN and not self._stopping:
            self._again(flows)
            return
        for name in flows:
            del self._tries[name]
        if ended.exit_code == UnsafePlan.exit_code and len(flows) > 1:
            # Nothing at all was written, and the plan of one flow says nothing against the others.
            for name in flows:
                if not self._stopping:
                    await self._run((name,))

    def _again(self, flows: tuple[str, ...]) -> None:
        given_up = [name for name in flows if self._tries[name] >= len(self._pauses_s)]
        for name in given_up:
            del self._tries[name]
        if given_up:
            log.error("given up until the next hint or poll flows=%s", ",".join(given_up))
        if left := [name for name in flows if name not in given_up]:
            pause_s = self._pauses_s[max(self._tries[name] for name in left)]
            self._tries.update(left)
            self._schedule.again(left, self._now() + pause_s)
            log.warning("tried again in %g s flows=%s", pause_s, ",".join(left))

    def _log_end(self, ended: RunExit) -> None:
        level = {0: logging.INFO, 3: logging.INFO, 5: logging.WARNING, 6: logging.WARNING}.get(
            ended.exit_code, logging.ERROR
        )
        if self._stopping and ended.exit_code < 0:
            level = logging.WARNING
        log.log(
            level,
            "run ended flows=%s exit=%s outcome=%s run=%s seconds=%.1f %s",
            ",".join(ended.flows), ended.exit_code, ended.outcome, ended.run_id, ended.seconds, ended.words,
        )  # fmt: skip

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
