"""The name and address of one order, as far as the published file still has them and may keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipelines.config.channel import Channel
from pipelines.engine.expiry import kept_days
from pipelines.reports.tables import has
from pipelines.systems.system import PersonalColumns
from pipelines.web.published_tables import PublishedRows, Row

LABELS = {
    "cell": "mobile phone",
    "tele": "phone",
    "coaddress": "second line",
    "zipcode": "postal code",
    "note": "customer's note",
}


@dataclass(frozen=True)
class PersonalData:
    """Of one shipment or order: the labels of its fields with their values. It is kept until that day, in the time of
    its system."""

    source_id: str
    fields: Mapping[str, str]
    until: date


def personal_data(published: PublishedRows, channel: Channel, pattern: str) -> list[PersonalData]:
    """Of the rows whose id matches the regular expression. What is older than the channel's flows keep it is left out,
    also if no run has removed it yet."""
    kept, now, found = kept_days(channel), datetime.now(UTC).replace(tzinfo=None), list[PersonalData]()
    for system in channel.known_systems.values():
        config = channel.systems.get(system.name)
        for one in system.personal:
            days = kept.get((system.name, one.table), 0)
            table = f"raw_{system.name}.{one.table}"
            if not days or config is None or not has(published.database, table):
                continue
            since = system.format_time(config, now - timedelta(days=days))
            for row in _filled(published, table, one, pattern, since):
                last = date.fromisoformat(row["dated"][:10]) + timedelta(days=days)
                values = {LABELS.get(name, name.replace("_", " ")): row.get(name) for name in one.columns}
                found.append(PersonalData(row["id"], {name: text for name, text in values.items() if text}, last))
    return found


def _filled(published: PublishedRows, table: str, one: PersonalColumns, pattern: str, since: str) -> list[Row]:
    """The rows that have personal data: `id`, `dated` and the columns."""
    # A table that an earlier version of this program has staged may lack some of the columns.
    present = [name for name, *_ in published.database.execute(f"describe {table}").fetchall()]
    columns = ", ".join(name for name in one.columns if name in present)
    if not columns:
        return []
    return published.rows(
        f"select {one.key} as id, {one.dated_by} as dated, {columns} from {table} "
        f"where coalesce({columns}) is not null and regexp_full_match({one.key}, $pattern) "
        f"and {one.dated_by} >= $since and try_cast({one.dated_by} as timestamp) is not null order by 1",
        {"pattern": pattern, "since": since},
    )
