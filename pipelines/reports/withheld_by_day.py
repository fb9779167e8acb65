"""The number of withheld rows on each of the last days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

import duckdb

from pipelines.reports.model import Day

DAYS = 30


def withheld_by_day(db: duckdb.DuckDBPyConnection, flows: list[str], until: datetime, zone: tzinfo) -> list[Day]:
    """What each flow withheld at the end of each of the last DAYS days until `until` (UTC), oldest first, in the days
    of `zone`. A day without a run has the number of the day before; days before the first run are left out.

    Runs with --sku do not count: they would look like an improvement.
    """
    found = db.execute(
        """
        select f.flow, max(r.started_at), arg_max(f.withheld, r.started_at)
        from sync.flows f join sync.runs r using (run_id)
        where f.fingerprint <> '' and coalesce(len(r.selection), 0) = 0 and r.started_at <= $until
        group by f.flow, date_trunc('hour', r.started_at) order by 2""",
        {"until": until},
    ).fetchall()
    last = _day(until, zone)
    first = last - timedelta(days=DAYS - 1)
    counts: dict[date, dict[str, int]] = {}
    for flow, at, withheld in found:
        if flow in flows:
            # What was known before the first day counts for it.
            counts.setdefault(max(_day(at, zone), first), {})[flow] = withheld
    days: list[Day] = []
    known: dict[str, int] = {}
    for number in range(DAYS):
        day = first + timedelta(days=number)
        known = known | counts.get(day, {})
        if known:
            days.append(Day(day, known))
    return days


def _day(moment: datetime, zone: tzinfo) -> date:
    """The day in `zone` of a moment in UTC without an offset."""
    return moment.replace(tzinfo=UTC).astimezone(zone).date()
