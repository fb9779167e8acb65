"""The working file, the analysts' copy and the journal."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines.core.errors import ConfigError
from pipelines.state.journal import Journal, load_into_store
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, Store, publish, published, utc_now
from tests.support.declared import SCHEMA


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path, "demo")
    made.make()
    return made


def publish_with(folder: Folder, outcome: str) -> None:
    store = Store(folder, SCHEMA)
    store.connection.execute(
        "insert into sync.runs (run_id, outcome, started_at) values (?, ?, now()::timestamp)", [outcome, outcome]
    )
    store.ready_to_publish()
    store.close()
    publish(folder)


def test_a_reader_keeps_the_copy_it_opened(folder: Folder) -> None:
    """Publishing while an analyst reads neither fails nor changes what the analyst sees."""
    publish_with(folder, "first")
    reading = published(folder)
    publish_with(folder, "second")
    assert reading.execute("select run_id from sync.runs").fetchall() == [("first",)]
    reading.close()
    again = published(folder)
    assert again.execute("select count(*) from sync.runs").fetchall() == [(2,)]


def test_a_log_that_a_writer_left_beside_the_copy_is_not_applied_to_the_next_one(folder: Folder) -> None:
    """Somebody opened the copy for writing and was killed: the next copy is as the run made it."""
    publish_with(folder, "first")
    pid = os.fork()
    if not pid:
        mine = duckdb.connect(str(folder.published))
        mine.execute("pragma disable_checkpoint_on_shutdown")
        mine.execute("create table scribble as select 1 as x")
        os._exit(0)
    os.waitpid(pid, 0)
    assert folder.published.with_name("analytics.duckdb.wal").exists()
    publish_with(folder, "second")
    tables = published(folder).execute("select table_name from information_schema.tables").fetchall()
    assert ("scribble",) not in tables


def test_no_copy_yet_is_told_with_what_to_do(folder: Folder) -> None:
    with pytest.raises(ConfigError, match="Run plan or push"):
        published(folder)


def test_a_damaged_working_file_is_told_with_what_to_do(folder: Folder) -> None:
    folder.work.write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigError, match=r"work\.duckdb: it is damaged") as caught:
        Store(folder, SCHEMA)
    assert "--rebuild" in caught.value.fix


def test_files_are_for_their_owner_only(folder: Folder) -> None:
    publish_with(folder, "first")
    assert folder.root.stat().st_mode & 0o077 == 0
    assert folder.published.stat().st_mode & 0o077 == 0


def rows(store: Store) -> list[tuple[object, ...]]:
    return store.connection.execute(
        "select run_id, key, action, outcome, status, message from sync.journal order by run_id, key"
    ).fetchall()


def test_every_intent_becomes_a_row_and_one_without_an_outcome_is_unknown(folder: Folder) -> None:
    store = Store(folder, SCHEMA)
    with Journal(folder.journal, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_intent("B", "update")
        journal.record_outcome("A", "create", "applied", 200, "")
    load_into_store(folder.journal, store)
    assert rows(store) == [
        ("r1", "A", "create", "applied", 200, ""),
        ("r1", "B", "update", "unknown", None, "the run ended before the answer"),
    ]
    assert not folder.journal.exists()


def test_folding_twice_does_no_harm(folder: Folder) -> None:
    """A kill between the commit and the removal of the file leaves the file: the next run folds it again."""
    store = Store(folder, SCHEMA)
    with Journal(folder.journal, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_outcome("A", "create", "refused", 400, "no")
    content = folder.journal.read_bytes()
    load_into_store(folder.journal, store)
    folder.journal.write_bytes(content)
    load_into_store(folder.journal, store)
    assert rows(store) == [("r1", "A", "create", "refused", 400, "no")]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_cut_off_by_a_kill_is_no_event(folder: Folder, cut: int) -> None:
    """Its call was never made, because the write had not returned."""
    store = Store(folder, SCHEMA)
    with Journal(folder.journal, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_outcome("A", "create", "applied", 200, "")
        journal.record_intent("B", "create")
    content = folder.journal.read_bytes()
    folder.journal.write_bytes(content[: -cut - 1])
    load_into_store(folder.journal, store)
    assert [row[1] for row in rows(store)] == ["A"]


def test_a_killed_run_is_told_as_killed(folder: Folder) -> None:
    store = Store(folder, SCHEMA)
    store.begin_run({"run_id": "r1", "started_at": utc_now(), "verb": "push"})
    store.begin_run({"run_id": "r2", "started_at": utc_now(), "verb": "push"})
    assert store.connection.execute("select run_id, outcome from sync.runs order by 1").fetchall() == [
        ("r1", "killed"),
        ("r2", None),
    ]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"read": 11}, "read 11 is not"),
        ({"withheld": 0}, "read 10 is not"),
        ({"applied": 1}, "create 2 \\+ update 1 is not"),
        ({"not_attempted": 1}, "create 2 \\+ update 1 is not"),
    ],
    ids=lambda value: str(value) or "adds up",
)
def test_the_sums_are_checked(changed: dict[str, int], fault: str) -> None:
    report = RunResult("demo", "r1", "push", utc_now())
    report.begin("stock")
    report.begin("products")
    report.flows["products"] |= {
        "read": 10, "skipped": 3, "withheld": 2, "create": 2, "update": 1, "unchanged": 2,
        "applied": 2, "refused": 1,
    }  # fmt: skip
    report.flows["products"] |= changed
    assert re.match(f"products: {fault}" if fault else "", report.count_mismatch("products"))
    assert bool(report.count_mismatch("products")) == bool(fault)
    assert not report.count_mismatch("stock")


@pytest.mark.parametrize("rows", [0, 1, 5, 6])
def test_pieces_hold_what_the_whole_frame_holds(folder: Folder, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """In the order asked for, also where the connection is used for something else between two pieces."""
    monkeypatch.setattr("pipelines.state.store.BATCH", 3)
    with contextlib.closing(Store(folder, SCHEMA)) as store:
        store.connection.execute("create table t as select 'k' || i as key, i as n from range(?) r(i)", [rows])
        order = "order by n desc"
        seen = []
        for piece in store.frames("t", ["key", "n"], order):
            with store.keys(piece["key"]) as wanted:
                again = store.frame("t", ["key", "n"], f"where key in (from {wanted}) {order}")
            pd.testing.assert_frame_equal(again, piece)
            seen.append(piece)
        pd.testing.assert_frame_equal(pd.concat(seen, ignore_index=True), store.frame("t", ["key", "n"], order))
