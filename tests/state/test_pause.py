"""The file that pauses a channel's schedule."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.core.errors import CentraMyogoError, StorageError
from pipelines.state.pause import Pause, pause_file, read_pause, remove_pause, write_pause
from pipelines.state.store import Folder

SINCE = datetime(2026, 11, 23, 10, 7, 31)  # noqa: DTZ001 - UTC


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, "demo")


def test_a_pause_is_written_read_and_removed(folder: Folder) -> None:
    assert read_pause(folder) is None
    for name in ("anna", "örjan\n" + "x" * 10_000):
        write_pause(folder, name, SINCE)
        assert read_pause(folder) == Pause(name[:200], SINCE)
    remove_pause(folder)
    remove_pause(folder)
    assert read_pause(folder) is None


def test_the_file_belongs_to_its_owner_alone(folder: Folder) -> None:
    before = os.umask(0)
    try:
        write_pause(folder, "anna", SINCE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(pause_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700
    assert [path.name for path in folder.root.iterdir()] == ["schedule.json"]


def test_what_a_killed_process_left_is_in_nobodys_way(folder: Folder) -> None:
    folder.make()
    pause_file(folder).with_name("schedule.json.new").write_text("{")
    assert read_pause(folder) is None
    write_pause(folder, "anna", SINCE)
    assert [path.name for path in folder.root.iterdir()] == ["schedule.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b'{"paused_by": "anna"}',
     b'{"paused_by": 1, "since": "2026-11-23T10:07:31+00:00"}',
     b'{"paused_by": "anna", "since": 5}', b'{"paused_by": "anna", "since": "2026-11-23T10:07:31"}',
     b'{"paused_by": "anna", "since": "yesterday"}', b'{"paused_by": "anna", "since": "0001-01-01T00:00:00+14:00"}'],
    ids=lambda content: repr(content[:30]),
)  # fmt: skip
def test_a_damaged_file_means_paused(folder: Folder, content: bytes) -> None:
    folder.make()
    pause_file(folder).write_bytes(content)
    pause = read_pause(folder)
    assert pause is not None
    assert (pause.by, pause.since) == ("", None)
    assert f"{pause_file(folder)} is damaged" in pause.message
    remove_pause(folder)
    assert read_pause(folder) is None


def test_a_link_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder.make()
    pause_file(folder).symlink_to(victim)
    pause = read_pause(folder)
    assert pause is not None
    assert "damaged" in pause.message
    with pytest.raises(CentraMyogoError, match="is a link"):
        write_pause(folder, "anna", SINCE)
    remove_pause(folder)
    assert (victim.read_text(), read_pause(folder)) == ("precious", None)


def test_something_else_in_place_of_the_file(folder: Folder) -> None:
    folder.make()
    pause_file(folder).mkdir()
    assert read_pause(folder) is not None
    with pytest.raises(StorageError, match=r"schedule\.json"):
        write_pause(folder, "anna", SINCE)
    with pytest.raises(StorageError, match=r"schedule\.json"):
        remove_pause(folder)
