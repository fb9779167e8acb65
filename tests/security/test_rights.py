"""Working files are private to their owner; reports and exports follow the user's umask."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.core import failpoints
from pipelines.engine.run import RunOptions, run
from pipelines.reports.console import SilentReporter
from pipelines.state.permissions import restrict_folder
from tests.support.shop import Shop, size


def _modes(folder: Path) -> dict[str, int]:
    """File modes by name; files that another thread deletes meanwhile are ignored."""
    modes = {folder.name: stat.S_IMODE(folder.lstat().st_mode)}
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):
                if not (path := Path(where, name)).is_symlink():
                    modes[name] = stat.S_IMODE(path.lstat().st_mode)
    return modes


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_working_files_are_private_during_and_after_a_run(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file at each boundary between two steps, with umask 0."""
    shop = shop_of(size(1))
    modes: dict[str, int] = {}
    root = shop.data / "demo"

    monkeypatch.setattr(failpoints, "_hook", lambda _: modes.update(_modes(root)))
    before = os.umask(0)
    try:
        assert run(shop.channel(), shop.data, RunOptions("push"), SilentReporter()).exit_code == 0
        assert os.umask(0) == 0, "the user's umask was not restored"
    finally:
        os.umask(before)
    modes |= _modes(root)
    assert modes.keys() >= {"demo", "work.duckdb", "analytics.duckdb", "journal.jsonl", "run.lock", "run.lock.json"}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_an_open_folder_is_made_private(shop_of: Callable[..., Shop]) -> None:
    """And its old working files; other files keep their mode."""
    shop = shop_of(size(1))
    root = shop.data / "demo"
    root.mkdir(parents=True)
    root.chmod(0o777)
    for name in ("run.lock", "journal.jsonl", "analytics.new", "report.html", "work.duckdb.broken"):
        (root / name).touch()
        (root / name).chmod(0o666)
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)  # a failed run is enough
    shop.run("plan")
    modes = _modes(root)
    assert modes.pop("report.html") == 0o666
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


LINKS = ["work.duckdb", "analytics.duckdb", "analytics.new", "journal.jsonl", "run.lock", "run.lock.json",
         "schedule.json", "dlt"]  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_place_of_a_working_file_is_refused(shop_of: Callable[..., Shop], name: str) -> None:
    """It may have been created while the folder was open; nothing is written to its target."""
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


def test_the_data_folder_may_be_a_link(shop_of: Callable[..., Shop]) -> None:
    """For example to a larger disk."""
    shop = shop_of(size(1))
    disk = shop.folder / "disk"
    disk.mkdir(mode=0o755)
    shop.data.mkdir()
    (shop.data / "demo").symlink_to(disk)
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)
    shop.run("plan")
    assert (disk / "analytics.duckdb").is_file()
    assert stat.S_IMODE(disk.stat().st_mode) == 0o700


def test_reports_and_exports_follow_the_umask(shop_of: Callable[..., Shop], umask: int) -> None:
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="*", kind="status", status=400, times=-1)  # a run to report on
    shop.run("plan")
    out = shop.folder / "out"
    options = ["--html", f"{out}/r.html", "--csv", f"{out}/csv", "--markdown", f"{out}/r.md", "--data", str(shop.data)]
    assert shop.command("report", str(shop.file), *options).exit_code == 0
    exports = ["--parquet", f"{out}/parquet", "--duckdb", f"{out}/x.duckdb", "--xlsx", f"{out}/x.xlsx"]
    assert shop.command("export", str(shop.file), *exports, "--data", str(shop.data)).exit_code == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} == {".html", ".csv", ".md", ".parquet", ".duckdb", ".xlsx"}
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in written} == {oct(0o666 & ~umask)}


def test_a_file_that_another_process_renames_meanwhile_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`serve` replaces files in the folder while a run begins."""
    listed = [tmp_path / "pages-overview.json.new", tmp_path / "alerts.new"]
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(listed))
    restrict_folder(tmp_path)
