"""Whether acting on a plan is sane: declared in the channel file, judged before any write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.errors import UnsafePlan
from pipelines.core.json_codec import decode_exact
from pipelines.engine.plan import Plan
from pipelines.state.store import Store

SHARE_FROM = 10  # below so many rows, a share says nothing
MAX_EXAMPLES = 3
MAX_EXAMPLE_LENGTH = 40


class ProductLimits(BaseModel):
    """`[flows.products.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_rows: int = Field(default=1, ge=0)
    max_creates: int = Field(default=5000, ge=0)
    max_updates: int = Field(default=2000, ge=0)
    max_update_share: float = Field(default=0.30, ge=0, le=1)
    min_read_share: float = Field(default=0.60, ge=0, le=1)
    min_known_share: float = Field(default=0.10, ge=0, le=1)
    max_withheld_share: float = Field(default=0.50, ge=0, le=1)
    max_price_jumps: int = Field(default=10, ge=0)
    price_jump_factor: float = Field(default=5.0, ge=1, le=1_000_000)


@dataclass(frozen=True)
class ProductMetrics:
    """What the limits look at besides the plan, whatever --sku says.

    `read` is how many rows the source gave, `read_before` how many it gave to the last good full read (None without
    one), `whole` whether this is one, `wanted` how many of the rows the channel selects. `withheld` has one line
    per wanted row and rule that it breaks (`row`, `rule`, `code`). `made` are the codes that the source makes,
    `held` those of the target.
    """

    read: int
    read_before: int | None
    whole: bool
    wanted: int
    withheld: pd.DataFrame
    made: pd.Series
    held: pd.Series


@dataclass(frozen=True)
class Violation:
    """What a limit says against a plan. `narrows`: whether a smaller --sku can bring the plan within it."""

    key: str
    words: str
    narrows: bool


def last_read(store: Store, flow: str) -> int | None:
    """How many rows the last full read that went through (exit 0 or 3) had; None where there was none."""
    found = store.connection.execute(
        'select f."read" from sync.flows f join sync.runs r using (run_id) where f.flow = $flow '
        "and r.exit_code in (0, 3) and run_id not in (select run_id from sync.reads where kind <> 'full') "
        "order by r.started_at desc limit 1",
        {"flow": flow},
    ).fetchall()
    return int(found[0][0]) if found else None


def violations(limits: ProductLimits, plan: Plan, seen: ProductMetrics) -> list[Violation]:
    """What the limits say against the plan, in words with counts; empty where it may go ahead."""
    return [*of_the_source(limits, seen), *_of_both_sides(limits, seen), *_of_the_plan(limits, plan)]


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


class OfTheSource(Protocol):
    """The limits that any flow has on what it reads."""

    @property
    def min_rows(self) -> int: ...
    @property
    def min_read_share(self) -> float: ...


class Read(Protocol):
    """What any flow knows of its reading; see Evidence."""

    @property
    def read(self) -> int: ...
    @property
    def read_before(self) -> int | None: ...
    @property
    def whole(self) -> bool: ...


class OfUpdates(Protocol):
    """The limits that any flow has on what it updates."""

    @property
    def max_updates(self) -> int: ...
    @property
    def max_update_share(self) -> float: ...


def of_the_source(limits: OfTheSource, seen: Read) -> Iterable[Violation]:
    """Whether so little was read that something must be wrong."""
    if not seen.whole:  # what was not asked for cannot be missing
        return
    read, before = seen.read, seen.read_before
    if read < limits.min_rows:
        yield Violation("min_rows", f"{read} rows were read, fewer than min_rows = {limits.min_rows}", False)
    if before is not None and before >= SHARE_FROM and read < exact(limits.min_read_share) * before:
        yield Violation(
            "min_read_share",
            f"{read} rows were read, {percent(read, before)} of the {before} that the last good run read, "
            f"less than min_read_share = {limits.min_read_share:g}",
            False,
        )


def _of_both_sides(limits: ProductLimits, seen: ProductMetrics) -> Iterable[Violation]:
    holds = len(seen.held)
    known = seen.held.isin(seen.made)
    if holds >= SHARE_FROM and known.sum() < exact(limits.min_known_share) * holds:
        foreign = examples(seen.held[~known])
        ours = examples(seen.made[~seen.made.isin(seen.held)]) or "none"
        yield Violation(
            "min_known_share",
            f"{known.sum()} of the {holds} products in the target have a code that a size of the source makes "
            f"({percent(known.sum(), holds)}), less than min_known_share = {limits.min_known_share:g} (only in the "
            f"target: {foreign}; only in the source: {ours}): is it the right shop? Compare merchant_id and both "
            "base_url with the shop that is meant",
            False,
        )
    withheld = seen.withheld["row"].nunique()
    if seen.wanted >= SHARE_FROM and withheld > exact(limits.max_withheld_share) * seen.wanted:
        by_rule = sorted(seen.withheld.groupby("rule").size().items(), key=lambda pair: -pair[1])
        rules = ", ".join(f"{rule} {rows}" for rule, rows in by_rule[:MAX_EXAMPLES])
        yield Violation(
            "max_withheld_share",
            f"{withheld} of the {seen.wanted} wanted rows would be withheld ({percent(withheld, seen.wanted)}), more "
            f"than max_withheld_share = {limits.max_withheld_share:g} (most by {rules}; "
            f"for example {examples(seen.withheld['code'])})",
            False,
        )


def _of_the_plan(limits: ProductLimits, plan: Plan) -> Iterable[Violation]:
    creates, updates = plan.count("create"), plan.count("update")
    if creates > limits.max_creates:
        words = f"{creates} products would be created, more than max_creates = {limits.max_creates}"
        yield Violation("max_creates", words, True)
    yield from of_updates(limits, plan, "products")
    jumps = _price_jumps(plan, exact(limits.price_jump_factor))
    if len(jumps) > limits.max_price_jumps:
        yield Violation(
            "max_price_jumps",
            f"{len(jumps)} of the {updates} updates would change the price by a factor of more than "
            f"price_jump_factor = {limits.price_jump_factor:g}, more than max_price_jumps = {limits.max_price_jumps} "
            f"(for example {', '.join(jumps[:MAX_EXAMPLES])})",
            True,
        )


def of_updates(limits: OfUpdates, plan: Plan, what: str) -> Iterable[Violation]:
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


def _price_jumps(plan: Plan, factor: Fraction) -> list[str]:
    """The updates whose price is multiplied or divided by more than `factor`, as `code old -> new`.

    A price that the target lacks is no jump; one that is zero (or less) there or here is.
    """
    updates = plan.changes[plan.changes["action"] == "update"]
    jumps = []
    for key, before, after in updates[["key", "before", "after"]].itertuples(index=False):
        old, new = (decode_exact(side.encode()).get("sales_price") for side in (before, after))
        if old is None or new is None:
            continue
        low, high = sorted((Fraction(old), Fraction(new)))
        if high > factor * low:
            jumps.append(f"{_short(key)} {old} -> {new}")
    return jumps


def exact(number: float) -> Fraction:
    """As it was written: 0.29 of 100 is 28.999999999999996 in binary."""
    return Fraction(str(number))


def percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"


def examples(codes: pd.Series) -> str:
    return ", ".join(_short(code) for code in sorted(set(codes))[:MAX_EXAMPLES])


def _short(code: str) -> str:
    """In quotes, with what cannot be seen written out."""
    return repr(code if len(code) <= MAX_EXAMPLE_LENGTH else f"{code[: MAX_EXAMPLE_LENGTH - 1]}…")
