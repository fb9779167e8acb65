"""What the engine asks of a system, whatever its name: connect, check, read, merge changes, verify webhooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pipelines.systems.http.settings import SystemConfig
from schemas.fields.spec import FieldSpec

if TYPE_CHECKING:
    from pipelines.state.store import Store
    from pipelines.systems.http.session import RequestStats

Status = Literal["ok", "warning", "failed", "skipped"]
Answer = tuple[Status, str, str]  # status, message, fix
Interruptible = Callable[[], AbstractContextManager[None]]


class Client(Protocol):
    """A connection to one system: its own budget of requests, its own credentials."""

    @property
    def config(self) -> SystemConfig: ...

    @property
    def stats(self) -> RequestStats: ...

    def close(self) -> None:
        """No request begins any more, in whatever thread."""


@dataclass(frozen=True)
class MirrorTable:
    """A table that the catalogue source of a system fills: `raw_<system>.<name>`.

    `rows` names its rows for people ("sizes"). A changed row replaces those with its `key`; a table that is made of the
    rows of another one (`part_of`) is replaced with that one and is not a list that the system is asked for.
    `own_columns` stand before the fields (name and DuckDB type).
    """

    name: str
    rows: str
    fields: tuple[FieldSpec, ...]
    key: str
    part_of: str = ""
    own_columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MergeBlocker:
    """Why changes must not be merged into the last full read: `query` then finds a row."""

    words: str
    query: str


@dataclass(frozen=True)
class PersonalColumns:
    """Columns of `raw_<system>.<table>` that identify a person, and the column that dates each row as the system writes
    times."""

    table: str
    columns: tuple[str, ...]
    dated_by: str


class NotVerified(Exception):
    """A webhook message that is not proven to come from its system. `reason` is for our counts; whoever sent the
    message does not learn it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class VerifiedMessage:
    """`digest` is the same when the same message is sent again; it is worth remembering `until` that Unix time."""

    digest: bytes
    until: float


UNKNOWN_EVENT = "unknown"


@dataclass(frozen=True)
class Webhook:
    """How a system calls us.

    `secret_key` is the key of `[listen]` that holds the secret, `header` the HTTP header with the signature. `verify`
    takes the secret, the tolerance in seconds, the header, the body and the Unix time, and raises NotVerified.
    `events` reads what a body is about: words that a flow may list in its `webhook_events`, UNKNOWN_EVENT, or other
    words for what no flow of ours needs. Nothing else that a message says is used.
    """

    secret_key: str
    header: str
    verify: Callable[[str, float, str, bytes, float], VerifiedMessage]
    events: Callable[[bytes], Sequence[str]]


@dataclass(frozen=True)
class Question:
    """One check that a flow adds to those of a system: `ask` gets the system's client."""

    name: str
    ask: Callable[[Any], Answer]


class Interview(Protocol):
    """Where a preflight check puts its questions; a failure is recorded, not raised."""

    def ask(self, name: str, question: Callable[[], Answer]) -> bool:
        """Whether the answer was none of a failure."""

    def skip(self, *names: str) -> None:
        """These cannot be asked, because one before them failed."""


class System(ABC):
    """One vendor. `name` is its table in the channel file and the ending of its DuckDB schemas, `title` its name for
    people. `personal` lists the tables in which its sources may stage personal data."""

    name: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[SystemConfig]]
    mirror: ClassVar[tuple[MirrorTable, ...]] = ()
    merge_blockers: ClassVar[tuple[MergeBlocker, ...]] = ()
    after_merge: ClassVar[tuple[str, ...]] = ()  # SQL that settles what the system's tables say twice
    personal: ClassVar[tuple[PersonalColumns, ...]] = ()
    webhook: ClassVar[Webhook | None] = None
    compares_lists: ClassVar[bool] = False  # whether `complete` has something to do

    @abstractmethod
    def connect(self, config: Any, permissions: Sequence[str]) -> Any:
        """A Client. `permissions` are what the flows need of the system. Raises ConfigError."""

    @abstractmethod
    def preflight(
        self, config: Any, permissions: Sequence[str], questions: Sequence[Question], interview: Interview
    ) -> None:
        """Asks for everything that a run would need, and writes nothing."""

    def moment(self, config: Any, at: datetime) -> str:
        """`at` (UTC, without an offset) as the system writes times."""
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def identity(self, config: Any) -> Sequence[str]:
        """What says whose data it is: addresses and credentials. Another identity means a full read."""
        return [config.base_url]

    def why_no_changes(self, config: Any) -> str:
        """What the channel file lacks for `refresh = "changes"`; "" for nothing."""
        return ""

    def before_merge(self, store: Store) -> Collection[str]:
        """What `complete` need not ask for again, noted before changes are merged."""
        return ()

    def complete(
        self, store: Store, client: Any, reading: Interruptible, known: Collection[str] = ()
    ) -> Mapping[str, Any]:
        """Asks for rows that slipped through the system's lists while they were read; returns findings for the
        report."""
        return {}

    def describe_findings(self, found: Mapping[str, Any]) -> list[str]:
        """The findings of `complete` in sentences."""
        return []


@dataclass(frozen=True)
class Source:
    """A dlt source of a system, by reference (`package.module:name`).

    It is called with the client, the Findings to fill, the moment from which rows are wanted (UTC, None for all) and
    the tables in which personal data is needed. `kind` says how it is read: a "catalogue" as a whole or by its changes,
    a "window" from a moment on.
    """

    system: str
    reference: str
    kind: Literal["catalogue", "window"]


@dataclass(frozen=True)
class Lookup:
    """Rows to ask a system for one by one: `reference` names a dlt source that is called with the client and keys."""

    system: str
    reference: str
    keys: Sequence[str] = field(default_factory=tuple)
