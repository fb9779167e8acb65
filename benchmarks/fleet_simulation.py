"""A fleet in virtual time: many channels on some workers, with faults, and with the lease code of the product.

A run takes the time and the processor time that measured runs take; nothing is read and nothing is sent. The lease is
`pipelines/fleet/lease.py`, on the clock of its worker; the database is one in memory that can be away. Workers take the
channel that has waited longest from one queue, as those of an engine with a run queue do.

`Simulation.run` raises AssertionError if a promise is broken: two holders write at once, or a successor begins while a
write of its predecessor may still take effect.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from pipelines.core.errors import ChannelBusy, LeaseLost, StateUnavailable
from pipelines.fleet.lease import BEATS, Grant, Held, Lease

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Steps = Generator[float, None, None]  # what happens, with the seconds that pass in between


@dataclass(frozen=True)
class Run:
    """What one run takes. `changed_share` of the runs have `changes`, each of which takes `change_s` to write; one call
    in a hundred takes as long as a call may, `longest_call_s`. Times in seconds."""

    cpu_s: float
    read_s: float
    changed_share: float = 0.05
    changes: int = 10
    change_s: float = 1.0
    longest_call_s: float = 100.0
    restore_s: float = 0.5


@dataclass(frozen=True)
class Faults:
    """One worker is killed every `kill_every_s`, and one is frozen for `freeze_s` every `freeze_every_s`; 0: never.
    The database and the object store are away between these times. Nothing happens after `until_s`."""

    kill_every_s: float = 0.0
    restart_s: float = 120.0
    freeze_every_s: float = 0.0
    freeze_s: float = 600.0
    database_away: tuple[float, float] = (0.0, 0.0)
    store_away: tuple[float, float] = (0.0, 0.0)
    until_s: float = float("inf")


@dataclass(frozen=True)
class Fleet:
    """The first runs are due at any time within `due_within_s` seconds, by default the interval. `stays`: a channel
    runs on the worker that has its newest files if that one has room, else on any. The engine tries again `retry_s`
    after a run that ended with exit 5 or 6, and takes a worker that shows no sign of life for dead after
    `noticed_s`."""

    channels: int
    workers: int
    run: Run
    interval_s: float = 900.0
    hours: float = 2.0
    processors: int = 2
    runs_at_once: int = 16
    lease_s: float = 300.0
    retry_s: float = 60.0
    noticed_s: float = 60.0
    due_within_s: float | None = None
    stays: bool = True
    faults: Faults = Faults()
    seed: int = 1


@dataclass
class Outcome:
    """`delays`: how long each good run had to wait, for a worker or a processor or to be tried again. `takeovers`: how
    long each channel whose worker was killed or frozen waited for the next holder. `good`: when each channel had its
    last good run. `at_once`: how many runs there were at most at the same time; `asked`: what the lease table was
    asked."""

    delays: list[float] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    good: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    at_once: int = 0
    asked: Counter[str] = field(default_factory=Counter)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass
class _Row:
    holder: str = ""
    until: float = -float("inf")
    generation: int = 0
    snapshot: str | None = None
    snapshot_generation: int = 0


class Leases:
    """The lease table, in memory (`LeaseStore`). `now` is the database's clock."""

    def __init__(self, now: Callable[[], float], is_away: Callable[[], bool]) -> None:
        self._now, self._is_away = now, is_away
        self.rows: dict[str, _Row] = {}
        self.asked: Counter[str] = Counter()

    def take(self, channel: str, holder: str, seconds: float) -> Grant | Held:
        row = self._row(channel, "take")
        if row.until >= self._now():
            return Held(row.holder, EPOCH + timedelta(seconds=row.until))
        row.holder, row.until, row.generation = holder, self._now() + seconds, row.generation + 1
        return Grant(row.generation, row.snapshot, row.snapshot_generation)

    def renew(self, channel: str, generation: int, seconds: float) -> bool:
        row = self._row(channel, "renew")
        if row.generation != generation or row.until <= self._now():
            return False
        row.until = self._now() + seconds
        return True

    def give_back(self, channel: str, generation: int, snapshot: str | None, newest: int = 0) -> bool:
        row = self._row(channel, "give back")
        if row.generation != generation:
            return False
        row.until = -float("inf")
        if snapshot is not None:
            row.snapshot, row.snapshot_generation = snapshot, generation
        return True

    def add_intent(self, channel: str, generation: int) -> None:
        """Raises LeaseLost if another has taken the lease."""
        if self._row(channel, "intent").generation != generation:
            raise LeaseLost("Another worker has taken the channel over.")

    def _row(self, channel: str, what: str) -> _Row:
        if self._is_away():
            raise StateUnavailable("The database is away.")
        self.asked[what] += 1
        return self.rows.setdefault(channel, _Row())


@dataclass
class _Worker:
    name: str
    clock_is_off_s: float
    cpu_free: list[float]  # when each processor is free
    life: int = 0  # grows with each kill
    frozen_until: float = 0.0
    dead_until: float = 0.0
    running: dict[object, str] = field(default_factory=dict)  # the channel of each run

    def is_up(self, now: float) -> bool:
        return now >= self.frozen_until and now >= self.dead_until


class Simulation:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.now, self.outcome = fleet, 0.0, Outcome()
        self._random = random.Random(fleet.seed)
        self.leases = Leases(lambda: self.now, lambda: _within(self.now, fleet.faults.database_away))
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._workers = [
            _Worker(f"worker {n}", self._random.uniform(-3600, 3600), [0.0] * fleet.processors)
            for n in range(fleet.workers)
        ]
        self._queue: deque[tuple[str, float, object]] = deque()
        self._pending: dict[str, object] = {}  # channels that wait, run or are tried again; the run that counts
        self._folders: dict[str, tuple[str, int]] = {}  # by channel: the worker with the newest files
        self._write_ends: dict[str, tuple[int, float]] = {}  # by channel: generation, until when it may take effect
        self._broken: dict[str, float] = {}  # channels whose worker was killed or frozen, since when

    def run(self) -> Outcome:
        """Raises AssertionError if a promise is broken."""
        fleet = self.fleet
        end = fleet.hours * 3600
        for n in range(fleet.channels):
            within_s = fleet.interval_s if fleet.due_within_s is None else fleet.due_within_s
            due = self._random.uniform(0, within_s)
            self._at(due, partial(self._tick, f"{n}"))
        for every_s, fault in ((fleet.faults.kill_every_s, self._kill), (fleet.faults.freeze_every_s, self._freeze)):
            if every_s:
                self._at(every_s, partial(self._again, every_s, fault))
        while self._events and self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            event()
        self.now, self.outcome.asked = end, self.leases.asked
        return self.outcome

    def _at(self, time: float, event: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, event))

    # The engine: schedule, queue and workers.

    def _tick(self, channel: str) -> None:
        self._at(self.now + self.fleet.interval_s, partial(self._tick, channel))
        if channel in self._pending:
            self.outcome.counts["skipped, because it was still at work"] += 1
        else:
            self._enqueue(channel, self.now)

    def _enqueue(self, channel: str, due: float) -> None:
        self._pending[channel] = run = object()
        self._queue.append((channel, due, run))
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue:
            up = [one for one in self._workers if one.is_up(self.now) and len(one.running) < self.fleet.runs_at_once]
            if not up:
                return
            channel, due, run = self._queue.popleft()
            if self._pending.get(channel) is not run:
                continue
            last = self._folders.get(channel, ("", 0))[0] if self.fleet.stays else ""
            self._random.shuffle(up)  # equals in any order
            worker = min(up, key=lambda one: (one.name != last, len(one.running)))
            worker.running[run] = channel
            self.outcome.at_once = max(self.outcome.at_once, sum(len(one.running) for one in self._workers))
            self._step(worker, worker.life, self._execute(worker, channel, due, run))

    def _step(self, worker: _Worker, life: int, steps: Steps) -> None:
        """The next step of what a worker does, unless it was killed; when it thaws, if it is frozen."""
        if worker.life != life:
            return
        if self.now < worker.frozen_until:
            self._at(worker.frozen_until, partial(self._step, worker, life, steps))
            return
        for seconds in steps:
            self._at(self.now + seconds, partial(self._step, worker, life, steps))
            return

    def _ended(self, worker: _Worker, channel: str, due: float, run: object, how: str) -> None:
        self.outcome.counts[how] += 1
        del worker.running[run]
        if how == "good":
            self.outcome.good[channel] = self.now
        if self._pending.get(channel) is run:
            if how == "good":
                del self._pending[channel]
            else:
                self._at(self.now + self.fleet.retry_s, partial(self._enqueue, channel, due))
        self._dispatch()

    # A run, as pipelines/fleet/shared_state.py and pipelines/engine/push.py do it.

    def _execute(self, worker: _Worker, channel: str, due: float, run: object) -> Steps:
        fleet, cost = self.fleet, self.fleet.run
        lease = Lease(
            self.leases, channel, worker.name, fleet.lease_s, cost.longest_call_s,
            lambda: self.now + worker.clock_is_off_s,
        )  # fmt: skip
        try:
            grant = lease.take()
        except (ChannelBusy, StateUnavailable) as error:
            self._ended(worker, channel, due, run, f"exit {error.exit_code}")
            return
        generation, end = self._write_ends.get(channel, (0, 0.0))
        assert generation < grant.generation, "a generation came twice"
        assert end <= self.now, f"channel {channel}: a write of the holder before may still take effect"
        if channel in self._broken:
            self.outcome.takeovers.append(self.now - self._broken.pop(channel))
        self._step(worker, worker.life, self._renewals(worker, run, lease))
        try:
            needed_s = yield from self._work(worker, channel, lease)
            self.outcome.delays.append(max(0.0, self.now - due - needed_s))
            how = "good"
        except (LeaseLost, StateUnavailable) as error:
            how = "exit 5, " + ("lost the lease" if isinstance(error, LeaseLost) else "something was away")
            try:
                lease.give_back(None)
            except StateUnavailable:
                self.outcome.counts["not given back"] += 1
        self._broken.pop(channel, None)
        self._ended(worker, channel, due, run, how)

    def _work(self, worker: _Worker, channel: str, lease: Lease) -> Generator[float, None, float]:
        """Returns how many seconds it takes if it waits for nothing."""
        cost, grant = self.fleet.run, lease.grant
        needed_s = cost.cpu_s + cost.read_s
        if grant.snapshot is not None and self._folders.get(channel) != (worker.name, grant.snapshot_generation):
            self._need_store()
            self.outcome.counts["restored"] += 1
            needed_s += cost.restore_s
            yield cost.restore_s
        yield self._processor(worker, cost.cpu_s) - self.now
        yield cost.read_s
        if self._random.random() < cost.changed_share:
            for _ in range(cost.changes):
                lease.check()
                self.leases.add_intent(channel, grant.generation)
                seconds = cost.longest_call_s if self._random.random() < 0.01 else cost.change_s
                lease.check()
                self._write(channel, grant.generation, seconds)
                needed_s += seconds
                yield seconds
        self._need_store()
        self.outcome.counts["stored"] += 1
        if not lease.give_back(f"{channel}/{grant.generation}", 0):
            raise LeaseLost("Another worker has taken the channel over.")
        self._folders[channel] = (worker.name, grant.generation)
        return needed_s

    def _write(self, channel: str, generation: int, seconds: float) -> None:
        before, end = self._write_ends.get(channel, (0, 0.0))
        assert before <= generation == self.leases.rows[channel].generation, "a write of a holder that was replaced"
        self._write_ends[channel] = (generation, max(end, self.now + seconds))
        self.outcome.counts["changes"] += 1

    def _renewals(self, worker: _Worker, run: object, lease: Lease) -> Steps:
        while True:
            yield self.fleet.lease_s / BEATS
            if run not in worker.running:
                return
            try:
                if not lease.renew():
                    return
            except StateUnavailable:
                self.outcome.counts["not renewed"] += 1

    def _processor(self, worker: _Worker, seconds: float) -> float:
        """When this work is done on the processor that is free first."""
        free = heapq.heappop(worker.cpu_free)
        done = max(free, self.now) + seconds
        heapq.heappush(worker.cpu_free, done)
        self.outcome.cpu_s += seconds
        return done

    def _need_store(self) -> None:
        if _within(self.now, self.fleet.faults.store_away):
            raise StateUnavailable("The object store is away.")

    # Faults.

    def _again(self, every_s: float, fault: Callable[[_Worker], None]) -> None:
        if self.now > self.fleet.faults.until_s:
            return
        self._at(self.now + every_s, partial(self._again, every_s, fault))
        if up := [one for one in self._workers if one.is_up(self.now)]:
            worker = self._random.choice(up)
            self._broken |= dict.fromkeys(worker.running.values(), self.now)
            fault(worker)

    def _kill(self, worker: _Worker) -> None:
        self.outcome.counts["kills"] += 1
        worker.life += 1
        worker.dead_until = self.now + self.fleet.faults.restart_s
        worker.cpu_free = [0.0] * self.fleet.processors
        lost, worker.running = worker.running, {}
        self._notice_later(lost)
        self._at(worker.dead_until, self._dispatch)

    def _freeze(self, worker: _Worker) -> None:
        self.outcome.counts["freezes"] += 1
        worker.frozen_until = self.now + self.fleet.faults.freeze_s
        self._notice_later(dict(worker.running))
        self._at(worker.frozen_until, self._dispatch)

    def _notice_later(self, runs: Mapping[object, str]) -> None:
        """The engine starts the channels of a worker without a sign of life elsewhere."""
        since = self.now

        def notice() -> None:
            for run, channel in runs.items():
                if self._pending.get(channel) is run:
                    self._enqueue(channel, since)

        self._at(since + self.fleet.noticed_s, notice)


def _within(now: float, span: tuple[float, float]) -> bool:
    return span[0] <= now < span[1]
