"""Work beside other work, in threads that are waited for, or given up: none keeps the process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
GRACE_S = 1.0


def start_in_background(work: Callable[[], T]) -> Future[T]:
    """`work`, in a thread from now on; the future has its result or what it raised."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return future


@contextmanager
def running_in_background(work: Callable[[], T], give_up: Callable[[], None]) -> Iterator[Future[T]]:
    """Does `work` while the block runs. Where the block ends by an error, `give_up` is to make the work end; it is
    not waited for beyond a moment."""
    future = start_in_background(work)
    try:
        yield future
    except BaseException:
        give_up()
        wait([future], GRACE_S)
        raise
