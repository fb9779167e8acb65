"""Hints become runs: their times, number and order, and the retries after a run. With a simulated clock."""

from __future__ import annotations

import asyncio
import logging
import selectors
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pipelines.webhooks.dispatcher import PAUSES_S, Dispatcher
from pipelines.webhooks.run_process import RunCommand, RunExit, RunLauncher
from pipelines.webhooks.schedule import RunSchedule

FLOWS = ("products", "stock", "orders", "tracking")


class _JumpingSelector(selectors.DefaultSelector):
    """Advances the clock instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "all tasks wait for ever"
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _JumpingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def run_simulated(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Loop) as launcher:
        launcher.run(scenario)


class FakeRuns:
    """Runs that take `takes_s` (the first one `longer_s` more) and end with the next of `codes`, then with 0.

    `started` holds the time and the flows of each run.
    """

    def __init__(self, takes_s: float = 0, codes: tuple[int, ...] = (), longer_s: float = 0) -> None:
        self.takes_s, self.codes, self.longer_s = takes_s, list(codes), longer_s
        self.started: list[tuple[float, str]] = []
        self.busy = self.stopped = False

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        assert not self.busy, "two runs at once"
        self.busy = True
        self.started.append((round(asyncio.get_running_loop().time(), 6), " ".join(flows)))
        await asyncio.sleep(self.takes_s + self.longer_s)
        self.longer_s = 0
        self.busy = False
        code = self.codes.pop(0) if self.codes else 0
        return RunExit(flows, code, "", "", "", 0, "", "output of the run")

    def stop(self) -> None:
        self.stopped = True


def runs_of(
    hints: dict[float, str],
    runs: FakeRuns,
    settle_s: float = 5,
    longest_s: float = 60,
    poll_s: float | None = None,
    until: float = 5000,
    pauses_s: tuple[float, ...] = PAUSES_S,
    on_hint: Callable[[Dispatcher, float], None] = lambda *_: None,
) -> list[tuple[float, str]]:
    """The time and flows of each run for hints at these seconds."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(RunSchedule(FLOWS, settle_s, longest_s, poll_s, loop.time()), runs, pauses_s)
        task = asyncio.create_task(dispatcher.go())
        for moment, flows in sorted(hints.items()):
            await asyncio.sleep(moment - loop.time())
            dispatcher.hint(flows.split())
            on_hint(dispatcher, moment)
        await asyncio.sleep(until - loop.time())
        dispatcher.stop()
        await task
        assert runs.stopped

    run_simulated(scenario())
    return runs.started


def test_a_run_starts_after_a_pause_in_the_hints() -> None:
    assert runs_of({10: "stock"}, FakeRuns()) == [(15, "stock")]
    assert runs_of({10: "stock"}, FakeRuns(), settle_s=0) == [(10, "stock")]


def test_hints_close_together_give_one_run() -> None:
    """With each flow once, in the order of the channel."""
    assert runs_of({10: "tracking", 12: "stock", 16.9: "stock"}, FakeRuns()) == [(21.9, "stock tracking")]
    assert runs_of({10: "stock", 15.1: "stock"}, FakeRuns()) == [(15, "stock"), (20.1, "stock")]


def test_a_steady_stream_of_hints_does_not_delay_the_run_for_ever() -> None:
    """It starts at most `longest_s` after the first hint; later hints belong to the next run."""
    stream = {10.0 + n: "stock" for n in range(100)}
    assert runs_of(stream, FakeRuns(), longest_s=60) == [(70, "stock"), (114, "stock")]
    assert runs_of(stream, FakeRuns(), longest_s=30) == [(40, "stock"), (71, "stock"), (102, "stock"), (114, "stock")]


def test_hints_during_a_run_give_one_run_after_it() -> None:
    hints = {10: "stock"} | {20.0 + n: "orders" if n % 2 else "stock" for n in range(30)}
    assert runs_of(hints, FakeRuns(takes_s=100)) == [(15, "stock"), (115, "stock orders")]
    assert runs_of({10: "stock", 114: "stock"}, FakeRuns(takes_s=100)) == [(15, "stock"), (119, "stock")]


def test_no_hint_gives_no_run() -> None:
    assert runs_of({}, FakeRuns()) == []


def test_polls_run_all_flows_and_include_waiting_hints() -> None:
    """At the start, because hints may have been missed; then at intervals, later if a run takes long."""
    all_flows = " ".join(FLOWS)
    assert runs_of({}, FakeRuns(), poll_s=600, until=1300) == [(0, all_flows), (600, all_flows), (1200, all_flows)]
    assert runs_of({597: "stock"}, FakeRuns(), poll_s=600, until=1000) == [(0, all_flows), (600, all_flows)]
    assert runs_of({590: "stock"}, FakeRuns(takes_s=20), poll_s=600, until=1000) == [
        (0, all_flows), (595, "stock"), (615, all_flows),
    ]  # fmt: skip
    assert runs_of({}, FakeRuns(longer_s=1900), poll_s=600, until=2600) == [
        (0, all_flows), (1900, all_flows), (2500, all_flows),
    ], "missed polls are not repeated"  # fmt: skip


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_channel_or_an_unavailable_system_is_retried(code: int, caplog: pytest.LogCaptureFixture) -> None:
    """After growing pauses; hints meanwhile wait for the same time; a success resets the pauses."""
    caplog.set_level(logging.WARNING)
    runs = FakeRuns(codes=(code, code, 0, code))
    assert runs_of({10: "stock", 16: "orders", 400: "stock"}, runs, settle_s=0) == [
        (10, "stock"), (25, "stock orders"), (55, "stock orders"), (400, "stock"), (415, "stock"),
    ]  # fmt: skip
    assert "retry in 30 s flows=stock,orders" in caplog.text


def test_the_number_of_retries_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    runs = FakeRuns(codes=(6,) * 9)
    started = runs_of({0: "stock", 2000: "stock"}, runs, settle_s=0)
    assert [moment for moment, _ in started] == [0, 15, 45, 105, 225, 465, 945, 2000, 2015, 2045]
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == [
        "no further retry before the next hint or poll flows=stock"
    ]


@pytest.mark.parametrize("code", [1, 2, 4, -9])
def test_a_run_that_needs_action_is_logged_as_an_error_and_not_retried(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert runs_of({10: "stock", 100: "stock"}, FakeRuns(codes=(code,))) == [(15, "stock"), (105, "stock")]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert f"exit={code}" in record.getMessage()
    assert "output of the run" in record.getMessage()


@pytest.mark.parametrize("code", [0, 3])
def test_a_successful_run_is_not_logged_above_info(code: int, caplog: pytest.LogCaptureFixture) -> None:
    runs_of({10: "stock"}, FakeRuns(codes=(code,)))
    assert [r for r in caplog.records if r.levelno > logging.INFO] == []


def test_a_refused_flow_does_not_block_the_others() -> None:
    """A push of several flows writes nothing if one plan is refused; then each flow is run once by itself."""
    assert runs_of({10: "stock products orders"}, FakeRuns(codes=(4, 0, 4, 0))) == [
        (15, "products stock orders"), (15, "products"), (15, "stock"), (15, "orders"),
    ]  # fmt: skip


def test_hints_during_the_separate_runs_are_not_lost() -> None:
    assert runs_of({10: "stock products", 26: "stock"}, FakeRuns(takes_s=10, codes=(4, 0, 5, 0))) == [
        (15, "products stock"), (25, "products"), (35, "stock"), (60, "stock"),
    ]  # fmt: skip


def test_facts_report_the_waiting_and_running_flows() -> None:
    facts: dict[float, dict[str, Any]] = {}
    runs = FakeRuns(takes_s=10, codes=(3,))
    runs_of({10: "stock", 16: "orders", 40: "products"}, runs, on_hint=lambda d, at: facts.update({at: d.facts()}))
    assert facts[10] == {"waiting": ["stock"], "next_in_s": 5, "running": [], "runs": 0, "last_run": None}
    assert (facts[16]["waiting"], facts[16]["running"]) == (["orders"], ["stock"])
    assert facts[40]["runs"] == 2
    assert facts[40]["last_run"]["flows"] == ("orders",)
    assert "words" not in facts[40]["last_run"]


def test_stopping_waits_for_the_run_and_starts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    runs = FakeRuns(takes_s=1000, codes=(5,))
    assert runs_of({10: "stock products", 20: "orders"}, runs, until=100) == [(15, "products stock")]
    assert not runs.busy
    assert "stopped before flows=orders were run" in caplog.text


def test_a_run_is_started_with_the_channel_flows_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    launcher = RunLauncher(Path("a/shop.toml"), Path("d"))
    assert launcher.command_line(launcher.arguments(RunCommand("push", ("stock", "orders")))) == [
        sys.executable, "-P", "-m", "pipelines", "--log", "info", "push", "a/shop.toml", "--json",
        "--flow", "stock", "--flow", "orders", "--data", "d",
    ]  # fmt: skip
    assert "--data" not in RunLauncher(Path("a/shop.toml"), None).arguments(RunCommand("push", ("stock",)))


class _Scripted(RunLauncher):
    """A launcher whose process runs `script`."""

    script = ""

    def command_line(self, arguments: list[str]) -> list[str]:
        return [sys.executable, "-c", self.script, *arguments]


def scripted(script: str, action: Callable[[RunLauncher], None] = lambda _: None) -> RunExit:
    launcher = _Scripted(Path("shop.toml"), None)
    launcher.script = script

    async def scenario() -> RunExit:
        asyncio.get_running_loop().call_later(0.05, action, launcher)
        return await launcher.run(("stock",))

    return asyncio.run(scenario())


def test_the_json_of_a_run_is_read() -> None:
    run_exit = scripted(
        'import sys; print(\'{"outcome": "attention", "run_id": "r1", "flows": {"stock": {"read": 9, "update": 2, '
        '"unmatched": 7}}}\'); sys.exit(3)'
    )
    assert (run_exit.exit_code, run_exit.outcome, run_exit.run_id, run_exit.error_id) == (3, "attention", "r1", "")
    assert run_exit.summary == "stock read=9 update=2"
    run_exit = scripted(
        'import sys; print(\'{"outcome": "busy", "error": {"id": "LOCK-001", "message": "Held.", "fix": "Wait."}}\'); '
        "sys.exit(6)"
    )
    assert (run_exit.exit_code, run_exit.outcome, run_exit.error_id) == (6, "busy", "LOCK-001")
    assert run_exit.summary == "LOCK-001: Held. Wait."


@pytest.mark.parametrize(
    ("script", "code", "outcome"),
    [
        ("print('Traceback')\nraise SystemExit(1)", 1, "internal_error"),
        ("print('[1]')\nraise SystemExit(2)", 2, "internal_error"),
        ("import os; os.kill(os.getpid(), 9)", -9, "killed"),
    ],
)
def test_a_run_without_a_json_object_is_an_internal_error_or_killed(script: str, code: int, outcome: str) -> None:
    run_exit = scripted(script)
    assert (run_exit.exit_code, run_exit.outcome, run_exit.summary) == (code, outcome, "")


def test_a_run_that_cannot_be_started_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    run_exit = scripted("")
    assert (run_exit.exit_code, "could not be started" in run_exit.summary) == (1, True)


WAITING_SCRIPT = "import time\ntry:\n    time.sleep(60)\nfinally:\n    print('{}')"


def test_stop_ends_a_running_run_and_one_that_is_being_started() -> None:
    assert scripted(WAITING_SCRIPT, lambda launcher: launcher.stop()).exit_code == -signal.SIGTERM

    async def stopped_before() -> RunExit:
        launcher = _Scripted(Path("shop.toml"), None)
        launcher.script = WAITING_SCRIPT
        launcher.stop()
        return await launcher.run(("stock",))

    assert asyncio.run(stopped_before()).exit_code == -signal.SIGTERM


def test_a_run_has_its_own_process_group() -> None:
    """So Ctrl-C reaches it once, through the listener."""
    assert scripted("import os, sys; sys.exit(0 if os.getpgid(0) == os.getpid() else 7)").exit_code == 0


def test_a_folder_named_pipelines_in_the_working_directory_is_not_run(tmp_path: Path) -> None:
    """The run uses the same package as the listener."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__main__.py").write_text("raise SystemExit(77)")
    run_exit = asyncio.run(RunLauncher(tmp_path / "shop.toml", None).run(("stock",)))
    assert (run_exit.exit_code, run_exit.error_id) == (2, "CONFIG-001")
