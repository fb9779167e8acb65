"""Prefetching of list pages, and the messages for lists that exceed `max_rows`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from pipelines.core.background import start_in_background

T = TypeVar("T")


def row_limit_message(max_rows: int) -> str:
    return f"more than {max_rows:,} rows, and the list goes on: it may have no end."


def row_limit_fix(system: str) -> str:
    return f"Nothing was written. If the list really is that long, increase max_rows in [systems.{system}]."


class Prefetcher(Generic[T]):
    """Reads pages in order and requests the next pages in the background.

    `fetch` reads one page by its number. At most `max_in_flight` requests run at the same time, and at most a quarter
    of the pages read so far is requested ahead, because the list may end anywhere. A prefetched page's result or error
    is returned when that page is requested, and dropped if it never is.
    """

    def __init__(self, fetch: Callable[[int], T], max_in_flight: int) -> None:
        self._fetch, self._max_in_flight = fetch, max_in_flight
        self._pending: dict[int, Future[T]] = {}

    def page(self, number: int, consecutive: bool) -> T:
        """The page. If `consecutive`, the numbers of the following pages are `number` + 1, + 2 and so on."""
        pending = self._pending.pop(number, None)
        self._pending = {ahead: future for ahead, future in self._pending.items() if ahead > number}
        if consecutive:
            for ahead in range(number + 1, number + min(self._max_in_flight, 1 + number // 4)):
                if ahead not in self._pending:
                    self._pending[ahead] = start_in_background(partial(self._fetch, ahead))
        return self._fetch(number) if pending is None else pending.result()
