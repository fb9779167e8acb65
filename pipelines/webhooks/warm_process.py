"""Starts runs as forks of a process that has imported the libraries already (multiprocessing's fork server)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

_IMPORTED_FIRST = "pipelines.cli.warm_imports"
_ROOT = Path(__file__).parents[2]
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass
class WarmProcess:
    """A run, with the methods of asyncio's Process."""

    process: BaseProcess
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    async def wait(self) -> int:
        """The exit code; negative if a signal killed the process, 255 if nobody knows since the fork server died."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self.process.sentinel)
        self.process.join()
        return self.process.exitcode or 0

    def send_signal(self, number: int) -> None:
        if self.process.pid is not None and self.returncode is None:
            os.kill(self.process.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkServer:
    """Python has one fork server in a process, so all instances are the same one."""

    def begin(self) -> None:
        """Starts the fork server unless it runs; it imports the libraries in the background."""
        from multiprocessing.forkserver import ensure_running

        _CONTEXT.set_forkserver_preload([_IMPORTED_FIRST])
        # Python's fork server has no options for these. The first ignores a folder `pipelines` in the current folder.
        with _environment(PYTHONSAFEPATH="1", PYTHONPATH=search_path()):
            ensure_running()

    async def start(self, arguments: Sequence[str], limit: int, *, with_stderr: bool) -> WarmProcess:
        """Starts `centra-myogo ARGUMENTS`. `limit` is the longest line, in bytes. Raises OSError or EOFError if the
        fork server does not answer."""
        stdout, stdout_end = _CONTEXT.Pipe(duplex=False)
        stderr, stderr_end = _CONTEXT.Pipe(duplex=False) if with_stderr else (None, None)
        ends = (stdout_end, stderr_end)
        environment = os.environ | {"PYTHONPATH": search_path()}
        process = _CONTEXT.Process(target=_run, args=([*arguments], environment, os.getcwd(), *ends))
        try:
            await asyncio.to_thread(self._start, process)
            errors = None if stderr is None else await _reader(stderr, limit)
            return WarmProcess(process, await _reader(stdout, limit), errors)
        finally:
            for end in filter(None, ends):
                end.close()

    def _start(self, process: BaseProcess) -> None:
        self.begin()
        process.start()


def search_path() -> str:
    """PYTHONPATH of a run: what it is, and the folder that has the package `pipelines`."""
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), str(_ROOT))))


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def _reader(connection: Connection, limit: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit)
    loop = asyncio.get_running_loop()
    file = os.fdopen(os.dup(connection.fileno()), "rb", buffering=0)
    connection.close()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    return reader


def _run(
    arguments: list[str], environment: dict[str, str], folder: str, stdout: Connection, stderr: Connection | None
) -> None:
    """In the new process."""
    from pipelines.__main__ import main, stop_on_signals

    search_path = importlib.import_module(
        _IMPORTED_FIRST
    ).SEARCH_PATH  # which the fork server may have failed to import
    stop_on_signals()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # that module blocks it for the fork server itself
    os.setsid()  # the parent receives a terminal's Ctrl-C and passes it on once
    for connection, number in ((stdout, 1), (stderr, 2)):
        if connection is not None:
            os.dup2(connection.fileno(), number)
            connection.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = search_path  # not the parent's
    sys.argv = ["centra-myogo", *arguments]
    main()
