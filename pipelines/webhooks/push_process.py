"""Runs a push in a separate process with its own signals, memory and lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.core.json_codec import NotJson, decode

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class RunExit:
    """How a run ended. `exit_code` is negative if a signal killed it. `summary` is for the log only; `seconds` is the
    duration."""

    flows: tuple[str, ...]
    exit_code: int
    outcome: str
    run_id: str
    error_id: str
    seconds: float
    ended_at: str
    summary: str

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "summary"}


class RunLauncher:
    """One run at a time, until `stop`."""

    def __init__(self, channel: Path, data: Path | None) -> None:
        self._channel, self._data = channel, data
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    def command(self, flows: Sequence[str]) -> list[str]:
        """The command line. `-P` ignores a folder `pipelines` in the current directory, which may be another."""
        level = logging.getLevelName(logging.getLogger().level).lower()
        arguments = [sys.executable, "-P", "-m", "pipelines", "--log", level, "push", str(self._channel), "--json"]
        for name in flows:
            arguments += ["--flow", name]
        return arguments + (["--data", str(self._data)] if self._data else [])

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        """Runs the flows and waits for the end of the process. Does not raise if the run fails."""
        started = time.monotonic()
        paths = [os.environ.get("PYTHONPATH", ""), str(ROOT)]
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *self.command(flows),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # this process receives a terminal's Ctrl-C and passes it on once
            )
        except OSError as error:
            return _exit(flows, 1, b"", time.monotonic() - started, f"the run could not be started: {error}")
        try:
            if self._stopping:
                self.stop()
            stdout, _ = await process.communicate()
        finally:
            self._process = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        return _exit(flows, process.returncode or 0, stdout, time.monotonic() - started)

    def stop(self) -> None:
        """Sends SIGTERM to the current run, or to the run that is being started. A second call ends it immediately."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)


def _exit(flows: tuple[str, ...], code: int, stdout: bytes, seconds: float, summary: str = "") -> RunExit:
    try:
        document = decode(stdout)
    except NotJson:
        document = {}
    result = document if isinstance(document, dict) else {}
    error = result.get("error") or {}
    outcome = str(result.get("outcome") or ("killed" if code < 0 else "internal_error"))
    run_id, error_id = str(result.get("run_id") or ""), str(error.get("id") or "")
    if error:
        summary = f"{error_id}: {error.get('message', '')} {error.get('fix', '')}".strip()
    else:
        summary = summary or "; ".join(_counts(name, counts) for name, counts in (result.get("flows") or {}).items())
    ended_at = datetime.now(UTC).isoformat(timespec="seconds")
    return RunExit(flows, code, outcome, run_id, error_id, round(seconds, 3), ended_at, summary)


def _counts(name: str, counts: dict[str, Any]) -> str:
    logged = ("read", "withheld", "create", "update", "applied", "refused", "unknown")
    return f"{name} " + " ".join(f"{key}={counts[key]}" for key in logged if key in counts)
