"""What the engine asks of a flow, whatever its name: one declaration, and an evaluation of what was staged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pipelines.state.schema import Table, View
from pipelines.systems.system import Answer, Lookup, Question
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
    """Of a flow that has no limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Words:
    """What a flow is called for people.

    `row` and `rows` name what it reads ("size", "sizes"); `drifted` and `unmatched` follow the counts of that name,
    for example "with another barcode there", "only there"; "" where the flow does not count them.
    """

    row: str
    rows: str
    drifted: str = ""
    unmatched: str = ""


@dataclass(frozen=True)
class Comparison:
    """A view that shows one amount of both sides next to each other, for the report.

    It has the columns `code`, `difference` (right minus left), and those named here: `left`, `right`, and `dated_by`
    (when the right side last touched its amount, as text). `left_undated` says why the left amounts have no date.
    """

    view: str
    title: str
    left: str
    right: str
    dated_by: str
    left_title: str
    right_title: str
    left_undated: str


@dataclass(frozen=True)
class WriteTrace:
    """Where a write of the flow must show in the changes that its target lists: `raw_<target>_changes.<table>`.

    `column` holds the change's key, or its source id where `by` says so. `words` complete "... what we wrote is not
    among the changes".
    """

    table: str
    column: str
    by: Literal["key", "source_id"]
    words: str


@dataclass
class FlowContext:
    """One run, as a flow sees it.

    `full_read` says whether the catalogues were read as a whole, `sku` holds the patterns of --sku (none for all),
    `skipped_lookups` what was too much to be asked for one by one. `services` are shared by the flows of a run.
    """

    name: str
    channel: Channel
    store: Store
    run_id: str
    sku: tuple[str, ...] = ()
    full_read: bool = True
    skipped_lookups: frozenset[str] = frozenset()
    services: dict[Any, Any] = field(default_factory=dict)

    @property
    def settings(self) -> FlowSettings:
        return self.channel.flows[self.name]

    @cached_property
    def params(self) -> Any:
        return self.channel.flow_params(self.name)

    @cached_property
    def limits(self) -> Any:
        return self.channel.flow_limits(self.name)

    def service(self, kind: Callable[[Channel, Store], T]) -> T:
        """The one `kind` of this run, made when a flow first asks for it."""
        if kind not in self.services:
            self.services[kind] = kind(self.channel, self.store)
        made: T = self.services[kind]
        return made


@dataclass
class Evaluation:
    """What a flow makes of the stage.

    `desired` and `live` are compared by the flow's contract; `desired` also has `source_id`, the row's id on the source
    side. `withheld` and `warned` have the columns of `schemas.issues`, one line per row and rule. `records` are all
    rows that were read: `source_id`, `selected`. `counts` are those that a flow settles by itself: read, skipped,
    withheld, drifted, unmatched. `metrics` is what its limits look at; `expectations` is the summary of its batch
    checks, where it has any.
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
    """One entity moving one way. The class is the declaration; an instance evaluates one run.

    What a flow does not state, it does not have. `source` and `target_system` name systems; `extract` and `live` are
    the dlt sources of the two sides, read as `kind` says, and `transform`, `contract` and `target` name code too
    (`package.module:name`); a channel file may put other references in their place. `permissions` are by system. A
    channel file may use `select` only where `selects` is true, and `expectations` only where there are suites.
    """

    source: ClassVar[str]
    target_system: ClassVar[str]
    kind: ClassVar[Literal["catalogue", "window"]] = "catalogue"
    extract: ClassVar[str]
    live: ClassVar[str]
    transform: ClassVar[str]
    contract: ClassVar[str]
    target: ClassVar[str]
    words: ClassVar[Words]
    rules: ClassVar[tuple[Rule, ...]] = ()
    Limits: ClassVar[type[BaseModel]] = NoLimits
    selects: ClassVar[bool] = False
    suites: ClassVar[tuple[Suite, ...]] = ()
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    webhook_events: ClassVar[Mapping[str, frozenset[str]]] = {}
    outputs: ClassVar[tuple[Table, ...]] = ()
    views: ClassVar[tuple[View, ...]] = ()
    comparison: ClassVar[Comparison | None] = None
    write_trace: ClassVar[WriteTrace | None] = None

    def __init__(self, context: FlowContext) -> None:
        self.context = context
        self.store, self.params = context.store, context.params

    @classmethod
    def settings_hint(cls, params: Any) -> Answer | None:
        """What `check` says about the flow's settings: status, message and fix."""
        return None

    @classmethod
    def questions(cls, system: str, params: Any) -> Sequence[Question]:
        """What `check` must ask of the system because of this flow."""
        return ()

    @classmethod
    def personal_days(cls, params: Any) -> Mapping[tuple[str, str], int]:
        """How many days each table, by system and name, may keep personal data because of this flow."""
        return {}

    @classmethod
    def expiring_fields(cls, params: Any) -> Mapping[str, int]:
        """Fields of planned changes that are kept for so many days only; `params` is None where the flow is off."""
        return {}

    def window(self, now: datetime) -> datetime:
        """From when on (UTC) rows are read, where `kind` is "window"."""
        raise NotImplementedError

    def personal_tables(self) -> Sequence[str]:
        """The staged tables in which this flow needs personal data."""
        return ()

    def lookups(self) -> Sequence[Lookup]:
        """Rows to look up one by one, because the windows no longer cover them."""
        return ()

    @abstractmethod
    def evaluate(self, step: Step) -> Evaluation:
        """Transforms and validates what was staged, entering the steps `transform`, `validate` and `expect`."""

    def hard_stop(self, plan: Plan) -> UnsafePlan | None:
        """Why the plan must not be applied, whatever --force says. Bad rows are withheld one by one, so most flows
        have no such reason."""
        return None

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        """What the limits say against the plan."""
        return []
