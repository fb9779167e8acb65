"""Hints become runs: when, how many, in what order, and what a run's end leads to. On a clock of the test's own."""

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
from pipelines.webhooks.push_process import RunExit, RunLauncher
from pipelines.webhooks.schedule import RunSchedule

FLOWS = ("products", "stock", "orders", "tracking")


class _Leaping(selectors.DefaultSelector):
    """Instead of waiting, the clock is put on."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and nothing will ever happen"
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def play(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(story)


class FakeRuns:
    """Runs that take `takes_s` (the first one longer) and end with the next of `codes`, then with 0.

    `began` is when and what.
    """

    def __init__(self, takes_s: float = 0, codes: tuple[int, ...] = (), longer_s: float = 0) -> None:
        self.takes_s, self.codes, self.longer_s = takes_s, list(codes), longer_s
        self.began: list[tuple[float, str]] = []
        self.busy = self.stopped = False

    async def run(self, flows: tuple[str, ...]) -> RunExit:
        assert not self.busy, "two runs at once"
        self.busy = True
        self.began.append((round(asyncio.get_running_loop().time(), 6), " ".join(flows)))
        await asyncio.sleep(self.takes_s + self.longer_s)
        self.longer_s = 0
        self.busy = False
        code = self.codes.pop(0) if self.codes else 0
        return RunExit(flows, code, "", "", "", 0, "", "what the run said")

    def stop(self) -> None:
        self.stopped = True


def told(
    hints: dict[float, str],
    runs: FakeRuns,
    settle_s: float = 5,
    longest_s: float = 60,
    poll_s: float | None = None,
    until: float = 5000,
    pauses_s: tuple[float, ...] = PAUSES_S,
    watch: Callable[[Dispatcher, float], None] = lambda *_: None,
) -> list[tuple[float, str]]:
    """When which flows were run, of hints at such seconds."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(RunSchedule(FLOWS, settle_s, longest_s, poll_s, loop.time()), runs, pauses_s)
        going = asyncio.create_task(dispatcher.go())
        for moment, flows in sorted(hints.items()):
            await asyncio.sleep(moment - loop.time())
            dispatcher.hint(flows.split())
            watch(dispatcher, moment)
        await asyncio.sleep(until - loop.time())
        dispatcher.stop()
        await going
        assert runs.stopped

    play(story())
    return runs.began


def test_a_hint_waits_until_it_is_quiet() -> None:
    assert told({10: "stock"}, FakeRuns()) == [(15, "stock")]
    assert told({10: "stock"}, FakeRuns(), settle_s=0) == [(10, "stock")]


def test_hints_close_to_each_other_are_one_run() -> None:
    """In the order of the channel, each flow once."""
    assert told({10: "tracking", 12: "stock", 16.9: "stock"}, FakeRuns()) == [(21.9, "stock tracking")]
    assert told({10: "stock", 15.1: "stock"}, FakeRuns()) == [(15, "stock"), (20.1, "stock")]


def test_a_steady_stream_does_not_put_the_run_off_for_ever() -> None:
    """No later than `longest_s` after the first; what comes after its beginning is for the next."""
    stream = {10.0 + n: "stock" for n in range(100)}
    assert told(stream, FakeRuns(), longest_s=60) == [(70, "stock"), (114, "stock")]
    assert told(stream, FakeRuns(), longest_s=30) == [(40, "stock"), (71, "stock"), (102, "stock"), (114, "stock")]


def test_hints_during_a_run_make_exactly_one_run_after_it() -> None:
    hints = {10: "stock"} | {20.0 + n: "orders" if n % 2 else "stock" for n in range(30)}
    assert told(hints, FakeRuns(takes_s=100)) == [(15, "stock"), (115, "stock orders")]
    assert told({10: "stock", 114: "stock"}, FakeRuns(takes_s=100)) == [(15, "stock"), (119, "stock")]


def test_nothing_happens_without_a_hint() -> None:
    assert told({}, FakeRuns()) == []


def test_polls_run_everything_and_take_what_waits_along() -> None:
    """At once at the start, because nobody knows what was missed; then every so often, late where a run takes long."""
    everything = " ".join(FLOWS)
    assert told({}, FakeRuns(), poll_s=600, until=1300) == [(0, everything), (600, everything), (1200, everything)]
    assert told({597: "stock"}, FakeRuns(), poll_s=600, until=1000) == [(0, everything), (600, everything)]
    assert told({590: "stock"}, FakeRuns(takes_s=20), poll_s=600, until=1000) == [
        (0, everything), (595, "stock"), (615, everything),
    ]  # fmt: skip
    assert told({}, FakeRuns(longer_s=1900), poll_s=600, until=2600) == [
        (0, everything), (1900, everything), (2500, everything),
    ], "polls that were missed are not made up for"  # fmt: skip


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_channel_or_a_missing_system_is_tried_again(code: int, caplog: pytest.LogCaptureFixture) -> None:
    """After pauses that grow; hints meanwhile wait for the same moment; then the count begins anew."""
    caplog.set_level(logging.WARNING)
    runs = FakeRuns(codes=(code, code, 0, code))
    assert told({10: "stock", 16: "orders", 400: "stock"}, runs, settle_s=0) == [
        (10, "stock"), (25, "stock orders"), (55, "stock orders"), (400, "stock"), (415, "stock"),
    ]  # fmt: skip
    assert "tried again in 30 s flows=stock,orders" in caplog.text


def test_trying_again_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    runs = FakeRuns(codes=(6,) * 9)
    began = told({0: "stock", 2000: "stock"}, runs, settle_s=0)
    assert [moment for moment, _ in began] == [0, 15, 45, 105, 225, 465, 945, 2000, 2015, 2045]
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == [
        "given up until the next hint or poll flows=stock"
    ]


@pytest.mark.parametrize("code", [1, 2, 4, -9])
def test_what_needs_a_person_is_told_loudly_and_left(code: int, caplog: pytest.LogCaptureFixture) -> None:
    assert told({10: "stock", 100: "stock"}, FakeRuns(codes=(code,))) == [(15, "stock"), (105, "stock")]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert f"exit={code}" in record.getMessage()
    assert "what the run said" in record.getMessage()


@pytest.mark.parametrize("code", [0, 3])
def test_what_went_through_is_told_quietly(code: int, caplog: pytest.LogCaptureFixture) -> None:
    told({10: "stock"}, FakeRuns(codes=(code,)))
    assert [r for r in caplog.records if r.levelno > logging.INFO] == []


def test_a_refused_flow_does_not_hold_back_the_others() -> None:
    """A push of several writes nothing where the plan of one is refused: then each is run by itself, once."""
    assert told({10: "stock products orders"}, FakeRuns(codes=(4, 0, 4, 0))) == [
        (15, "products stock orders"), (15, "products"), (15, "stock"), (15, "orders"),
    ]  # fmt: skip


def test_hints_of_the_time_of_the_split_runs_are_not_lost() -> None:
    assert told({10: "stock products", 26: "stock"}, FakeRuns(takes_s=10, codes=(4, 0, 5, 0))) == [
        (15, "products stock"), (25, "products"), (35, "stock"), (60, "stock"),
    ]  # fmt: skip


def test_what_is_told_of_it() -> None:
    seen: dict[float, dict[str, Any]] = {}
    runs = FakeRuns(takes_s=10, codes=(3,))
    told({10: "stock", 16: "orders", 40: "products"}, runs, watch=lambda d, at: seen.update({at: d.facts()}))
    assert seen[10] == {"waiting": ["stock"], "next_in_s": 5, "running": [], "runs": 0, "last_run": None}
    assert (seen[16]["waiting"], seen[16]["running"]) == (["orders"], ["stock"])
    assert seen[40]["runs"] == 2
    assert seen[40]["last_run"]["flows"] == ("orders",)
    assert "words" not in seen[40]["last_run"]


def test_stopping_waits_for_the_run_and_begins_no_other(caplog: pytest.LogCaptureFixture) -> None:
    runs = FakeRuns(takes_s=1000, codes=(5,))
    assert told({10: "stock products", 20: "orders"}, runs, until=100) == [(15, "products stock")]
    assert not runs.busy
    assert "stopped before flows=orders were run" in caplog.text


def test_the_command_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    assert RunLauncher(Path("a/shop.toml"), Path("d")).command(("stock", "orders")) == [
        sys.executable, "-P", "-m", "pipelines", "--log", "info", "push", "a/shop.toml", "--json",
        "--flow", "stock", "--flow", "orders", "--data", "d",
    ]  # fmt: skip
    assert "--data" not in RunLauncher(Path("a/shop.toml"), None).command(("stock",))


class _Scripted(RunLauncher):
    """A runner whose process is this script."""

    script = ""

    def command(self, flows: Any) -> list[str]:
        return [sys.executable, "-c", self.script, *flows]


def scripted(script: str, act: Callable[[RunLauncher], None] = lambda _: None) -> RunExit:
    runner = _Scripted(Path("shop.toml"), None)
    runner.script = script

    async def story() -> RunExit:
        asyncio.get_running_loop().call_later(0.05, act, runner)
        return await runner.run(("stock",))

    return asyncio.run(story())


def test_what_a_run_prints_is_read() -> None:
    ended = scripted(
        'import sys; print(\'{"outcome": "attention", "run_id": "r1", "flows": {"stock": {"read": 9, "update": 2, '
        '"unmatched": 7}}}\'); sys.exit(3)'
    )
    assert (ended.exit_code, ended.outcome, ended.run_id, ended.error_id) == (3, "attention", "r1", "")
    assert ended.words == "stock read=9 update=2"
    ended = scripted(
        'import sys; print(\'{"outcome": "busy", "error": {"id": "LOCK-001", "message": "Held.", "fix": "Wait."}}\'); '
        "sys.exit(6)"
    )
    assert (ended.exit_code, ended.outcome, ended.error_id) == (6, "busy", "LOCK-001")
    assert ended.words == "LOCK-001: Held. Wait."


@pytest.mark.parametrize(
    ("script", "code", "outcome"),
    [
        ("print('Traceback')\nraise SystemExit(1)", 1, "internal_error"),
        ("print('[1]')\nraise SystemExit(2)", 2, "internal_error"),
        ("import os; os.kill(os.getpid(), 9)", -9, "killed"),
    ],
)
def test_a_run_that_says_nothing_of_use(script: str, code: int, outcome: str) -> None:
    ended = scripted(script)
    assert (ended.exit_code, ended.outcome, ended.words) == (code, outcome, "")


def test_a_run_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    ended = scripted("")
    assert (ended.exit_code, "could not be started" in ended.words) == (1, True)


WAITS = "import time\ntry:\n    time.sleep(60)\nfinally:\n    print('{}')"


def test_a_run_under_way_is_asked_to_stop_and_one_being_started_too() -> None:
    assert scripted(WAITS, lambda runner: runner.stop()).exit_code == -signal.SIGTERM

    async def stopped_before() -> RunExit:
        runner = _Scripted(Path("shop.toml"), None)
        runner.script = WAITS
        runner.stop()
        return await runner.run(("stock",))

    assert asyncio.run(stopped_before()).exit_code == -signal.SIGTERM


def test_a_run_is_not_in_our_terminal_s_group() -> None:
    """Ctrl-C reaches it once, through us."""
    assert scripted("import os, sys; sys.exit(0 if os.getpgid(0) == os.getpid() else 7)").exit_code == 0


def test_a_folder_of_the_same_name_is_not_run(tmp_path: Path) -> None:
    """`pipelines` is a common name; what runs is what listens."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__main__.py").write_text("raise SystemExit(77)")
    ended = asyncio.run(RunLauncher(tmp_path / "shop.toml", None).run(("stock",)))
    assert (ended.exit_code, ended.error_id) == (2, "CONFIG-001")
