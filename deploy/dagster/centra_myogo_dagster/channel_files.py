"""The channel files of a project folder, as far as a scheduler needs them: names, flows, schedules, what they share.

A secret is never read: what names a merchant is the name of the variable, or the path of the file, that holds its id.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from centra_myogo_dagster.schedule_times import Times, daily, times_of

FLOWS = ("products", "orders", "tracking", "stock")  # in the order in which a run writes them
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Timing:
    """Flows of one channel that start together, at the times that `text` means. `full`: the run reads everything."""

    text: str
    times: Times
    flows: tuple[str, ...]
    full: bool = False


@dataclass(frozen=True)
class ChannelFile:
    """`merchant` names the pool of all channels of one myOGO merchant, `centra` that of one Centra environment."""

    path: Path
    name: str
    flows: tuple[str, ...]
    timings: tuple[Timing, ...]
    zone: str
    merchant: str
    centra: str

    @property
    def identifier(self) -> str:
        """The name in letters, digits and underscores."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class Channels:
    """The channels of a folder; `problems` has a sentence for each file that was left out."""

    files: tuple[ChannelFile, ...]
    problems: tuple[str, ...]


def find_channels(folder: Path) -> Channels:
    """Reads every TOML file of the folder. A file that cannot be used does not keep the others away."""
    found: dict[str, ChannelFile] = {}
    problems = []
    for path in sorted(folder.glob("*.toml")):
        try:
            channel = read_channel(path)
        except (ValueError, OSError) as error:
            problems.append(f"{path.name} is left out: {error}. centra-myogo check {path.stem} says more")
            continue
        other = found.setdefault(channel.identifier, channel)
        if other is not channel:
            problems.append(f"{path.name} is left out: the name {channel.name!r} is too close to that of {other.path}")
    return Channels(tuple(found.values()), tuple(problems))


def read_channel(path: Path) -> ChannelFile:
    """Raises ValueError (also for invalid TOML) and OSError."""
    data = tomllib.loads(path.read_text("utf-8"))
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("it has no valid name")
    tables = {flow: table for flow, table in _table(data, "flows").items() if isinstance(table, dict)}
    flows = tuple(sorted((flow for flow in tables if tables[flow].get("enabled", True)), key=_order))
    if not flows:
        raise ValueError("it has no flow")
    systems = {system: table for system, table in _table(data, "systems").items() if isinstance(table, dict)}
    zones = (table["timezone"] for table in systems.values() if isinstance(table.get("timezone"), str))
    zone = next(zones, "UTC")
    try:
        ZoneInfo(zone)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(f"there is no time zone {zone!r}") from error
    schedules = {flow: tables[flow].get("schedule", data.get("schedule")) for flow in flows}
    return ChannelFile(
        path=path,
        name=name,
        flows=flows,
        timings=_timings(schedules, data.get("full_at")),
        zone=zone,
        merchant=_merchant(systems.get("myogo", {}), name),
        centra=_environment(systems.get("centra", {}), name),
    )


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = data.get(key)
    return table if isinstance(table, dict) else {}


def _order(flow: str) -> tuple[int, str]:
    return (FLOWS.index(flow), "") if flow in FLOWS else (len(FLOWS), flow)


def _timings(schedules: Mapping[str, Any], full_at: Any) -> tuple[Timing, ...]:
    """One for each different schedule, then that of `full_at` with all flows that have a schedule."""
    flows: dict[str, tuple[str, ...]] = {}
    for flow, text in schedules.items():
        if text is not None:
            flows[_text(text)] = (*flows.get(_text(text), ()), flow)
    found = [Timing(text, times, names) for text, names in flows.items() if (times := times_of(text))]
    if full_at is not None and found:
        scheduled = tuple(flow for flow in schedules if any(flow in timing.flows for timing in found))
        found.append(Timing(f"full at {full_at}", daily(_text(full_at)), scheduled, full=True))
    return tuple(found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a schedule")
    return " ".join(value.lower().split())


def _merchant(table: Mapping[str, Any], channel: str) -> str:
    """Where the merchant's id is: `myogo_env_NAME`, or `myogo_file_PATH`."""
    place = table.get("merchant_id")
    if isinstance(place, dict) and isinstance(place.get("env"), str):
        return f"myogo_env_{_plain(place['env'])}"
    if isinstance(place, dict) and isinstance(place.get("file"), str):
        return f"myogo_file_{_plain(place['file'])}"
    return f"myogo_of_{_plain(channel)}"


def _environment(table: Mapping[str, Any], channel: str) -> str:
    """The host of the address, with its port."""
    address = table.get("base_url")
    host = urlsplit(address).netloc.rpartition("@")[2] if isinstance(address, str) else ""
    return f"centra_{_plain(host)}" if host else f"centra_of_{_plain(channel)}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
