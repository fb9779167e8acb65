"""The processor time of runs that `serve` forks from a process with all libraries."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pipelines.webhooks.run_process import RunCommand, RunLauncher
from pipelines.webhooks.warm_process import ForkServer

_TICKS = os.sysconf("SC_CLK_TCK")


class WarmRuns:
    """The fork server of this process; begin with a run that is not measured, because it waits for the imports."""

    def __init__(self) -> None:
        self._forks = ForkServer()
        self._forks.begin()
        self._server = next(pid for pid in _children(os.getpid()) if b"forkserver" in _file(pid, "cmdline"))

    def cpu_seconds(self, channel: Path, data: Path) -> float:
        """Of one push. Raises RuntimeError if it fails."""
        before = self._children_s()
        ended = asyncio.run(RunLauncher(channel, data, self._forks).execute(RunCommand("push"), lambda _: None))
        if ended.exit_code not in (0, 3):
            raise RuntimeError(f"the push ended with {ended.exit_code}: {ended.summary}")
        return self._children_s() - before

    def _children_s(self) -> float:
        return sum(map(int, _file(self._server, "stat").rpartition(b")")[2].split()[13:15])) / _TICKS


def _children(parent: int) -> list[int]:
    return [
        int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in (task / "children").read_text().split()
    ]


def _file(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()
