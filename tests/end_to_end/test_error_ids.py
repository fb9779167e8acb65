"""One real situation for each id of the error reference."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.core.errors import RecordError, TargetRefused, TargetUnknown
from pipelines.core.write_guard import guarded_by
from pipelines.engine.run import RunOptions, run
from pipelines.fleet.lease import Lease
from pipelines.reports.console import SilentReporter
from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder
from tests.support.fleet import MemoryDatabase
from tests.support.shop import Shop, size
from tests.support.shop_helpers import writes
from tests.support.waiting import HANG_S


def use_wrong_key(shop: Shop) -> None:
    shop.edit("centra_token", "client_secret")


def exceed_limit(shop: Shop) -> None:
    shop.edit("max_creates      = 5000", "max_creates      = 0")


def stop_centra(shop: Shop) -> None:
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)


def drop_field(shop: Shop) -> None:
    for number in range(1, 11):
        shop.box.change_centra_row(number, sku="__missing__")


def stop_myogo(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", method="POST", path="/api/v1/products", kind="status", status=429, times=-1)


def add_unknown_key(shop: Shop) -> None:
    shop.edit("[flows.products.limits]", "[flows.products.limitz]")


@pytest.mark.parametrize(
    ("break_setup", "entry", "exit_code"),
    [
        (add_unknown_key, "CONFIG-001", 2),
        (use_wrong_key, "CRED-001", 2),
        (exceed_limit, "LIMIT-001", 4),
        (stop_centra, "SOURCE-001", 5),
        (drop_field, "CONTRACT-001", 5),
        (stop_myogo, "TARGET-003", 5),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_run_that_stops_reports_its_error_id(
    shop_of: Callable[..., Shop], break_setup: Callable[[Shop], None], entry: str, exit_code: int
) -> None:
    shop = shop_of(*map(size, range(1, 11)))
    break_setup(shop)
    document = shop.json("push")
    assert (document["error"]["id"], document["exit_code"]) == (entry, exit_code)
    assert document["error"]["message"]
    assert document["error"]["fix"]


@pytest.mark.parametrize(
    ("fault", "outcome", "entry"),
    [({"kind": "status", "status": 400}, "refused", "TARGET-001"), ({"kind": "drop"}, "unknown", "TARGET-002")],
    ids=["refused", "unknown"],
)
def test_a_failed_record_does_not_stop_the_other_records(
    shop_of: Callable[..., Shop], fault: dict[str, Any], outcome: str, entry: str
) -> None:
    """The other record is applied, and the error reference has an entry for the outcome."""
    shop = shop_of(size(1), size(2))
    shop.box.add_fault(side="myogo", method="POST", path="/api/v1/products", times=1, **fault)
    assert shop.run("push").exit_code == 3
    assert sorted(shop.sql("select outcome from sync.journal")) == sorted([("applied",), (outcome,)])
    meanings: dict[str, type[RecordError]] = {"refused": TargetRefused, "unknown": TargetUnknown}
    assert meanings[outcome].entry.id == entry


def test_a_held_lock_is_lock_001(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    folder.make()
    with channel_lock(folder, "demo", "push", shop.file):
        document = shop.json("plan")
    assert (document["error"]["id"], document["exit_code"], document["channel"]) == ("LOCK-001", 6, "demo")


def test_a_missing_folder_for_snapshots_is_state_001(shop_of: Callable[..., Shop]) -> None:
    pytest.importorskip("psycopg", reason="needs the packages of centra-myogo[fleet]")
    pytest.importorskip("obstore", reason="needs the packages of centra-myogo[fleet]")
    shop = shop_of(size(1))
    (shop.folder / "database").write_text("postgresql://nowhere.test/fleet")
    shop.text += f'\n[state]\ndatabase = {{ file = "database" }}\nsnapshots = "file://{shop.folder}/none"\n'
    shop.file.write_text(shop.text, "utf-8")
    document = shop.json("push")
    assert (document["error"]["id"], document["exit_code"], document["outcome"]) == ("STATE-001", 5, "unavailable")
    assert "there is no folder" in document["error"]["message"]


def test_a_data_warehouse_that_is_not_there_is_export_001(shop_of: Callable[..., Shop]) -> None:
    pytest.importorskip("psycopg2", reason="needs the packages of centra-myogo[fleet]")
    shop = shop_of(size(1))
    shop.run("plan")
    document = shop.json("export", "--to", "postgresql://127.0.0.1:1/tables")
    assert (document["error"]["id"], document["exit_code"], document["outcome"]) == ("EXPORT-001", 5, "unavailable")


def test_a_lease_that_ends_is_state_002(shop_of: Callable[..., Shop]) -> None:
    """No write begins, and none counts as attempted."""
    shop = shop_of(size(1), size(2))
    now = 0.0
    lease = Lease(MemoryDatabase(lambda: now), "demo", "this test", 300, 100, lambda: now)
    lease.take()
    now = 201.0
    with guarded_by(lease.check):
        document = shop.json("push")
    assert (document["error"]["id"], document["exit_code"], document["outcome"]) == ("STATE-002", 5, "unavailable")
    assert document["flows"]["products"]["not_attempted"] == 2
    assert writes(shop) == []
    assert shop.json("push")["exit_code"] == 0


def test_a_signal_is_stop_001(shop_of: Callable[..., Shop]) -> None:
    """The signal comes while the run waits for Centra, and ends the wait."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="/products", kind="hang", seconds=HANG_S, times=1)

    def stop() -> None:
        while not shop.box.requests("centra"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    report = run(shop.channel(), shop.data, RunOptions("plan"), SilentReporter())
    thread.join()
    assert (report.error_id, report.exit_code) == ("STOP-001", 5)


def test_a_working_file_that_is_no_database_is_store_001(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    folder.make()
    folder.work.write_text("not a database" * 1000)
    document = shop.json("push")
    assert (document["error"]["id"], document["exit_code"], document["outcome"]) == ("STORE-001", 2, "storage")
    assert "--rebuild" in document["error"]["fix"]
    assert shop.json("push", "--rebuild")["exit_code"] == 0


def test_an_unexpected_exception_is_fault_001(shop_of: Callable[..., Shop]) -> None:
    """It is reported as an internal error, and the run is still recorded."""

    class Broken(SilentReporter):
        def planned(self, *_: Any) -> None:
            raise ZeroDivisionError("made up for this test")

    shop = shop_of(size(1))
    report = run(shop.channel(), shop.data, RunOptions("plan"), Broken())
    assert (report.error_id, report.exit_code) == ("FAULT-001", 1)
    assert shop.sql("select outcome from sync.runs") == [("internal_error",)]
