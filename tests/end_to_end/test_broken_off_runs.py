"""What `status`, `runs`, `report` and the next run say while the first run goes on, and after one was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.state.store import Folder
from tests.support import child_process
from tests.support.child_process import SignalAt
from tests.support.shop import Shop, size


@pytest.fixture
def shop(shop_of: Callable[..., Shop], tmp_path: Path) -> Shop:
    """A project with one channel that has never run."""
    shop = shop_of(size(1), size(2), size(3))
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "demo.toml").write_text(shop.text, "utf-8")
    return shop


def states(shop: Shop) -> list[tuple[str, str]]:
    return [(one["state"], one["message"]) for one in json.loads(shop.command("status", "--json").stdout)["channels"]]


def kill_a_push(shop: Shop, place: str, nth: int) -> None:
    finished = child_process.run(
        "push", str(shop.file), "--data", str(shop.data), folder=shop.folder,
        signal_at=SignalAt(place, nth, signal.SIGKILL),
    )  # fmt: skip
    assert finished.code == -signal.SIGKILL, finished


def test_while_the_first_push_runs(shop: Shop) -> None:
    folder = Folder(shop.data, "demo")
    folder.make()
    folder.work.touch()
    who = {"pid": os.getpid(), "host": socket.gethostname(), "verb": "push", "since": "now"}
    folder.holder.write_text(json.dumps(who), "utf-8")
    assert states(shop) == [("running", "The first run, a push, has not ended yet.")]
    for verb in ("runs", "report"):
        result = shop.command(verb, "demo")
        assert (result.exit_code, "has not ended yet" in result.stderr.replace("\n", " ")) == (2, True), result.stderr


def test_after_the_first_push_was_killed(shop: Shop) -> None:
    """The next run says what the killed one did; `runs` shows no exit code for it, which 1 would be."""
    kill_a_push(shop, "journal: before the outcome", 2)
    assert states(shop) == [("failed", "A run was broken off before its end; run again.")]
    for verb in ("runs", "report"):
        result = shop.command(verb, "demo")
        assert (result.exit_code, "was broken off" in result.stderr.replace("\n", " ")) == (2, True), result.stderr
    result = shop.command("push", "demo")
    assert result.exit_code == 0, result.output
    said = r"The run before was killed after [123] of 3 changes; [123] had no recorded outcome\."
    assert re.search(said, result.stdout.replace("\n", " ")), result.stdout
    assert "was killed" not in shop.command("push", "demo").stdout, "it was said once"
    *_, killed = shop.command("runs", "demo").stdout.splitlines()
    assert killed.split()[4:6] == ["-", "killed"]
    assert states(shop) == [("good", "")]


def test_a_killed_push_after_a_good_one(shop: Shop) -> None:
    assert shop.command("push", "demo").exit_code == 0
    for number in (1, 2):
        shop.box.change_centra_row(number, name="Anorak")
    kill_a_push(shop, "journal: before the outcome", 1)
    assert states(shop) == [("good", "A run was broken off before its end; run again.")]


def test_a_published_copy_that_may_not_be_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is about rights: a new plan would not help."""
    import duckdb

    assert shop.command("push", "demo").exit_code == 0

    def refused(*_: object, **__: object) -> None:
        raise duckdb.IOException('IO Error: Cannot open file "analytics.duckdb": Permission denied')

    monkeypatch.setattr(duckdb, "connect", refused)
    result = shop.command("runs", "demo")
    assert (result.exit_code, "Check the owner and the rights" in result.stderr.replace("\n", " ")) == (2, True)
