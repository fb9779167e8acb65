"""Orders, tracking and stock of a channel that two workers run: the second goes on where the first was killed or
frozen. myOGO of the sandbox makes a second order of a repeated request, so a repetition would be seen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.sandbox import Sandbox
from tests.fleet.test_workers import frozen_worker
from tests.support import child_process
from tests.support.child_process import SignalAt
from tests.support.fleet import execute, set_clock
from tests.support.shop import Shop
from tests.torture.order_environment import FLOWS, OrderEnvironment, start_sandbox

pytest.importorskip("psycopg", reason="needs the packages of centra-myogo[fleet]")
pytest.importorskip("obstore", reason="needs the packages of centra-myogo[fleet]")

LEASE_S = 300


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with start_sandbox() as running:
        yield running


def worker(environment: OrderEnvironment, folder: Path, database: str) -> Shop:
    """A worker of the environment's channel with its own folder and channel file."""
    folder.mkdir()
    shop = Shop(environment.box, folder, environment.shop.file.read_text("utf-8"))
    (folder / "database").write_text(database)
    store = folder.parent / "store"
    store.mkdir(exist_ok=True)
    shop.text += f'\n[state]\ndatabase = {{ file = "database" }}\nsnapshots = "file://{store}"\nlease_s = {LEASE_S}\n'
    shop.file.write_text(shop.text, "utf-8")
    return shop


def arguments(shop: Shop) -> list[str]:
    flows = [word for flow in FLOWS for word in ("--flow", flow)]
    return ["push", str(shop.file), *flows, "--data", str(shop.data), "--json"]


PLACES = [
    ("myOGO: after POST", 2),  # the first order is in myOGO, and its answer is lost
    ("myOGO: after POST", 3),
    ("Centra: after PUT", 1),  # captured
    ("Centra: after PUT", 2),  # a shipment is completed
    ("Centra: after POST", 1),  # the amounts are written
]


@pytest.mark.parametrize(("place", "nth"), PLACES)
def test_after_a_kill(box: Sandbox, tmp_path: Path, database: str, place: str, nth: int) -> None:
    environment = OrderEnvironment(box, tmp_path)
    one, two = (worker(environment, tmp_path / name, database) for name in ("one", "two"))
    done = child_process.run(*arguments(one), folder=one.folder, signal_at=SignalAt(place, nth, signal.SIGKILL))
    assert done.code == -signal.SIGKILL, done
    environment.check_partial_state()
    assert child_process.run(*arguments(two), folder=two.folder).code == 6
    set_clock(database, LEASE_S + 1)
    environment.shop = two
    assert environment.rerun() == 0
    environment.check_nothing_to_do()
    runs = [outcome for (outcome,) in two.sql("select outcome from sync.runs order by started_at")]
    assert runs == ["killed", *["ok"] * (len(runs) - 1)]
    assert two.sql("select count(*) from sync.journal j anti join sync.runs using (run_id)") == [(0,)]
    written = {key for (key,) in two.sql("select key from sync.journal")}
    assert written == {"SKU1", "SKU2", "SKU3", "1001-1", "1002-1", "demo-1003-1", "demo-1004-1"}
    stored = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    stored += b"".join(bytes(row) for (row,) in execute(database, "select record from centra_myogo_journal"))
    assert [value for value in environment.personal_data if value.encode() in stored] == []


@pytest.mark.parametrize(
    ("place", "nth"), [("myOGO: before POST", 2), ("Centra: before PUT", 1), ("Centra: before PUT", 2)]
)
def test_after_a_freeze(box: Sandbox, tmp_path: Path, database: str, place: str, nth: int) -> None:
    """The first worker wakes up when the second has done the rest, with its own clock past the lease."""
    environment = OrderEnvironment(box, tmp_path, connect_timeout_s=1, read_timeout_s=2)
    one, two = (worker(environment, tmp_path / name, database) for name in ("one", "two"))
    one.edit(f"lease_s = {LEASE_S}", "lease_s = 8")
    codes: list[int] = []

    def meanwhile() -> bool:
        if not codes and (pid := frozen_worker()):
            environment.check_partial_state()
            while (code := child_process.run(*arguments(two), folder=two.folder).code) == 6:
                pass
            codes.append(code)
            environment.check_partial_state()
            os.kill(pid, signal.SIGCONT)
        return False

    done = child_process.run(
        *arguments(one), folder=one.folder, signal_at=SignalAt(place, nth, signal.SIGSTOP), kill_when=meanwhile
    )
    assert codes == [0]
    assert (done.code, "STATE-002" in done.stdout) == (5, True), done
    environment.shop = two
    environment.check_partial_state()
    environment.check_nothing_to_do()
