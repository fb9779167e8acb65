"""The interface between a run and what shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import Plan
from pipelines.engine.push import Result
from pipelines.state.run_result import RunResult


class RunObserver(Protocol):
    """Shows the progress of a run."""

    def reading(self, rows: Mapping[str, Callable[[], int]], totals: Mapping[str, int]) -> AbstractContextManager[None]:
        """While the systems are read: `rows` returns by system how many rows have come, `totals` how many to expect."""

    def planned(self, report: RunResult, flow: Flow, plan: Plan, evaluation: Evaluation) -> None: ...

    def result(self, result: Result) -> None: ...
