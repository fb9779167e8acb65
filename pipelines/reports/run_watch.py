"""The heartbeat and the alert of one push."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from pipelines.config.channel import Channel
from pipelines.core.errors import CentraMyogoError, InternalError
from pipelines.reports.alerts import notify
from pipelines.reports.heartbeat import Heartbeat
from pipelines.state.run_result import RunResult
from pipelines.state.store import utc_now


class RunWatch:
    """Begins when the push begins. No method raises, or waits for longer than the limits of `notify`."""

    def __init__(self, channel: Channel, data: Path, flows: Sequence[str]) -> None:
        self._channel, self._data = channel, data
        self._not_begun = RunResult(channel.name, "", "push", utc_now())
        with contextlib.suppress(CentraMyogoError):
            for name in channel.in_order(flows):
                self._not_begun.begin(name)
        heartbeat = channel.alerts.heartbeat if channel.alerts else None
        self._heartbeat = None if heartbeat is None else Heartbeat(heartbeat)
        if self._heartbeat is not None:
            self._heartbeat.start()

    def ended(self, run: RunResult) -> None:
        """Reports how the push ended. Call it after all output."""
        if self._heartbeat is not None:
            self._heartbeat.end(run)
        notify(self._channel, self._data, run)
        if self._heartbeat is not None:
            self._heartbeat.wait()

    def failed(self, error: Exception) -> None:
        """Reports a push that ended with an error before it had a result."""
        known = error if isinstance(error, CentraMyogoError) else InternalError(type(error).__name__)
        self._not_begun.failed(known)
        self._not_begun.ended_at = utc_now()
        self.ended(self._not_begun)
