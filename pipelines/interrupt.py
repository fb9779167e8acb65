"""What SIGINT and SIGTERM do to a run."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from pipelines.errors import Interrupted


class Interrupt:
    """SIGINT and SIGTERM: at once while nothing is being written, in order while something is."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._orderly = False

    def arrive(self, *_: object) -> None:
        self.event.set()
        if not self._orderly:
            self.check()

    def check(self) -> None:
        if self.event.is_set():
            raise Interrupted("Asked to stop before anything was written.", "Run again when you like.")

    @contextlib.contextmanager
    def in_order(self) -> Iterator[threading.Event]:
        self._orderly = True
        try:
            yield self.event
        finally:
            self._orderly = False


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.arrive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
