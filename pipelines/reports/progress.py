"""The progress of a run on stderr: a live line per system and a bar for the writes, or a line now and then."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LIVE_EVERY_S = 0.2
LINE_EVERY_S = 30.0


class RunProgress:
    """`title` gives the display name of a system. Without a terminal, a line is printed every 30 seconds."""

    def __init__(self, title: Callable[[str], str]) -> None:
        self.title = title
        self.out = Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)
        self._writes: Progress | None = None
        self._total = self._done = 0
        self._last_line = monotonic()

    @contextmanager
    def reading(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int]) -> Iterator[None]:
        """Shows how many rows of each system have come, until the block ends."""
        began, stop = monotonic(), threading.Event()
        work = self._live if self.out.is_terminal else self._lines
        thread = threading.Thread(target=work, args=(rows, totals, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        counts = ", ".join(f"{self.title(name)} {count():,} rows" for name, count in rows.items())
        self.out.print(f"[dim]Read {counts} in {monotonic() - began:.0f} s[/]")

    def _live(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int], stop: threading.Event) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, TimeRemainingColumn(), console=self.out, transient=True) as progress:
            tasks = {
                name: progress.add_task(f"read {self.title(name)}", total=totals.get(name) or None) for name in rows
            }
            while not stop.wait(LIVE_EVERY_S):
                for name, task in tasks.items():
                    progress.update(task, completed=rows[name]())

    def _lines(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int], stop: threading.Event) -> None:
        while not stop.wait(LINE_EVERY_S):
            parts = (
                f"{self.title(name)} {count():,}" + (f" of about {totals[name]:,}" if totals.get(name) else "")
                for name, count in rows.items()
            )
            self.out.print(f"reading: {', '.join(parts)} rows")

    def expect_writes(self, count: int) -> None:
        self._total += count

    def write_done(self) -> None:
        """One more change has its outcome."""
        self._done += 1
        if self.out.is_terminal and self._writes is None:
            columns = TextColumn("push"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._writes = Progress(*columns, console=self.out, transient=True)
            self._task = self._writes.add_task("push", total=self._total)
            self._writes.start()
        if self._writes is not None:
            self._writes.advance(self._task)
        elif monotonic() - self._last_line > LINE_EVERY_S:
            self._last_line = monotonic()
            self.out.print(f"pushing: {self._done:,} of {self._total:,} changes")

    def close(self) -> None:
        if self._writes is not None:
            self._writes.stop()
