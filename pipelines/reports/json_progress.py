"""The progress of a run as lines of JSON on stderr, for the pages."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Any

from pipelines.core.json_codec import encode
from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import Plan
from pipelines.engine.preflight import Check
from pipelines.engine.push import Result
from pipelines.state.run_result import RunResult

EVERY_S = 0.5


class JsonProgress:
    """Writes a line at most every EVERY_S seconds: `progress {...}` with the rows that were read (`read`, `expected`:
    by system), or the number of changes that have an outcome (`done`, `changes`)."""

    def __init__(self) -> None:
        self._changes = self._done = 0
        self._written_at = float("-inf")

    @contextmanager
    def reading(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int]) -> Iterator[None]:
        stop = threading.Event()

        def write() -> None:
            while not stop.wait(EVERY_S):
                counts = {name: count() for name, count in rows.items()}
                self._write({"read": counts, "expected": {name: totals.get(name, 0) for name in rows}})

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def planned(self, report: RunResult, flow: Flow, plan: Plan, evaluation: Evaluation) -> None:
        self._changes += len(plan.changes)

    def result(self, result: Result) -> None:
        self._done += 1
        if monotonic() - self._written_at >= EVERY_S:
            self._write({"done": self._done, "changes": self._changes})

    def _write(self, facts: dict[str, Any]) -> None:
        self._written_at = monotonic()
        write_progress(facts)


def write_check_progress(check: Check) -> None:
    write_progress({"check": asdict(check)})


def write_progress(facts: dict[str, Any]) -> None:
    """Nobody may be left to read it: the run goes on if the pages are killed."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"progress {encode(facts).decode()}\n")
        sys.stderr.flush()
