"""One integration as its channel file declares it: systems, flows and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.config.registry import BUILTIN_FLOWS, BUILTIN_SYSTEMS
from pipelines.config.schedule import Cron, Daily, Every, ScheduleText, Timing, timings
from pipelines.config.suggestion import suggestion
from pipelines.core.errors import ConfigError
from pipelines.core.reference import import_string

if TYPE_CHECKING:
    from pipelines.config.alerts import Alerts
    from pipelines.config.listen import Listen
    from pipelines.config.publish import Publish
    from pipelines.config.state import State
    from pipelines.engine.flow import Flow
    from pipelines.state.schema import DatabaseSchema
    from pipelines.systems.http.settings import SystemConfig
    from pipelines.systems.system import System


class TomlTable(BaseModel):
    """Part of a channel file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Select(TomlTable):
    """Shell-like patterns over code, brand, folder and category; a row is selected when any value matches."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class ExpectationSettings(TomlTable):
    """Whether batches are validated, and the ids of the expectations that stop a push when they fail."""

    enabled: bool = True
    stop: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _stop_needs_enabled(self) -> ExpectationSettings:
        if self.stop and not self.enabled:
            raise ValueError("stop names expectations, but enabled = false turns them off; remove one of the two")
        return self


class FlowSettings(TomlTable):
    """`[flows.NAME]`. References (`package.module:name`) that the file leaves out come from the flow's declaration.

    `extract` is the dlt source of the system that the flow reads, `live` that of the system that it writes to.
    `schedule` replaces that of the channel; with "off", `serve` starts the flow at no time. The channel does not have a
    flow that is not `enabled`; its table stays in the file.
    """

    flow: str
    source: str = Field(alias="from")
    target_system: str = Field(alias="to")
    extract: str
    live: str
    transform: str
    contract: str
    target: str
    params: dict[str, Any] = {}
    select: Select = Select()
    limits: dict[str, Any] = {}
    expectations: ExpectationSettings = ExpectationSettings()
    schedule: ScheduleText | None = None
    enabled: bool = True


CHANNEL_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
Attention = Literal["new", "any", "never"]


@dataclass(frozen=True)
class Channel:
    """`full_every` is in hours. `schedule` and `full_at` are for `serve` alone. `attention` defines which withheld rows
    make a run end with exit 3. `params` and `limits` are keyed by flow and typed as the flow declares them, `params`
    also for flows that are switched off; `links` are address patterns by system."""

    path: Path
    name: str
    refresh: Literal["full", "changes"]
    full_every: float
    schedule: Every | Cron | None
    full_at: Daily | None
    attention: Attention
    systems: Mapping[str, SystemConfig]
    flows: Mapping[str, FlowSettings]
    params: Mapping[str, Any]
    limits: Mapping[str, Any]
    listen: Listen | None
    publish: Publish | None
    alerts: Alerts | None
    state: State | None
    system_declarations: Mapping[str, System]
    declarations: Mapping[str, type[Flow]]
    links: Mapping[str, str]

    @property
    def timezone(self) -> str | None:
        """The zone of the shop's times; None if no system names one."""
        zones = (getattr(config, "timezone", None) for config in self.systems.values())
        return next(filter(None, zones), None)

    @property
    def longest_call_s(self) -> float:
        """How long one call to one of the systems may take, in seconds."""
        return max(one.connect_timeout_s + one.read_timeout_s for one in self.systems.values())

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the schedule: that of the shop, or UTC if no system names one."""
        return ZoneInfo(self.timezone or "UTC")

    @cached_property
    def timings(self) -> list[Timing]:
        """Which flows start when, as the schedules of the file say; empty without any."""
        return timings({name: self._schedule_of(name) for name in self.in_order(())}, self.full_at)

    def _schedule_of(self, flow: str) -> Every | Cron | None:
        own = self.flows[flow].schedule
        return self.schedule if own is None else None if own == "off" else own

    def flow_params(self, flow: str) -> Any:
        return self.params[flow]

    def flow_limits(self, flow: str) -> Any:
        return self.limits[flow]

    def in_order(self, requested: Sequence[str]) -> list[str]:
        """The requested flows, or all if none is requested, in the order of `flow_order`. Raises ConfigError."""
        for name in requested:
            if name not in self.flows:
                raise ConfigError(
                    f"{self.path} has no flow {name!r}{suggestion(name, self.flows)}",
                    "Give the name of a flow in that file.",
                )
        return [name for name in sorted(self.flows, key=flow_order) if not requested or name in requested]

    def systems_of(self, flows: Sequence[str]) -> list[str]:
        """The systems that these flows read and write, in the order of the channel file."""
        ends = {end for name in flows for end in (self.flows[name].source, self.flows[name].target_system)}
        return [name for name in self.systems if name in ends]

    def permissions(self, system: str, flows: Sequence[str]) -> list[str]:
        """The permissions that these flows need in the system, each once."""
        needed = (one for name in self._reading(flows) for one in self.declarations[name].permissions.get(system, ()))
        return [*dict.fromkeys(needed)]

    def dated(self, flows: Sequence[str]) -> list[str]:
        """The flows with dated sources among these and among those whose sources they read too."""
        return [name for name in self._reading(flows) if self.declarations[name].kind == "window"]

    def _reading(self, flows: Sequence[str]) -> list[str]:
        """The flows, and the flows of the channel whose sources they read too."""
        also = (other for name in flows for other in self.declarations[name].reads_with if other in self.flows)
        return [*dict.fromkeys([*flows, *also])]

    def sources(self, flows: Sequence[str]) -> dict[str, list[str]]:
        """References of the dlt sources to read for these flows, by system, each once."""
        references: dict[str, list[str]] = {name: [] for name in self.systems_of(flows)}
        for name in flows:
            flow = self.flows[name]
            for system, reference in ((flow.source, flow.extract), (flow.target_system, flow.live)):
                if reference not in references[system]:
                    references[system].append(reference)
        return references

    @cached_property
    def known_flows(self) -> dict[str, type[Flow]]:
        """The channel's flows and all built-in flows, in the order of `flow_order`."""
        known = {name: import_string(reference) for name, reference in BUILTIN_FLOWS.items()} | dict(self.declarations)
        return {name: known[name] for name in sorted(known, key=flow_order)}

    @cached_property
    def known_systems(self) -> dict[str, System]:
        """The channel's systems and all built-in systems."""
        known = {name: import_string(reference) for name, reference in BUILTIN_SYSTEMS.items()}
        return known | dict(self.system_declarations)

    @cached_property
    def personal_columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns with personal data, by table with its schema."""
        return {
            f"raw_{system.name}.{one.table}": one.columns
            for system in self.known_systems.values()
            for one in system.personal
        }

    def title(self, system: str) -> str:
        """The system's name for display."""
        known = self.known_systems.get(system)
        return known.title if known else system

    def ends_of(self, flow: str) -> tuple[str, str]:
        """The system that a known flow reads and the system that it writes to."""
        settings = self.flows.get(flow)
        if settings is not None:
            return settings.source, settings.target_system
        return self.known_flows[flow].source, self.known_flows[flow].target_system

    @cached_property
    def database_schema(self) -> DatabaseSchema:
        """The tables and views of the channel's working file."""
        return database_schema(self.known_flows, self.known_systems)


def database_schema(flows: Mapping[str, type[Flow]], systems: Mapping[str, System]) -> DatabaseSchema:
    """The tables and views that the flows and systems declare."""
    from pipelines.state.schema import DatabaseSchema, Mirror, describe, warning_table

    return DatabaseSchema(
        systems=tuple(systems),
        tables=(
            *(warning_table(system.name, system.title) for system in systems.values()),
            *(table for flow in flows.values() for table in flow.outputs),
        ),
        mirrors={
            (name := f"raw_{system.name}.{table.name}"): Mirror(name, table.fields, table.own_columns)
            for system in systems.values()
            for table in system.mirror
        },
        views=tuple(view for flow in flows.values() for view in flow.views),
        row_words={name: flow.words.row for name, flow in flows.items()},
        descriptions={
            f"raw_{system.name}.{table.name}": describe(table.comment, table.fields, table.comments)
            for system in systems.values()
            for table in system.staged_tables
        },
    )


def flow_order(name: str) -> tuple[int, str]:
    """Sort key: built-in flows first, in the order in which they write; then the others by name."""
    order = [*BUILTIN_FLOWS]
    return (order.index(name), "") if name in order else (len(order), name)
