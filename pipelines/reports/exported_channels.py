"""The channels of a data warehouse: `status --all`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from pipelines.core.errors import ConfigError
from pipelines.fleet.data_warehouse import SCHEMA, failure_at
from pipelines.fleet.postgres import Address, rows_of
from pipelines.reports.overview import WRONG_SELECTION, ChannelState, RunLine

ANSWER_S = 30.0
# The same as `overview` finds in the file of a channel.
_STATES = f"""
select e.channel, e.exported_at at time zone 'UTC' as exported_at, p.last_push, coalesce(i.to_fix, 0) as to_fix, r.*
from {SCHEMA}.exports e
left join lateral (
    select run_id, started_at, verb, flow as flows, outcome, coalesce(exit_code, 1) as exit_code,
           cast(extract(epoch from ended_at - started_at) as double precision) as seconds,
           coalesce(rows_read, 0) as rows_read, coalesce(creates + updates, 0) as changes,
           coalesce(applied, 0) as applied, coalesce(refused, 0) as refused, coalesce(unknown_outcome, 0) as unknown,
           coalesce(withheld, 0) as withheld, coalesce(withheld_new, 0) as withheld_new
    from {SCHEMA}.sync_runs s where s.channel = e.channel and outcome is distinct from '{WRONG_SELECTION}'
    order by started_at desc, run_id desc limit 1) r on true
left join lateral (
    select max(started_at) as last_push from {SCHEMA}.sync_runs s
    where s.channel = e.channel and verb = 'push' and exit_code in (0, 3)) p on true
left join lateral (
    select count(distinct (flow, coalesce(source_id, code))) as to_fix from {SCHEMA}.sync_issues s
    where s.channel = e.channel and closed_at is null) i on true
order by e.channel"""


@dataclass(frozen=True)
class ExportedState(ChannelState):
    """The state of a channel when it was exported last, at `exported_at` (UTC)."""

    exported_at: datetime | None = None


def exported_states(text: str, now: datetime, max_age: timedelta | None = None) -> list[ExportedState]:
    """The state of every channel in the data warehouse with this address, or env:NAME, by name. Raises ConfigError and
    DataWarehouseUnavailable."""
    address = Address.of(text, "--from")
    found = rows_of(address, _STATES, ANSWER_S, failure_at(address), needs=f"{SCHEMA}.exports")
    if not found:
        raise ConfigError(
            f"No channel has been exported to {address.place} yet.",
            "Write the tables of each channel: centra-myogo export CHANNEL --to ADDRESS",
        )
    return [_state(row, now, max_age) for row in found]


def _state(row: Mapping[str, Any], now: datetime, max_age: timedelta | None) -> ExportedState:
    run = RunLine(**{field.name: row[field.name] for field in fields(RunLine)}) if row["run_id"] else None
    age = None if row["last_push"] is None else (now - row["last_push"]).total_seconds()
    return ExportedState(
        row["channel"],
        {0: "good", 3: "attention"}.get(run.exit_code, "failed") if run else "never run",
        max_age is not None and (age is None or age > max_age.total_seconds()),
        row["last_push"],
        age,
        row["to_fix"],
        run.withheld_new if run else 0,
        run,
        exported_at=row["exported_at"],
    )
