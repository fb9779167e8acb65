"""Expectations about complete batches, declared as data for Great Expectations.

They check only properties that a single row cannot show. Contracts check rows; limits check plans. Only the builders
import Great Expectations, because the import takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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


def usual_rows(min_share: float = MIN_SHARE_OF_USUAL, max_share: float | None = MAX_SHARE_OF_USUAL) -> Builder:
    def build(expectation: Expectation, baseline: Baseline) -> Any:
        usual = baseline.usual_rows.get(expectation.id)
        if not usual:  # no earlier run, or no rows in earlier runs
            return _gx().ExpectTableRowCountToBeBetween(min_value=0)
        return _gx().ExpectTableRowCountToBeBetween(
            min_value=math.ceil(min_share * usual),
            max_value=None if max_share is None else math.floor(max_share * usual),
        )

    return build


def unique(mostly: float = 1) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnValuesToBeUnique(column=expectation.column, mostly=mostly)


def filled(mostly: float) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnValuesToNotBeNull(column=expectation.column, mostly=mostly)


def one_of(values: list[str], mostly: float) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnValuesToBeInSet(
        column=expectation.column, value_set=values, mostly=mostly
    )


def shaped(pattern: str, mostly: float) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnValuesToMatchRegex(
        column=expectation.column, regex=pattern, mostly=mostly
    )


def between(min_value: float | None, max_value: float | None, mostly: float) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnValuesToBeBetween(
        column=expectation.column, min_value=min_value, max_value=max_value, mostly=mostly
    )


def smallest(min_value: float, max_value: float) -> Builder:
    return lambda expectation, _: _gx().ExpectColumnMinToBeBetween(
        column=expectation.column, min_value=min_value, max_value=max_value
    )


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
