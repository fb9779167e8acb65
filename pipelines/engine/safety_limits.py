"""Whether acting on a plan is sane: limits that the channel file sets, checked before any write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import pandas as pd

from pipelines.core.errors import UnsafePlan
from pipelines.engine.plan import Plan
from pipelines.state.store import Store

SHARE_FROM = 10  # below so many rows, a share says nothing
MAX_EXAMPLES = 3
MAX_EXAMPLE_LENGTH = 40


@dataclass(frozen=True)
class Violation:
    """What a limit says against a plan. `narrows`: whether a smaller --sku can bring the plan within it."""

    key: str
    words: str
    narrows: bool


def last_read(store: Store, flow: str) -> int | None:
    """How many rows the last full read that went through (exit 0 or 3) had; None where there was none."""
    found = store.connection.execute(
        "select f.rows_read from sync.flows f join sync.runs r using (run_id) where f.flow = $flow "
        "and r.exit_code in (0, 3) and run_id not in (select run_id from sync.reads where kind <> 'full') "
        "order by r.started_at desc limit 1",
        {"flow": flow},
    ).fetchall()
    return int(found[0][0]) if found else None


def refusal(said: list[Violation], stopped: list[str], flow: str, path: Path) -> UnsafePlan:
    """The error that stops the run, with the ways on that are open; `stopped` is what the expectations said."""
    who = [name for name, words in (("limits", said), ("expectations", stopped)) if words]
    keys = ", ".join(violation.key for violation in said)
    tables = " and ".join(f"{keys} in [flows.{flow}.limits]" if n == "limits" else f"[flows.{flow}.{n}]" for n in who)
    narrow = "or narrow it with --sku, " if said and not stopped and all(v.narrows for v in said) else ""
    return UnsafePlan(
        f"The {' and '.join(who)} refuse this plan: {'; '.join([*(v.words for v in said), *stopped])}.",
        f"Nothing was written. If the plan is right, push with --force (this once), {narrow}"
        f"or set {tables} of {path} to what is normal for this shop.",
    )


class ReadLimits(Protocol):
    """The limits that a flow may have on what it reads."""

    @property
    def min_rows(self) -> int: ...
    @property
    def min_read_share(self) -> float: ...


class ReadMetrics(Protocol):
    """`read` is how many rows were read, `read_before` how many the last good full read had (None without one),
    `full_read` whether this is one."""

    @property
    def read(self) -> int: ...
    @property
    def read_before(self) -> int | None: ...
    @property
    def full_read(self) -> bool: ...


class UpdateLimits(Protocol):
    """The limits that a flow may have on what it updates."""

    @property
    def max_updates(self) -> int: ...
    @property
    def max_update_share(self) -> float: ...


def read_violations(limits: ReadLimits, metrics: ReadMetrics) -> Iterable[Violation]:
    """Whether so little was read that something must be wrong."""
    if not metrics.full_read:  # what was not asked for cannot be missing
        return
    read, before = metrics.read, metrics.read_before
    if read < limits.min_rows:
        yield Violation("min_rows", f"{read} rows were read, fewer than min_rows = {limits.min_rows}", False)
    if before is not None and before >= SHARE_FROM and read < exact(limits.min_read_share) * before:
        yield Violation(
            "min_read_share",
            f"{read} rows were read, {percent(read, before)} of the {before} that the last good run read, "
            f"less than min_read_share = {limits.min_read_share:g}",
            False,
        )


def update_violations(limits: UpdateLimits, plan: Plan, what: str) -> Iterable[Violation]:
    """Whether more would be updated than is usual; `what` are the things that are."""
    updates = plan.count("update")
    if updates > limits.max_updates:
        words = f"{updates} {what} would be updated, more than max_updates = {limits.max_updates}"
        yield Violation("max_updates", words, True)
    if plan.live >= SHARE_FROM and updates > exact(limits.max_update_share) * plan.live:
        yield Violation(
            "max_update_share",
            f"{updates} of the {plan.live} {what} in the target would be updated "
            f"({percent(updates, plan.live)}), more than max_update_share = {limits.max_update_share:g}",
            True,
        )


def change_violations(key: str, most: int, plan: Plan, action: str, words: str) -> list[Violation]:
    """What a limit on the number of creates or updates says; `words` follow the number."""
    count = plan.count(action)
    return [Violation(key, f"{count} {words}, more than {key} = {most}", True)] if count > most else []


def exact(number: float) -> Fraction:
    """As it was written: 0.29 of 100 is 28.999999999999996 in binary."""
    return Fraction(str(number))


def percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"


def examples(codes: pd.Series) -> str:
    return ", ".join(shortened(code) for code in sorted(set(codes))[:MAX_EXAMPLES])


def shortened(code: str) -> str:
    """In quotes, with what cannot be seen written out."""
    return repr(code if len(code) <= MAX_EXAMPLE_LENGTH else f"{code[: MAX_EXAMPLE_LENGTH - 1]}…")
