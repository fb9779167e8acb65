"""Stand-ins and servers for channels that several machines run: leases in memory, and a PostgreSQL server."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.fleet_simulation import Leases
from pipelines.core.errors import LeaseLost
from pipelines.fleet.database import LINE, Record
from tests.support.waiting import wait_for

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# Finds `clock_timestamp` before that of PostgreSQL, so that a test sets the time of the database.
_CLOCK = """
create schema clock;
create table clock.shown (fixed timestamptz, ahead interval not null);
insert into clock.shown values (null, '0');
create function clock.clock_timestamp() returns timestamptz language sql volatile
    as 'select coalesce(fixed, pg_catalog.clock_timestamp()) + ahead from clock.shown';
"""


class MemoryDatabase(Leases):
    """What `fleet.database.Database` does, in memory: the lease table of the simulation, and the journal. `now` is the
    database's clock in seconds."""

    def __init__(self, now: Callable[[], float], keep: int = 3) -> None:
        super().__init__(now, lambda: False)
        self.keep, self.records = keep, list[dict[str, Any]]()

    def row(self, channel: str) -> tuple[int, str | None]:
        """The generation and the newest snapshot."""
        row = self.rows.get(channel)
        return (0, None) if row is None else (row.generation, row.snapshot)

    def until(self, channel: str) -> float | None:
        """When the lease lapses; None if nobody has it."""
        row = self.rows.get(channel)
        return None if row is None or row.until < 0 else row.until

    def give_back(self, channel: str, generation: int, snapshot: str | None, newest: int = 0) -> bool:
        if not super().give_back(channel, generation, snapshot, newest):
            return False
        if snapshot is not None:
            for one in self.records:
                if one["in"] is None and (
                    one["generation"] == generation or (one["generation"] < generation and one["id"] <= newest)
                ):
                    one["in"] = generation
            oldest = generation - self.keep
            self.records = [one for one in self.records if one["in"] is None or one["generation"] > oldest]
        return True

    def add(self, channel: str, generation: int, run_id: str, records: Sequence[bytes], record_of: str = LINE) -> None:
        if self.rows[channel].generation != generation:
            raise LeaseLost("taken over")
        for record in records:
            self._add(generation, run_id, record, record_of)

    def add_late(self, channel: str, generation: int, run_id: str, record: bytes) -> None:
        self._add(generation, run_id, record, LINE)

    def _add(self, generation: int, run_id: str, record: bytes, record_of: str) -> None:
        self._last = getattr(self, "_last", 0) + 1
        self.records.append(
            {"id": self._last, "generation": generation, "record": Record(run_id, record_of, record), "in": None}
        )

    def earlier(self, channel: str, generation: int) -> tuple[int, list[Record]]:
        open_runs = {one["record"].run_id for one in self.records if one["in"] is None}
        found = [one for one in self.records if one["generation"] < generation and one["record"].run_id in open_runs]
        return (found[-1]["id"] if found else 0), [one["record"] for one in found]


def server_programs() -> Path | None:
    """The folder of PostgreSQL's server programs, as Debian or the PATH has them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return Path(folders[-1]).parent if folders else None


class PostgresServer:
    """A PostgreSQL on a Unix socket, as an ordinary process of a user who is not root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not in pytest's folder, which only root may enter
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run(
            [programs / "initdb", "-D", self.folder / "data", "-A", "trust", "-U", "fleet", "-E", "UTF8", "--locale=C",
             "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as,
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
             "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=40"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, **self._as,
        )  # fmt: skip
        wait_for(self._answers)

    def stop(self) -> None:
        """Ends the server at once, with all its connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile the server takes connections and answers none of them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The address of a new database, in which a test can set the clock."""
        import psycopg

        self._databases += 1
        name = f"fleet_{self._databases}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as db:
            db.execute(f"create database {name}")
        with psycopg.connect(self._address(name), autocommit=True) as db:
            db.execute(_CLOCK)
        return f"{self._address(name)}&options=-csearch_path%3Dpublic,clock,pg_catalog"

    def _address(self, database: str) -> str:
        return f"postgresql://fleet@/{database}?host={self.folder}"

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
            return False
        return True


def execute(address: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Runs one statement in the database; returns its rows."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as db:
        done = db.execute(statement, parameters)
        return done.fetchall() if done.description else []


def set_clock(address: str, ahead_s: float) -> None:
    """Sets the clock of the database ahead of the machine's."""
    execute(address, "update clock.shown set ahead = make_interval(secs => %s)", float(ahead_s))
