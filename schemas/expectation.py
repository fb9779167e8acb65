"""Expectations about complete batches, declared as data for Great Expectations.

They check only properties that a single row cannot show. Contracts check rows; limits check plans. Only the builders
import Great Expectations, because the import takes seconds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MIN_SHARE_OF_USUAL, MAX_SHARE_OF_USUAL = 0.5, 2


@dataclass(frozen=True)
class Baseline:
    """Values of earlier runs. `usual_rows`: the usual number of rows by expectation id; empty without earlier runs."""

    usual_rows: Mapping[str, float] = field(default_factory=dict)


Builder = Callable[["Expectation", Baseline], Any]


@dataclass(frozen=True)
class Expectation:
    """`meaning` completes "it is expected that". `column` is a column of the suite's frame, or "" for the table."""

    id: str
    column: str
    meaning: str
    fix: str
    build: Builder

    def built(self, baseline: Baseline) -> Any:
        """The expectation as an object of Great Expectations."""
        return self.build(self, baseline)


def _gx() -> Any:
    from great_expectations import expectations

    return expectations


@dataclass(frozen=True)
class Check:
    """A builder for one kind of expectation. Its repr names it completely, so that a later run can recognise it."""

    kind: str  # the class of Great Expectations
    arguments: tuple[tuple[str, Any], ...] = ()

    def __call__(self, expectation: Expectation, baseline: Baseline) -> Any:
        return getattr(_gx(), self.kind)(column=expectation.column, **dict(self.arguments))


class Measured(ABC):
    """A builder for an expectation about one number, which every run computes anew: it depends on the time or on the
    runs before."""

    @abstractmethod
    def __call__(self, expectation: Expectation, baseline: Baseline) -> Any: ...

    @abstractmethod
    def bounds(self, expectation: Expectation, baseline: Baseline) -> dict[str, float]:
        """`min_value` and `max_value`, as far as there are such limits."""

    @abstractmethod
    def observed(self, expectation: Expectation, frame: pd.DataFrame) -> float | None: ...

    @abstractmethod
    def observed_sql(self, expectation: Expectation) -> str:
        """The same as an aggregate over the suite's query."""


@dataclass(frozen=True)
class _UsualRows(Measured):
    min_share: float
    max_share: float | None

    def __call__(self, expectation: Expectation, baseline: Baseline) -> Any:
        return _gx().ExpectTableRowCountToBeBetween(**self.bounds(expectation, baseline))

    def bounds(self, expectation: Expectation, baseline: Baseline) -> dict[str, float]:
        usual = baseline.usual_rows.get(expectation.id)
        if not usual:  # no earlier run, or no rows in earlier runs
            return {"min_value": 0}
        least: dict[str, float] = {"min_value": math.ceil(self.min_share * usual)}
        return least if self.max_share is None else least | {"max_value": math.floor(self.max_share * usual)}

    def observed(self, expectation: Expectation, frame: pd.DataFrame) -> float | None:
        return len(frame)

    def observed_sql(self, expectation: Expectation) -> str:
        return "count(*)"


@dataclass(frozen=True)
class _Smallest(Measured):
    min_value: float
    max_value: float

    def __call__(self, expectation: Expectation, baseline: Baseline) -> Any:
        return _gx().ExpectColumnMinToBeBetween(column=expectation.column, **self.bounds(expectation, baseline))

    def bounds(self, expectation: Expectation, baseline: Baseline) -> dict[str, float]:
        return {"min_value": self.min_value, "max_value": self.max_value}

    def observed(self, expectation: Expectation, frame: pd.DataFrame) -> float | None:
        present = frame[expectation.column].dropna()
        return float(present.min()) if len(present) else None

    def observed_sql(self, expectation: Expectation) -> str:
        return f'min("{expectation.column}")::double'


def usual_rows(min_share: float = MIN_SHARE_OF_USUAL, max_share: float | None = MAX_SHARE_OF_USUAL) -> Builder:
    return _UsualRows(min_share, max_share)


def unique(mostly: float = 1) -> Builder:
    return Check("ExpectColumnValuesToBeUnique", (("mostly", mostly),))


def filled(mostly: float) -> Builder:
    return Check("ExpectColumnValuesToNotBeNull", (("mostly", mostly),))


def one_of(values: list[str], mostly: float) -> Builder:
    return Check("ExpectColumnValuesToBeInSet", (("value_set", values), ("mostly", mostly)))


def shaped(pattern: str, mostly: float) -> Builder:
    return Check("ExpectColumnValuesToMatchRegex", (("regex", pattern), ("mostly", mostly)))


def between(min_value: float | None, max_value: float | None, mostly: float) -> Builder:
    limits = (("min_value", min_value), ("max_value", max_value))
    return Check("ExpectColumnValuesToBeBetween", (*limits, ("mostly", mostly)))


def smallest(min_value: float, max_value: float) -> Builder:
    return _Smallest(min_value, max_value)


@dataclass(frozen=True)
class Suite:
    """The expectations of one table.

    `query` selects the frame that they check, with absent texts as null; expectations with `mostly` ignore nulls. It
    may use `$now` (UTC); it is "" if the flow provides the frame. With `per_selection`, a batch is compared only with
    runs that had the same --sku.
    """

    table: str
    query: str
    expectations: tuple[Expectation, ...]
    per_selection: bool = False
