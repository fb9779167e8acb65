"""The interface of a system, through which the engine connects, checks, reads, merges changes and verifies webhooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pipelines.systems.http.settings import SystemConfig
from pipelines.systems.question import Question
from schemas.fields.spec import FieldSpec

if TYPE_CHECKING:
    from pipelines.state.store import Store
    from pipelines.systems.http.session import RequestStats

Status = Literal["ok", "warning", "failed", "skipped"]
CheckResult = tuple[Status, str, str]  # status, message, fix
Interruptible = Callable[[], AbstractContextManager[None]]


class Client(Protocol):
    """A connection to one system, with its request budget and credentials."""

    @property
    def config(self) -> SystemConfig: ...

    @property
    def stats(self) -> RequestStats: ...

    def close(self) -> None:
        """Closes the connection: no thread can start another request."""


@dataclass(frozen=True)
class MirrorTable:
    """A table that the catalogue source of a system fills: `raw_<system>.<name>`.

    `rows` is the display name of its rows ("sizes"). A changed row replaces the rows with the same `key`. A table with
    `part_of` is built from the rows of that table and replaced with it; the system has no separate list for it.
    `own_columns` (name and DuckDB type) precede the fields. A change in only the `undated` columns may not be in the
    system's list of changes. `comment` states what a row is; `comments` explain the `own_columns`.
    """

    name: str
    rows: str
    fields: tuple[FieldSpec, ...]
    key: str
    part_of: str = ""
    own_columns: tuple[tuple[str, str], ...] = ()
    undated: tuple[str, ...] = ()
    comment: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatedTable:
    """A table that a dated source of a system fills: `raw_<system>.<name>`. `comment` states what a row is; `comments`
    explain the columns that are not of `fields`."""

    name: str
    fields: tuple[FieldSpec, ...]
    comment: str
    comments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MergeBlocker:
    """A `reason` not to merge changes into the last full read. It applies if `query` returns a row."""

    reason: str
    query: str


@dataclass(frozen=True)
class PersonalColumns:
    """Columns of `raw_<system>.<table>` with personal data. The column `dated_by` has each row's time, in the system's
    format, and `key` its id."""

    table: str
    columns: tuple[str, ...]
    dated_by: str
    key: str


class NotVerified(Exception):
    """A webhook message without a valid signature of its system. `reason` is for our counters; the sender does not
    receive it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class VerifiedMessage:
    """A repeated message has the same `digest`. The message is accepted `until` that Unix time."""

    digest: bytes
    until: float


UNKNOWN_EVENT = "unknown"


@dataclass(frozen=True)
class Webhook:
    """How a system's webhook messages are verified and read.

    `secret_key` is the key of `[listen]` that holds the secret, `header` the HTTP header with the signature. `verify`
    takes the secret, the tolerance in seconds, the header, the body and the Unix time, and raises NotVerified.
    `events` returns the event names of a body: names that flows list in `webhook_events`, UNKNOWN_EVENT, or names that
    no flow uses. Nothing else in a message is used.
    """

    secret_key: str
    header: str
    verify: Callable[[str, float, str, bytes, float], VerifiedMessage]
    events: Callable[[bytes], Sequence[str]]


@dataclass(frozen=True)
class SystemCheck:
    """A preflight check that a flow adds to a system's own checks. `run` takes the system's client."""

    name: str
    run: Callable[[Any], CheckResult]


class CheckRunner(Protocol):
    """Runs preflight checks and records their results."""

    def run(self, name: str, check: Callable[[], CheckResult]) -> bool:
        """Whether the check did not fail. An error of the check is recorded, not raised."""

    def skip(self, *names: str) -> None:
        """Records these checks as skipped, because an earlier check failed."""


class System(ABC):
    """One vendor. `name` is its table in the channel file and the ending of its DuckDB schemas, `title` its display
    name. `dated` describes the tables of its dated sources; `personal` lists those in which its sources may stage
    personal data."""

    name: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[SystemConfig]]
    catalogue: ClassVar[str] = ""  # the dlt source that fills the tables of `mirror`, by reference
    mirror: ClassVar[tuple[MirrorTable, ...]] = ()
    dated: ClassVar[tuple[DatedTable, ...]] = ()
    merge_blockers: ClassVar[tuple[MergeBlocker, ...]] = ()
    after_merge: ClassVar[tuple[str, ...]] = ()  # SQL that updates values which the system's tables hold twice
    personal: ClassVar[tuple[PersonalColumns, ...]] = ()
    webhook: ClassVar[Webhook | None] = None
    questions: ClassVar[tuple[Question, ...]] = ()  # of `init`; the first is about an address or an identity
    changes_depend_on: ClassVar[str] = ""  # the setting that, if wrong, makes the lists of changes leave changes out
    compares_lists: ClassVar[bool] = False  # whether `complete` has something to do

    @property
    def staged_tables(self) -> tuple[MirrorTable | DatedTable, ...]:
        """All tables that the system's sources fill."""
        return (*self.mirror, *self.dated)

    @abstractmethod
    def connect(self, config: Any, permissions: Sequence[str]) -> Any:
        """A Client. `permissions` are those that the flows need in the system. Raises ConfigError."""

    @abstractmethod
    def preflight(
        self, config: Any, permissions: Sequence[str], extra_checks: Sequence[SystemCheck], runner: CheckRunner
    ) -> None:
        """Checks everything that a run needs from the system. Writes nothing."""

    def request_for_credentials(self, company: str) -> str:
        """The letter that asks the vendor for credentials; "" if they can be made without one."""
        return ""

    def format_time(self, config: Any, at: datetime) -> str:
        """`at` (UTC, without an offset) in the system's time format."""
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def identity(self, config: Any) -> Sequence[str]:
        """The addresses and credentials that determine whose data is read. A change of them causes a full read."""
        return [config.base_url]

    def missing_for_changes(self, config: Any) -> str:
        """The setting that the channel file lacks for `refresh = "changes"`; "" for none."""
        return ""

    def before_merge(self, store: Store) -> Collection[str]:
        """The keys that `complete` need not look up again; called before changes are merged."""
        return ()

    def complete(
        self, store: Store, client: Any, reading: Interruptible, known: Collection[str] = ()
    ) -> Mapping[str, Any]:
        """Looks up the rows that are missing in one of the system's lists, except those in `known`. Returns findings
        for the report."""
        return {}

    def describe_findings(self, findings: Mapping[str, Any]) -> list[str]:
        """The findings of `complete` as sentences."""
        return []


@dataclass(frozen=True)
class Lookup:
    """Rows to read one by one. `reference` names a dlt source, which is called with the client and `keys`."""

    system: str
    reference: str
    keys: Sequence[str] = field(default_factory=tuple)
