"""Turns hints into runs, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pipelines.core.errors import ChannelBusy, RemoteSystemError, UnsafePlan
from pipelines.webhooks.run_process import RunExit
from pipelines.webhooks.schedule import RunSchedule

log = logging.getLogger(__name__)
PAUSES_S = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0)  # a full read of a large shop may hold the lock for 15 minutes
_RETRIED_EXIT_CODES = (RemoteSystemError.exit_code, ChannelBusy.exit_code)


class Launcher(Protocol):
    """Executes runs."""

    async def run(self, flows: tuple[str, ...]) -> RunExit: ...

    def stop(self) -> None: ...


class Dispatcher:
    """Retries a run that found the channel busy or a system unavailable, once after each of the pauses."""

    def __init__(self, schedule: RunSchedule, runs: Launcher, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._schedule, self._runs, self._pauses_s = schedule, runs, pauses_s
        self._wake_up = asyncio.Event()
        self._stopping = False
        self._tries: Counter[str] = Counter()
        self._running: tuple[str, ...] = ()
        self._last: RunExit | None = None
        self._run_count = 0

    def hint(self, flows: Collection[str]) -> None:
        """Schedules a run of these flows; returns immediately."""
        self._schedule.hint(flows, self._now())
        self._wake_up.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake_up.set()
        self._runs.stop()

    def facts(self) -> dict[str, Any]:
        due = self._schedule.due()
        return {
            "waiting": list(self._schedule.waiting),
            "next_in_s": None if due is None else round(max(0.0, due - self._now()), 1),
            "running": list(self._running),
            "runs": self._run_count,
            "last_run": None if self._last is None else self._last.facts(),
        }

    async def go(self) -> None:
        """Runs until `stop`; then returns when the current run, if any, has ended."""
        while not self._stopping:
            due = self._schedule.due()
            if due is not None and due <= self._now():
                await self._run(self._schedule.begin(self._now()))
                continue
            self._wake_up.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake_up.wait()
        if self._schedule.waiting:
            log.warning("stopped before flows=%s were run; the next poll runs them", ",".join(self._schedule.waiting))

    async def _run(self, flows: tuple[str, ...]) -> None:
        self._running = flows
        log.info("run started flows=%s", ",".join(flows))
        run_exit = self._last = await self._runs.run(flows)
        self._running = ()
        self._run_count += 1
        self._log_end(run_exit)
        if run_exit.exit_code in _RETRIED_EXIT_CODES and not self._stopping:
            self._retry(flows)
            return
        for name in flows:
            del self._tries[name]
        if run_exit.exit_code == UnsafePlan.exit_code and len(flows) > 1:
            # Nothing was written, although the plans of some of the flows may be safe.
            for name in flows:
                if not self._stopping:
                    await self._run((name,))

    def _retry(self, flows: tuple[str, ...]) -> None:
        given_up = [name for name in flows if self._tries[name] >= len(self._pauses_s)]
        for name in given_up:
            del self._tries[name]
        if given_up:
            log.error("no further retry before the next hint or poll flows=%s", ",".join(given_up))
        if retried := [name for name in flows if name not in given_up]:
            pause_s = self._pauses_s[max(self._tries[name] for name in retried)]
            self._tries.update(retried)
            self._schedule.retry(retried, self._now() + pause_s)
            log.warning("retry in %g s flows=%s", pause_s, ",".join(retried))

    def _log_end(self, run_exit: RunExit) -> None:
        level = {0: logging.INFO, 3: logging.INFO, 5: logging.WARNING, 6: logging.WARNING}.get(
            run_exit.exit_code, logging.ERROR
        )
        if self._stopping and run_exit.exit_code < 0:
            level = logging.WARNING
        log.log(
            level,
            "run ended flows=%s exit=%s outcome=%s run=%s seconds=%.1f %s",
            ",".join(run_exit.flows), run_exit.exit_code, run_exit.outcome, run_exit.run_id, run_exit.seconds,
            run_exit.summary,
        )  # fmt: skip

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
