"""What there is to say about the last run. Lists hold their start; `total` says how long they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNTS

MAX_INLINE = 50
Row = dict[str, Any]


@dataclass(frozen=True)
class Todo:
    """One rule that some rows break; `came_back` of them did so before and were fixed in between."""

    rule: str
    rows: int
    since: datetime | None
    came_back: int
    meaning: str
    fix: str
    owner: str
    examples: list[Row]


@dataclass(frozen=True)
class Section:
    """The start of a list, and how long the list is."""

    total: int
    rows: list[Row]

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class FieldChange:
    """One field of a change as text; None where there was nothing."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class StockComparison:
    """Both sides' available units, by code; of those that differ, `centra_more` have more in Centra.

    `oldest` and `newest` are when myOGO last touched its numbers, `read_at` when Centra was asked for its own, which
    carry no date.
    """

    equal: int
    differing: int
    centra_more: int
    read_at: datetime | None
    centra_only: int
    myogo_only: int
    oldest: datetime | None
    newest: datetime | None
    undated: int
    largest: list[Row]


@dataclass(frozen=True)
class ExpectationSummary:
    """What was expected of the batch as a whole, and what did not come true or could not be computed."""

    passed: int
    failed: int
    errored: int
    told: Section


@dataclass(frozen=True)
class Trend:
    """How many rows one rule concerned, run by run, the oldest first."""

    rule: str
    owner: str
    meaning: str
    withholds: bool
    rows: list[int]

    @property
    def ever(self) -> bool:
        return any(self.rows)


@dataclass(frozen=True)
class FlowFacts:
    """A flow other than products; `run` is the newest that compared its two sides."""

    flow: str
    run: RunResult
    todos: list[Todo]
    warnings: list[Todo]
    changed: Section
    unwritten: Section

    @property
    def counts(self) -> dict[str, int]:
        return self.run.flows.get(self.flow) or dict.fromkeys(COUNTS, 0)

    @property
    def to_fix(self) -> int:
        """How many rows wait for a person: withheld here, or refused by the target."""
        return self.counts["withheld"] + self.counts["refused"]


@dataclass(frozen=True)
class Facts:
    """Everything the views show.

    `run` is the last run. The lists speak of `judged`, the newest run that compared both sides: the same one
    unless the last run did not get that far, and None where none ever did.
    """

    run: RunResult
    judged: RunResult | None
    selection: list[str]
    last_good: datetime | None
    last_good_push: datetime | None
    todos: list[Todo]
    warnings: list[Todo]
    closed: Section
    closed_because: dict[str, int]
    created: Section
    updated: Section
    unwritten: Section
    others: list[FlowFacts]
    stock: StockComparison | None
    expectations: ExpectationSummary
    trend: list[Trend]
    runs: list[Row]

    @property
    def fresh(self) -> bool:
        """Whether the last run itself compared both sides."""
        return self.judged is not None and self.judged.run_id == self.run.run_id

    @property
    def counts(self) -> dict[str, int]:
        """Those of the products flow; all zero where it never compared both sides."""
        known = {} if self.judged is None else self.judged.flows
        return known.get("products") or dict.fromkeys(COUNTS, 0)

    @property
    def wanted(self) -> int:
        """How many sizes should be in myOGO, as far as we know."""
        return self.counts["read"] - self.counts["skipped"]

    @property
    def right(self) -> int:
        """How many of them are there as Centra has them."""
        return self.counts["unchanged"] + self.counts["applied"]

    @property
    def to_fix(self) -> int:
        """How many rows wait for a person: withheld here, or refused by the target."""
        return self.counts["withheld"] + self.counts["refused"] + sum(other.to_fix for other in self.others)

    def as_json(self) -> dict[str, Any]:
        """The run's own object, and beside it all that the page shows."""
        told = asdict(self)
        del told["run"], told["judged"]
        for other in told["others"]:
            other["about_run_id"] = other.pop("run")["run_id"]
        told["about_run_id"] = None if self.judged is None else self.judged.run_id
        told["to_fix"], told["wanted"], told["right"] = self.to_fix, self.wanted, self.right
        return self.run.as_json() | {"report": told}
