"""The lease in all interleavings: in memory, and as PostgreSQL keeps it. No two holders' writes overlap, a stale upload
never becomes the state, and a successor knows every write."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pipelines.core.errors import ChannelBusy, LeaseLost, StateUnavailable
from pipelines.fleet.database import Database
from pipelines.fleet.lease import Lease
from tests.support.fleet import MemoryDatabase, execute

CHANNEL, SECONDS, CALL_S, KEEP = "shop", 300.0, 100.0, 3
WORKERS = st.sampled_from([0, 1, 0, 1, 2])
# Seconds on the way to the database, on the way back, and whether the answer is lost.
NETWORKS = st.sampled_from([(0.0, 0.0, False)] * 6 + [(0.1, 0.1, False), (0.0, 90.0, False), (90.0, 20.0, False),
                                                      (0.0, 0.0, True), (20.0, 20.0, True)])  # fmt: skip
PAUSES = st.sampled_from([0.0] * 6 + [150.0, 500.0])
# Seconds of the lease that are left when a write is to begin; None: as many as there are.
LEFT = st.sampled_from([None, None, None, None, CALL_S, CALL_S, CALL_S - 0.1, CALL_S / 2, 0.1])
STEPS = st.sampled_from([1.0, 30.0, 150.0, 150.0, 4000.0])


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

    def set(self, there: float, back: float, is_answer_lost: bool) -> None:
        self.there, self.back, self.is_answer_lost = there, back, is_answer_lost

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

    @property
    def generation(self) -> int:
        assert self.lease
        return self.lease.grant.generation


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
        self.records: dict[str, int] = {}  # all that was stored, with its generation
        self.ends: dict[int, float] = {}  # by generation, until when one of its writes may take effect
        self.snapshots: dict[str, set[str]] = {}  # what each stored object holds
        self.generation = 0
        self.state: str | None = None
        self.names = iter(range(10**6))

    @rule(seconds=STEPS)
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(n=WORKERS, at_the_lapse=st.booleans(), network=NETWORKS)
    def take(self, n: int, at_the_lapse: bool, network: tuple[float, float, bool]) -> None:
        if at_the_lapse and (until := self.database.until(CHANNEL)) is not None:
            self.world.now = max(self.world.now, until + 0.001)
        self._take(n, network)

    def _take(self, n: int, network: tuple[float, float, bool] = (0.0, 0.0, False)) -> None:
        worker = self.workers[n]
        worker.network.set(*network)
        lease, before = worker.new_lease(), self.generation
        arrives = self.world.now + worker.network.there
        try:
            grant = lease.take()
        except ChannelBusy:
            return
        except StateUnavailable:  # the lease may have been taken all the same; it lapses by itself
            self._see_generation(arrives)
            return
        self._see_generation(arrives)
        assert (grant.generation, grant.snapshot) == (before + 1, self.state) == (self.generation, self.state)
        worker.lease = lease
        worker.newest, found = self.database.earlier(CHANNEL, grant.generation)
        delivered = {one.content.decode() for one in found}
        worker.knows = delivered | self.snapshots.get(grant.snapshot or "", set())
        assert worker.knows == set(self.records), "a successor knows everything"
        for generation in {self.records[name] for name in delivered if self.records[name] > self.generation - KEEP}:
            of_run = {name for name, g in self.records.items() if g == generation}
            assert of_run <= delivered, "a run comes as a whole"

    def _see_generation(self, at: float) -> None:
        """A successor begins only when no write of its predecessors can still take effect."""
        if (generation := self.database.row(CHANNEL)[0]) > self.generation:
            self.generation = generation
            assert all(end <= at for end in self.ends.values()), "a write overlaps with the successor"

    @rule(n=WORKERS, network=NETWORKS)
    def renew(self, n: int, network: tuple[float, float, bool]) -> None:
        worker = self.workers[n]
        worker.network.set(*network)
        if worker.lease is not None:
            with contextlib.suppress(StateUnavailable):
                prolonged = worker.lease.renew()
                assert not prolonged or worker.generation == self.generation

    @precondition(lambda self: any(worker.lease for worker in self.workers))
    @rule(n=WORKERS, left_s=LEFT, pause_s=PAUSES, other=WORKERS, later_s=PAUSES, network=NETWORKS)
    def write(
        self,
        n: int,
        left_s: float | None,
        pause_s: float,
        other: int,
        later_s: float,
        network: tuple[float, float, bool],
    ) -> None:
        """As a run does: check, record the intent, check again, call. It may be frozen in between, and another worker
        may try to take the lease then."""
        holders = [worker for worker in self.workers if worker.lease]
        worker = holders[n % len(holders)]
        assert worker.lease
        worker.network.set(*network)
        if left_s is not None:
            self.world.now = max(self.world.now, worker.lease._deadline - worker.offset - left_s)
        try:
            worker.lease.check()
        except LeaseLost:
            return
        name = f"write {next(self.names)}"
        self.world.now += pause_s
        if worker is not self.workers[other] and pause_s + later_s:
            self._take(other)
        is_replaced = worker.generation != self.generation
        try:
            worker.network.add(CHANNEL, worker.generation, f"run {worker.generation}", [name.encode()])
            assert not is_replaced, "its successor does not know this intent"
        except LeaseLost:
            assert is_replaced
            return
        except StateUnavailable:  # it may have been stored all the same: then it counts as a write of unknown outcome
            self._store(worker, name)
            return
        self._store(worker, name)
        self.world.now += later_s
        if worker is not self.workers[other] and pause_s + later_s:
            self._take(other)
        with contextlib.suppress(LeaseLost):
            worker.lease.check()
            assert worker.generation == self.generation, "a write of a holder that has been replaced"
            self.ends[worker.generation] = self.world.now + CALL_S

    @rule(n=WORKERS)
    def an_outcome_comes(self, n: int) -> None:
        """However late: it is about a write that has taken place."""
        worker = self.workers[n]
        if worker.lease is not None:
            name = f"outcome {next(self.names)}"
            self.database.add_late(CHANNEL, worker.generation, f"run {worker.generation}", name.encode())
            self._store(worker, name)

    def _store(self, worker: Worker, name: str) -> None:
        self.records[name] = worker.generation
        worker.knows.add(name)

    @rule(n=WORKERS, with_snapshot=st.booleans(), upload_s=PAUSES, network=NETWORKS)
    def give_back(self, n: int, with_snapshot: bool, upload_s: float, network: tuple[float, float, bool]) -> None:
        worker = self.workers[n]
        worker.network.set(*network)
        if worker.lease is None:
            return
        lease, worker.lease = worker.lease, None
        generation = lease.grant.generation
        self.world.now = max(self.world.now, self.ends.get(generation, 0))  # a run gives back after its writes
        name = None
        if with_snapshot:
            name = f"{generation}-{next(self.names)}"
            self.snapshots[name] = set(worker.knows)
            self.world.now += upload_s
        is_replaced = generation != self.generation
        with contextlib.suppress(StateUnavailable):
            given = lease.give_back(name, worker.newest)
            assert given != is_replaced
        if not is_replaced and name is not None:
            self.state = name
        with pytest.raises(LeaseLost):
            lease.check()

    @rule(n=WORKERS)
    def kill(self, n: int) -> None:
        self.workers[n].lease = None

    @invariant()
    def the_state_is_the_newest_that_was_given_back(self) -> None:
        assert self.database.row(CHANNEL) == (self.generation, self.state)


def test_the_time_counts_from_before_the_request() -> None:
    """An answer that takes long does not prolong the time that this machine believes to have."""
    world = World()
    network = SlowNetwork(world, MemoryDatabase(lambda: world.now))
    lease = Lease(network, CHANNEL, "this test", SECONDS, CALL_S, lambda: world.now)
    for ask in (lease.take, lease.renew):
        network.set(0.0, 90.0, False)
        began = world.now
        assert ask()
        world.now = began + SECONDS - CALL_S
        lease.check()
        world.now += 0.1
        with pytest.raises(LeaseLost, match="was not renewed"):
            lease.check()


def test_the_lease_in_memory() -> None:
    class InMemory(LeaseMachine):
        make_database = staticmethod(lambda world: MemoryDatabase(lambda: world.now))

    run_state_machine_as_test(InMemory, settings=settings(max_examples=400, stateful_step_count=40, deadline=None))


class _WithWorldsTime:
    """The database, whose clock shows the world's time at each call."""

    def __init__(self, address: str, world: World) -> None:
        self._world = world
        self._database = Database(address, KEEP)

    def row(self, channel: str) -> tuple[int, str | None]:
        query = "select generation, snapshot from centra_myogo_lease where channel = %s"
        return self._database._do(lambda db: db.execute(query, [channel]).fetchone()) or (0, None)

    def until(self, channel: str) -> float | None:
        query = (
            "select extract(epoch from until)::float8 from centra_myogo_lease where channel = %s and until > 'epoch'"
        )
        return (self._database._do(lambda db: db.execute(query, [channel]).fetchone()) or (None,))[0]

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
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    made[0]._database.close()
