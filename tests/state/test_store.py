"""The work database, the published copy and the journal."""

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
from pipelines.state.retention import blank_personal_data
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, Store, publish, published, utc_now
from tests.support.declared import SCHEMA


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    data_folder = Folder(tmp_path, "demo")
    data_folder.make()
    return data_folder


def publish_with(folder: Folder, outcome: str) -> None:
    store = Store(folder, SCHEMA)
    store.connection.execute(
        "insert into sync.runs (run_id, outcome, started_at) values (?, ?, now()::timestamp)", [outcome, outcome]
    )
    store.ready_to_publish()
    store.close()
    publish(folder)


def test_a_reader_keeps_the_copy_it_opened(folder: Folder) -> None:
    """Publishing while an analyst reads neither fails nor changes the rows that the analyst reads."""
    publish_with(folder, "first")
    reader = published(folder)
    publish_with(folder, "second")
    assert reader.execute("select run_id from sync.runs").fetchall() == [("first",)]
    reader.close()
    reread = published(folder)
    assert reread.execute("select count(*) from sync.runs").fetchall() == [(2,)]


def test_a_write_ahead_log_left_next_to_the_copy_is_not_applied_to_the_next_copy(folder: Folder) -> None:
    """A process that had the copy open for writing was killed; the next copy has only the run's tables."""
    publish_with(folder, "first")
    pid = os.fork()
    if not pid:
        writer = duckdb.connect(str(folder.published))
        writer.execute("pragma disable_checkpoint_on_shutdown")
        writer.execute("create table scribble as select 1 as x")
        os._exit(0)
    os.waitpid(pid, 0)
    assert folder.published.with_name("analytics.duckdb.wal").exists()
    publish_with(folder, "second")
    tables = published(folder).execute("select table_name from information_schema.tables").fetchall()
    assert ("scribble",) not in tables


def test_a_missing_copy_is_reported_with_a_fix(folder: Folder) -> None:
    with pytest.raises(ConfigError, match="Run plan or push"):
        published(folder)


def test_a_damaged_work_database_is_reported_with_a_fix(folder: Folder) -> None:
    folder.work.write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigError, match=r"work\.duckdb: it is damaged") as caught:
        Store(folder, SCHEMA)
    assert "--rebuild" in caught.value.fix


def test_files_are_private_to_their_owner(folder: Folder) -> None:
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
        ("r1", "B", "update", "unknown", None, "the run ended before the answer came"),
    ]
    assert not folder.journal.exists()


def test_loading_a_journal_twice_does_not_duplicate_rows(folder: Folder) -> None:
    """After a kill between the commit and the removal of the file the next run loads it again."""
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
def test_an_incomplete_last_line_is_ignored(folder: Folder, cut: int) -> None:
    """Its request was never sent, because the write had not returned."""
    store = Store(folder, SCHEMA)
    with Journal(folder.journal, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_outcome("A", "create", "applied", 200, "")
        journal.record_intent("B", "create")
    content = folder.journal.read_bytes()
    folder.journal.write_bytes(content[: -cut - 1])
    load_into_store(folder.journal, store)
    assert [row[1] for row in rows(store)] == ["A"]


def test_a_killed_run_is_recorded_as_killed(folder: Folder) -> None:
    store = Store(folder, SCHEMA)
    store.begin_run({"run_id": "r1", "started_at": utc_now(), "verb": "push"})
    store.begin_run({"run_id": "r2", "started_at": utc_now(), "verb": "push"})
    assert store.connection.execute("select run_id, outcome from sync.runs order by 1").fetchall() == [
        ("r1", "killed"),
        ("r2", None),
    ]


@pytest.mark.parametrize(
    ("changed", "mismatch"),
    [
        ({}, ""),
        ({"read": 11}, "read 11 is not"),
        ({"withheld": 0}, "read 10 is not"),
        ({"applied": 1}, "create 2 \\+ update 1 is not"),
        ({"not_attempted": 1}, "create 2 \\+ update 1 is not"),
    ],
    ids=lambda value: str(value) or "adds up",
)
def test_counts_that_do_not_add_up_are_reported(changed: dict[str, int], mismatch: str) -> None:
    report = RunResult("demo", "r1", "push", utc_now())
    report.begin("stock")
    report.begin("products")
    report.flows["products"] |= {
        "read": 10, "skipped": 3, "withheld": 2, "create": 2, "update": 1, "unchanged": 2,
        "applied": 2, "refused": 1,
    }  # fmt: skip
    report.flows["products"] |= changed
    assert re.match(f"products: {mismatch}" if mismatch else "", report.count_mismatch("products"))
    assert bool(report.count_mismatch("products")) == bool(mismatch)
    assert not report.count_mismatch("stock")


@pytest.mark.parametrize("rows", [0, 1, 5, 6])
def test_batches_have_the_rows_of_the_complete_frame(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """In the requested order, also if the connection runs another query between two batches."""
    monkeypatch.setattr("pipelines.state.store.BATCH", 3)
    with contextlib.closing(Store(folder, SCHEMA)) as store:
        store.connection.execute("create table t as select 'k' || i as key, i as n from range(?) r(i)", [rows])
        order = "order by n desc"
        batches = []
        for batch in store.frames("t", ["key", "n"], order):
            with store.keys(batch["key"]) as key_table:
                reread = store.frame("t", ["key", "n"], f"where key in (from {key_table}) {order}")
            pd.testing.assert_frame_equal(reread, batch)
            batches.append(batch)
        pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), store.frame("t", ["key", "n"], order))


NAMES = ("Aino Mäkelä Hämeentie", "Björn Öhman Storgatan", "O'Brien c/o Väinö")


def personal_rows(folder: Folder) -> None:
    """A working file whose table had personal data, on the disk, which is now blanked, replaced or deleted."""
    store = Store(folder, SCHEMA)
    db = store.connection
    db.execute("create table raw_centra.shipments (shipment_id varchar, order_date varchar, name varchar)")
    rows = "from range(2000)"
    db.execute(f"insert into raw_centra.shipments select 'a' || range, '2026-01-01', ? || range {rows}", [NAMES[0]])
    db.execute(f"insert into raw_centra.shipments select 'b' || range, '2026-01-01', ? || range {rows}", [NAMES[1]])
    db.execute(f"create table raw_centra.replaced as select ? || range as name {rows}", [NAMES[2]])
    db.execute("checkpoint")
    assert all(name.encode() in folder.work.read_bytes() for name in NAMES)
    assert blank_personal_data(store, "raw_centra.shipments", ("name",), "order_date", "2026-02-01") == 4000
    assert blank_personal_data(store, "raw_centra.shipments", ("name",), "order_date", None) == 0
    assert blank_personal_data(store, "raw_centra.missing", ("name",), "order_date", None) == 0
    db.execute("create or replace table raw_centra.replaced as select 1 as name")
    store.ready_to_publish()
    store.close()


def names_in(path: Path) -> list[str]:
    return [name for name in NAMES if name.encode() in path.read_bytes()]


def test_blanked_personal_data_does_not_stay_as_bytes(folder: Folder) -> None:
    """DuckDB keeps the bytes of changed and deleted rows in the file until it needs their place."""
    personal_rows(folder)
    assert names_in(folder.work) == [*NAMES]
    publish(folder)
    assert (names_in(folder.published), names_in(folder.work)) == ([], [*NAMES])
    publish(folder, compact=True)
    assert (names_in(folder.published), names_in(folder.work)) == ([], [])
    with contextlib.closing(Store(folder, SCHEMA)) as store:
        assert store.connection.execute("select count(*), count(name) from raw_centra.shipments").fetchall() == [
            (4000, 0)
        ]


def test_the_copies_have_all_tables_views_and_comments(folder: Folder) -> None:
    publish_with(folder, "first")
    queries = (
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() where not internal "
        "order by all",
        "select schema_name, table_name, comment from duckdb_tables() order by all",
        "select view_name, comment from duckdb_views() where not internal order by all",
        "select table_name, constraint_type, constraint_column_names from duckdb_constraints() order by all",
    )

    def content(path: Path) -> list[object]:
        with duckdb.connect(str(path), read_only=True) as db:
            return [db.execute(query).fetchall() for query in queries]

    before = content(folder.work)
    publish(folder, compact=True)
    assert content(folder.published) == content(folder.work) == before
    assert all(before)


@pytest.mark.parametrize(
    "point", ["publish: before the copy", "publish: copied", "publish: in place", "publish: before the compacted file"]
)
def test_a_kill_while_publishing_leaves_usable_files(
    folder: Folder, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next run publishes as if nothing had happened."""
    publish_with(folder, "first")
    personal_rows(folder)

    def killed(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.state.store.hit", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(folder, compact=True)
    for path in (folder.work, folder.published):
        with duckdb.connect(str(path), read_only=True) as db:
            assert db.execute("select run_id from sync.runs").fetchall() == [("first",)]
    publish(folder, compact=True)
    assert (names_in(folder.published), names_in(folder.work)) == ([], [])
    assert sorted(path.name for path in folder.root.iterdir()) == ["analytics.duckdb", "work.duckdb"]


def test_a_working_file_with_a_log_is_not_replaced(folder: Folder) -> None:
    """The log belongs to the file: with another file it would damage the history."""
    personal_rows(folder)
    pid = os.fork()
    if not pid:
        writer = duckdb.connect(str(folder.work))
        writer.execute("pragma disable_checkpoint_on_shutdown")
        writer.execute("create table late as select 1 as x")
        os._exit(0)
    os.waitpid(pid, 0)
    publish(folder, compact=True)
    with duckdb.connect(str(folder.work)) as db:
        assert db.execute("select x from late").fetchall() == [(1,)]
    with duckdb.connect(str(folder.published), read_only=True) as db:
        assert db.execute("select x from late").fetchall() == [(1,)]
