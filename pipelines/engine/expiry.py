"""Applies the retention that a channel's flows declare: what may be kept, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.state import retention
from pipelines.state.store import Store

if TYPE_CHECKING:
    from pipelines.config.channel import Channel


def kept_days(channel: Channel) -> dict[tuple[str, str], int]:
    """For how many days the channel's flows keep personal data in a table; the keys are system and table name."""
    kept: dict[tuple[str, str], int] = {}
    for name, declared in channel.declarations.items():
        for place, days in declared.personal_days(channel.flow_params(name)).items():
            kept[place] = max(days, kept.get(place, 0))
    return kept


def apply_retention(channel: Channel, store: Store, now: datetime) -> int:
    """Blanks personal data and drops fields of plans that no flow of the channel may keep any longer. Returns the
    number of rows whose personal data was blanked. `now` is in UTC."""
    kept, blanked = kept_days(channel), 0
    for system in channel.known_systems.values():
        for one in system.personal:
            days = kept.get((system.name, one.table), 0)
            config = channel.systems.get(system.name)
            before = system.format_time(config, now - timedelta(days=days)) if days and config else None
            table = f"raw_{system.name}.{one.table}"
            blanked += retention.blank_personal_data(store, table, one.columns, one.dated_by, before)
    for name, declared in channel.known_flows.items():
        params = channel.flow_params(name) if name in channel.flows else None
        oldest = {
            field: f"{now - timedelta(days=days):%Y%m%dT%H%M%S}"
            for field, days in declared.expiring_fields(params).items()
        }
        retention.drop_expired_fields(store, name, oldest)
    return blanked
