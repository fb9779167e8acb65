"""The journal file, and how it is loaded after a kill, a full disk or damage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.state.journal import OPEN, Journal, load_into_store
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    with contextlib.closing(Store(folder, SCHEMA)) as opened_store:
        yield opened_store


def rows(store: Store) -> list[tuple[object, ...]]:
    return store.connection.execute(
        "select run_id, key, action, outcome, status, message from sync.journal order by run_id, key"
    ).fetchall()


def test_an_intent_and_its_outcome_are_one_row(store: Store) -> None:
    path = store.folder.journal
    with Journal(path, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_intent("B", "update")
        journal.record_outcome("B", "update", "refused", 400, "too long")
        journal.record_outcome("A", "create", "applied", 200, "")
    load_into_store(path, store)
    assert rows(store) == [("r1", "A", "create", "applied", 200, ""), ("r1", "B", "update", "refused", 400, "too long")]
    assert not path.exists()


def test_an_intent_without_an_outcome_is_unknown(store: Store) -> None:
    path = store.folder.journal
    with Journal(path, "r1", "products") as journal:
        journal.record_intent("A", "create")
    load_into_store(path, store)
    assert rows(store) == [("r1", "A", "create", "unknown", None, OPEN)]


def test_loading_a_journal_twice_does_not_duplicate_rows(store: Store) -> None:
    """As after a kill between the commit and the removal of the file."""
    path = store.folder.journal
    with Journal(path, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_outcome("A", "create", "applied", 200, "")
    content = path.read_bytes()
    load_into_store(path, store)
    path.write_bytes(content)
    load_into_store(path, store)
    assert len(rows(store)) == 1


def test_an_incomplete_line_does_not_swallow_the_next_one(store: Store) -> None:
    """A full disk truncates a line; then there is room again for outcomes of changes in flight."""
    path = store.folder.journal
    with Journal(path, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_intent("B", "create")
        with path.open("ab") as other:
            other.write(b'\n{"run_id":"r1","flow":"products","key":"C","act')
        journal.record_outcome("B", "create", "applied", 200, "")
    load_into_store(path, store)
    assert [(key, outcome) for _, key, _, outcome, *_ in rows(store)] == [("A", "unknown"), ("B", "applied")]


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"null", b"1", b"\xff\xfe", b'{"at":"yesterday"}', b'{"run_id":"r1","at":"2026-11-24T12:00:00"}'],
)
def test_an_invalid_line_does_not_affect_other_lines(store: Store, line: bytes) -> None:
    path = store.folder.journal
    path.write_bytes(line + b"\n")
    with Journal(path, "r1", "products") as journal:
        journal.record_intent("A", "create")
        journal.record_outcome("A", "create", "applied", 200, "")
    load_into_store(path, store)
    assert [(key, outcome) for _, key, _, outcome, *_ in rows(store)] == [("A", "applied")]
