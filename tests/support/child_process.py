"""Complete runs in a child process, which a signal can hit at a named failpoint."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.support.waiting import LONG_S

# The modules that a run imports are loaded once: each child is a fork of the server process that holds them.
# dlt fixes its folders when it is imported.
os.environ.setdefault("DLT_DATA_DIR", tempfile.gettempdir())
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
_CONTEXT = get_context("forkserver")
# The same as those of `serve`, because a process has one fork server.
_CONTEXT.set_forkserver_preload([__name__, "pipelines.cli.warm_imports"])


@dataclass(frozen=True)
class SignalAt:
    """The process sends itself the signal `number` when it passes the failpoint `place` for the `nth` time."""

    place: str
    nth: int
    number: int


@dataclass(frozen=True)
class Finished:
    """A finished process. `code` is its exit code, or the negative number of the signal that killed it."""

    code: int
    stdout: str
    stderr: str
    failpoints: list[str]


def run(
    *arguments: str,
    folder: Path,
    signal_at: SignalAt | None = None,
    trace: bool = False,
    largest_file: int = 0,
    kill_when: Callable[[], bool] | None = None,
) -> Finished:
    """Runs the command line with these arguments; kills it with SIGKILL as soon as `kill_when` returns true.

    `trace` records every failpoint that the process passes; `largest_file` is in bytes.
    """
    stdout, stderr, passed = (folder / f"{name}.txt" for name in ("stdout", "stderr", "failpoints"))
    for path in (stdout, stderr, passed):
        path.write_bytes(b"")
    options = (stdout, stderr, passed if trace else None, signal_at, largest_file)
    process = _CONTEXT.Process(target=_run_in_child, args=(arguments, *options))
    process.start()
    deadline = time.monotonic() + LONG_S
    while process.is_alive():
        timed_out = time.monotonic() > deadline
        if timed_out or (kill_when is not None and kill_when()):
            process.kill()
            process.join()
            assert not timed_out, f"{arguments} did not end within {LONG_S} s"
        process.join(0.005)
    code = process.exitcode
    process.close()
    assert code is not None
    return Finished(code, stdout.read_text(), stderr.read_text(), passed.read_text().splitlines())


def _run_in_child(
    arguments: tuple[str, ...],
    stdout: Path,
    stderr: Path,
    passed: Path | None,
    signal_at: SignalAt | None,
    largest_file: int,
) -> None:
    from pipelines.__main__ import main
    from pipelines.core import failpoints

    os.dup2(os.open(stdout, os.O_WRONLY), 1)
    os.dup2(os.open(stderr, os.O_WRONLY), 2)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    trace_file = os.open(passed, os.O_WRONLY) if passed else None
    if largest_file:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def hook(place: str) -> None:
        with lock:
            counts[place] += 1
            hit = signal_at is not None and (place, counts[place]) == (signal_at.place, signal_at.nth)
            if trace_file is not None:
                os.write(trace_file, f"{place}\n".encode())
        if hit and signal_at is not None:
            os.kill(os.getpid(), signal_at.number)
            if threading.current_thread() is not threading.main_thread() or signal_at.number == signal.SIGKILL:
                time.sleep(0.05)  # the signal reaches the main thread a moment later

    if signal_at is not None or trace_file is not None:
        failpoints.install(hook)
    sys.argv = ["centra-myogo", *arguments]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # `warm_imports` blocks it for the fork server itself
    main()
