"""What happens in the demo, and what it promises."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.fleet_demo.machines import LOST_AFTER_S, MACHINES, Machines
from tests.fleet_demo.shops import LEASE_S, SIZES, Demo, all_codes
from tests.support.fleet import execute

KILLED, OTHER = MACHINES
LONGEST_S = 600.0  # far more than it takes on a machine that does nothing else
NEVER = datetime(2000, 1, 1)  # noqa: DTZ001 - UTC, as the database stores times


@dataclass(frozen=True)
class Row:
    """One channel at the end. `runs` are those that Dagster started, by machine."""

    channel: str
    home: str
    at_the_kill: int
    runs: Counter[str]
    finished_by: str
    created: int
    twice: list[str]
    missing: list[str]
    history: str

    @property
    def problems(self) -> list[str]:
        found = [f"{code} was created twice" for code in self.twice]
        found += [f"{code} is missing" for code in self.missing]
        found += [self.history] if self.history != "complete" else []
        found += [] if self.finished_by == OTHER else [f"no run of {OTHER} has finished it"]
        return [f"{self.channel}: {one}" for one in found]


@dataclass
class Story:
    """Starts the two machines, kills one in mid-push, and waits until the other one has done all the work."""

    machines: Machines
    shops: list[Demo]
    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    at_the_kill: dict[str, int] = field(default_factory=dict)
    killed_at: datetime = NEVER
    runs_seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def play(self) -> list[Row]:
        """Raises AssertionError if it takes too long."""
        for machine in MACHINES:
            self.machines.start_machine(machine)
        self.machines.wait_until_ready(self.began + 120)
        self._note("two code servers are up; the daemon starts, and the schedules fire each minute")
        self.machines.start_daemon()
        self._wait(self._is_mid_push, f"{KILLED} to be in mid-push")
        self._kill()
        self._wait(self._is_done, f"{OTHER} to finish all channels")
        self._note("all channels are done")
        runs = sum(machine == OTHER for _, machine in self._runs())
        each_s = self.machines.seconds_of_children(OTHER) / runs
        self._note(f"a run of {OTHER} took {each_s:.1f} s of processor time, its push included")
        return [self._row(shop) for shop in self.shops]

    def homes(self) -> dict[str, str]:
        """The machine that has begun the first run of each channel."""
        homes: dict[str, str] = {}
        for channel, machine in self._runs():
            homes.setdefault(channel, machine)
        return homes

    def _is_mid_push(self) -> bool:
        """Two channels of the machine are between their first writes and their last ones; or one has done half."""
        homes = self.homes()
        writing = [
            count
            for shop in self.shops
            if homes.get(shop.name) == KILLED and 3 < (count := sum(shop.created().values())) < SIZES - 4
        ]
        return len(writing) >= 2 or any(count > SIZES / 2 for count in writing)

    def _kill(self) -> None:
        self.killed_at = datetime.now(UTC).replace(tzinfo=None)
        processes = self.machines.kill(KILLED)
        time.sleep(0.5)  # what was on its way has arrived
        self.at_the_kill = {shop.name: sum(shop.created().values()) for shop in self.shops}
        homes = self.homes()
        here = ", ".join(
            f"{name} {count} of {SIZES}" for name, count in self.at_the_kill.items() if homes[name] == KILLED
        )
        self._note(f"{KILLED} is killed with its {processes} processes, in mid-push: {here}")
        self._note(f"its leases lapse after {LEASE_S:g} s, its runs count as lost after {LOST_AFTER_S} s")

    def _is_done(self) -> bool:
        """Nothing is missing, and each channel has a good run of the other machine that began after the kill."""
        return all(not shop.missing() for shop in self.shops) and all(
            self._last_good(shop.name) > self.killed_at for shop in self.shops
        )

    def _last_good(self, channel: str) -> datetime:
        """When the last good push in the other machine's history began (UTC)."""
        query = "select max(started_at) from sync.runs where outcome = 'ok' and verb = 'push'"
        return (self._sql(channel, query) or [(None,)])[0][0] or NEVER

    def _row(self, shop: Demo) -> Row:
        runs = Counter(machine for channel, machine in self._runs() if channel == shop.name)
        return Row(
            shop.name, self.homes()[shop.name], self.at_the_kill[shop.name], runs,
            OTHER if self._last_good(shop.name) > self.killed_at else "nobody",
            sum(shop.created().values()), shop.twice(), shop.missing(), self._history(shop),
        )  # fmt: skip

    def _history(self, shop: Demo) -> str:
        """What the other machine's history lacks; "complete" if it has every write, and the run that was killed."""
        keys = {key for (key,) in self._sql(shop.name, "select distinct key from sync.journal")}
        if lacking := [code for code in all_codes() if code not in keys]:
            return f"the history has no write of {', '.join(lacking[:5])}"
        orphans = self._sql(shop.name, "select count(*) from sync.journal anti join sync.runs using (run_id)")
        if orphans != [(0,)]:
            return "the history has writes of no run"
        began_to_write = self.homes()[shop.name] == KILLED and 0 < self.at_the_kill[shop.name] < SIZES
        killed = self._sql(shop.name, "select count(*) from sync.runs where outcome = 'killed'")
        return "the history lacks the killed run" if began_to_write and killed == [(0,)] else "complete"

    def _sql(self, channel: str, query: str) -> list[tuple[Any, ...]]:
        """Rows of the other machine's published file; none if there is no file."""
        file: Path = self.machines.data(OTHER) / channel / "analytics.duckdb"
        if not file.is_file():
            return []
        with duckdb.connect() as db:
            db.execute(f"attach '{file}' as published (read_only)")
            db.execute("use published")
            return db.execute(query).fetchall()

    def _runs(self) -> list[tuple[str, str]]:
        """Channel and machine of each run that a machine has begun, oldest first, from Dagster's storage."""
        if execute(self.machines.storage, "select to_regclass('run_tags') is null") == [(True,)]:
            return []
        return execute(
            self.machines.storage,
            "select c.value, m.value from runs r "
            "join run_tags c on c.run_id = r.run_id and c.key = 'centra_myogo/channel' "
            "join run_tags m on m.run_id = r.run_id and m.key = 'centra_myogo/machine' order by r.id",
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        while not condition():
            self.machines.check()
            assert time.monotonic() - self.began < LONGEST_S, f"waited too long for {what}"
            self._note_new_runs()
            time.sleep(0.25)

    def _note_new_runs(self) -> None:
        runs = Counter(self._runs())  # a run has no machine yet when it stands in the queue
        for channel, machine in (runs - self.runs_seen).elements():
            home = self.homes()[channel]
            self._note(f"{machine} pushes {channel}" + ("" if home == machine else f", which was at home on {home}"))
        self.runs_seen = runs

    def _note(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.began:5.0f} s  {text}")
