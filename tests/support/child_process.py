"""Whole runs in a process of their own, where a blow at a named place may end them."""

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

# What a run imports, imported once: each child is a fork of the process that has it all. dlt settles where it
# writes when it is imported.
os.environ.setdefault("DLT_DATA_DIR", tempfile.gettempdir())
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        __name__,
        "dlt",
        "great_expectations",
        "pipelines.engine.run",
        "pipelines.cli",
        "schemas.products.issues",
        "pipelines.reports.console",
    ]
)


TOO_LONG_S = 60.0


@dataclass(frozen=True)
class Blow:
    """`how` is a signal's number, sent to the process itself when it passes `place` for the `nth` time."""

    place: str
    nth: int
    how: int


@dataclass(frozen=True)
class Gone:
    """How the process ended: its exit code, negative for the signal that killed it, and what it said."""

    code: int
    printed: str
    complained: str
    passed: list[str]


def run(
    *words: str,
    folder: Path,
    blow: Blow | None = None,
    trace: bool = False,
    largest_file: int = 0,
    due: Callable[[], bool] | None = None,
) -> Gone:
    """The command line with these words, killed with SIGKILL once `due` says so.

    `trace` notes every place that is passed; `largest_file` is in bytes.
    """
    printed, complained, passed = (folder / f"{name}.txt" for name in ("printed", "complained", "passed"))
    for path in (printed, complained, passed):
        path.write_bytes(b"")
    how = (printed, complained, passed if trace else None, blow, largest_file)
    process = _CONTEXT.Process(target=_live, args=(words, *how))
    process.start()
    until = time.monotonic() + TOO_LONG_S
    while process.is_alive():
        too_long = time.monotonic() > until
        if too_long or (due is not None and due()):
            process.kill()
            process.join()
            assert not too_long, f"{words} did not end within {TOO_LONG_S} s"
        process.join(0.005)
    code = process.exitcode
    process.close()
    assert code is not None
    return Gone(code, printed.read_text(), complained.read_text(), passed.read_text().splitlines())


def _live(
    words: tuple[str, ...],
    printed: Path,
    complained: Path,
    passed: Path | None,
    blow: Blow | None,
    largest_file: int,
) -> None:
    from pipelines.__main__ import main
    from pipelines.core import failpoints

    os.dup2(os.open(printed, os.O_WRONLY), 1)
    os.dup2(os.open(complained, os.O_WRONLY), 2)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    notes = os.open(passed, os.O_WRONLY) if passed else None
    if largest_file:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    seen: Counter[str] = Counter()
    turn = threading.Lock()

    def hook(place: str) -> None:
        with turn:
            seen[place] += 1
            due = blow is not None and (place, seen[place]) == (blow.place, blow.nth)
            if notes is not None:
                os.write(notes, f"{place}\n".encode())
        if due and blow is not None:
            os.kill(os.getpid(), blow.how)
            if threading.current_thread() is not threading.main_thread() or blow.how == signal.SIGKILL:
                time.sleep(0.05)  # the main thread hears of it a moment later

    if blow is not None or notes is not None:
        failpoints.install(hook)
    sys.argv = ["centra-myogo", *words]
    main()
