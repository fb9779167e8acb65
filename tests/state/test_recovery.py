"""A rebuild sets the work database aside and copies the history."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.state.recovery import is_truncated, rebuild
from pipelines.state.store import Folder, Store, publish
from tests.support.declared import SCHEMA

NOW = datetime.fromisoformat("2026-11-24T12:00:00")
RUN = {"channel": "demo", "verb": "push", "started_at": NOW, "flow": "products", "forced": False, "selection": []}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    data_folder = Folder(tmp_path, "demo")
    data_folder.make()
    return data_folder


def with_runs(folder: Folder, *run_ids: str) -> None:
    with contextlib.closing(Store(folder, SCHEMA)) as store:
        for run_id in run_ids:
            store.begin_run({"run_id": run_id, **RUN})
        store.ready_to_publish()


def run_ids(folder: Folder) -> list[str]:
    with contextlib.closing(Store(folder, SCHEMA)) as store:
        return [run for (run,) in store.connection.execute("select run_id from sync.runs order by 1").fetchall()]


def test_history_is_copied_from_the_old_file_if_it_can_be_read(folder: Folder) -> None:
    with_runs(folder, "one", "two")
    message = rebuild(folder, SCHEMA, NOW)
    assert "work.duckdb.aside-20261124T120000" in message
    assert run_ids(folder) == ["one", "two"]
    assert (folder.root / "work.duckdb.aside-20261124T120000").is_file()


def test_history_is_copied_from_the_file_with_more_runs(folder: Folder) -> None:
    """A truncated file may open in an older state."""
    with_runs(folder, "one")
    older = folder.work.read_bytes()
    with_runs(folder, "two")
    publish(folder)
    folder.work.write_bytes(older)
    assert "the history was kept, from analytics.duckdb" in rebuild(folder, SCHEMA, NOW)
    assert run_ids(folder) == ["one", "two"]


def test_history_is_copied_from_the_published_copy_if_the_old_file_is_damaged(folder: Folder) -> None:
    with_runs(folder, "one")
    publish(folder)
    with_runs(folder, "two")
    folder.work.write_bytes(b"garbage" * 9999)
    assert "the history was kept, from analytics.duckdb" in rebuild(folder, SCHEMA, NOW)
    assert run_ids(folder) == ["one"]


def test_without_a_readable_file_a_rebuild_starts_without_history(folder: Folder) -> None:
    folder.work.write_bytes(b"garbage" * 9999)
    folder.published.write_bytes(b"garbage")
    assert "no history was found" in rebuild(folder, SCHEMA, NOW)
    assert run_ids(folder) == []


@pytest.mark.parametrize(("size", "expected"), [(0, True), (12_287, True), (12_288, False)])
def test_a_file_shorter_than_its_headers_is_truncated(folder: Folder, size: int, expected: bool) -> None:
    assert not is_truncated(folder)
    folder.work.write_bytes(b"\0" * size)
    assert is_truncated(folder) is expected


def test_a_rebuild_without_a_file_works(folder: Folder) -> None:
    assert "There was no" in rebuild(folder, SCHEMA, NOW)
    assert run_ids(folder) == []
