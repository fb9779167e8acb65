"""The declaration of a row rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`withholds`: the row is not sent. `meaning` completes "rows where ...". `fix` is what to do; `fix_in` is where: a
    system or the channel file. `urgent`: a customer waits, or the shop may sell what is not there. `shared` names the
    value that several rows share, if that is what breaks the rule: a report shows such rows together."""

    id: str
    withholds: bool
    meaning: str
    cause: str
    fix: str
    fix_in: str
    urgent: bool = False
    shared: str = ""
