"""The declaration of a row rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`withholds`: the row is not sent. `meaning` completes "rows where ...". `fix` is what to do; `fix_in` is where: a
    system or the channel file."""

    id: str
    withholds: bool
    meaning: str
    cause: str
    fix: str
    fix_in: str
