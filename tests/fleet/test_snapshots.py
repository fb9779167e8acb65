"""Snapshots in a folder that machines share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core.errors import ConfigError, StateUnavailable

pytest.importorskip("obstore", reason="needs the packages of centra-myogo[fleet]")

from pipelines.fleet.snapshots import Snapshots


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content" * 1_000_000)
    return path


def test_a_snapshot_comes_back_as_it_was(store: Path, file: Path, tmp_path: Path) -> None:
    snapshots = Snapshots(f"file://{store}", "demo", 3)
    name = snapshots.put(file, 7)
    assert name.startswith("demo/000000000007-")
    back = tmp_path / "back"
    snapshots.get(name, back)
    assert back.read_bytes() == file.read_bytes()
    assert back.stat().st_mode & 0o077 == 0
    assert snapshots.try_out() == f"file://{store} (1 snapshots)"


def test_the_newest_are_kept_and_other_objects_left_alone(store: Path, file: Path) -> None:
    """Snapshots of later generations belong to another machine's run."""
    snapshots = Snapshots(f"file://{store}", "demo", 2)
    names = [snapshots.put(file, generation) for generation in (1, 2, 3, 4, 9)]
    (store / "demo" / "notes").write_text("of somebody else")
    other = Snapshots(f"file://{store}", "demo-2", 2).put(file, 1)
    snapshots.delete_old(4)
    kept = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
    assert kept == {*names[2:], "demo/notes", other}
    snapshots.delete(names[4])
    assert not (store / names[4]).exists()


def test_a_missing_snapshot_leaves_no_file(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match="could not be read"):
        Snapshots(f"file://{store}", "demo", 2).get("demo/000000000001-a", tmp_path / "back")
    assert not list(tmp_path.glob("back*"))


def test_a_store_that_is_not_there(store: Path, file: Path, tmp_path: Path) -> None:
    snapshots = Snapshots(f"file://{store}", "demo", 2)
    store.rmdir()
    store.write_text("a file in its place")
    with pytest.raises(StateUnavailable, match="could not be stored"):
        snapshots.put(file, 1)
    snapshots.delete_old(1)  # a warning in the log, because the run has done its work
    with pytest.raises(StateUnavailable, match="there is no folder"):
        Snapshots(f"file://{tmp_path}/none", "demo", 2)


def test_an_address_of_another_kind() -> None:
    with pytest.raises(ConfigError, match=r"state\.snapshots"):
        Snapshots("nonsense://x", "demo", 2)
