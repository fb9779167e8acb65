"""Request rates that several processes share: as one process reserves them, as PostgreSQL keeps them, and as a server
sees the requests of several processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from typing import Any

import pytest

from pipelines.core.errors import StateUnavailable
from pipelines.core.shared_rates import sharing_rates
from pipelines.fleet.budgets import FULL_S, LATE_S, Budgets
from pipelines.fleet.database import AHEAD_S, Database
from pipelines.fleet.lease import monotonic
from pipelines.systems.http.failures import ServerBusy
from pipelines.systems.http.session import Repeat, Request, Session
from pipelines.systems.http.settings import SystemConfig
from tests.support.fleet import execute, set_clock
from tests.support.waiting import LONG_S, wait_for

RATE = 10.0


@dataclass
class World:
    """A clock, and an event whose waiting lets it pass."""

    now: float = 1000.0
    oversleeps_s: float = 0.0

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> None:
        self.now += seconds + self.oversleeps_s


@dataclass
class Asked:
    """A store that is asked by one process alone, or that always answers the same."""

    world: World
    always: list[float | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    free_at: float = 0.0

    def reserve(self, budget: str, seconds: float, burst_s: float) -> float | None:
        self.seconds.append(seconds)
        if self.always:
            return self.always.pop(0)
        begins = max(self.free_at, self.world.now - burst_s)
        self.free_at = begins + seconds
        return begins - self.world.now


def sent(
    world: World, store: Asked, count: int, per_second: float, takes_s: float = 0.0, burst: int = 1
) -> list[float]:
    """When each request of one process is sent, if each takes so long."""
    budgets, times = Budgets(store, lambda: world.now), []
    for _ in range(count):
        budgets.wait("shop", per_second, burst, world)
        times.append(world.now)
        world.now += takes_s
    return times


def test_a_slow_rate_is_kept_exactly() -> None:
    world = World()
    times = sent(world, Asked(world), 5, 2.0)
    assert times == [1000.0, 1000.5, 1001.0, 1001.5, 1002.0]


def test_a_fast_rate_asks_the_database_a_few_times_a_second() -> None:
    world = World()
    store = Asked(world)
    times = sent(world, store, 2000, 200.0)
    assert times[-1] - times[0] == pytest.approx(1999 / 200)
    assert len(store.seconds) <= 5 * (times[-1] - times[0])


def test_a_process_that_sends_rarely_reserves_one_request_at_a_time() -> None:
    world = World()
    store = Asked(world)
    sent(world, store, 10, 100.0, takes_s=0.6)
    assert store.seconds == [0.01] * 10


def test_time_that_nobody_has_used_may_be_used_at_once_for_a_tenth_of_a_second() -> None:
    world = World()
    store = Asked(world)
    sent(world, store, 1, 50.0, takes_s=5.0, burst=5)
    times = sent(world, store, 6, 50.0, burst=5)
    assert times[4] - times[0] == pytest.approx(0.0)
    assert times[5] - times[0] == pytest.approx(0.02)


def test_a_reserved_request_that_is_too_late_is_not_sent() -> None:
    """The process was frozen while it waited: the time that it had reserved has passed."""
    world = World()
    store = Asked(world, [0.5, 0.5])
    world.oversleeps_s = LATE_S + 0.1
    budgets = Budgets(store, lambda: world.now)

    def thaws(seconds: float) -> None:
        World.wait(world, seconds)
        world.oversleeps_s = 0.0

    world.wait = thaws
    budgets.wait("shop", 2.0, 1, world)
    assert len(store.seconds) == 2
    assert world.now == pytest.approx(1000.0 + 0.5 + LATE_S + 0.1 + 0.5)


def test_when_too_much_is_reserved_it_asks_again_later() -> None:
    world = World()
    times = sent(world, Asked(world, [None, None, 0.0]), 1, 2.0)
    assert times == [1000.0 + 2 * FULL_S]


def test_a_session_that_is_closed_waits_no_longer() -> None:
    closed = threading.Event()
    budgets = Budgets(Asked(World(), [3600.0]), monotonic)
    waiting = threading.Thread(target=budgets.wait, args=("shop", 2.0, 1, closed), daemon=True)
    waiting.start()
    closed.set()
    waiting.join(LONG_S)
    assert not waiting.is_alive()


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with closing(Database(database, 3)) as opened:
        yield opened


def set_time(database: str, time_s: float) -> None:
    """Stops the clock of the database at this time."""
    execute(database, "update clock.shown set fixed = to_timestamp(%s)", time_s)


def test_processes_take_turns_by_the_clock_of_the_database(database: str, db: Database) -> None:
    db.try_out()
    set_time(database, 1e9)
    with closing(Database(database, 3)) as other:
        assert db.reserve("merchant", 0.5, 0.0) == pytest.approx(0.0)
        assert other.reserve("merchant", 0.25, 0.0) == pytest.approx(0.5)
        assert db.reserve("merchant", 0.5, 0.0) == pytest.approx(0.75)
        assert other.reserve("another merchant", 0.5, 0.0) == pytest.approx(0.0)
        set_time(database, 1e9 + 100)
        assert other.reserve("merchant", 0.5, 0.1) == pytest.approx(-0.1)
        assert db.reserve("merchant", 0.5, 0.1) == pytest.approx(0.4)


def test_nothing_is_reserved_far_ahead(database: str, db: Database) -> None:
    db.try_out()
    set_time(database, 1e9)
    assert [db.reserve("merchant", 30.0, 0.0) for _ in range(4)] == [0.0, 30.0, AHEAD_S, None]
    set_time(database, 1e9 + 31)
    assert db.reserve("merchant", 30.0, 0.0) == pytest.approx(59.0)


@pytest.mark.parametrize("rate_s", [0.5, 1e6])
def test_a_clock_of_the_database_that_is_set_back_holds_nobody_up(database: str, db: Database, rate_s: float) -> None:
    db.try_out()
    set_time(database, 1e9)
    assert db.reserve("merchant", rate_s, 0.0) == pytest.approx(0.0)
    set_time(database, 1e9 - 3600)
    assert db.reserve("merchant", 0.5, 0.0) == pytest.approx(0.0)
    assert db.reserve("merchant", 0.5, 0.0) == pytest.approx(0.5)


def test_a_session_ends_with_the_error_of_the_database_and_not_with_that_of_an_earlier_attempt() -> None:
    """Unless the earlier attempt was a write that may have been served."""

    class GoneAfterOne:
        calls = 0

        def wait(self, *_: Any) -> None:
            self.calls += 1
            if self.calls > 1:
                raise StateUnavailable("The database is gone.")

    with Server(status=503) as server, closing(server.session("shop")) as session:
        with sharing_rates(GoneAfterOne()), pytest.raises(StateUnavailable):
            session.call(Request("GET", "/", Repeat.SAFE))
        with sharing_rates(GoneAfterOne()), pytest.raises(ServerBusy):
            session.call(Request("PUT", "/", Repeat.IDEMPOTENT))
    assert len(server.times) == 2


class Server:
    """A local server that notes when each request came, by path."""

    def __init__(self, status: int = 200) -> None:
        self.times: list[tuple[float, str]] = []
        times = self.times

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                times.append((time.monotonic(), self.path))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PUT = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def session(self, budget: str, per_second: float = 1000.0) -> Session:
        return session_of(self.address, budget, per_second)

    def has_more_than(self, count: int) -> bool:
        return len(self.times) > count

    def of(self, budget: str) -> list[float]:
        return [at for at, path in self.times if path == f"/{budget}"]


def session_of(address: str, budget: str, per_second: float) -> Session:
    config = SystemConfig(base_url=address, requests_per_second=per_second, attempts=2, backoff_s=0.001)
    return Session("shop", config, budget=budget)


def _send(database: str, address: str, budget: str, count: int, ahead_s: float) -> None:
    """What a process of the fleet does; its clock is ahead of the others'."""
    db = Database(database, 3)
    with (
        closing(db),
        sharing_rates(Budgets(db, lambda: monotonic() + ahead_s)),
        closing(session_of(address, budget, RATE)) as session,
    ):
        for _ in range(count):
            session.call(Request("GET", f"/{budget}", Repeat.SAFE))


@pytest.fixture
def start(database: str) -> Iterator[Callable[..., Any]]:
    started = []

    def begin(server: Server, budget: str, count: int, ahead_s: float = 0.0) -> Any:
        process = get_context("forkserver").Process(
            target=_send, args=(database, server.address, budget, count, ahead_s), daemon=True
        )
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


def test_two_processes_share_one_rate_whatever_their_clocks_show(start: Callable[..., Any]) -> None:
    count = 25
    with Server() as server:
        for process in [start(server, "merchant", count, ahead_s) for ahead_s in (0.0, 3600.0)]:
            process.join(LONG_S)
            assert process.exitcode == 0
    times = server.of("merchant")
    assert len(times) == 2 * count
    for window in (1.0, 2.0, 3.0):
        most = max(sum(begin <= one < begin + window for one in times) for begin in times)
        assert most <= RATE * (window + LATE_S) + 1, window


def test_another_merchant_and_the_clock_of_the_database_disturb_nobody(
    start: Callable[..., Any], database: str, db: Database
) -> None:
    assert db.reserve("merchant", 600.0, 0.0) is not None
    with Server() as server:
        other = start(server, "another", 30)
        wait_for(lambda: len(server.of("another")) >= 5)
        set_clock(database, 3600)
        wait_for(lambda: len(server.of("another")) >= 10)
        set_clock(database, -3600)
        other.join(LONG_S)
        assert other.exitcode == 0
    assert len(server.of("another")) == 30


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_frozen_holds_nobody_up(
    start: Callable[..., Any], db: Database, number: int
) -> None:
    with Server() as server:
        for stopped in [start(server, "merchant", 1000) for _ in range(3)]:
            wait_for(partial(server.has_more_than, len(server.of("merchant")) + 2))
            os.kill(stopped.pid, number)
        begins_in_s = db.reserve("merchant", 1 / RATE, 0.0)
        assert begins_in_s is not None
        assert begins_in_s <= 3 * 2 / RATE, "no more than what the three had reserved"
