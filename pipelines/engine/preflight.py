"""The Test button: everything a run would need is asked for once, one by one, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.config.channel import Channel
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.logs import redact
from pipelines.state.run_result import HEADLINES
from pipelines.systems.system import Answer, Question, Status


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    system: str
    name: str
    status: Status
    message: str
    fix: str = ""


@dataclass(frozen=True)
class CheckReport:
    channel: str
    outcome: str
    exit_code: int
    checks: tuple[Check, ...]

    @property
    def headline(self) -> str:
        return "Everything answers as it should." if not self.exit_code else HEADLINES[self.outcome]

    def as_json(self) -> dict[str, Any]:
        """The object that `check --json` prints."""
        return {
            "channel": self.channel,
            "verb": "check",
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "checks": [asdict(check) for check in self.checks],
        }


def check(channel: Channel, data: Path, on_check: Callable[[Check], None]) -> CheckReport:
    """Asks all systems and looks at the data folder. A failure in one place does not hide what the others say."""
    recorder = _Recorder(on_check)
    own = recorder.of("channel")
    own.ask("file", lambda: ("ok", f"{channel.path} is right", ""))
    own.ask("data", lambda: _writable(data / channel.name))
    flows = channel.in_order(())
    for name in flows:
        own.ask("limits", partial(_limits, name, channel.flow_limits(name)))
        if hint := channel.declarations[name].settings_hint(channel.flow_params(name)):
            own.ask(name, partial(_given, hint))
    for name in channel.systems_of(flows):
        channel.system_declarations[name].preflight(
            channel.systems[name], channel.permissions(name, flows), _questions(channel, name), recorder.of(name)
        )
    worst = min(recorder.errors, key=lambda error: error.exit_code, default=None)
    outcome, code = (worst.outcome, worst.exit_code) if worst else ("ok", 0)
    return CheckReport(channel.name, outcome, code, tuple(recorder.checks))


class _Recorder:
    """All checks so far, and the errors among them."""

    def __init__(self, on_check: Callable[[Check], None]) -> None:
        self.checks: list[Check] = []
        self.errors: list[CentraMyogoError] = []
        self._on_check = on_check

    def of(self, system: str) -> _Interview:
        return _Interview(self, system)

    def add(self, check: Check) -> None:
        self.checks.append(check)
        self._on_check(check)


class _Interview:
    """The questions to one system."""

    def __init__(self, recorder: _Recorder, system: str) -> None:
        self._recorder, self._system = recorder, system

    def ask(self, name: str, question: Callable[[], Answer]) -> bool:
        try:
            status, message, fix = question()
            answer = Check(self._system, name, status, redact(message), fix)  # an address may hold a secret too
        except CentraMyogoError as error:
            self._recorder.errors.append(error)
            answer = Check(self._system, name, "failed", error.message, error.fix)
        self._recorder.add(answer)
        return answer.status != "failed"

    def skip(self, *names: str) -> None:
        for name in names:
            self._recorder.add(Check(self._system, name, "skipped", "skipped: fix what failed before it first"))


def _questions(channel: Channel, system: str) -> list[Question]:
    """What the channel's flows add to the checks of the system, each name once."""
    found: dict[str, Question] = {}
    for name in channel.in_order(()):
        if system in channel.ends_of(name):
            for question in channel.declarations[name].questions(system, channel.flow_params(name)):
                found.setdefault(question.name, question)
    return [*found.values()]


def _writable(folder: Path) -> Answer:
    """Whether a run could write there; nothing is made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ConfigError(
            f"Working files would go to {folder}, but {there} cannot be written to.",
            "Give --data (or CENTRA_MYOGO_DATA) a folder that this user may write to.",
        )
    return "ok", f"working files go to {folder}", ""


def _given(answer: Answer) -> Answer:
    return answer


def _limits(name: str, limits: Any) -> Answer:
    """What a plan must keep to, defaults included."""
    return "ok", f"{name}: {', '.join(f'{key} = {value:g}' for key, value in limits) or 'no limits'}", ""
