"""One real situation for each id of the error catalogue."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.core.errors import RecordError, TargetRefused, TargetUnknown
from pipelines.engine.run import RunOptions, run
from pipelines.reports.console import SilentReporter
from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder
from tests.support.shop import Shop, size


def wrong_key(shop: Shop) -> None:
    shop.edit("centra_token", "client_secret")


def too_much(shop: Shop) -> None:
    shop.edit("max_creates      = 5000", "max_creates      = 0")


def centra_down(shop: Shop) -> None:
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)


def field_gone(shop: Shop) -> None:
    shop.box.change_centra_row(1, sku="__missing__")


def myogo_down(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", method="POST", path="/api/v1/products", kind="status", status=429, times=-1)


def unknown_key(shop: Shop) -> None:
    shop.edit("[flows.products.limits]", "[flows.products.limitz]")


@pytest.mark.parametrize(
    ("wrong", "entry", "exit_code"),
    [
        (unknown_key, "CONFIG-001", 2),
        (wrong_key, "CRED-001", 2),
        (too_much, "LIMIT-001", 4),
        (centra_down, "SOURCE-001", 5),
        (field_gone, "CONTRACT-001", 5),
        (myogo_down, "TARGET-003", 5),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_run_that_stops_says_by_which_id(
    shop_of: Callable[..., Shop], wrong: Callable[[Shop], None], entry: str, exit_code: int
) -> None:
    shop = shop_of(size(1))
    wrong(shop)
    told = shop.json("push")
    assert (told["error"]["id"], told["exit_code"]) == (entry, exit_code)
    assert told["error"]["message"]
    assert told["error"]["fix"]


@pytest.mark.parametrize(
    ("fault", "outcome", "entry"),
    [({"kind": "status", "status": 400}, "refused", "TARGET-001"), ({"kind": "drop"}, "unknown", "TARGET-002")],
    ids=["refused", "unknown"],
)
def test_a_record_that_fails_alone(
    shop_of: Callable[..., Shop], fault: dict[str, Any], outcome: str, entry: str
) -> None:
    """The other record is applied, and the catalogue says what the outcome means."""
    shop = shop_of(size(1), size(2))
    shop.box.add_fault(side="myogo", method="POST", path="/api/v1/products", times=1, **fault)
    assert shop.run("push").exit_code == 3
    assert sorted(shop.sql("select outcome from sync.journal")) == sorted([("applied",), (outcome,)])
    meanings: dict[str, type[RecordError]] = {"refused": TargetRefused, "unknown": TargetUnknown}
    assert meanings[outcome].entry.id == entry


def test_a_held_lock(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    folder.make()
    with channel_lock(folder, "demo", "push"):
        told = shop.json("plan")
    assert (told["error"]["id"], told["exit_code"], told["channel"]) == ("LOCK-001", 6, "demo")


def test_being_asked_to_stop(shop_of: Callable[..., Shop]) -> None:
    """A signal while Centra is being waited for: it is not waited for any longer."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="/products", kind="hang", seconds=60.0, times=1)
    begun = time.monotonic()

    def stop() -> None:
        while not shop.box.requests("centra"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=stop)
    asking.start()
    report = run(shop.channel(), shop.data, RunOptions("plan"), SilentReporter())
    asking.join()
    assert (report.error_id, report.exit_code) == ("STOP-001", 5)
    assert time.monotonic() - begun < 50


def test_a_working_file_that_is_none(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    folder.make()
    folder.work.write_text("not a database" * 1000)
    told = shop.json("push")
    assert (told["error"]["id"], told["exit_code"], told["outcome"]) == ("STORE-001", 2, "storage")
    assert "--rebuild" in told["error"]["fix"]
    assert shop.json("push", "--rebuild")["exit_code"] == 0


def test_a_fault_of_ours(shop_of: Callable[..., Shop]) -> None:
    """Whatever nobody foresaw is told as ours, and the run is still recorded."""

    class Broken(SilentReporter):
        def planned(self, *_: Any) -> None:
            raise ZeroDivisionError("made up for this test")

    shop = shop_of(size(1))
    report = run(shop.channel(), shop.data, RunOptions("plan"), Broken())
    assert (report.error_id, report.exit_code) == ("FAULT-001", 1)
    assert shop.sql("select outcome from sync.runs") == [("internal_error",)]
