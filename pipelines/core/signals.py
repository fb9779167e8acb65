"""What SIGINT and SIGTERM do to a run."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from pipelines.core.errors import Interrupted

ECHO_S = 1.0  # a terminal and a parent process often pass on the same signal twice
_AGAIN = b"centra-myogo: ended at once, as asked for a second time; the next run takes up what this one left open.\n"


class Interrupt:
    """SIGINT and SIGTERM: at once while something is read, at the next step while something is worked on, in
    order while something is written. A second one, in earnest, ends the process as it stands."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._at_once = False
        self._since = 0.0
        self.written = False  # whether anything may have been

    def handle(self, *_: object) -> None:
        again = self.event.is_set() and time.monotonic() - self._since > ECHO_S
        if not self.event.is_set():
            self._since = time.monotonic()
            self.event.set()
        if self._at_once:
            self._at_once = False  # whoever cleans up after this must not be torn out of it
            self.check()
        if again:
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _AGAIN)
            os._exit(Interrupted.exit_code)

    def check(self) -> None:
        if self.event.is_set() and self.written:
            raise Interrupted(
                "Asked to stop between two flows.", "What was written is recorded. Run again for the rest."
            )
        if self.event.is_set():
            raise Interrupted("Asked to stop before anything was written.", "Run again when you like.")

    @contextlib.contextmanager
    def raising_immediately(self) -> Iterator[None]:
        """While a system is read: there may be minutes of waiting, and nothing to bring into order."""
        self._at_once = True
        try:
            self.check()
            yield
        finally:
            self._at_once = False


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
