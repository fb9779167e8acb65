"""Channel files: one TOML file per integration, read into frozen models.

Every complaint names the file, the key and what would be right. Values and names only: what changes
meaning (keys, compared columns, row rules) is code.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from pipelines.config.builtin_flows import BUILT_IN_FLOWS
from pipelines.config.listen import Listen
from pipelines.config.reference import import_string
from pipelines.config.secret import Secret, mask_all
from pipelines.config.url import WebAddress
from pipelines.core.errors import ConfigError
from schemas.products.expectations import EXPECTATIONS

BUILT_IN_CHANNELS = Path(__file__).parents[1] / "channels"
CHANNELS_VARIABLE = "CENTRA_MYOGO_CHANNELS"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemConfig(_Model):
    """What every system's table may say about how it is asked."""

    base_url: WebAddress
    requests_per_second: float = Field(default=2.0, gt=0, le=10_000)
    max_in_flight: int = Field(default=1, ge=1, le=64)
    attempts: int = Field(default=6, ge=1, le=20)
    backoff_s: float = Field(default=1.0, gt=0, le=60)
    connect_timeout_s: float = Field(default=10.0, gt=0, le=300)
    read_timeout_s: float = Field(default=90.0, gt=0, le=600)
    page_size: int = Field(default=100, ge=1, le=10_000)
    max_rows: int = Field(default=5_000_000, ge=1)


class CentraConfig(SystemConfig):
    """`stock_verb`, `completion_verb`: Centra's pages say POST here and PUT there."""

    token: Secret
    timezone: str | None = None
    stock_verb: Literal["POST", "PUT"] = "POST"
    completion_verb: Literal["POST", "PUT"] = "POST"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError) as error:
                raise ValueError(f"{value!r} is no time zone; write it like Europe/Stockholm") from error
        return value


class MyOgoConfig(SystemConfig):
    token_url: WebAddress
    client_id: Secret
    client_secret: Secret
    merchant_id: Secret
    secret_token: Secret
    page_size: int = Field(default=250, ge=1, le=250)


class Systems(_Model):
    centra: CentraConfig
    myogo: MyOgoConfig


class Select(_Model):
    """Shell-like patterns over code, brand, folder and category; a row is taken when any of them matches."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class ExpectationSettings(_Model):
    """Which batch expectations stop a push when they do not pass."""

    stop: tuple[str, ...] = ()

    @field_validator("stop")
    @classmethod
    def _known_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one not in EXPECTATIONS:
                raise ValueError(f"{one!r} is no expectation{_nearest(one, EXPECTATIONS)}")
        return value


class FlowSettings(_Model):
    """One entity moving one way. The references say which code does it; built-in flows have defaults.

    `extract` and `live` are the sources of the system it comes from and of the one it goes to, `judge` says what is
    wanted, withheld and refused."""

    source: str = Field(alias="from")
    target_system: str = Field(alias="to")
    extract: str
    live: str
    transform: str
    contract: str
    target: str
    judge: str
    params: dict[str, Any] = {}
    select: Select = Select()
    limits: dict[str, Any] = {}
    expectations: ExpectationSettings = ExpectationSettings()


class Channel(_Model):
    """`full_every` is in hours."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    refresh: Literal["full", "changes"] = "full"
    full_every: float = Field(default=24.0, gt=0, le=24 * 31)
    systems: Systems
    flows: dict[str, FlowSettings]
    listen: Listen | None = None
    path: Path

    @model_validator(mode="before")
    @classmethod
    def _built_in_defaults(cls, data: dict[str, Any]) -> dict[str, Any]:
        flows = data.get("flows")
        if not isinstance(flows, dict) or not flows:
            raise ValueError("a channel needs at least one flow, for example [flows.products.params]")
        filled = {}
        for name, table in flows.items():
            if not isinstance(table, dict):
                raise ValueError(f"flows.{name} must be a table")
            if (
                name not in BUILT_IN_FLOWS
                and not {"from", "to", "extract", "live", "transform", "judge"} <= table.keys()
            ):
                near = _nearest(name, BUILT_IN_FLOWS)
                raise ValueError(f"flows.{name} is not a flow we have{near}")
            filled[name] = {**BUILT_IN_FLOWS.get(name, {}), **table}
        return {**data, "flows": filled}

    @model_validator(mode="after")
    def _zone_for_changes(self) -> Self:
        if self.refresh == "changes" and self.systems.centra.timezone is None:
            raise ValueError('refresh = "changes" needs systems.centra.timezone, the zone of the times Centra compares')
        return self

    def flow_params(self, flow: str) -> Any:
        """The transform's parameters, typed as its `params` argument says."""
        reference = self.flows[flow].transform
        kind = typing.get_type_hints(_resolved(self.path, f"flows.{flow}.transform", reference)).get("params")
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            raise ConfigError(
                f"{self.path}: flows.{flow}.transform: {reference!r} is no transform: "
                "it has no argument 'params' whose type is a dataclass.",
                "Mend the channel file and run again.",
            )
        known = [field.name for field in dataclasses.fields(kind)]
        return self._typed(kind, self.flows[flow].params, ("flows", flow, "params"), known)

    def flow_limits(self, flow: str) -> Any:
        """The flow's limits, typed as its judge says."""
        kind = getattr(self.judge(flow), "Limits", None)
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            raise ConfigError(
                f"{self.path}: flows.{flow}.judge: {self.flows[flow].judge!r} is no judge: it has no Limits.",
                "Mend the channel file and run again.",
            )
        return self._typed(kind, self.flows[flow].limits, ("flows", flow, "limits"), [*kind.model_fields])

    def in_order(self, asked: tuple[str, ...]) -> list[str]:
        """The flows to run, all or those asked for, the built-in ones first in their order. Raises ConfigError."""
        for name in asked:
            if name not in self.flows:
                near = _nearest(name, self.flows)
                raise ConfigError(f"{self.path} has no flow {name!r}{near}", "Give the name of one that it has.")
        known = [name for name in BUILT_IN_FLOWS if name in self.flows]
        own = [name for name in self.flows if name not in known]
        return [name for name in (*known, *own) if not asked or name in asked]

    def judge(self, flow: str) -> Any:
        """The class that judges the flow. Raises ConfigError."""
        return _resolved(self.path, f"flows.{flow}.judge", self.flows[flow].judge)

    def scopes(self, flows: Sequence[str]) -> list[str]:
        """What myOGO must allow for these flows."""
        return [*dict.fromkeys(scope for flow in flows for scope in self.judge(flow).scopes)]

    def sources(self, flows: Sequence[str]) -> dict[str, str]:
        """The source to read of each system for these flows. Raises ConfigError where two name different ones."""
        found: dict[str, str] = {}
        for name in flows:
            flow = self.flows[name]
            for system, source in ((flow.source, flow.extract), (flow.target_system, flow.live)):
                if found.setdefault(system, source) != source:
                    raise ConfigError(
                        f"{self.path}: the flows read {system} by {found[system]!r} and by {source!r}.",
                        "Give them the same source, or run them one by one with --flow.",
                    )
        return found

    def _typed(self, kind: Any, values: dict[str, Any], place: tuple[str, ...], known: list[str]) -> Any:
        try:
            return TypeAdapter(kind).validate_python(values)
        except ValidationError as error:
            said = _complaints(self.path, error, place, known)
            raise ConfigError(said, "Mend the channel file and run again.") from error


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"


_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Channel,
    ("systems",): Systems,
    ("systems", "centra"): CentraConfig,
    ("systems", "myogo"): MyOgoConfig,
    ("listen",): Listen,
    ("flows", "*"): FlowSettings,
    ("flows", "*", "select"): Select,
    ("flows", "*", "expectations"): ExpectationSettings,
}


_SAID = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list in square brackets",
    "string_type": "must be text in quotes",
}


def _known_keys(location: tuple[str, ...]) -> list[str]:
    place = ("flows", "*", *location[2:]) if location[:1] == ("flows",) and len(location) > 1 else location
    model = _MODELS.get(place, Secret)
    return [field.alias or name for name, field in model.model_fields.items() if name != "path"]


def _complaints(path: Path, error: ValidationError, place: tuple[str, ...] = (), known: list[str] | None = None) -> str:
    lines = []
    for item in error.errors():
        location = (*place, *(str(part) for part in item["loc"]))
        key = ".".join(location)
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            near = _nearest(location[-1], known or _known_keys(location[:-1]))
            lines.append(f"{path}: unknown key {key}{near}")
        elif item["type"] == "missing":
            lines.append(f"{path}: missing key {key}")
        else:
            said = _SAID.get(item["type"], item["msg"].removeprefix("Value error, "))
            lines.append(f"{path}: {key}: {said}" if key else f"{path}: {said}")
    return "\n".join(lines)


def find(channel: str) -> Path:
    """The file that CHANNEL names: a path to a TOML file, or a name in the channel folders."""
    if channel.endswith(".toml") or os.sep in channel:
        path = Path(channel)
        if not path.is_file():
            raise ConfigError(f"There is no channel file {path}.", "Check the path.")
        return path
    extra = os.environ.get(CHANNELS_VARIABLE)
    folders = [*([Path(extra)] if extra else []), BUILT_IN_CHANNELS]
    for folder in folders:
        if (path := folder / f"{channel}.toml").is_file():
            return path
    names = sorted({found.stem for folder in folders for found in folder.glob("*.toml")})
    raise ConfigError(
        f"There is no channel {channel!r}: looked for {channel}.toml in "
        + " and ".join(str(folder) for folder in folders)
        + f"{_nearest(channel, names) if names else ''}",
        f"Give a channel's name or a path to its file; {CHANNELS_VARIABLE} names a folder of your own.",
    )


def load(channel: str) -> Channel:
    """The channel as frozen models. Raises ConfigError that names the file, the key and the nearest one."""
    path = find(channel)
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", "Mend that line.") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deep.", "Mend the file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", "Check the file and its rights.") from error
    if "path" in data:
        raise ConfigError(f"{path}: unknown key path{_nearest('path', _known_keys(()))}", "Mend the file.")
    try:
        data |= _beside(path, data)
        for table in ("systems", "listen"):
            mask_all(data.get(table))  # before anything of the file is quoted
        loaded = Channel.model_validate({**data, "path": path})
    except ValidationError as error:
        raise ConfigError(_complaints(path, error), "Mend the channel file and run again.") from error
    for name, flow in loaded.flows.items():
        loaded.flow_params(name)
        loaded.flow_limits(name)
        _resolved(path, f"flows.{name}.contract", flow.contract)
        _resolved(path, f"flows.{name}.target", flow.target)
    return loaded


def _resolved(path: Path, key: str, reference: str) -> Any:
    """What the reference names. Not for `extract`: importing dlt settles where it writes, so only a run does it."""
    try:
        return import_string(reference)
    except ConfigError as error:
        raise ConfigError(f"{path}: {key}: {error.message}", error.fix) from error


def _beside(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    """Secret files may be given relative to the channel file."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"file"} and isinstance(value["file"], str) and "\0" not in value["file"]:
                return {"file": str((path.parent / value["file"]).resolve())}
            return {key: walk(inner) for key, inner in value.items()}
        return value

    return {table: walk(data[table]) for table in ("systems", "listen") if table in data}


def data_folder(option: Path | None) -> Path:
    """Where working files go: `--data`, else CENTRA_MYOGO_DATA, else ./data."""
    return option or Path(os.environ.get("CENTRA_MYOGO_DATA") or "data")
