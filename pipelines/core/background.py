"""Work in background threads. The threads are daemons: none keeps the process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
GRACE_S = 1.0


def start_in_background(work: Callable[[], T]) -> Future[T]:
    """Starts `work` in a thread. The future gets its result or its exception."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return future


@contextmanager
def running_in_background(work: Callable[[], T], give_up: Callable[[], None]) -> Iterator[Future[T]]:
    """Runs `work` while the block runs. If the block raises, calls `give_up`, which must make the work end, and waits
    at most GRACE_S seconds for it."""
    future = start_in_background(work)
    try:
        yield future
    except BaseException:
        give_up()
        wait([future], GRACE_S)
        raise
