"""Working files are their owner's alone; what is written for people follows their umask."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.engine.run import RunOptions, run
from tests.support.shop import Shop, size


def _modes(folder: Path) -> dict[str, int]:
    """What is there now; files that come and go while we look, in the thread that reads the other system, are left."""
    found = {folder.name: stat.S_IMODE(folder.lstat().st_mode)}
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):
                if not (path := Path(where, name)).is_symlink():
                    found[name] = stat.S_IMODE(path.lstat().st_mode)
    return found


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_working_files_are_their_owners_alone_while_a_run_is_on_and_after(shop_of: Callable[..., Shop]) -> None:
    """Each of them, at each step, with the widest umask."""
    shop = shop_of(size(1))
    seen: dict[str, int] = {}
    root = shop.data / "demo"

    class Looking:
        def step(self, name: str) -> None:
            seen.update(_modes(root))

        def planned(self, *_: object) -> None:
            seen.update(_modes(root))

        def result(self, *_: object) -> None:
            seen.update(_modes(root))

    before = os.umask(0)
    try:
        assert run(shop.channel(), shop.data, RunOptions("push"), Looking()).exit_code == 0
        assert os.umask(0) == 0, "the umask is the user's again"
    finally:
        os.umask(before)
    seen |= _modes(root)
    assert seen.keys() >= {"demo", "work.duckdb", "analytics.duckdb", "journal.jsonl", "run.lock", "run.lock.json"}
    assert {name: oct(mode) for name, mode in seen.items() if mode & 0o077} == {}


def test_a_folder_that_was_open_before_is_closed(shop_of: Callable[..., Shop]) -> None:
    """And what an older version left in it; what people put there themselves stays as they left it."""
    shop = shop_of(size(1))
    root = shop.data / "demo"
    root.mkdir(parents=True)
    root.chmod(0o777)
    for name in ("run.lock", "journal.jsonl", "analytics.new", "report.html", "work.duckdb.broken"):
        (root / name).touch()
        (root / name).chmod(0o666)
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)  # a short run is a run too
    shop.run("plan")
    modes = _modes(root)
    assert modes.pop("report.html") == 0o666
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


LINKS = ["work.duckdb", "analytics.duckdb", "analytics.new", "journal.jsonl", "run.lock", "run.lock.json", "dlt"]


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_the_place_of_a_working_file_is_refused(shop_of: Callable[..., Shop], name: str) -> None:
    """Somebody may have laid it while the folder was open: nothing is written wherever it leads."""
    shop = shop_of(size(1))
    root, victim = shop.data / "demo", shop.folder / "victim"
    root.mkdir(parents=True)
    victim.write_text("precious")
    (root / name).symlink_to(victim)
    result = shop.command("push", str(shop.file), "--data", str(shop.data))
    assert result.exit_code == 2
    assert f"{name} is a link to {victim}" in result.stderr
    assert victim.read_text() == "precious"
    assert [path.name for path in root.iterdir()] == [name]
    assert shop.box.requests() == []


def test_the_folder_itself_may_lie_elsewhere(shop_of: Callable[..., Shop]) -> None:
    """A link of the user's own to a larger disk."""
    shop = shop_of(size(1))
    disk = shop.folder / "disk"
    disk.mkdir(mode=0o755)
    shop.data.mkdir()
    (shop.data / "demo").symlink_to(disk)
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)
    shop.run("plan")
    assert (disk / "analytics.duckdb").is_file()
    assert stat.S_IMODE(disk.stat().st_mode) == 0o700


def test_what_is_written_for_people_follows_their_umask(shop_of: Callable[..., Shop], umask: int) -> None:
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)  # a run there is to report on
    shop.run("plan")
    out = shop.folder / "out"
    words = ["--html", f"{out}/r.html", "--csv", f"{out}/csv", "--markdown", f"{out}/r.md", "--data", str(shop.data)]
    assert shop.command("report", str(shop.file), *words).exit_code == 0
    parquet = ["--parquet", f"{out}/parquet", "--data", str(shop.data)]
    assert shop.command("export", str(shop.file), *parquet).exit_code == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} == {".html", ".csv", ".md", ".parquet"}
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in written} == {oct(0o666 & ~umask)}
