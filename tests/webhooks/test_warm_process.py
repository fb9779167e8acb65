"""Runs that are forks: the same results, signals and environment as a run that starts cold."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.webhooks.run_process import RunCommand, RunExit, RunLauncher
from pipelines.webhooks.warm_process import ForkServer
from tests.support.waiting import wait_for

SANDBOX = ["sandbox", "--skus", "1", "--centra-port", "0", "--myogo-port", "0"]


def run_of(file: Path, forks: ForkServer | None, seen: list[dict[str, Any]] | None = None) -> RunExit:
    on_progress = None if seen is None else seen.append
    return asyncio.run(RunLauncher(file, None, forks).execute(RunCommand("check"), on_progress))


def server_pid() -> int:
    return cast(int, cast(Any, forkserver)._forkserver._forkserver_pid)


@pytest.mark.parametrize("progress", [None, []], ids=["without progress", "with progress"])
def test_a_forked_run_answers_as_a_cold_one(tmp_path: Path, progress: list[dict[str, Any]] | None) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('channel = "shop"\nunknown = 1\n')
    warm, cold = run_of(file, ForkServer(), progress), run_of(file, None, progress)
    assert (warm.exit_code, warm.error_id) == (2, "CONFIG-001")
    assert (warm.exit_code, warm.outcome, warm.document) == (cold.exit_code, cold.outcome, cold.document)


def test_a_forked_run_has_the_environment_and_folder_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forks = ForkServer()
    forks.begin()
    monkeypatch.setenv("CENTRA_MYOGO_PROJECT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__main__.py").write_text("raise SystemExit(77)")
    found = run_of(Path("nowhere"), forks)
    assert (found.exit_code, found.error_id) == (2, "CONFIG-001")
    assert str(tmp_path) in found.summary
    assert "PYTHONSAFEPATH" not in os.environ


def test_a_signal_reaches_a_forked_run_but_does_not_end_the_fork_server(tmp_path: Path) -> None:
    async def scenario() -> int:
        process = await ForkServer().start(SANDBOX, 1 << 16, with_stderr=True)
        assert process.stderr is not None
        while b"Ctrl-C" not in await process.stderr.readline():
            pass
        process.terminate()
        return await process.wait()

    assert asyncio.run(scenario()) in (0, 5)  # 5 if the signal came just before the sandbox set its own handler
    before = server_pid()
    os.kill(before, signal.SIGTERM)
    assert run_of(tmp_path / "none.toml", ForkServer()).exit_code == 2
    assert server_pid() == before


def test_a_killed_run_is_reported_as_killed() -> None:
    async def scenario() -> int:
        process = await ForkServer().start(
            ["sandbox", "--centra-port", "0", "--myogo-port", "0"], 1 << 16, with_stderr=True
        )
        process.send_signal(signal.SIGKILL)
        return await process.wait()

    assert asyncio.run(scenario()) == -signal.SIGKILL


def test_a_killed_fork_server_is_started_again(tmp_path: Path) -> None:
    forks = ForkServer()
    forks.begin()
    before = server_pid()
    os.kill(before, signal.SIGKILL)
    # Until all threads of the killed process are gone, runs start cold.
    wait_for(lambda: run_of(tmp_path / "none.toml", forks).exit_code == 2 and server_pid() != before)


def test_without_the_fork_server_a_run_starts_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_answer(*_: object) -> None:
        raise EOFError

    monkeypatch.setattr(ForkServer, "_start", no_answer)
    with caplog.at_level(logging.WARNING):
        assert run_of(tmp_path / "none.toml", ForkServer()).error_id == "CONFIG-001"
    assert "imports the libraries itself" in caplog.text


def test_the_fork_server_ends_without_a_word() -> None:
    command = [sys.executable, "-P", "-c", "import pipelines.cli.warm_imports"]
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, capture_output=True, check=True)
    assert (ended.stdout, ended.stderr) == (b"", b"")


_NOTHING_IMPORTED = f"""
import asyncio, multiprocessing
from multiprocessing import forkserver
from pipelines.webhooks.warm_process import ForkServer

async def stopped():
    process = await ForkServer().start({SANDBOX!r}, 1 << 16, with_stderr=True)
    while b"Ctrl-C" not in await process.stderr.readline():
        pass
    process.terminate()
    return await process.wait()

if __name__ == "__main__":
    multiprocessing.get_context("forkserver").set_forkserver_preload([])
    forkserver.ensure_running()
    assert asyncio.run(stopped()) in (0, 5)
"""


def test_a_run_can_be_stopped_if_the_fork_server_has_imported_nothing() -> None:
    """A module that cannot be imported is left out without a message: the run imports it itself."""
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-P", "-c", _NOTHING_IMPORTED], env=os.environ | {"PYTHONPATH": root}, check=True, timeout=120
    )
