"""The interface between the engine and a flow: a declaration, and an evaluation of the staged rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pipelines.engine.param_question import ParamQuestion
from pipelines.state.daily_amounts import DailyAmounts
from pipelines.state.schema import Table, View
from pipelines.systems.system import CheckResult, Lookup, SystemCheck
from schemas.expectation import Suite
from schemas.rule import Rule

if TYPE_CHECKING:
    from pipelines.config.channel import Channel, FlowSettings
    from pipelines.core.errors import UnsafePlan
    from pipelines.engine.plan import Plan
    from pipelines.engine.safety_limits import Violation
    from pipelines.state.store import Store

Step = Callable[[str], AbstractContextManager[None]]
T = TypeVar("T")


class NoLimits(BaseModel):
    """The limits of a flow that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Words:
    """The words for a flow in messages and reports.

    `row` and `rows` name what it reads ("size", "sizes"). `drifted` and `unmatched` follow the counts of that name, for
    example "only in the target"; they are "" if the flow does not count such rows.
    """

    row: str
    rows: str
    drifted: str = ""
    unmatched: str = ""


@dataclass(frozen=True)
class ChangeWords:
    """How planned changes are shown.

    `labels` has display names of columns, and `money` the columns that hold an amount. `internal` columns are for this
    program alone, such as a digest; people do not see them. Changes are counted by the
    values of the column `group_by`, with the title `group_title`. The largest changes of the column `jumps` are listed.
    `requests` is how many requests one change takes.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    money: frozenset[str] = frozenset()
    internal: frozenset[str] = frozenset()
    group_by: str = ""
    group_title: str = ""
    jumps: str = ""
    requests: float = 2


@dataclass(frozen=True)
class Comparison:
    """A view for the report that shows one amount of both sides next to each other.

    The view has the columns `code` and `difference` (right minus left), and those named here: `left`, `right` and
    `dated_by` (when the right side last changed its amount, as text). `left_undated` states that the left amounts have
    no date. `kept` is the table with `key` and `code` of the rows whose amount the flow keeps; `why_different` is why
    the two amounts of such a row may differ.
    """

    view: str
    title: str
    left: str
    right: str
    dated_by: str
    left_title: str
    right_title: str
    left_undated: str
    kept: str
    why_different: str


@dataclass(frozen=True)
class RowNames:
    """How the report names the rows of a flow, and groups them by product.

    `row` and `rows` name one row of `query`, which reads `tables`. Its columns: `source_id` (null for what only the
    target has) and `code`; `product_id`, `variant_id`, `product_code` and `variant_code`; `brand`, `name`, `variant`,
    `size` and `remark`, which people read; `held_in`, the names of the systems that have it. All but `code` and
    `held_in` may be null.
    """

    row: str
    rows: str
    query: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class WriteTrace:
    """Where a write of the flow must show in the changes that its target lists: `raw_<target>_changes.<table>`.

    `column` holds the key or the source id of the change, as `by` states. `reason` is the reason for a full read if
    the write is missing there.
    """

    table: str
    column: str
    by: Literal["key", "source_id"]
    reason: str


@dataclass(frozen=True)
class StagedRows:
    """Staged rows that a flow needs. `title` names the list in a message, `key` is the column that names a row.

    `fields` are the vendor's names of the fields without which a row is withheld. If too many rows lack one of them,
    the run stops. `is_readable` takes a name and a value kept in `extra`, and states that it is one of those that are
    kept although they can be read.
    """

    table: str
    title: str
    key: str
    fields: tuple[str, ...]
    is_readable: Callable[[str, object], bool] = lambda name, value: False


@dataclass(frozen=True)
class Listing:
    """The rows of both sides for the page that compares them: one row per row of the source, and per row that only the
    target has.

    `query` reads views of the published file. Its columns: source_id (null for a row of the target only), code,
    product_id, name, variant, size, brand, in_source, in_target, source_stock, target_stock, other_code (by which one
    side knows the row, if it is not `code`).
    """

    query: str


@dataclass
class FlowContext:
    """The run in which a flow is evaluated.

    `full_read` states whether the catalogues were read completely. `sku` holds the patterns of --sku (empty: all rows),
    `skipped_lookups` the keys that were too many to look up. The flows of a run share `services`. `now` is when the run
    began (UTC, without an offset).
    """

    name: str
    channel: Channel
    store: Store
    run_id: str
    sku: tuple[str, ...] = ()
    full_read: bool = True
    skipped_lookups: frozenset[str] = frozenset()
    services: dict[Any, Any] = field(default_factory=dict)
    codes: pd.Series = field(default_factory=lambda: pd.Series(dtype="str"))
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))

    def select_by_sku(self, *names: pd.Series) -> pd.Series:
        """Whether --sku selects each row, by one of its names: code or reference, and the key in the target. Keeps the
        names: a pattern must match one of them."""
        from transforms.select import matches

        self.codes = pd.concat(names, ignore_index=True)
        return matches(names, self.sku or ("*",))

    @property
    def settings(self) -> FlowSettings:
        return self.channel.flows[self.name]

    @property
    def ends(self) -> tuple[str, str]:
        """The titles of the system that the flow reads and of its target."""
        source, target = self.channel.ends_of(self.name)
        return self.channel.title(source), self.channel.title(target)

    @cached_property
    def params(self) -> Any:
        return self.channel.flow_params(self.name)

    @cached_property
    def limits(self) -> Any:
        return self.channel.flow_limits(self.name)

    def service(self, kind: Callable[[Channel, Store], T]) -> T:
        """The instance of `kind` for this run, created on first use."""
        if kind not in self.services:
            self.services[kind] = kind(self.channel, self.store)
        instance: T = self.services[kind]
        return instance


@dataclass
class Evaluation:
    """The result of a flow's evaluation.

    `desired` and `live` have the columns of the flow's contract, which compares them; `desired` also has `source_id`,
    the row's id on the source side. `withheld` and `warned` have the columns of `schemas.issues`, one line per row and
    rule. `records` has `source_id` and `selected` of every row that was read. `counts` holds read, skipped, withheld,
    drifted and unmatched. `metrics` is the input of the flow's limits. `expectations` is the summary of its batch
    checks, empty without any.
    """

    desired: pd.DataFrame
    live: pd.DataFrame
    withheld: pd.DataFrame
    warned: pd.DataFrame
    records: pd.DataFrame
    counts: dict[str, int]
    metrics: Any = None
    expectations: dict[str, Any] = field(default_factory=dict)


class Flow(ABC):
    """One entity that moves in one direction. The class is the declaration; an instance evaluates one run.

    `source` and `target_system` name systems. `extract`, `live`, `transform`, `contract` and `target` reference code
    (`package.module:name`), which a channel file may replace. `extract` and `live` are the dlt sources of the two
    sides; `kind` is how they are read. `reads_with` names flows whose sources this flow needs too, where the channel
    has them: their dated rows are read from the earliest `window` on. `permissions` lists by system what the flow
    needs. A channel file may use `select` only if `selects` is true, and `expectations` only if the flow has suites. A
    flow that `keeps_links` can read from `pipelines.state.links` under which key each row was last written, or found
    unchanged. `daily` lists the amounts whose daily history is kept; their queries read what the run has staged.
    `second_codes` is an output of two columns: codes by which one side and the other know the same row. `questions` are
    what the page with the settings asks.
    """

    source: ClassVar[str]
    target_system: ClassVar[str]
    kind: ClassVar[Literal["catalogue", "window"]] = "catalogue"
    extract: ClassVar[str]
    live: ClassVar[str]
    reads_with: ClassVar[tuple[str, ...]] = ()
    transform: ClassVar[str]
    contract: ClassVar[str]
    target: ClassVar[str]
    words: ClassVar[Words]
    change_words: ClassVar[ChangeWords] = ChangeWords()
    rules: ClassVar[tuple[Rule, ...]] = ()
    Limits: ClassVar[type[BaseModel]] = NoLimits
    selects: ClassVar[bool] = False
    suites: ClassVar[tuple[Suite, ...]] = ()
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    webhook_events: ClassVar[Mapping[str, frozenset[str]]] = {}
    outputs: ClassVar[tuple[Table, ...]] = ()
    views: ClassVar[tuple[View, ...]] = ()
    comparison: ClassVar[Comparison | None] = None
    row_names: ClassVar[RowNames | None] = None
    write_trace: ClassVar[WriteTrace | None] = None
    keeps_links: ClassVar[bool] = False
    second_codes: ClassVar[Table | None] = None
    daily: ClassVar[tuple[DailyAmounts, ...]] = ()
    listing: ClassVar[Listing | None] = None
    questions: ClassVar[tuple[ParamQuestion, ...]] = ()

    def __init__(self, context: FlowContext) -> None:
        self.context = context
        self.store, self.params = context.store, context.params

    @property
    def validates_batches(self) -> bool:
        return bool(self.suites) and self.context.settings.expectations.enabled

    @classmethod
    def currency(cls, params: Any) -> str:
        """The currency of the amounts in `change_words.money`; "" if they have none."""
        return ""

    @classmethod
    def describe_create(cls, after: Mapping[str, Any]) -> tuple[str, ...]:
        """A new record on one line, and the lines below it; empty for its summary columns."""
        return ()

    def names(self, keys: Sequence[str]) -> Mapping[str, str]:
        """What people call the rows with these keys of planned changes, where they have a name."""
        return {}

    @classmethod
    def settings_hint(cls, params: Any) -> CheckResult | None:
        """The result that `check` shows for the flow's settings; None for no result."""
        return None

    @classmethod
    def extra_checks(cls, system: str, params: Any) -> Sequence[SystemCheck]:
        """Checks that this flow adds to those of the system."""
        return ()

    @classmethod
    def personal_days(cls, params: Any) -> Mapping[tuple[str, str], int]:
        """For how many days the flow needs personal data in a table; the keys are system and table name."""
        return {}

    @classmethod
    def expiring_fields(cls, params: Any) -> Mapping[str, int]:
        """For how many days a field of planned changes is kept; `params` is None if the flow is off."""
        return {}

    @classmethod
    def codes_named(cls, number: str) -> str | None:
        """A regular expression for the codes of this flow that people know by `number`, for `history`; None if it is no
        such number."""
        return None

    def window(self, now: datetime) -> datetime:
        """The moment (UTC) from which dated rows are read, if `kind` is "window" or the flow `reads_with` another."""
        raise NotImplementedError

    def reads(self) -> Sequence[StagedRows]:
        """The staged rows that this flow needs. What is wrong in others does not stop it."""
        return ()

    def personal_tables(self) -> Sequence[str]:
        """The staged tables in which this flow needs personal data."""
        return ()

    def lookups(self) -> Sequence[Lookup]:
        """Rows to look up one by one, because they are older than the window."""
        return ()

    def inputs(self) -> Sequence[str] | None:
        """Queries (with `$now`, UTC) of what the evaluation depends on besides the staged catalogues and the settings:
        while all of it is as in the run before, that run's results are kept. None if each run evaluates anew."""
        return None

    @abstractmethod
    def evaluate(self, step: Step) -> Evaluation:
        """Transforms and validates the staged rows, in the steps `transform`, `validate` and `expect`."""

    def hard_stop(self, plan: Plan, evaluation: Evaluation) -> UnsafePlan | None:
        """Why the plan must not be applied, even with --force; in a run of several flows, the others then go on."""
        return None

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        """The limits that the plan breaks."""
        return []
