"""What a whole batch may be expected to be like, declared as data for Great Expectations.

Only what no single row can show. Whether a row is valid is the contract's business, whether acting is sane the limits'.
Great Expectations is imported by the builders only: it takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LEAST_OF_USUAL, MOST_OF_USUAL = 0.5, 2


@dataclass(frozen=True)
class Known:
    """What a batch is measured against: `usual_rows` by expectation, none where there is no run to compare with."""

    usual_rows: Mapping[str, float] = field(default_factory=dict)


Builder = Callable[["Expectation", Known], Any]


@dataclass(frozen=True)
class Expectation:
    """`meaning` completes "it is expected that"; `column` is one of the suite's frame, "" for the table as a whole."""

    id: str
    column: str
    meaning: str
    fix: str
    build: Builder

    def built(self, known: Known) -> Any:
        """The expectation as Great Expectations knows it."""
        return self.build(self, known)


def _gx() -> Any:
    from great_expectations import expectations

    return expectations


def usual_rows(least: float = LEAST_OF_USUAL, most: float | None = MOST_OF_USUAL) -> Builder:
    def build(own: Expectation, known: Known) -> Any:
        usual = known.usual_rows.get(own.id)
        if not usual:  # nothing to compare with, or nothing there till now
            return _gx().ExpectTableRowCountToBeBetween(min_value=0)
        return _gx().ExpectTableRowCountToBeBetween(
            min_value=math.ceil(least * usual), max_value=None if most is None else math.floor(most * usual)
        )

    return build


def unique(mostly: float = 1) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeUnique(column=own.column, mostly=mostly)


def filled(mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToNotBeNull(column=own.column, mostly=mostly)


def one_of(values: list[str], mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeInSet(column=own.column, value_set=values, mostly=mostly)


def shaped(pattern: str, mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToMatchRegex(column=own.column, regex=pattern, mostly=mostly)


def between(least: float | None, most: float | None, mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeBetween(
        column=own.column, min_value=least, max_value=most, mostly=mostly
    )


def smallest(least: float, most: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnMinToBeBetween(column=own.column, min_value=least, max_value=most)


@dataclass(frozen=True)
class Suite:
    """The expectations of one table.

    `query` gives the frame that they look at: only these columns, with absent texts as null, which no expectation of a
    share counts. It may use `$now` (UTC); it is "" where the flow hands the frame over. With `per_selection`, a batch
    is compared with those of runs that had the same --sku.
    """

    table: str
    query: str
    expectations: tuple[Expectation, ...]
    per_selection: bool = False
