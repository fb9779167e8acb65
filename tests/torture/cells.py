"""One failure at one place of a run, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from tests.support.shop import TORTURE


@dataclass(frozen=True)
class Ended:
    """How the tortured run and the runs after it ended; the last of them left myOGO as the oracle wants it."""

    exits: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """`family` is the table, `fault` its row, `side` its group of columns, `place` which request or step.

    `run` raises AssertionError where a promise is broken. `quick` cells run in every `make test`.
    """

    family: str
    fault: str
    side: str
    place: str
    run: Callable[..., Ended]
    quick: bool = False

    @property
    def id(self) -> str:
        return f"{self.family}: {self.fault} at {self.side} {self.place}"


def chosen(cells: Iterable[Cell]) -> list[object]:
    """As pytest parameters: all of them under `make torture`, else the quick ones."""
    return [pytest.param(cell, id=cell.id) for cell in cells if TORTURE or cell.quick]
