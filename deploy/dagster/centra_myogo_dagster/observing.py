"""Shows the runs that Dagster did not start (those of the pages, the command line and webhooks) as observations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from centra_myogo_dagster.channel_files import ChannelFile
from centra_myogo_dagster.published import RunLine, published_file, runs_after
from centra_myogo_dagster.settings import Settings

LOOKED_AT = 50  # the newest observations of an asset among which a run is looked for


def observe(context: Any, settings: Settings, channels: Sequence[ChannelFile]) -> dg.SensorResult:
    """The runs since the last look. The first look of a channel only remembers its newest run."""
    seen: dict[str, list[Any]] = json.loads(context.cursor or "{}")
    events: list[dg.AssetObservation] = []
    for channel in channels:
        file = published_file(settings.data, channel.name)
        if not file.is_file():
            continue
        changed = file.stat().st_mtime_ns
        last = seen.get(channel.name)
        if last and last[0] == changed:
            continue
        after = datetime.fromisoformat(last[1]) if last and last[1] else None
        runs = runs_after(file, after)
        newest = runs[-1].started_at.isoformat() if runs else last[1] if last else ""
        seen[channel.name] = [changed, newest]
        if last:
            events += [event for run in runs if not run.is_ours for event in _events(context, channel, run)]
    return dg.SensorResult(asset_events=events, cursor=json.dumps(seen))


def _events(context: Any, channel: ChannelFile, run: RunLine) -> list[dg.AssetObservation]:
    """One for each flow, unless another machine has shown the run already."""
    metadata = {
        "run_id": run.run_id,
        "verb": run.verb,
        "outcome": run.outcome,
        "exit_code": -1 if run.exit_code is None else run.exit_code,
        "requested_by": run.requested_by or "the command line",
        "started_at": run.started_at.isoformat(timespec="seconds"),
    }
    keys = [dg.AssetKey([channel.name, flow]) for flow in run.flows if flow in channel.flows]
    return [
        dg.AssetObservation(asset_key=key, metadata=metadata) for key in keys if run.run_id not in _shown(context, key)
    ]


def _shown(context: Any, key: dg.AssetKey) -> set[Any]:
    records = context.instance.fetch_observations(key, limit=LOOKED_AT).records
    found = (record.asset_observation for record in records)
    return {one.metadata["run_id"].value for one in found if one is not None and "run_id" in one.metadata}
