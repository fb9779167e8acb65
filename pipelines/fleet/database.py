"""The leases, the journal and the shared request rates of all channels in a PostgreSQL database."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.core.errors import LeaseLost, StateUnavailable
from pipelines.core.failpoints import hit
from pipelines.fleet.lease import Grant, Held
from pipelines.fleet.postgres import connect, cut_after, first_line, state_address

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
T = TypeVar("T")

ANSWER_S = 15.0  # a database that takes longer does not answer
CONNECT_S = 10
AHEAD_S, LONGEST_RESERVATION_S = 60.0, 600.0  # no request is reserved further ahead, nor for a longer time
LINE = ""  # the table of a record that is a line of the journal
_FIX = "Nothing is lost. Check the database of [state] and the way to it, and run again; check tries it."
_TABLES = """
create table if not exists centra_myogo_lease (
    channel text primary key,
    holder text not null,
    until timestamptz not null,
    generation bigint not null,
    snapshot text,
    snapshot_generation bigint not null default 0,
    ended_at timestamptz);
create table if not exists centra_myogo_journal (
    id bigint generated always as identity primary key,
    channel text not null,
    generation bigint not null,
    run_id text not null,
    record_of text not null,
    record bytea not null,
    in_snapshot bigint);
create index if not exists centra_myogo_journal_channel on centra_myogo_journal (channel, id);
create unlogged table if not exists centra_myogo_budget (
    budget text primary key,
    free_at timestamptz not null);
comment on table centra_myogo_lease is 'One row per channel: who may run it, until when.';
comment on table centra_myogo_journal is 'What runs have recorded as they went, until snapshots hold it.';
comment on table centra_myogo_budget is 'One row per shared request rate: from when on the next request may be sent.';
"""
_TAKE = """
insert into centra_myogo_lease as l (channel, holder, until, generation)
values (%(channel)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s), 1)
on conflict (channel) do update set holder = excluded.holder, generation = l.generation + 1,
    until = clock_timestamp() + make_interval(secs => %(seconds)s)
where l.until < clock_timestamp()
returning generation, snapshot, snapshot_generation"""
_HELD = """
select holder, greatest(until, clock_timestamp()) at time zone 'UTC' from centra_myogo_lease
where channel = %(channel)s"""
_RENEW = """
update centra_myogo_lease set until = clock_timestamp() + make_interval(secs => %(seconds)s)
where channel = %(channel)s and generation = %(generation)s and until > clock_timestamp() returning 1"""
_GIVE_BACK = """
update centra_myogo_lease set until = '-infinity', ended_at = clock_timestamp(),
    snapshot = coalesce(%(snapshot)s, snapshot),
    snapshot_generation = case when %(snapshot)s::text is null then snapshot_generation else generation end
where channel = %(channel)s and generation = %(generation)s returning 1"""
# The lock on the lease makes the order certain: a successor finds the record, or the record finds the successor.
_ADD = """
with mine as (select 1 from centra_myogo_lease where channel = %(channel)s and generation = %(generation)s for share)
insert into centra_myogo_journal (channel, generation, run_id, record_of, record)
select %(channel)s, %(generation)s, %(run_id)s, %(record_of)s, r.record
from mine, unnest(%(records)s::bytea[]) with ordinality as r (record, number) order by r.number returning id"""
_ADD_LATE = """
insert into centra_myogo_journal (channel, generation, run_id, record_of, record)
select %(channel)s, %(generation)s, %(run_id)s, %(record_of)s, unnest(%(records)s::bytea[]) returning id"""
_EARLIER = """
select id, run_id, record_of, record from centra_myogo_journal j
where channel = %(channel)s and generation < %(generation)s and run_id in (
    select run_id from centra_myogo_journal where channel = %(channel)s and in_snapshot is null)
order by id"""
_IN_SNAPSHOT = """
update centra_myogo_journal set in_snapshot = %(generation)s where channel = %(channel)s and in_snapshot is null
    and (generation = %(generation)s or generation < %(generation)s and id <= %(newest)s)"""
_FORGET = """
delete from centra_myogo_journal
where channel = %(channel)s and in_snapshot is not null and generation <= %(generation)s - %(keep)s"""

# A time further ahead than requests are ever reserved for comes from before the database's clock was set back.
_RESERVE = """
insert into centra_myogo_budget as b (budget, free_at)
values (%(budget)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (budget) do update set free_at = make_interval(secs => %(seconds)s) + case
    when b.free_at > clock_timestamp() + make_interval(secs => %(impossible)s) then clock_timestamp()
    else greatest(b.free_at, clock_timestamp() - make_interval(secs => %(burst)s)) end
where b.free_at <= clock_timestamp() + make_interval(secs => %(ahead)s)
    or b.free_at > clock_timestamp() + make_interval(secs => %(impossible)s)
returning extract(epoch from free_at - clock_timestamp())::float8 - %(seconds)s"""


@dataclass(frozen=True)
class Record:
    """What a run has stored: a line of the journal, or rows of the table `record_of` of `sync`."""

    run_id: str
    record_of: str
    content: bytes


class Database:
    """The connection of one run. Any thread may call its methods, which raise StateUnavailable.

    A method whose connection breaks is tried again once, with a new one. `keep` is the number of generations whose
    records stay after a snapshot holds them. The constructor raises ConfigError.
    """

    def __init__(self, address: str, keep: int) -> None:
        self._address, self._keep = state_address(address), keep
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._drop()

    def take(self, channel: str, holder: str, seconds: float) -> Grant | Held:
        wanted = {"channel": channel, "holder": holder, "seconds": seconds}

        def take(db: psycopg.Connection[Any]) -> Grant | Held:
            if row := db.execute(_TAKE, wanted).fetchone():
                return Grant(*row)
            return Held(*db.execute(_HELD, wanted).fetchall()[0])

        return self._do(take)

    def renew(self, channel: str, generation: int, seconds: float) -> bool:
        wanted = {"channel": channel, "generation": generation, "seconds": seconds}
        return self._do(lambda db: db.execute(_RENEW, wanted).fetchone() is not None)

    def give_back(self, channel: str, generation: int, snapshot: str | None, newest: int = 0) -> bool:
        """The snapshot holds the run's own records and the earlier ones up to the id `newest`."""
        wanted = {"channel": channel, "generation": generation, "snapshot": snapshot}

        def give(db: psycopg.Connection[Any]) -> bool:
            if db.execute(_GIVE_BACK, wanted).fetchone() is None:
                return False
            if snapshot is not None:
                db.execute(_IN_SNAPSHOT, {**wanted, "newest": newest})
                db.execute(_FORGET, {**wanted, "keep": self._keep})
            return True

        return self._do(give)

    def add(self, channel: str, generation: int, run_id: str, records: Sequence[bytes], record_of: str = LINE) -> None:
        """Stores the records; they are in each later `earlier`. Raises LeaseLost if another has taken the lease."""
        wanted = {"channel": channel, "generation": generation, "run_id": run_id, "record_of": record_of,
                  "records": list(records)}  # fmt: skip
        hit("shared journal: before the records")
        if len(self._do(lambda db: db.execute(_ADD, wanted).fetchall())) != len(records):
            raise LeaseLost(
                f"Another machine has taken channel {channel!r} over: no further change was begun.",
                "What was written is recorded. Run again when the other machine's run has ended.",
            )
        hit("shared journal: after the records")

    def add_late(self, channel: str, generation: int, run_id: str, record: bytes) -> None:
        """Stores the line, whoever has the lease: it is about a write that has taken place."""
        wanted = {"channel": channel, "generation": generation, "run_id": run_id, "record_of": LINE,
                  "records": [record]}  # fmt: skip
        self._do(lambda db: db.execute(_ADD_LATE, wanted).fetchall())

    def earlier(self, channel: str, generation: int) -> tuple[int, list[Record]]:
        """All records of each run of earlier generations of which no snapshot holds all, oldest first; and the newest
        id."""
        wanted = {"channel": channel, "generation": generation}
        rows = self._do(lambda db: db.execute(_EARLIER, wanted).fetchall())
        return rows[-1][0] if rows else 0, [Record(run, of, bytes(record)) for _, run, of, record in rows]

    def reserve(self, budget: str, seconds: float, burst_s: float) -> float | None:
        """Reserves the next free `seconds` of the budget, of which `burst_s` that nobody has used may lie in the past.

        Returns in how many seconds they begin, by the database's clock; None if AHEAD_S seconds are reserved already.
        """
        wanted = {"budget": budget, "seconds": min(seconds, LONGEST_RESERVATION_S), "burst": burst_s, "ahead": AHEAD_S,
                  "impossible": AHEAD_S + LONGEST_RESERVATION_S + 1}  # fmt: skip
        # One statement without a transaction around it: a machine that freezes or dies now holds no lock.
        row = self._do(lambda db: db.execute(_RESERVE, wanted).fetchone(), in_transaction=False)
        return None if row is None else row[0]

    def try_out(self) -> str:
        """Connects, and says where to."""
        self._do(lambda db: db.execute("select 1").fetchone())
        return self._address.place

    def _do(self, work: Callable[[psycopg.Connection[Any]], T], *, in_transaction: bool = True) -> T:
        """The result of `work`, by default in one transaction."""
        import psycopg

        with self._lock:
            try:
                try:
                    return self._answer(work, in_transaction)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    log.info("the connection to the database broke, once more: %s", type(error).__name__)
                    self._drop()
                    return self._answer(work, in_transaction)
            except (psycopg.Error, TimeoutError) as error:
                self._drop()
                raise StateUnavailable(
                    f"The database of [state] ({self._address.place}): {first_line(error)}", _FIX
                ) from error

    def _answer(self, work: Callable[[psycopg.Connection[Any]], T], in_transaction: bool) -> T:
        connection = self._connection
        is_new = connection is None or connection.closed
        if connection is None or connection.closed:
            connection = self._connection = connect(self._address, CONNECT_S)
        with cut_after(connection, ANSWER_S):
            if is_new:
                _make_tables(connection)
            with connection.transaction() if in_transaction else contextlib.nullcontext():
                return work(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _make_tables(connection: psycopg.Connection[Any]) -> None:
    if connection.execute("select to_regclass('centra_myogo_budget')").fetchone() == (None,):
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtext('centra_myogo'))")
            connection.execute(_TABLES)
