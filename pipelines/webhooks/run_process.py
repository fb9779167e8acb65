"""Runs a command in a separate process with its own signals, memory and lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pipelines.core.json_codec import NotJson, decode
from pipelines.webhooks.warm_process import ForkServer, search_path

log = logging.getLogger(__name__)
MAX_LINE = 1 << 20
PROGRESS = b"progress"  # begins a line of progress on stderr


@dataclass(frozen=True)
class RunExit:
    """How a run ended. `exit_code` is negative if a signal killed it. `summary` and `document`, the object that the run
    printed, are not among the facts; `seconds` is the duration."""

    flows: tuple[str, ...]
    exit_code: int
    outcome: str
    run_id: str
    error_id: str
    seconds: float
    ended_at: str
    summary: str
    document: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("summary", "document")}


@dataclass(frozen=True)
class RunCommand:
    """`plan`, `push` or `check` of a channel. `codes_from` is a file of codes, `requested_by` a user of the pages."""

    verb: str
    flows: tuple[str, ...] = ()
    codes_from: Path | None = None
    expect: str | None = None
    full: bool = False
    requested_by: str | None = None

    def words(self) -> list[str]:
        words = [word for name in self.flows for word in ("--flow", name)]
        options = {"--codes-from": self.codes_from, "--expect": self.expect}
        options |= {"--by": self.requested_by} if self.verb != "check" else {}
        words += [word for name, value in options.items() if value is not None for word in (name, str(value))]
        return words + (["--full"] if self.full else [])


class RunProcess(Protocol):
    """A process, cold or warm, as asyncio has it. Without `stderr`, its lines go to this process's stderr."""

    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...


class RunLauncher:
    """One run at a time, until `stop`. With `forks`, a run need not import the libraries."""

    def __init__(self, channel: Path, data: Path | None, forks: ForkServer | None = None) -> None:
        self._channel, self._data, self._forks = channel, data, forks
        self._process: RunProcess | None = None
        self._stopping = False

    def arguments(self, command: RunCommand, *, with_progress: bool = False) -> list[str]:
        """What follows `centra-myogo` on the command line."""
        level = logging.getLevelName(logging.getLogger().level).lower()
        arguments = ["--log", level, command.verb, str(self._channel), "--json", *command.words()]
        arguments += ["--progress"] if with_progress else []
        return arguments + (["--data", str(self._data)] if self._data else [])

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        """Pushes the flows and waits for the end of the process. Does not raise if the run fails."""
        return await self.execute(RunCommand("push", flows))

    async def execute(
        self, command: RunCommand, on_progress: Callable[[dict[str, Any]], None] | None = None
    ) -> RunExit:
        """Runs the command and waits for the end of the process; passes on its progress, about twice a second. Does not
        raise if the run fails."""
        started = time.monotonic()
        try:
            arguments = self.arguments(command, with_progress=on_progress is not None)
            process = self._process = await self._start(arguments, with_stderr=on_progress is not None)
        except OSError as error:
            return _exit(command.flows, 1, b"", time.monotonic() - started, f"the run could not be started: {error}")
        try:
            if self._stopping:
                self.stop()
            stdout, _ = await asyncio.gather(_all(process.stdout), _pass_on(process.stderr, on_progress))
            await process.wait()
        finally:
            self._process = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        return _exit(command.flows, process.returncode or 0, stdout, time.monotonic() - started)

    async def _start(self, arguments: list[str], *, with_stderr: bool) -> RunProcess:
        """Raises OSError."""
        if self._forks is not None:
            try:
                return await self._forks.start(arguments, MAX_LINE, with_stderr=with_stderr)
            except (OSError, EOFError) as error:
                log.warning("a run starts without the fork server and imports the libraries itself: %r", error)
        return await asyncio.create_subprocess_exec(
            *self.command_line(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if with_stderr else None,
            env=os.environ | {"PYTHONPATH": search_path()},
            start_new_session=True,  # this process receives a terminal's Ctrl-C and passes it on once
            limit=MAX_LINE,
        )

    def command_line(self, arguments: list[str]) -> list[str]:
        """`-P` ignores a folder `pipelines` in the current directory, which may be another."""
        return [sys.executable, "-P", "-m", "pipelines", *arguments]

    def interrupt(self) -> None:
        """Sends SIGTERM to the current run, if there is one: it stops after the write that is under way."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Interrupts the current run, or the run that is being started. A second call ends it immediately."""
        self._stopping = True
        self.interrupt()


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


async def _pass_on(stream: asyncio.StreamReader | None, on_progress: Callable[[dict[str, Any]], None] | None) -> None:
    """Passes progress to `on_progress`, and all other lines to this process's stderr."""
    while stream is not None and on_progress is not None:
        try:
            line = await stream.readline()
        except ValueError:  # a line longer than MAX_LINE
            continue
        if not line:
            return
        prefix, _, rest = line.partition(b" ")
        if prefix == PROGRESS:
            with contextlib.suppress(NotJson):
                facts = decode(rest)
                if isinstance(facts, dict):
                    on_progress(facts)
        else:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


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
    return RunExit(flows, code, outcome, run_id, error_id, round(seconds, 3), ended_at, summary, result)


def _counts(name: str, counts: dict[str, Any]) -> str:
    logged = ("read", "withheld", "create", "update", "applied", "refused", "unknown")
    return f"{name} " + " ".join(f"{key}={counts[key]}" for key in logged if key in counts)
