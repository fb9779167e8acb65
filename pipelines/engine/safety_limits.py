"""The safety limits of the channel file, which are checked before any write."""

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
from schemas.issues import and_more

MIN_ROWS_FOR_SHARE = 10  # a share of fewer rows means little
MAX_EXAMPLES = 3
MAX_EXAMPLE_LENGTH = 40


@dataclass(frozen=True)
class Violation:
    """A limit that a plan breaks. `narrows` states whether a smaller --sku can bring the plan within it."""

    key: str
    message: str
    narrows: bool


def last_read(store: Store, flow: str) -> int | None:
    """The number of rows in the last full read of a successful run (exit 0 or 3); None if there is none."""
    rows = store.connection.execute(
        "select f.rows_read from sync.flows f join sync.runs r using (run_id) where f.flow = $flow "
        "and r.exit_code in (0, 3) and run_id not in (select run_id from sync.reads where kind <> 'full') "
        "order by r.started_at desc limit 1",
        {"flow": flow},
    ).fetchall()
    return int(rows[0][0]) if rows else None


def refusal(violations: list[Violation], stop_messages: list[str], flow: str, path: Path) -> UnsafePlan:
    """The error that stops the run, with the possible next steps. `stop_messages` are those of the expectations."""
    tables = {"limits": violations, "expectations": stop_messages}
    who = [name for name, messages in tables.items() if messages]
    keys = ", ".join(violation.key for violation in violations)
    places = " and ".join(f"{keys} in [flows.{flow}.limits]" if n == "limits" else f"[flows.{flow}.{n}]" for n in who)
    can_narrow = violations and not stop_messages and all(violation.narrows for violation in violations)
    narrow = "or narrow it with --sku, " if can_narrow else ""
    messages = [*(violation.message for violation in violations), *stop_messages]
    return UnsafePlan(
        f"The {' and '.join(who)} refuse this plan: {'; '.join(messages).rstrip('.?')}.",
        f"Nothing was written. If the plan is right, push with --force (this once), {narrow}"
        f"or set {places} of {path} to what is normal for this shop.",
    )


class ReadLimits(Protocol):
    """Limits on the rows that a flow reads."""

    @property
    def min_rows(self) -> int: ...
    @property
    def min_read_share(self) -> float: ...


class ReadMetrics(Protocol):
    """`read` is the number of rows read, `read_before` that of the last successful full read (None without one).
    `full_read` states whether this read is a full one."""

    @property
    def read(self) -> int: ...
    @property
    def read_before(self) -> int | None: ...
    @property
    def full_read(self) -> bool: ...


class UpdateLimits(Protocol):
    """Limits on the rows that a flow updates."""

    @property
    def max_updates(self) -> int: ...
    @property
    def max_update_share(self) -> float: ...


def read_violations(limits: ReadLimits, metrics: ReadMetrics) -> Iterable[Violation]:
    """The limits that are broken because too few rows were read."""
    if not metrics.full_read:  # a read of changes does not request all rows
        return
    read, before = metrics.read, metrics.read_before
    if read < limits.min_rows:
        yield Violation("min_rows", f"{read} rows were read, fewer than min_rows = {limits.min_rows}", False)
    if before is not None and before >= MIN_ROWS_FOR_SHARE and read < exact(limits.min_read_share) * before:
        yield Violation(
            "min_read_share",
            f"{read} rows were read, {percent(read, before)} of the {before} that the last good run read, "
            f"less than min_read_share = {limits.min_read_share:g}",
            False,
        )


def update_violations(limits: UpdateLimits, plan: Plan, what: str, target: str) -> Iterable[Violation]:
    """The limits that are broken because too many rows would be updated; `what` names the rows, `target` the system
    that has them."""
    updates = plan.count("update")
    if updates > limits.max_updates:
        message = f"{updates} {what} would be updated, more than max_updates = {limits.max_updates}"
        yield Violation("max_updates", message, True)
    if plan.live >= MIN_ROWS_FOR_SHARE and updates > exact(limits.max_update_share) * plan.live:
        yield Violation(
            "max_update_share",
            f"{updates} of the {plan.live} {what} in {target} would be updated "
            f"({percent(updates, plan.live)}), more than max_update_share = {limits.max_update_share:g}",
            True,
        )


def change_violations(key: str, limit: int, plan: Plan, action: str, words: str) -> list[Violation]:
    """Whether the plan breaks a limit on creates or updates; `words` follow their number in the message."""
    count = plan.count(action)
    if count <= limit:
        return []
    keys = plan.changes.loc[plan.changes["action"] == action, "key"]
    named = and_more(list(keys), count)
    return [Violation(key, f"{count} {words} ({named}), more than {key} = {limit}", True)]


def exact(number: float) -> Fraction:
    """The number as it was written: in binary, 0.29 of 100 is 28.999999999999996."""
    return Fraction(str(number))


def percent(part: int, total: int) -> str:
    return f"{part / total:.1%}"


def examples(codes: pd.Series) -> str:
    return ", ".join(shortened(code) for code in sorted(set(codes))[:MAX_EXAMPLES])


def shortened(code: str) -> str:
    """Quoted and cut to MAX_EXAMPLE_LENGTH, with invisible characters escaped."""
    return repr(code if len(code) <= MAX_EXAMPLE_LENGTH else f"{code[: MAX_EXAMPLE_LENGTH - 1]}…")
