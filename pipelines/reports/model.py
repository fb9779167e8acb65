"""The content of a report about the last run. A list holds its first rows, and `total` is its length."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from pipelines.reports.flow_words import FlowWords
from pipelines.state.run_result import RunResult
from pipelines.state.store import COUNTS

MAX_INLINE = 50
MAX_OF_GROUP = 12
MAX_SELECTION = 10  # patterns that a report names
Row = dict[str, Any]


@dataclass(frozen=True)
class Todo:
    """One rule that some rows of a flow break, with `codes` different codes. `came_back` of them broke it before and
    were fixed in between. `owner` is where to fix it. `shared` and `urgent` are those of the rule, `row_words` name one
    row and several. `examples` are the first rows, by group."""

    flow: str
    rule: str
    rows: int
    codes: int
    since: datetime | None
    came_back: int
    meaning: str
    fix: str
    owner: str
    urgent: bool
    shared: str
    row_words: tuple[str, str]
    examples: list[Row]

    def titles(self) -> list[str]:
        """What the example rows are known by, each once: the code, or the name and the id of a row without one."""
        return [*dict.fromkeys(str(row["code"] or self._named(row)) for row in self.examples)]

    def _named(self, row: Row) -> str:
        name = " ".join(str(row[column]) for column in ("name", "variant", "size") if row.get(column))
        return f"{name} ({self.row_words[0]} {row['source_id']})".strip()


@dataclass(frozen=True)
class Section:
    """The first rows of a list, and its length."""

    total: int
    rows: list[Row]

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class FieldChange:
    """One field of a change as text; None for no value."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class SideBySide:
    """One amount of both sides, compared by code. `left_more` of the differing codes have more on the left side.
    `explained` of them have the amount that the flow keeps there, which differs on purpose; None if that is not known.
    `largest` are the others.

    `oldest` and `newest` are the first and last time at which the right side changed an amount. `read_at` is the time
    at which the left amounts were read, because they have no date.
    """

    flow: str
    title: str
    left: str
    right: str
    left_column: str
    right_column: str
    left_undated: str
    why_different: str
    is_written: bool
    equal: int
    differing: int
    explained: int | None
    left_more: int
    read_at: datetime | None
    left_only: int
    right_only: int
    oldest: datetime | None
    newest: datetime | None
    undated: int
    largest: list[Row]

    @property
    def unexplained(self) -> int:
        return self.differing - (self.explained or 0)


@dataclass(frozen=True)
class ExpectationSummary:
    """The batch expectations by status, and those that did not pass."""

    passed: int
    failed: int
    errored: int
    not_passed: Section


@dataclass(frozen=True)
class Trend:
    """The number of rows that one rule concerned, per run, oldest first."""

    rule: str
    owner: str
    meaning: str
    withholds: bool
    rows: list[int]

    @property
    def ever(self) -> bool:
        return any(self.rows)

    @property
    def change(self) -> int:
        """Since the run before; 0 for the first run."""
        return self.rows[-1] - self.rows[-2] if len(self.rows) > 1 else 0


@dataclass(frozen=True)
class Day:
    """The number of rows that each flow withheld at the end of a day in the shop's time zone."""

    day: date
    withheld: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.withheld.values())


@dataclass(frozen=True)
class FlowFacts:
    """The facts of one flow; `run` is the newest run that compared its two sides."""

    flow: str
    words: FlowWords
    run: RunResult
    todos: list[Todo]
    warnings: list[Todo]
    has_warnings: bool  # whether they are still kept
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
        """The number of rows that someone must fix: withheld here, or refused by the target."""
        return self.counts["withheld"] + self.counts["refused"]

    @property
    def urgent(self) -> int:
        """The number of rows that break an urgent rule or were refused."""
        return sum(todo.rows for todo in self.todos if todo.urgent) + self.counts["refused"]

    @property
    def since(self) -> datetime | None:
        """When the oldest of its issues began."""
        return min((todo.since for todo in self.todos if todo.since), default=None)

    @property
    def selected(self) -> int:
        """The number of rows that should be on the other side."""
        return self.counts["read"] - self.counts["skipped"]

    @property
    def correct(self) -> int:
        """The number of selected rows that are on the other side as the source has them."""
        return self.counts["unchanged"] + self.counts["applied"]


@dataclass(frozen=True)
class Facts:
    """The content of a report.

    `run` is the last run, and `notes` are the findings of its reads. `lead` is the first of the channel's flows that
    has compared both sides, in the newest run in which it did; `others` are the other flows that have. Before the first
    such run, `lead` is None and `others` is empty. `read` describes how the run of the lead read the systems. `words`
    are those of the lead, or of the channel's first flow. `days` are the withheld rows of all flows by day.
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
    table_titles: dict[str, str]
    trend: list[Trend]
    days: list[Day]
    runs: list[Row]
    notes: list[str]

    @property
    def flows(self) -> list[FlowFacts]:
        """The flows that have compared both sides: those with urgent issues first, then those with any."""
        compared = [one for one in (self.lead, *self.others) if one is not None]
        return sorted(compared, key=lambda one: (not one.urgent, not one.to_fix))

    @property
    def todos(self) -> list[Todo]:
        """The to-dos of all flows: urgent ones first, then the most frequent."""
        found = [todo for flow in self.flows for todo in flow.todos]
        return sorted(found, key=lambda todo: (not todo.urgent, -todo.rows))

    @property
    def more_selected(self) -> str:
        """The number of the patterns after the first MAX_SELECTION, in words."""
        more = len(self.selection) - MAX_SELECTION
        return f" and {more:,} more" if more > 0 else ""

    @property
    def compared(self) -> RunResult | None:
        """The run that the lists are from."""
        return None if self.lead is None else self.lead.run

    @property
    def fresh(self) -> bool:
        """Whether the last run compared both sides."""
        return self.compared is not None and self.compared.run_id == self.run.run_id

    @property
    def to_fix(self) -> int:
        return sum(one.to_fix for one in self.flows)

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the run, with the content of the page under "report"."""
        lead = self.lead
        report: dict[str, Any] = {
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
        report |= {one.flow: _side_by_side_as_json(one) for one in self.comparisons}
        return self.run.as_json() | {"report": _plain(report)}


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
        "explained": one.explained,
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
    """The value with its dataclasses as dicts."""
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
