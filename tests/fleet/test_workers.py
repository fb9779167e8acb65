"""Complete runs of one channel by workers with different folders, as on different machines: kills, frozen processes,
and a database or an object store that is gone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipelines.core.json_codec import decode
from pipelines.sandbox import Sandbox
from tests.support import child_process
from tests.support.child_process import Finished, SignalAt
from tests.support.fleet import PostgresServer, execute, set_clock
from tests.support.shop import Shop, catalogue, shop_in, size
from tests.support.shop_helpers import writes

pytest.importorskip("psycopg", reason="needs the packages of centra-myogo[fleet]")
pytest.importorskip("obstore", reason="needs the packages of centra-myogo[fleet]")

SIZES = 6
LEASE_S, SHORT_LEASE_S = 120.0, 8.0  # the longest call takes 3 s


@dataclass
class Fleet:
    """Workers that share a database, an object store and the two systems."""

    box: Sandbox
    folder: Path
    database: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def worker(self, name: str, lease_s: float = LEASE_S) -> Shop:
        """A worker with its folder and its channel file."""
        folder = self.folder / name
        folder.mkdir()
        shop = shop_in(self.box, folder)
        (folder / "database").write_text(self.database)
        shop.edit("max_in_flight       = 4", "max_in_flight       = 1")
        shop.edit("backoff_s ", "connect_timeout_s = 1\nread_timeout_s = 2\nbackoff_s ")
        shop.text += (
            f'\n[state]\ndatabase = {{ file = "database" }}\nsnapshots = "file://{self.store}"\nlease_s = {lease_s:g}\n'
        )
        shop.file.write_text(shop.text, "utf-8")
        return shop

    def lapse(self) -> None:
        """Lets all leases lapse, as if the time had passed in the database."""
        set_clock(self.database, LEASE_S * 2)

    def snapshots(self) -> list[str]:
        return sorted(path.name for path in self.store.rglob("*") if path.is_file())

    def lease(self) -> tuple[Any, ...]:
        columns = "generation, snapshot, snapshot_generation, until = '-infinity'"
        return execute(self.database, f"select {columns} from centra_myogo_lease")[0]


def push(shop: Shop, **options: Any) -> tuple[Finished, dict[str, Any]]:
    """A push in a new process, and what it printed, if it came to its end."""
    done = child_process.run("push", str(shop.file), "--data", str(shop.data), "--json", folder=shop.folder, **options)
    return done, decode(done.stdout.encode()) if done.stdout else {}


def frozen_worker() -> int | None:
    """The process id of the worker, once it has stopped itself."""
    for child in active_children():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                return child.pid
    return None


@pytest.fixture
def fleet(tmp_path: Path, database: str) -> Iterator[Fleet]:
    (tmp_path / "store").mkdir()
    with Sandbox.start(catalogue(*map(size, range(1, SIZES + 1)))) as box:
        yield Fleet(box, tmp_path, database)


def check_history(shop: Shop, runs: list[str]) -> None:
    """Each write is in the history once, and each run with how it ended."""
    assert [outcome for (outcome,) in shop.sql("select outcome from sync.runs order by started_at")] == runs
    assert Counter(writes(shop)) == Counter(f"POST SKU{n}" for n in range(1, SIZES + 1)), "twice, or not at all"
    # A write that a killed run had begun may be tried by the next run too, which finds it done.
    keys = [key for (key,) in shop.sql("select distinct key from sync.journal order by 1")]
    assert keys == [f"SKU{n}" for n in range(1, SIZES + 1)]
    assert shop.sql("select count(*) from sync.journal j anti join sync.runs using (run_id)") == [(0,)]


def test_workers_take_turns_and_the_history_travels(fleet: Fleet) -> None:
    one, two = fleet.worker("one"), fleet.worker("two")
    assert push(one)[0].code == 0
    assert fleet.lease()[0::2] == (1, 1)
    done, document = push(two)
    assert (done.code, document["flows"]["products"]["unchanged"]) == (0, SIZES)
    check_history(two, ["ok", "ok"])
    assert push(two)[0].code == 0, "its own files are the newest: nothing is restored"
    assert not list((two.data / "demo").glob("aside-*"))
    assert push(one)[0].code == 0, "the older files are put aside, not deleted"
    (aside,) = (one.data / "demo").glob("aside-*")
    assert {"work.duckdb", "analytics.duckdb", "generation.json"} <= {path.name for path in aside.iterdir()}
    check_history(one, ["ok"] * 4)
    assert len(fleet.snapshots()) == 3, "the newest three are kept"
    assert fleet.lease()[1].endswith(fleet.snapshots()[-1])


def test_a_channel_that_another_machine_runs_is_exit_6(fleet: Fleet) -> None:
    one, two = fleet.worker("one"), fleet.worker("two")
    seen: list[tuple[int, dict[str, Any]]] = []

    def meanwhile() -> bool:
        if not seen and (pid := frozen_worker()):
            done, document = push(two)
            seen.append((done.code, document["error"]))
            os.kill(pid, signal.SIGCONT)
        return False

    # Frozen for less than the lease, it goes on as if nothing had happened.
    assert push(one, signal_at=SignalAt("run history: planned", 1, signal.SIGSTOP), kill_when=meanwhile)[0].code == 0
    ((code, error),) = seen
    assert (code, error["id"]) == (6, "LOCK-001")
    assert "push, process" in error["message"]
    assert "until 20" in error["message"]


@pytest.mark.parametrize(
    ("place", "nth"),
    [("myOGO: after POST", 4), ("journal: before the outcome", 3), ("shared journal: after the records", 8),
     ("run history: planned", 1), ("fleet: snapshot stored", 1)],
)  # fmt: skip
def test_the_successor_of_a_killed_worker_waits_and_completes_the_work(fleet: Fleet, place: str, nth: int) -> None:
    one, two = fleet.worker("one"), fleet.worker("two")
    assert push(one, signal_at=SignalAt(place, nth, signal.SIGKILL))[0].code == -signal.SIGKILL
    before = len(writes(one))
    done, document = push(two)
    assert (done.code, document["error"]["id"], len(writes(one))) == (6, "LOCK-001", before)
    fleet.lapse()
    done, document = push(two)
    assert done.code == 0, done
    check_history(two, ["ok" if "snapshot" in place else "killed", "ok"])
    assert fleet.lease()[0::2] == (2, 2)
    # The killed worker comes back: it takes the state of the other one, and keeps its own files aside.
    assert push(one)[0].code == 0
    check_history(one, ["ok" if "snapshot" in place else "killed", "ok", "ok"])
    assert list((one.data / "demo").glob("aside-*/work.duckdb"))


@pytest.mark.parametrize(
    ("place", "nth"),
    [("shared journal: after the records", 8), ("journal: after the intent", 3), ("myOGO: before POST", 4)],
)
def test_a_worker_that_was_frozen_past_its_time_writes_nothing_more(fleet: Fleet, place: str, nth: int) -> None:
    """In real time: the other worker begins once the lease has lapsed."""
    one, two = fleet.worker("one", SHORT_LEASE_S), fleet.worker("two")
    written: list[int] = []

    def meanwhile() -> bool:
        if not written and (pid := frozen_worker()):
            deadline = time.monotonic() + 60
            while (code := push(two)[0].code) == 6 and time.monotonic() < deadline:
                time.sleep(0.5)
            assert code == 0
            written.append(len(writes(two)))
            os.kill(pid, signal.SIGCONT)
        return False

    done, document = push(one, signal_at=SignalAt(place, nth, signal.SIGSTOP), kill_when=meanwhile)
    assert written == [SIZES], "the other one has written the rest"
    assert len(writes(one)) == SIZES, "the frozen one writes nothing more"
    assert (done.code, document["error"]["id"]) == (5, "STATE-002"), done
    generation, snapshot, of, is_free = fleet.lease()
    assert (generation, of, is_free) == (2, 2, True), "its snapshot did not become the state"
    assert snapshot.endswith(fleet.snapshots()[-1])
    assert push(two)[0].code == 0
    check_history(two, ["killed", "ok", "ok"])


def test_of_three_workers_at_the_same_time_some_run_in_turn_and_the_others_end_with_6(fleet: Fleet) -> None:
    shops = [fleet.worker(name) for name in ("one", "two", "three")]
    with ThreadPoolExecutor(len(shops)) as pool:
        codes = [done.code for done, _ in pool.map(push, shops)]
    assert set(codes) <= {0, 6}
    assert codes.count(0) >= 1
    assert push(shops[0])[0].code == 0
    check_history(shops[0], ["ok"] * (codes.count(0) + 1))


def test_a_clock_of_the_database_that_is_set_forward_lets_nobody_write_twice(fleet: Fleet) -> None:
    """The other worker then takes the lease too early. The next intent of the first one is refused."""
    one, two = fleet.worker("one"), fleet.worker("two")
    codes: list[int] = []

    def meanwhile() -> bool:
        if not codes and (pid := frozen_worker()):
            set_clock(fleet.database, 3600)
            codes.append(push(two)[0].code)
            os.kill(pid, signal.SIGCONT)
        return False

    done, document = push(one, signal_at=SignalAt("journal: after the outcome", 2, signal.SIGSTOP), kill_when=meanwhile)
    assert codes == [0]
    assert (done.code, document["error"]["id"]) == (5, "STATE-002"), done
    check_history(two, ["killed", "ok"])


def test_without_the_database_nothing_is_written_and_afterwards_all(fleet: Fleet, postgres: PostgresServer) -> None:
    """It goes away in the middle of a push, and comes back."""
    one = fleet.worker("one")
    stopped: list[int] = []

    def meanwhile() -> bool:
        if not stopped and (pid := frozen_worker()):
            stopped.append(len(writes(one)))
            postgres.stop()
            os.kill(pid, signal.SIGCONT)
        return False

    try:
        done, document = push(
            one, signal_at=SignalAt("journal: after the outcome", 2, signal.SIGSTOP), kill_when=meanwhile
        )
        assert (done.code, document["error"]["id"]) == (5, "STATE-001"), done
        assert "postgresql://" not in done.stdout + done.stderr
        assert len(writes(one)) == stopped[0]
        done, document = push(one)
        assert (done.code, document["error"]["id"]) == (5, "STATE-001"), done
    finally:
        postgres.start()
    fleet.lapse()
    two = fleet.worker("two")
    assert push(two)[0].code == 0
    check_history(two, ["killed", "ok"])


def test_without_the_object_store_the_work_is_done_and_the_next_worker_knows_it(fleet: Fleet) -> None:
    one, two = fleet.worker("one"), fleet.worker("two")
    moved = fleet.folder / "moved"

    def meanwhile() -> bool:
        if not moved.exists() and (pid := frozen_worker()):
            fleet.store.rename(moved)
            fleet.store.write_text("a file in its place")
            os.kill(pid, signal.SIGCONT)
        return False

    done, document = push(one, signal_at=SignalAt("journal: after the outcome", 2, signal.SIGSTOP), kill_when=meanwhile)
    assert (done.code, document["error"]["id"]) == (5, "STATE-001"), done
    assert (len(writes(one)), fleet.lease()[1:]) == (SIZES, (None, 0, True))
    assert push(two)[1]["error"]["id"] == "STATE-001"
    fleet.store.unlink()
    moved.rename(fleet.store)
    assert push(two)[0].code == 0
    check_history(two, ["ok", "ok"])


def test_a_plan_takes_the_lease_too_and_check_tries_both_places(fleet: Fleet) -> None:
    one = fleet.worker("one")
    planned = one.json("plan")
    assert planned["exit_code"] == 0, planned
    assert fleet.lease()[0::3] == (1, True)
    report = one.json("check")
    (state,) = (check for check in report["checks"] if check["name"] == "state")
    assert (state["status"], "(1 snapshots)" in state["message"]) == ("ok", True)


def budgets(fleet: Fleet) -> list[str]:
    return [name for (name,) in execute(fleet.database, "select budget from centra_myogo_budget order by 1")]


def test_a_run_counts_its_requests_per_environment_and_per_merchant(fleet: Fleet) -> None:
    one = fleet.worker("one")
    assert push(one)[0].code == 0
    centra, myogo = budgets(fleet)
    if "merchant" in centra:  # their ports decide the order
        centra, myogo = myogo, centra
    assert centra == urlsplit(fleet.box.centra_url).netloc
    assert re.fullmatch(rf"{re.escape(urlsplit(fleet.box.myogo_url).netloc)} merchant [0-9a-f]{{16}}", myogo)
    assert fleet.box.credentials.merchant_id not in myogo


def test_a_channel_that_does_not_share_its_rates(fleet: Fleet) -> None:
    one = fleet.worker("one")
    one.edit("lease_s = 120", "lease_s = 120\nshare_rates = false")
    assert push(one)[0].code == 0
    assert budgets(fleet) == []


@pytest.mark.parametrize(
    ("place", "nth", "begun"),
    [("Centra: after GET", 2, 0), ("shared journal: after the records", 8, 2), ("myOGO: after POST", 2, 1)],
)
def test_without_the_database_of_a_shared_rate_no_further_request_is_sent(
    fleet: Fleet, postgres: PostgresServer, place: str, nth: int, begun: int
) -> None:
    """Also no read: the rate would be exceeded."""
    one = fleet.worker("one")
    for side in ("500.0", "1000.0"):  # so slow that it reserves one request at a time
        one.edit(f"requests_per_second = {side}", "requests_per_second = 7.0")
    seen: list[int] = []

    def requests() -> int:
        return len(fleet.box.requests("centra")) + len(fleet.box.requests("myogo"))

    def meanwhile() -> bool:
        if not seen and (pid := frozen_worker()):
            postgres.stop()
            seen.append(requests())
            os.kill(pid, signal.SIGCONT)
        return False

    try:
        done, document = push(one, signal_at=SignalAt(place, nth, signal.SIGSTOP), kill_when=meanwhile)
        assert (done.code, document["error"]["id"]) == (5, "STATE-001"), done
        assert requests() <= seen[0] + 2, "what had waited already, one request of each system"
        assert len(writes(one)) == begun
    finally:
        postgres.start()
