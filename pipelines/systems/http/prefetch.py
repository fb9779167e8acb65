"""What both clients' lists have in common: pages under way ahead of their turn, and lists that do not end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from pipelines.core.background import start_in_background

T = TypeVar("T")


def row_limit_message(most: int) -> str:
    return f"more than {most:,} rows, and the list goes on: it may have no end."


def row_limit_fix(system: str) -> str:
    return f"Nothing was written. If the list really is that long, set max_rows in [systems.{system}] higher."


class Prefetcher(Generic[T]):
    """Pages asked for one after the other, with those that are going to follow already under way.

    `ask` gets one page by its number; `most` are asked for at the same time, and no more beyond than a quarter of
    what was read: the list may end anywhere. What became of a page that was asked for ahead, an error too, comes out
    when its turn comes, and is nobody's business if it never comes.
    """

    def __init__(self, ask: Callable[[int], T], most: int) -> None:
        self._ask, self._most = ask, most
        self._under_way: dict[int, Future[T]] = {}

    def page(self, number: int, following: bool) -> T:
        """The page; `following` says that the pages after it have the numbers after it."""
        own = self._under_way.pop(number, None)
        self._under_way = {ahead: future for ahead, future in self._under_way.items() if ahead > number}
        if following:
            for ahead in range(number + 1, number + min(self._most, 1 + number // 4)):
                if ahead not in self._under_way:
                    self._under_way[ahead] = start_in_background(partial(self._ask, ahead))
        return self._ask(number) if own is None else own.result()
