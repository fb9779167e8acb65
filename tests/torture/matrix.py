"""A cell of the fault matrix (one fault at one place of a run) and its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from tests.support.shop import TORTURE


@dataclass(frozen=True)
class CellResult:
    """The exit codes of the run with the fault and of its reruns; after the last one both systems are as expected."""

    exits: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """`family` is the table in docs/torture.md, `fault` and `side` are its row, `place` is the request or step.

    `run` raises AssertionError if an invariant does not hold. `quick` cells run in every `make test`.
    """

    family: str
    fault: str
    side: str
    place: str
    run: Callable[..., CellResult]
    quick: bool = False

    @property
    def id(self) -> str:
        return f"{self.family}: {self.fault} at {self.side} {self.place}"


def as_parameters(cells: Iterable[Cell]) -> list[object]:
    """The cells as pytest parameters: all under `make torture`, otherwise the quick ones."""
    return [pytest.param(cell, id=cell.id) for cell in cells if TORTURE or cell.quick]
