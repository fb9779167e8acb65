"""The folder of the demo: what an earlier demo left in it, and a folder that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.core.errors import ConfigError
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.demo.leftovers import remove_earlier


def earlier_demo(folder: Path) -> None:
    for name in ("channel", "csv", "dlt"):
        (folder / name).mkdir(parents=True)
    (folder / "channel" / "demo.toml").write_text(channel_file("http://127.0.0.1:1", "http://127.0.0.1:2"))
    for name in ("csv/withheld.csv", "work.duckdb", "work.duckdb.wal", "analytics.duckdb", "report.html"):
        (folder / name).write_text("x")


def test_a_second_demo_begins_without_the_history_of_the_first(tmp_path: Path) -> None:
    """A fresh sandbox with an old history shows false alarms. A file that the demo did not make stays."""
    folder = tmp_path / "demo"
    earlier_demo(folder)
    (folder / "notes.txt").write_text("mine")
    assert remove_earlier(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert not remove_earlier(folder), "nothing is left of a demo"


def test_runs_of_another_channel_named_demo_stay(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    earlier_demo(folder)
    (folder / "channel" / "demo.toml").unlink()
    with pytest.raises(ConfigError, match="which the demo did not make"):
        remove_earlier(folder)
    assert (folder / "work.duckdb").exists()


def test_a_folder_that_cannot_be_created_ends_with_2(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "data").write_text("")
    result = CliRunner().invoke(app, ["demo", "--data", str(tmp_path / "data")], catch_exceptions=False)
    assert (result.exit_code, "(CONFIG-001)" in result.stderr) == (2, True), result.output
    assert "cannot be created" in result.stderr.replace("\n", " ")
