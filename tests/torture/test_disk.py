"""A disk that is full or read-only, and working files that are damaged, held, too new or in the way."""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.core.json_codec import decode
from pipelines.sandbox import Sandbox
from tests.support import child_process
from tests.support.shop_helpers import writes
from tests.torture import ground
from tests.torture.cells import Cell, Ended, chosen
from tests.torture.ground import Ground

KB, MB = 1 << 10, 1 << 20


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


@pytest.fixture(scope="module")
def good(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that a good push leaves behind."""
    here = Ground(box, tmp_path_factory.mktemp("good"))
    assert here.push().exit_code == 3
    return here.shop.data


def refused_or_done(here: Ground, **how: Any) -> int:
    """3: all done. 2: a storage error that says what to do; what was written all the same is told."""
    gone = child_process.run(*here.words, folder=here.shop.folder, **how)
    told = decode(gone.printed.encode())
    assert (told["outcome"], gone.code) in (("storage", 2), ("attention", 3)), gone
    if gone.code == 2:
        assert told["error"]["id"] == "STORE-001"
        assert told["error"]["fix"]
        done = told["flows"].get("products", {"applied": 0})["applied"]
        assert len(writes(here.shop)) == done, "a write that the report does not tell of"
    here.is_underway()
    return gone.code


def small_files(box: Sandbox, folder: Path, size: int) -> Ended:
    """No file may grow beyond `size` bytes, as on a disk that fills up."""
    here = Ground(box, folder)
    return Ended((refused_or_done(here, largest_file=size), here.heals()))


def small_disk(box: Sandbox, folder: Path, size: int) -> Ended:
    """A disk of so many bytes; then it is given more."""
    here = Ground(box, folder)
    with disk_of(size, here.shop.data):
        code = refused_or_done(here)
        mount("-o", f"remount,size={64 * MB}", str(here.shop.data))
        return Ended((code, here.heals()))


def read_only(box: Sandbox, folder: Path, good: Path) -> Ended:
    """Nothing can be written, so nothing is sent; once it can be, the run goes through."""
    here = Ground(box, folder)
    with disk_of(64 * MB, here.shop.data):
        shutil.copytree(good, here.shop.data, dirs_exist_ok=True)
        mount("-o", "remount,ro", str(here.shop.data))
        gone = child_process.run(*here.words, folder=folder)
        assert (gone.code, writes(here.shop)) == (2, []), gone
        assert "rights" in decode(gone.printed.encode())["error"]["fix"]
        mount("-o", "remount,rw", str(here.shop.data))
        return Ended((gone.code, here.heals()))


@contextmanager
def disk_of(size: int, place: Path) -> Iterator[None]:
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def mount(*options: str) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs root, to mount a small disk of its own ({done.stderr.strip()})")


Damage = Callable[[Path], None]


def damaged(box: Sandbox, folder: Path, good: Path, damage: Damage) -> Ended:
    """Either the run does not need what is damaged, or it refuses and --rebuild makes it good, history kept."""
    here = Ground(box, folder)
    shutil.copytree(good, here.shop.data)
    damage(here.shop.data / "demo")
    if refused_or_done(here) == 3:
        return Ended((3, here.heals()))
    assert writes(here.shop) == []
    again = child_process.run(*here.words, "--rebuild", folder=folder)
    assert again.code == 3, again
    ((runs,),) = here.shop.sql("select count(*) from sync.runs")
    assert runs >= 2, "the history is gone"
    assert list((here.shop.data / "demo").glob("work.duckdb.aside-*"))
    return Ended((2, here.heals()), "--rebuild")


def cut(to: float) -> Damage:
    return lambda channel: os.truncate(channel / "work.duckdb", int((channel / "work.duckdb").stat().st_size * to))


def filled(name: str, content: bytes) -> Damage:
    return lambda channel: [(channel / name).write_bytes(content), None][1]


def flipped(seed: int) -> Damage:
    """One bit, somewhere."""

    def damage(channel: Path) -> None:
        content = bytearray((channel / "work.duckdb").read_bytes())
        where = random.Random(seed).randrange(len(content))
        content[where] ^= 1 << (seed % 8)
        (channel / "work.duckdb").write_bytes(content)

    return damage


def newer(channel: Path) -> None:
    with duckdb.connect(str(channel / "work.duckdb")) as db:
        db.execute("update sync.schema_version set version = 99")


def a_folder(channel: Path) -> None:
    (channel / "work.duckdb").unlink()
    (channel / "work.duckdb").mkdir()


def gone_missing(channel: Path) -> None:
    (channel / "work.duckdb").unlink()


RARE = ("cut off near the end", "another file in its place", "a lock file with words in it", "dlt's folder is a file")
DAMAGES: dict[str, Damage] = {
    "cut off in the header": cut(0.002),
    "cut off in the middle": cut(0.5),
    "cut off near the end": cut(0.98),
    "empty": cut(0),
    "another file in its place": filled("work.duckdb", b"PK\x03\x04" * 5000),
    "a folder in its place": a_folder,
    "gone": gone_missing,
    "written by a newer version": newer,
    "a log of something else beside it": filled("work.duckdb.wal", b"\x00garbage" * 999),
    "the published copy damaged": filled("analytics.duckdb", b"garbage" * 999),
    "a journal of something else": filled("journal.jsonl", b'{"a":1}\n[]\n\xff\xfe\nnull\n{"run_id":'),
    "a lock file with words in it": filled("run.lock", b"12345\n"),
    "a holder's note of something else": filled("run.lock.json", b"[1, 2"),
    "dlt's folder is a file": filled("dlt", b"in the way"),
}


def cells() -> Iterator[Cell]:
    family = "Disk and files"
    for size in [KB, 16 * KB, 300 * KB, MB, *range(1300 * KB, 4 * MB, 200 * KB)]:
        run = functools.partial(small_files, size=size)
        yield Cell(family, "no file may grow any more", "ours", f"{size // KB} KB", run, size == MB)
    for size in [64 * KB, 512 * KB, MB, *range(3 * MB, 15 * MB, MB)]:
        run = functools.partial(small_disk, size=size)
        yield Cell(family, "disk full", "ours", f"{size // KB} KB", run, size == 3 * MB)
    yield Cell(family, "disk read-only", "ours", "a second run", read_only, quick=True)
    for name, damage in DAMAGES.items():
        run = functools.partial(damaged, damage=damage)
        yield Cell(family, f"file: {name}", "ours", "a second run", run, quick=name not in RARE)
    for seed in range(50):
        run = functools.partial(damaged, damage=flipped(seed))
        yield Cell(family, "file: one bit flipped", "ours", f"bit {seed}", run, quick=seed < 1)


CELLS = [*cells()]


@pytest.mark.parametrize("cell", chosen(CELLS))
def test_the_disk(cell: Cell, box: Sandbox, good: Path, tmp_path: Path, tell: Callable[[Cell, Ended], None]) -> None:
    needs = getattr(cell.run, "func", cell.run)
    with_good = {"good": good} if needs in (damaged, read_only) else {}
    tell(cell, cell.run(box, tmp_path, **with_good))


def test_a_file_that_another_program_holds_open_is_told_as_such(box: Sandbox, good: Path, tmp_path: Path) -> None:
    """An analyst's tool on the working file instead of the copy: the run says so and does nothing."""
    here = Ground(box, tmp_path)
    shutil.copytree(good, here.shop.data)
    with duckdb.connect(str(here.shop.data / "demo" / "work.duckdb")):
        gone = child_process.run(*here.words, folder=tmp_path)
    told = decode(gone.printed.encode())
    assert (gone.code, told["error"]["id"], writes(here.shop)) == (2, "STORE-001", [])
    assert "another program has it open" in told["error"]["message"]
    assert "analytics.duckdb" in told["error"]["fix"]
