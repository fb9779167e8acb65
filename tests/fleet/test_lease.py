"""The lease in all interleavings: in memory, and as PostgreSQL keeps it. No two holders' writes overlap, a stale upload
never becomes the state, and a successor knows every write."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pipelines.core.errors import ChannelBusy, LeaseLost, StateUnavailable
from pipelines.fleet.database import Database
from pipelines.fleet.lease import Lease
from tests.support.fleet import MemoryDatabase, execute

CHANNEL, SECONDS, CALL_S = "shop", 300.0, 100.0
WORKERS = st.integers(0, 2)
DELAYS = st.sampled_from([0.0, 0.1, 20.0, 90.0])  # of a request or its answer
STEPS = st.sampled_from([0.001, 1.0, 30.0, 99.0, 101.0, 199.0, 201.0, 299.0, 301.0, 4000.0])


@dataclass
class World:
    """The time that really passes; every clock counts it."""

    now: float = 1000.0


@dataclass
class SlowNetwork:
    """The database, with a delay before the request reaches it and one before its answer comes, or without answer."""

    world: World
    database: Any
    there: float = 0.0
    back: float = 0.0
    is_answer_lost: bool = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.world.now += self.there
            answer = getattr(self.database, name)(*arguments)
            self.world.now += self.back
            if self.is_answer_lost:
                raise StateUnavailable("the answer was lost")
            return answer

        return call


@dataclass
class Worker:
    """One process on one machine; `offset` is what its own clock shows besides the time that passes."""

    name: str
    network: SlowNetwork
    offset: float
    lease: Lease | None = None
    knows: set[str] = field(default_factory=set)
    newest: int = 0

    def clock(self) -> float:
        return self.network.world.now + self.offset

    def new_lease(self) -> Lease:
        return Lease(self.network, CHANNEL, self.name, SECONDS, CALL_S, self.clock)


class LeaseMachine(RuleBasedStateMachine):
    make_database: Callable[[World], Any]

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.database = type(self).make_database(self.world)
        self.workers = [
            Worker(f"worker {n}", SlowNetwork(self.world, self.database), offset)
            for n, offset in enumerate((0.0, 3600.0, -1e6))
        ]
        self.writes: dict[str, tuple[int, float]] = {}  # each write, its generation and the latest time of its effect
        self.snapshots: dict[str, set[str]] = {}  # what each stored object holds
        self.generation = 0
        self.state: str | None = None

    @rule(n=WORKERS, there=DELAYS, back=DELAYS, lost=st.booleans())
    def set_network(self, n: int, there: float, back: float, lost: bool) -> None:
        network = self.workers[n].network
        network.there, network.back, network.is_answer_lost = there, back, lost

    @rule(seconds=STEPS)
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(n=WORKERS)
    def take(self, n: int) -> None:
        worker = self.workers[n]
        lease, generation = worker.new_lease(), self.generation
        asked = self.world.now + worker.network.there
        try:
            grant = lease.take()
        except ChannelBusy:
            return
        except StateUnavailable:  # the lease may have been taken all the same; it lapses by itself
            self._see_generation(asked)
            return
        self._see_generation(asked)
        assert grant.generation == self.generation == generation + 1
        assert grant.snapshot == self.state
        worker.lease = lease
        worker.newest, records = self.database.earlier(CHANNEL, grant.generation)
        worker.knows = {one.content.decode() for one in records} | self.snapshots.get(grant.snapshot or "", set())
        assert worker.knows == set(self.writes), "a successor knows every write"

    def _see_generation(self, at: float) -> None:
        """A successor begins only when no write of its predecessors can still take effect."""
        row = self._row()
        if row[0] > self.generation:
            self.generation = row[0]
            assert all(end <= at for _, end in self.writes.values()), "a write overlaps with the successor"

    @rule(n=WORKERS)
    def renew(self, n: int) -> None:
        lease = self.workers[n].lease
        if lease is None:
            return
        with contextlib.suppress(StateUnavailable):
            prolonged = lease.renew()
            assert not prolonged or lease.grant.generation == self.generation

    @rule(n=WORKERS, late=st.booleans())
    def write(self, n: int, late: bool) -> None:
        """As a run does: check, record the intent, check again right before the call."""
        worker = self.workers[n]
        if worker.lease is None:
            return
        generation, name = worker.lease.grant.generation, f"w{len(self.writes)}"
        try:
            worker.lease.check()
            worker.network.add(CHANNEL, generation, f"run {generation}", [name.encode()])
        except (LeaseLost, StateUnavailable):
            # The record may have been stored without an answer: then it counts as a write of unknown outcome.
            if any(one.content.decode() == name for one in self.database.earlier(CHANNEL, generation + 1)[1]):
                self.writes[name] = (generation, -float("inf"))
                worker.knows.add(name)
            return
        worker.knows.add(name)
        self.writes[name] = (generation, -float("inf"))
        if late:
            self.world.now += 150.0  # frozen between the record and the call
        try:
            worker.lease.check()
        except LeaseLost:
            return
        assert generation == self.generation, "a write of a holder that has been replaced"
        self.writes[name] = (generation, self.world.now + CALL_S)

    @rule(n=WORKERS, with_snapshot=st.booleans(), upload_s=DELAYS)
    def give_back(self, n: int, with_snapshot: bool, upload_s: float) -> None:
        worker = self.workers[n]
        if worker.lease is None:
            return
        lease, worker.lease = worker.lease, None
        generation = lease.grant.generation
        # A run gives back after its writes have ended.
        self.world.now = max([self.world.now, *(end for g, end in self.writes.values() if g == generation)])
        name = None
        if with_snapshot:
            name = f"{generation}-{len(self.snapshots)}"
            self.snapshots[name] = set(worker.knows)
            self.world.now += upload_s
        is_stale = generation != self.generation
        try:
            given = lease.give_back(name, worker.newest)
            assert given != is_stale
        except StateUnavailable:
            pass
        if not is_stale and name is not None:
            self.state = name
        with contextlib.suppress(LeaseLost):
            lease.check()
            raise AssertionError("a lease that was given back allows no write")

    @rule(n=WORKERS)
    def kill(self, n: int) -> None:
        self.workers[n].lease = None

    @invariant()
    def the_state_is_the_newest_that_was_given_back(self) -> None:
        if self.generation:
            assert self._row() == (self.generation, self.state)

    def _row(self) -> tuple[int, str | None]:
        row: tuple[int, str | None] = self.database.row(CHANNEL)
        return row


def test_the_lease_in_memory() -> None:
    class InMemory(LeaseMachine):
        make_database = staticmethod(lambda world: MemoryDatabase(lambda: world.now))

    run_state_machine_as_test(InMemory, settings=settings(max_examples=300, stateful_step_count=40, deadline=None))


class _WithWorldsTime:
    """The database, whose clock shows the world's time at each call."""

    def __init__(self, address: str, world: World) -> None:
        self._world = world
        self._database = Database(address, keep=3)

    def row(self, channel: str) -> tuple[int, str | None]:
        query = "select generation, snapshot from centra_myogo_lease where channel = %s"
        return self._database._do(lambda db: db.execute(query, [channel]).fetchone()) or (0, None)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._database._do(
                lambda db: db.execute("update clock.shown set fixed = to_timestamp(%s)", [self._world.now]).rowcount
            )
            return getattr(self._database, name)(*arguments)

        return call


def test_the_lease_in_postgresql(database: str) -> None:
    made: list[_WithWorldsTime] = []

    def fresh(world: World) -> _WithWorldsTime:
        for before in made:
            before._database.close()
        made[:] = [_WithWorldsTime(database, world)]
        made[0]._database.try_out()
        execute(database, "truncate centra_myogo_lease, centra_myogo_journal")
        return made[0]

    class InPostgres(LeaseMachine):
        make_database = staticmethod(fresh)

    run_state_machine_as_test(
        InPostgres,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    made[0]._database.close()
