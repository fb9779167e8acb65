"""How a run reacts to SIGINT and SIGTERM."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from pipelines.core.errors import Interrupted

ECHO_S = 1.0  # a terminal and a parent process often deliver the same signal twice
_ENDED_IMMEDIATELY = (
    b"centra-myogo: ended immediately at the second signal; the next run resolves what this one left open.\n"
)


class Interrupt:
    """Handles SIGINT and SIGTERM: immediately during a read, at the next step during processing, after the change in
    flight during a write. A second signal, more than ECHO_S seconds later, ends the process immediately."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._raise_immediately = False
        self._first_signal_at = 0.0
        self.written = False  # whether the run may have written anything

    def handle(self, *_: object) -> None:
        is_second_signal = self.event.is_set() and time.monotonic() - self._first_signal_at > ECHO_S
        if not self.event.is_set():
            self._first_signal_at = time.monotonic()
            self.event.set()
        if self._raise_immediately:
            self._raise_immediately = False  # a later signal must not interrupt the cleanup
            self.check()
        if is_second_signal:
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _ENDED_IMMEDIATELY)
            os._exit(Interrupted.exit_code)

    def check(self) -> None:
        if self.event.is_set() and self.written:
            raise Interrupted(
                "Stopped by a signal between two flows.",
                "What was written is recorded. Run again to send the remaining changes.",
            )
        if self.event.is_set():
            raise Interrupted("Stopped by a signal before anything was written.", "You can run it again.")

    @contextlib.contextmanager
    def raising_immediately(self) -> Iterator[None]:
        """For reading a system: a wait may take minutes, and there is nothing to clean up."""
        self._raise_immediately = True
        try:
            self.check()
            yield
        finally:
            self._raise_immediately = False


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
