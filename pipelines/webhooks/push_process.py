"""A push in a process of its own: its signals, its memory and its lock are not ours."""

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
    """How a run ended; `exit_code` is negative for the signal that killed it. `words` are for the log alone."""

    flows: tuple[str, ...]
    exit_code: int
    outcome: str
    run_id: str
    error_id: str
    seconds: float
    ended_at: str
    words: str

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "words"}


class RunLauncher:
    """One run at a time, until `stop`."""

    def __init__(self, channel: Path, data: Path | None) -> None:
        self._channel, self._data = channel, data
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    def command(self, flows: Sequence[str]) -> list[str]:
        """`-P`: a folder `pipelines` where we happen to be is not ours."""
        level = logging.getLevelName(logging.getLogger().level).lower()
        words = [sys.executable, "-P", "-m", "pipelines", "--log", level, "push", str(self._channel), "--json"]
        for name in flows:
            words += ["--flow", name]
        return words + (["--data", str(self._data)] if self._data else [])

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        """Waits for the run's end, however it ends."""
        began = time.monotonic()
        paths = [os.environ.get("PYTHONPATH", ""), str(ROOT)]
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *self.command(flows),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # a terminal's Ctrl-C is for us, and we pass it on once
            )
        except OSError as error:
            return _exit(flows, 1, b"", time.monotonic() - began, f"the run could not be started: {error}")
        try:
            if self._stopping:
                self.stop()
            printed, _ = await process.communicate()
        finally:
            self._process = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        return _exit(flows, process.returncode or 0, printed, time.monotonic() - began)

    def stop(self) -> None:
        """Asks a run under way, and any that is being started, to stop; a second time, in earnest."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)


def _exit(flows: tuple[str, ...], code: int, printed: bytes, seconds: float, words: str = "") -> RunExit:
    try:
        printed_object = decode(printed)
    except NotJson:
        printed_object = {}
    found = printed_object if isinstance(printed_object, dict) else {}
    error = found.get("error") or {}
    outcome = str(found.get("outcome") or ("killed" if code < 0 else "internal_error"))
    run_id, error_id = str(found.get("run_id") or ""), str(error.get("id") or "")
    if error:
        words = f"{error_id}: {error.get('message', '')} {error.get('fix', '')}".strip()
    else:
        words = words or "; ".join(_counts(name, counts) for name, counts in (found.get("flows") or {}).items())
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    return RunExit(flows, code, outcome, run_id, error_id, round(seconds, 3), ended, words)


def _counts(name: str, counts: dict[str, Any]) -> str:
    shown = ("read", "withheld", "create", "update", "applied", "refused", "unknown")
    return f"{name} " + " ".join(f"{word}={counts[word]}" for word in shown if word in counts)
