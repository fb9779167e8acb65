"""What a row rule says about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`withholds`: the row is not sent. `meaning` completes "rows where ..."; `fix` says what to do, `fix_in` where: in
    which system, or in the channel file."""

    id: str
    withholds: bool
    meaning: str
    cause: str
    fix: str
    fix_in: str
