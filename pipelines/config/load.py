"""Reads a channel file. Every error message names the file, the key and what to write instead.

A channel file has only values and names. Code defines the semantics: keys, compared columns, row rules.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pipelines.config.alerts import Alerts
from pipelines.config.channel import CHANNEL_NAME, Attention, Channel, FlowSettings, TomlTable
from pipelines.config.listen import listen_model
from pipelines.config.product_links import links_model
from pipelines.config.project import Project
from pipelines.config.publish import Publish
from pipelines.config.registry import BUILTIN_FLOWS, BUILTIN_SYSTEMS
from pipelines.config.schedule import ScheduleText, TimeText
from pipelines.config.state import State
from pipelines.config.suggestion import suggestion
from pipelines.config.toml_file import parse_toml, read_toml, resolve_secret_files
from pipelines.config.validation_messages import FIX, mistyped_values, validation_messages
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.reference import import_string
from pipelines.core.secret import mask_all, name_secrets
from pipelines.engine.flow import Flow
from pipelines.systems.system import System

TABLES_WITH_SECRETS = ("systems", "listen", "alerts", "state")
PLACEHOLDER = re.compile(r"https?://shop\.example(?:[:/]|$)")


class _TopLevel(TomlTable):
    """The top level of the file; its tables are validated one by one."""

    name: str = Field(pattern=rf"^{CHANNEL_NAME}$")
    refresh: Literal["full", "changes"] = "full"
    full_every: float = Field(default=24.0, gt=0, le=24 * 31)
    schedule: ScheduleText | None = None
    full_at: TimeText | None = None
    attention: Attention = "new"
    systems: dict[str, Any]
    flows: Any
    listen: Any = None
    links: Any = None
    publish: Any = None
    alerts: Any = None
    state: Any = None


def load(channel: str) -> Channel:
    """The channel with all references resolved and all values typed. Raises ConfigError."""
    path = Project.current().find(channel)
    return _Loader(path, read_toml(path)).channel()


def load_usable(project: Project) -> Iterator[Channel]:
    """The channels of the project whose files are right. Raises ConfigError if the folder cannot be read."""
    for file in project.channel_files():
        try:
            channel = load(str(file))
        except CentraMyogoError:
            continue
        yield channel


def load_text(path: Path, text: str) -> Channel:
    """The channel that `load` would return if the file had this text. Raises ConfigError."""
    return _Loader(path, parse_toml(path, text)).channel()


def _placeholders(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that still have the example file's value, and what to write instead."""
    if data.get("name") == "example":
        yield 'name = "example"', "give the channel a name, for example that of the shop"
    tables = data.get("systems")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        base_url = table.get("base_url") if isinstance(table, dict) else None
        if isinstance(base_url, str) and PLACEHOLDER.match(base_url):
            yield f"systems.{name}.base_url ({base_url})", "write the address of the shop"


def _full_at_problems(top: _TopLevel, flows: Mapping[str, FlowSettings]) -> Iterator[str]:
    if top.refresh == "full":
        yield 'with refresh = "full" every run reads everything; remove full_at, or write refresh = "changes"'
    elif {flow.schedule or top.schedule for flow in flows.values()} <= {None, "off"}:
        yield 'no flow has a schedule; add one at the top of the file, such as schedule = "every 15 min"'


class _Loader:
    """Collects all problems of one file, so that one error reports them together."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        secrets = {table: data[table] for table in TABLES_WITH_SECRETS if table in data}
        self.data = data | resolve_secret_files(path.parent, secrets)
        self.problems: list[str] = []

    def channel(self) -> Channel:
        for table in TABLES_WITH_SECRETS:
            mask_all(self.data.get(table))  # before any message quotes the file
        top = self._validated(_TopLevel, self.data, ())
        self.problems += [f"{self.path}: {key} is a placeholder; {fix}" for key, fix in _placeholders(self.data)]
        declarations = self._declared_flows(self.data.get("flows"))
        typed = {name: self._flow(name, self.data["flows"][name], flow) for name, flow in declarations.items()}
        flows = {name: flow for name, flow in typed.items() if flow is not None}
        on = {name: flow for name, flow in flows.items() if flow.enabled}
        if flows and not on:
            self.problems.append(f"{self.path}: flows: every flow has enabled = false; a channel needs at least one")
        tables = self.data.get("systems")
        system_declarations, systems = self._systems(tables if isinstance(tables, dict) else {}, _systems_of(on))
        params = {name: self._params(name, flow) for name, flow in flows.items()}
        limits = {name: self._limits(name, flow, declarations[name]) for name, flow in flows.items()}
        secret_keys = [one.webhook.secret_key for one in system_declarations.values() if one.webhook]
        listen_table = self.data.get("listen")
        listen = None if listen_table is None else self._validated(listen_model(secret_keys), listen_table, ("listen",))
        links_table = self.data.get("links", {})
        links = self._validated(links_model(_systems_of(flows)), links_table, ("links",))
        publish_table = self.data.get("publish")
        publish = None if publish_table is None else self._validated(Publish, publish_table, ("publish",))
        if top is not None and top.full_at is not None:
            self.problems += [f"{self.path}: full_at: {problem}" for problem in _full_at_problems(top, on)]
        alerts_table = self.data.get("alerts")
        alerts = None if alerts_table is None else self._validated(Alerts, alerts_table, ("alerts",))
        state_table = self.data.get("state")
        state = None if state_table is None else self._validated(State, state_table, ("state",))
        self._raise_if_problems()
        if top.refresh == "changes":
            for name in _systems_of(on):
                if missing := system_declarations[name].missing_for_changes(systems[name]):
                    raise self._error(f'{self.path}: refresh = "changes" needs {missing}')
        channel = Channel(
            path=self.path,
            name=top.name,
            refresh=top.refresh,
            full_every=top.full_every,
            schedule=None if top.schedule == "off" else top.schedule,
            full_at=top.full_at,
            attention=top.attention,
            systems=systems,
            flows=on,
            params=params,
            limits={name: limits[name] for name in on},
            listen=listen,
            publish=None if publish is None else publish.model_copy(update={"path": self.path.parent / publish.path}),
            alerts=alerts,
            state=state,
            system_declarations=system_declarations,
            declarations={name: declarations[name] for name in on},
            links=links.model_dump(exclude_none=True),
        )
        if state is not None and (problem := state.problem(channel.longest_call_s)):
            raise self._error(f"{self.path}: {problem}")
        return channel

    def _declared_flows(self, tables: Any) -> dict[str, type[Flow]]:
        if not isinstance(tables, dict) or not tables:
            self.problems.append(f"{self.path}: a channel needs at least one flow, for example [flows.products.params]")
            return {}
        declared = {}
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.problems.append(f"{self.path}: flows.{name} must be a table")
                continue
            reference = table.get("flow", BUILTIN_FLOWS.get(name))
            if reference is None:
                self.problems.append(
                    f"{self.path}: flows.{name} is not a built-in flow{suggestion(name, BUILTIN_FLOWS)} "
                    'For a custom flow, name its class: flow = "package.module:Name"'
                )
                continue
            resolved = self._resolved(f"flows.{name}.flow", reference)
            if isinstance(resolved, type) and issubclass(resolved, Flow):
                declared[name] = resolved
            else:
                self.problems.append(f"{self.path}: flows.{name}.flow: {reference!r} is not a flow")
        return declared

    def _flow(self, name: str, table: dict[str, Any], declared: type[Flow]) -> FlowSettings | None:
        """The table's settings, with the declaration's references as defaults. A key that the flow does not use is an
        error."""
        for key, used in (("select", declared.selects), ("expectations", bool(declared.suites))):
            if key in table and not used:
                self.problems.append(f"{self.path}: flows.{name}.{key}: the flow {name} does not use it; remove it")
        defaults = {
            "flow": BUILTIN_FLOWS.get(name, ""),
            "from": declared.source,
            "to": declared.target_system,
            **{key: getattr(declared, key) for key in ("extract", "live", "transform", "contract", "target")},
        }
        settings: FlowSettings | None = self._validated(FlowSettings, defaults | table, ("flows", name))
        if settings is not None:
            known = [one.id for suite in declared.suites for one in suite.expectations]
            for number, one in enumerate(settings.expectations.stop):
                if known and one not in known:
                    where = f"flows.{name}.expectations.stop.{number}"
                    self.problems.append(f"{self.path}: {where}: {one!r} is not an expectation{suggestion(one, known)}")
            is_ours = declared.__module__.startswith("pipelines.")
            for key in ("contract", "target"):  # a run with nothing to do needs neither, and their imports take long
                if not is_ours or getattr(settings, key) != getattr(declared, key):
                    self._resolved(f"flows.{name}.{key}", getattr(settings, key))
        return settings

    def _systems(self, tables: Mapping[str, Any], used: Iterable[str]) -> tuple[dict[str, System], dict[str, Any]]:
        """The declarations and the typed tables of the systems, in the order of the file. The flows need the systems
        `used`."""
        declared: dict[str, System] = {}
        typed: dict[str, Any] = {}
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.problems.append(f"{self.path}: systems.{name}: must be a table")
                continue
            reference = table.get("system", BUILTIN_SYSTEMS.get(name))
            if reference is None:
                self.problems.append(f"{self.path}: unknown key systems.{name}{suggestion(name, BUILTIN_SYSTEMS)}")
                continue
            system = self._resolved(f"systems.{name}.system", reference)
            if not isinstance(system, System) or system.name != name:
                raise self._error(f"{self.path}: systems.{name}.system: {reference!r} is not a system named {name}")
            declared[name] = system
            values = {key: value for key, value in table.items() if key != "system"}
            typed[name] = self._validated(system.Config, values, ("systems", name))
        if "systems" in self.data:
            self.problems += [f"{self.path}: missing key systems.{name}" for name in used if name not in tables]
        return declared, typed

    def _params(self, name: str, flow: FlowSettings) -> Any:
        """The parameters, in the type that the flow's transform declares for its argument `params`."""
        transform = self._resolved(f"flows.{name}.transform", flow.transform)
        kind = typing.get_type_hints(transform).get("params")
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            raise self._error(
                f"{self.path}: flows.{name}.transform: {flow.transform!r} is not a transform: "
                "it has no argument 'params' whose type is a dataclass."
            )
        known = [field.name for field in dataclasses.fields(kind)]
        return self._validated(kind, flow.params, ("flows", name, "params"), known)

    def _limits(self, name: str, flow: FlowSettings, declared: type[Flow]) -> Any:
        return self._validated(declared.Limits, flow.limits, ("flows", name, "limits"))

    def _validated(self, kind: Any, values: Any, place: tuple[str, ...], known: list[str] | None = None) -> Any:
        """`values` as a `kind`. If they are invalid: None, and the problems are collected."""
        if known is None:
            known = [field.alias or name for name, field in kind.model_fields.items()]
        try:
            typed = TypeAdapter(kind).validate_python(values)
        except ValidationError as error:
            self.problems += validation_messages(self.path, error, place, known)
            return None
        self.problems += mistyped_values(self.path, values, typed, place)
        name_secrets(typed, place)
        return typed

    def _resolved(self, key: str, reference: Any) -> Any:
        """The object that the reference names. Not for dlt sources: importing dlt fixes the folder that it writes to,
        so a run imports them later."""
        if not isinstance(reference, str):
            raise self._error(f"{self.path}: {key}: must be text in quotes")
        try:
            return import_string(reference)
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {key}: {error.message}", error.fix) from error

    def _raise_if_problems(self) -> None:
        if self.problems:
            raise self._error("\n".join(self.problems))

    def _error(self, message: str) -> ConfigError:
        return ConfigError(message, FIX)


def _systems_of(flows: Mapping[str, FlowSettings]) -> list[str]:
    """The systems that the flows read and write, each once."""
    return [*dict.fromkeys(end for flow in flows.values() for end in (flow.source, flow.target_system))]
