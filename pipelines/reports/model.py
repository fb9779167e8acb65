"""What a report says about the last run. Lists hold their start; `total` says how long they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNTS

MAX_INLINE = 50
Row = dict[str, Any]


@dataclass(frozen=True)
class FlowWords:
    """A flow in words: what one of its rows and several are called, where they come from and go to, what its counts of
    drifted and unmatched rows mean ("" where it has none), and which fields name a create."""

    row: str
    rows: str
    source: str
    target: str
    drifted: str
    unmatched: str
    summary: tuple[str, ...]

    def summary_of(self, row: Row) -> list[FieldChange]:
        """The fields of a change that name it."""
        return [field for field in row["fields"] if field.name in self.summary and field.new]

    def also(self, counts: dict[str, int]) -> str:
        """The two counts that stand outside of the sums, as a sentence; "" where there is nothing to say."""
        parts = [
            f"{counts[name]:,} {words}"
            for name, words in (("drifted", self.drifted), ("unmatched", self.unmatched))
            if words and counts[name]
        ]
        return f"Also: {', '.join(parts)}." if parts else ""


@dataclass(frozen=True)
class Todo:
    """One rule that some rows break; `came_back` of them did so before and were fixed in between. `owner` is where it
    is to be fixed."""

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
class SideBySide:
    """One amount of both sides, by code; of those that differ, `left_more` have more on the left side.

    `oldest` and `newest` are when the right side last touched its numbers, `read_at` when the left side was asked for
    its own, which carry no date.
    """

    flow: str
    title: str
    left: str
    right: str
    left_column: str
    right_column: str
    left_undated: str
    is_written: bool
    equal: int
    differing: int
    left_more: int
    read_at: datetime | None
    left_only: int
    right_only: int
    oldest: datetime | None
    newest: datetime | None
    undated: int
    largest: list[Row]


@dataclass(frozen=True)
class ExpectationSummary:
    """What was expected of the batch as a whole, and what did not hold or could not be validated."""

    passed: int
    failed: int
    errored: int
    not_passed: Section


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
    """One flow; `run` is the newest that compared its two sides."""

    flow: str
    words: FlowWords
    run: RunResult
    todos: list[Todo]
    warnings: list[Todo]
    closed: Section
    closed_reasons: dict[str, int]
    created: Section
    updated: Section
    changed: Section
    not_written: Section

    @property
    def counts(self) -> dict[str, int]:
        return self.run.flows.get(self.flow) or dict.fromkeys(COUNTS, 0)

    @property
    def to_fix(self) -> int:
        """How many rows wait for somebody: withheld here, or refused by the target."""
        return self.counts["withheld"] + self.counts["refused"]

    @property
    def selected(self) -> int:
        """How many rows should be on the other side, as far as we know."""
        return self.counts["read"] - self.counts["skipped"]

    @property
    def correct(self) -> int:
        """How many of them are there as the source has them."""
        return self.counts["unchanged"] + self.counts["applied"]


@dataclass(frozen=True)
class Facts:
    """Everything the views show.

    `run` is the last run, `notes` what was noticed while its systems were read. `read` says how the compared run read
    them. `words` are those of the lead, or of the channel's first flow. `lead` is the first of the channel's
    flows that ever compared both sides, in its newest run that did, and `others` are the rest; None and none where no
    run ever got that far.
    """

    run: RunResult
    lead: FlowFacts | None
    words: FlowWords
    read: str
    others: list[FlowFacts]
    selection: list[str]
    last_good: datetime | None
    last_good_push: datetime | None
    comparisons: list[SideBySide]
    expectations: ExpectationSummary
    trend: list[Trend]
    runs: list[Row]
    notes: list[str]

    @property
    def compared(self) -> RunResult | None:
        """The run that the lists are about."""
        return None if self.lead is None else self.lead.run

    @property
    def fresh(self) -> bool:
        """Whether the last run itself compared both sides."""
        return self.compared is not None and self.compared.run_id == self.run.run_id

    @property
    def to_fix(self) -> int:
        return sum(one.to_fix for one in (self.lead, *self.others) if one is not None)

    def as_json(self) -> dict[str, Any]:
        """The run's own object, and under "report" all that the page shows."""
        lead = self.lead
        told: dict[str, Any] = {
            "about_run_id": None if lead is None else lead.run.run_id,
            "selection": self.selection,
            "last_good": self.last_good,
            "last_good_push": self.last_good_push,
            "to_fix": self.to_fix,
            "wanted": 0 if lead is None else lead.selected,
            "right": 0 if lead is None else lead.correct,
            "todos": [] if lead is None else lead.todos,
            "warnings": [] if lead is None else lead.warnings,
            "closed": _NOTHING if lead is None else lead.closed,
            "closed_because": {} if lead is None else lead.closed_reasons,
            "created": _NOTHING if lead is None else lead.created,
            "updated": _NOTHING if lead is None else lead.updated,
            "unwritten": _NOTHING if lead is None else lead.not_written,
            "others": [_other_as_json(other) for other in self.others],
            "expectations": {
                "passed": self.expectations.passed,
                "failed": self.expectations.failed,
                "errored": self.expectations.errored,
                "told": self.expectations.not_passed,
            },
            "trend": self.trend,
            "runs": self.runs,
        }
        told |= {one.flow: _side_by_side_as_json(one) for one in self.comparisons}
        return self.run.as_json() | {"report": _plain(told)}


_NOTHING = Section(0, [])


def _other_as_json(flow: FlowFacts) -> dict[str, Any]:
    return {
        "flow": flow.flow,
        "about_run_id": flow.run.run_id,
        "todos": flow.todos,
        "warnings": flow.warnings,
        "changed": flow.changed,
        "unwritten": flow.not_written,
    }


def _side_by_side_as_json(one: SideBySide) -> dict[str, Any]:
    left, right = one.left.casefold(), one.right.casefold()
    return {
        "equal": one.equal,
        "differing": one.differing,
        f"{left}_more": one.left_more,
        "read_at": one.read_at,
        f"{left}_only": one.left_only,
        f"{right}_only": one.right_only,
        "oldest": one.oldest,
        "newest": one.newest,
        "undated": one.undated,
        "largest": one.largest,
    }


def _plain(value: Any) -> Any:
    """Dataclasses as objects."""
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
