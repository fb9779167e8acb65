"""Compares one amount of both sides, and separates what a flow keeps different from what nobody can explain."""

from __future__ import annotations

import duckdb

from pipelines.config.channel import Channel
from pipelines.engine.flow import Comparison
from pipelines.reports.model import SideBySide
from pipelines.reports.tables import has, rows_of

MAX_LARGEST = 10
# The run, if it read all rows of the flow last, so that its result is about the amounts that the view shows.
_LAST_RUN = """
    select run_id from sync.runs where run_id = (select max(run_id) from sync.reads)
    and run_id in (select run_id from sync.flows where flow = $flow and fingerprint <> '')
    and coalesce(len(selection), 0) = 0"""
# The file of the channel may no longer be the one that the runs had: a demo adds its flows one by one.
_HAS_RUN = "select 1 from sync.flows where flow = $flow and fingerprint <> '' limit 1"


def comparison_query(comparison: Comparison) -> str:
    return f"select * from main.{comparison.view} where code <> ''"


def side_by_side(db: duckdb.DuckDBPyConnection, channel: Channel, flow: str, comparison: Comparison) -> SideBySide:
    """The comparison as the last read found it; what the run has written since counts as written."""
    query, left, right = comparison_query(comparison), comparison.left, comparison.right
    dated = f"try_cast({comparison.dated_by} as timestamp)"
    equal, differing, left_more, left_only, right_only, oldest, newest, undated = db.execute(
        f"select count(*) filter (difference = 0), count(*) filter (difference <> 0), "
        f"count(*) filter ({right} < {left}), count(*) filter ({right} is null), count(*) filter ({left} is null), "
        f"min({dated}), max({dated}), count(*) filter ({right} is not null and {dated} is null) from ({query})"
    ).fetchall()[0]
    kept = _kept_query(db, channel, flow, comparison)
    unexplained = f"difference <> 0 and code not in ({kept})" if kept else "difference <> 0"
    not_kept = db.execute(f"select count(*) from ({query}) where {unexplained}").fetchall()[0][0]
    largest = rows_of(
        db,
        f"select code, {left}, {right}, difference, {dated} as modified from ({query}) "
        f"where {unexplained} order by abs(difference) desc, code limit {MAX_LARGEST}",
    )
    read_at = db.execute("select max(began_at) from sync.reads").fetchall()[0][0]
    return SideBySide(
        flow=flow,
        title=comparison.title,
        left=comparison.left_title,
        right=comparison.right_title,
        left_column=left,
        right_column=right,
        left_undated=comparison.left_undated,
        why_different=comparison.why_different,
        is_written=flow in channel.flows or bool(db.execute(_HAS_RUN, {"flow": flow}).fetchall()),
        equal=equal,
        differing=differing,
        explained=differing - not_kept if kept else None,
        left_more=left_more,
        read_at=read_at,
        left_only=left_only,
        right_only=right_only,
        oldest=oldest,
        newest=newest,
        undated=undated,
        largest=largest,
    )


def _kept_query(db: duckdb.DuckDBPyConnection, channel: Channel, flow: str, comparison: Comparison) -> str:
    """The codes whose amount is as the flow wants it after the last run; "" if that run does not say it."""
    if flow not in channel.flows or not has(db, comparison.kept):
        return ""
    last = db.execute(_LAST_RUN, {"flow": flow}).fetchall()
    if not last:
        return ""
    name = flow.replace("'", "''")
    run = f"run_id = '{last[0][0]}' and flow = '{name}'"
    return (
        f"select code from {comparison.kept} where code is not null and key not in (select c.key from sync.changes c "
        f"where {run} and c.key not in (select j.key from sync.journal j where {run} and j.outcome = 'applied'))"
    )
