"""The verb `check`: tries everything that a run needs, one by one, and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.logs import redact
from pipelines.state import group_copy
from pipelines.state.run_result import HEADLINES
from pipelines.state.store import Folder
from pipelines.systems.system import CheckResult, Status, SystemCheck

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.config.publish import Publish
    from pipelines.config.state import State
    from pipelines.systems.system import System


@dataclass(frozen=True)
class Check:
    """One check and its result."""

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
    """Checks the channel file, the data folder and all systems. A failed check does not stop the others."""
    recorder = _Recorder(on_check)
    own = recorder.of("channel")
    own.run("file", lambda: ("ok", f"{channel.path} is valid", ""))
    own.run("data", lambda: _writable(data / channel.name))
    if channel.publish:
        own.run("publish", partial(_publishable, channel.publish, Folder(data, channel.name)))
    if channel.alerts:
        own.run("alerts", channel.alerts.check)
    if channel.state:
        own.run("state", partial(_shared_state, channel.state, channel.name))
    flows = channel.in_order(())
    for name in flows:
        own.run("limits", partial(_limits, name, channel.flow_limits(name)))
        if hint := channel.declarations[name].settings_hint(channel.flow_params(name)):
            own.run(name, partial(_given, hint))
    for name in channel.systems_of(flows):
        channel.system_declarations[name].preflight(
            channel.systems[name], channel.permissions(name, flows), _extra_checks(channel, name), recorder.of(name)
        )
    worst = min(recorder.errors, key=lambda error: error.exit_code, default=None)
    outcome, code = (worst.outcome, worst.exit_code) if worst else ("ok", 0)
    return CheckReport(channel.name, outcome, code, tuple(recorder.checks))


def check_system(system: System, config: Any, permissions: Sequence[str], on_check: Callable[[Check], None]) -> bool:
    """Whether the system passes its own checks with this configuration, without those that flows add."""
    recorder = _Recorder(on_check)
    system.preflight(config, permissions, (), recorder.of(system.name))
    return all(check.status in ("ok", "warning") for check in recorder.checks)


class _Recorder:
    """Collects the results of all checks, and the errors."""

    def __init__(self, on_check: Callable[[Check], None]) -> None:
        self.checks: list[Check] = []
        self.errors: list[CentraMyogoError] = []
        self._on_check = on_check

    def of(self, system: str) -> _CheckRunner:
        return _CheckRunner(self, system)

    def add(self, check: Check) -> None:
        self.checks.append(check)
        self._on_check(check)


class _CheckRunner:
    """Runs the checks of one system."""

    def __init__(self, recorder: _Recorder, system: str) -> None:
        self._recorder, self._system = recorder, system

    def run(self, name: str, check: Callable[[], CheckResult]) -> bool:
        try:
            status, message, fix = check()
            result = Check(self._system, name, status, redact(message), fix)  # an address may hold a secret too
        except CentraMyogoError as error:
            self._recorder.errors.append(error)
            result = Check(self._system, name, "failed", error.message, error.fix)
        self._recorder.add(result)
        return result.status != "failed"

    def skip(self, *names: str) -> None:
        for name in names:
            self._recorder.add(Check(self._system, name, "skipped", "skipped: first fix the failed check above"))


def _extra_checks(channel: Channel, system: str) -> list[SystemCheck]:
    """The checks that the channel's flows add to those of the system, each name once."""
    checks: dict[str, SystemCheck] = {}
    for name in channel.in_order(()):
        if system in channel.ends_of(name):
            for check in channel.declarations[name].extra_checks(system, channel.flow_params(name)):
                checks.setdefault(check.name, check)
    return [*checks.values()]


def _writable(folder: Path) -> CheckResult:
    """Checks that a run could write below `folder`; creates nothing."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(
            f"Working files would go to {folder}, but {existing} cannot be written to.",
            "Give --data (or CENTRA_MYOGO_DATA) a folder that this user may write to.",
        )
    return "ok", f"working files go to {folder}", ""


def _publishable(to: Publish, folder: Folder) -> CheckResult:
    group_copy.check(to, folder)
    return "ok", f"each run puts a copy without personal data at {to.path} for the group {to.group}", ""


def _shared_state(settings: State, channel: str) -> CheckResult:
    from pipelines.fleet.shared_state import check_settings

    return "ok", f"the state is in {check_settings(settings, channel)}", ""


def _given(result: CheckResult) -> CheckResult:
    return result


def _limits(name: str, limits: Any) -> CheckResult:
    """The limits of a flow that differ from the defaults."""
    fields = type(limits).model_fields
    own = [f"{key} = {value:g}" for key, value in limits if value != fields[key].default]
    if not fields:
        return "ok", f"{name}: no limits", ""
    return "ok", f"{name}: {', '.join([*own, 'else the default limits']) if own else 'the default limits'}", ""
