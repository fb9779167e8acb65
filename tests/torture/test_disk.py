"""A full or read-only disk, and working files that are damaged, locked, too new or replaced."""

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
from tests.torture import product_environment
from tests.torture.matrix import Cell, CellResult, as_parameters
from tests.torture.product_environment import ProductEnvironment

KB, MB = 1 << 10, 1 << 20


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with product_environment.start_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def good(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after a successful push."""
    environment = ProductEnvironment(box, tmp_path_factory.mktemp("good"))
    assert environment.push().exit_code == 3
    return environment.shop.data


def push_or_storage_error(environment: ProductEnvironment, **options: Any) -> int:
    """Runs a push: exit code 3 if it completed, or 2 for a storage error with a fix and the number of writes."""
    finished = child_process.run(*environment.arguments, folder=environment.shop.folder, **options)
    document = decode(finished.stdout.encode())
    assert (document["outcome"], finished.code) in (("storage", 2), ("attention", 3)), finished
    if finished.code == 2:
        assert document["error"]["id"] == "STORE-001"
        assert document["error"]["fix"]
        applied = document["flows"].get("products", {"applied": 0})["applied"]
        assert len(writes(environment.shop)) == applied, "a write is missing in the report"
    environment.check_partial_state()
    return finished.code


def small_files(box: Sandbox, folder: Path, size: int) -> CellResult:
    """No file may grow beyond `size` bytes, as on a full disk."""
    environment = ProductEnvironment(box, folder)
    return CellResult((push_or_storage_error(environment, largest_file=size), environment.rerun()))


def small_disk(box: Sandbox, folder: Path, size: int) -> CellResult:
    """A disk of `size` bytes, which is enlarged for the rerun."""
    environment = ProductEnvironment(box, folder)
    with disk_of(size, environment.shop.data):
        code = push_or_storage_error(environment)
        mount("-o", f"remount,size={64 * MB}", str(environment.shop.data))
        return CellResult((code, environment.rerun()))


def read_only(box: Sandbox, folder: Path, good: Path) -> CellResult:
    """With a read-only disk nothing is sent; once it is writable, the rerun completes."""
    environment = ProductEnvironment(box, folder)
    with disk_of(64 * MB, environment.shop.data):
        shutil.copytree(good, environment.shop.data, dirs_exist_ok=True)
        mount("-o", "remount,ro", str(environment.shop.data))
        finished = child_process.run(*environment.arguments, folder=folder)
        assert (finished.code, writes(environment.shop)) == (2, []), finished
        assert "rights" in decode(finished.stdout.encode())["error"]["fix"]
        mount("-o", "remount,rw", str(environment.shop.data))
        return CellResult((finished.code, environment.rerun()))


@contextmanager
def disk_of(size: int, path: Path) -> Iterator[None]:
    path.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(path))
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def mount(*options: str) -> None:
    finished = subprocess.run(["mount", *options], capture_output=True, text=True)
    if finished.returncode:
        pytest.skip(f"needs root to mount a small disk ({finished.stderr.strip()})")


Damage = Callable[[Path], None]


def damaged(box: Sandbox, folder: Path, good: Path, damage: Damage) -> CellResult:
    """The run completes without the damaged part, or ends with 2, and --rebuild repairs the file and keeps the history.

    A part that nothing reads before the copy for analysts is found after the writes: the run ends with 2 all the same,
    and no write is sent again.
    """
    environment = ProductEnvironment(box, folder)
    shutil.copytree(good, environment.shop.data)
    damage(environment.shop.data / "demo")
    if push_or_storage_error(environment) == 3:
        return CellResult((3, environment.rerun()))
    written = writes(environment.shop)
    rebuilt = child_process.run(*environment.arguments, "--rebuild", folder=folder)
    assert rebuilt.code == 3, rebuilt
    assert written in ([], writes(environment.shop))
    ((runs,),) = environment.shop.sql("select count(*) from sync.runs")
    assert runs >= 2, "the history is lost"
    assert list((environment.shop.data / "demo").glob("work.duckdb.aside-*"))
    return CellResult((2, environment.rerun()), "--rebuild")


def truncated(share: float) -> Damage:
    return lambda channel: os.truncate(channel / "work.duckdb", int((channel / "work.duckdb").stat().st_size * share))


def with_content(name: str, content: bytes) -> Damage:
    return lambda channel: [(channel / name).write_bytes(content), None][1]


def with_flipped_bit(seed: int) -> Damage:
    """Flips one bit at a random position."""

    def damage(channel: Path) -> None:
        content = bytearray((channel / "work.duckdb").read_bytes())
        position = random.Random(seed).randrange(len(content))
        content[position] ^= 1 << (seed % 8)
        (channel / "work.duckdb").write_bytes(content)

    return damage


def written_by_newer_version(channel: Path) -> None:
    with duckdb.connect(str(channel / "work.duckdb")) as db:
        db.execute("update sync.schema_version set version = 99")


def replaced_by_folder(channel: Path) -> None:
    (channel / "work.duckdb").unlink()
    (channel / "work.duckdb").mkdir()


def deleted(channel: Path) -> None:
    (channel / "work.duckdb").unlink()


NOT_QUICK = (
    "truncated near the end",
    "replaced by another file",
    "lock file with text",
    "dlt's folder is a file",
)
DAMAGES: dict[str, Damage] = {
    "truncated in the header": truncated(0.002),
    "truncated in the middle": truncated(0.5),
    "truncated near the end": truncated(0.98),
    "empty": truncated(0),
    "replaced by another file": with_content("work.duckdb", b"PK\x03\x04" * 5000),
    "replaced by a folder": replaced_by_folder,
    "missing": deleted,
    "written by a newer version": written_by_newer_version,
    "foreign write-ahead log": with_content("work.duckdb.wal", b"\x00garbage" * 999),
    "published copy damaged": with_content("analytics.duckdb", b"garbage" * 999),
    "invalid journal": with_content("journal.jsonl", b'{"a":1}\n[]\n\xff\xfe\nnull\n{"run_id":'),
    "lock file with text": with_content("run.lock", b"12345\n"),
    "invalid lock holder file": with_content("run.lock.json", b"[1, 2"),
    "dlt's folder is a file": with_content("dlt", b"in the way"),
}


def cells() -> Iterator[Cell]:
    family = "Disk and files"
    for size in [KB, 16 * KB, 300 * KB, MB, *range(1300 * KB, 4 * MB, 200 * KB)]:
        run = functools.partial(small_files, size=size)
        yield Cell(family, "file size limit reached", "local", f"{size // KB} KB", run, size == MB)
    for size in [64 * KB, 512 * KB, MB, *range(3 * MB, 15 * MB, MB)]:
        run = functools.partial(small_disk, size=size)
        yield Cell(family, "disk full", "local", f"{size // KB} KB", run, size == 3 * MB)
    yield Cell(family, "disk read-only", "local", "a second run", read_only, quick=True)
    for name, damage in DAMAGES.items():
        run = functools.partial(damaged, damage=damage)
        yield Cell(family, f"file: {name}", "local", "a second run", run, quick=name not in NOT_QUICK)
    for seed in range(50):
        run = functools.partial(damaged, damage=with_flipped_bit(seed))
        yield Cell(family, "file: one bit flipped", "local", f"bit {seed}", run, quick=seed < 1)


CELLS = [*cells()]


@pytest.mark.parametrize("cell", as_parameters(CELLS))
def test_a_push_after_a_disk_or_file_failure_can_be_completed(
    cell: Cell, box: Sandbox, good: Path, tmp_path: Path, record_cell: Callable[[Cell, CellResult], None]
) -> None:
    function = getattr(cell.run, "func", cell.run)
    options = {"good": good} if function in (damaged, read_only) else {}
    record_cell(cell, cell.run(box, tmp_path, **options))


def test_a_work_database_opened_by_another_program_is_reported(box: Sandbox, good: Path, tmp_path: Path) -> None:
    """As if an analyst opened the work database instead of the copy; the run writes nothing."""
    environment = ProductEnvironment(box, tmp_path)
    shutil.copytree(good, environment.shop.data)
    with duckdb.connect(str(environment.shop.data / "demo" / "work.duckdb")):
        finished = child_process.run(*environment.arguments, folder=tmp_path)
    document = decode(finished.stdout.encode())
    assert (finished.code, document["error"]["id"], writes(environment.shop)) == (2, "STORE-001", [])
    assert "another program has it open" in document["error"]["message"]
    assert "analytics.duckdb" in document["error"]["fix"]
