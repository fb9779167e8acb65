"""Which files of a folder are the newest, and what becomes of older ones."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.core.errors import StateUnavailable
from pipelines.fleet.folder import MARKER, bring_up_to_date, prepend_lines
from pipelines.fleet.lease import Grant
from pipelines.state.store import Folder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path, "demo")
    made.make()
    return made


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "snapshot").write_text("the snapshot")
    return tmp_path


def bring(folder: Folder, grant: Grant, store: Path) -> str:
    return bring_up_to_date(folder, grant, NOW, lambda name, file: shutil.copyfile(store / name, file))


def fill(folder: Folder, generation: int | None) -> None:
    for file in (folder.work, folder.published, folder.journal):
        file.write_text("local")
    if generation is not None:
        (folder.root / MARKER).write_text(json.dumps({"generation": generation}))


def marked(folder: Folder) -> int:
    return int(json.loads((folder.root / MARKER).read_text())["generation"])


@pytest.mark.parametrize(
    ("local", "grant", "restores"),
    [
        (None, Grant(1), False),  # the channel had no shared state before: its files stay
        (4, Grant(5, "snapshot", 4), False),  # the last run was here
        (4, Grant(5, "snapshot", 3), False),  # it was here, and was killed
        (3, Grant(5, "snapshot", 3), False),  # another machine was killed, but no newer snapshot exists
        (3, Grant(5, "snapshot", 4), True),  # another machine has run
        (2, Grant(5, "snapshot", 3), True),
        (None, Grant(5, "snapshot", 4), True),  # files of a channel that had no shared state here
        (9, Grant(5, "snapshot", 4), True),  # of another database
    ],
)
def test_the_newest_files_stay_and_older_ones_are_put_aside(
    folder: Folder, store: Path, local: int | None, grant: Grant, restores: bool
) -> None:
    fill(folder, local)
    said = bring(folder, grant, store)
    assert marked(folder) == grant.generation
    asides = list(folder.root.glob("aside-*"))
    if not restores:
        assert (said, asides, folder.work.read_text()) == ("", [], "local")
        return
    (aside,) = asides
    assert aside.name in said
    assert {path.name for path in aside.iterdir()} >= {"work.duckdb", "analytics.duckdb", "journal.jsonl"}
    assert all(path.read_text() == "local" for path in aside.iterdir() if path.name != MARKER)
    assert folder.work.read_text() == folder.published.read_text() == "the snapshot"
    assert not folder.journal.exists()
    assert aside.stat().st_mode & 0o077 == 0


def test_an_empty_folder_gets_the_snapshot(folder: Folder, store: Path) -> None:
    said = bring(folder, Grant(5, "snapshot", 4), store)
    assert said == "The history was restored from the snapshot of run 4 of this channel."
    assert folder.work.read_text() == "the snapshot"


def test_a_snapshot_that_cannot_be_fetched_changes_nothing(folder: Folder, store: Path) -> None:
    fill(folder, 2)

    def gone(name: str, file: Path) -> None:
        raise StateUnavailable("gone")

    with pytest.raises(StateUnavailable):
        bring_up_to_date(folder, Grant(5, "snapshot", 4), NOW, gone)
    assert (marked(folder), folder.work.read_text()) == (2, "local")


def test_a_kill_while_files_are_put_aside_is_repaired(folder: Folder, store: Path) -> None:
    """Without its mark, a folder is never taken for the newest."""
    fill(folder, None)
    bring(folder, Grant(6, "snapshot", 4), store)
    assert folder.work.read_text() == "the snapshot"


def test_lines_of_the_shared_journal_come_before_local_ones(folder: Folder) -> None:
    """A later line replaces an earlier one, and the local journal knows more about the runs of this machine."""
    folder.journal.write_bytes(b"\nlocal\n")
    prepend_lines(folder, [b"shared 1", b"shared 2"])
    assert folder.journal.read_bytes().split() == [b"shared", b"1", b"shared", b"2", b"local"]
    prepend_lines(folder, [])
    assert folder.journal.read_bytes().count(b"shared") == 2
