"""What an alert needs from the published tables of a channel: rows that need attention, without personal data."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.core.errors import CentraMyogoError, TargetRefused, TargetUnknown
from pipelines.reports.overview import last_good_push
from pipelines.reports.query import run_of
from pipelines.reports.tables import rows_of
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, published

log = logging.getLogger(__name__)
MAX_CODES = 5

# Refused changes first. `is_new`: refused now, and not in the push before that sent the same record.
_REFUSED = """
    select j.flow, j.key as code, j.outcome,
           coalesce((select arg_max(p.outcome, p.run_id) from sync.journal p
                     where p.flow = j.flow and p.key = j.key and p.run_id < j.run_id), '')
               not in ('refused', 'unknown') as is_new
    from sync.journal j where j.run_id = $run and j.outcome in ('refused', 'unknown') order by 4 desc, 1, 2"""
# Not the columns `value` and `message`: they may quote what a customer wrote.
_WITHHELD = """
    select flow, min(rule) as rule, code, source_id, max(since) as since, count(*) over () as total
    from sync.withheld where run_id = $run group by flow, code, source_id order by 5 desc, 1, 2, 3, 4"""


# Rows that were not withheld in the last good push. The count `withheld_new` compares with the last plan too, which
# sends no alert.
_NEWLY_WITHHELD = """
    with good_push as (
        select f.flow, max(r.started_at) as at from sync.runs r join sync.flows f using (run_id)
        where r.verb = 'push' and r.exit_code in (0, 3) and coalesce(len(r.selection), 0) = 0 and r.run_id < $run
        group by 1
    ), withheld as (select flow, source_id, min(since) as since from sync.withheld where run_id = $run group by 1, 2)
    select distinct w.flow from withheld w left join good_push g using (flow) where g.at is null or w.since > g.at"""


@dataclass(frozen=True)
class NeedsFix:
    """One row and what it needs: the id of a row rule, or of an error of the error reference."""

    flow: str
    code: str
    rule: str


@dataclass(frozen=True)
class AlertFacts:
    """`last_push` is the start of the last push that ended with exit 0 or 3 (UTC), `run` the last push. `rows` are the
    first of the `total` rows that need a fix in it: refused ones, then those that are withheld for the shortest time.
    `newly_refused` are the flows with a change that was refused now and not the time before, `newly_withheld` those
    with a row that the last good push did not withhold."""

    last_push: datetime | None = None
    run: RunResult | None = None
    rows: tuple[NeedsFix, ...] = ()
    total: int = 0
    newly_refused: frozenset[str] = frozenset()
    newly_withheld: frozenset[str] = frozenset()


def gather_facts(folder: Folder, run: RunResult | None) -> AlertFacts:
    """The facts about the run, or about the last recorded push. Empty if the published copy cannot be read."""
    if not folder.published.is_file():
        return AlertFacts(run=run)
    try:
        with contextlib.closing(published(folder)) as db:
            return _facts(db, run)
    except (CentraMyogoError, duckdb.Error) as error:
        log.info("an alert has no rows, because %s cannot be read: %s", folder.published, type(error).__name__)
        return AlertFacts(run=run)


def _facts(db: duckdb.DuckDBPyConnection, run: RunResult | None) -> AlertFacts:
    if run is None:
        newest = rows_of(
            db,
            "select * from sync.runs where verb = 'push' and coalesce(len(selection), 0) = 0 "
            "order by started_at desc, run_id desc limit 1",
        )
        run = run_of(db, newest[0]) if newest else None
    if run is None or not run.run_id:
        return AlertFacts(last_good_push(db), run)
    at = {"run": run.run_id}
    refused = rows_of(db, _REFUSED, at)
    withheld = rows_of(db, f"{_WITHHELD} limit {MAX_CODES}", at)
    ids = {"refused": TargetRefused.entry.id, "unknown": TargetUnknown.entry.id}
    return AlertFacts(
        last_good_push(db),
        run,
        (
            *(NeedsFix(row["flow"], row["code"], ids[row["outcome"]]) for row in refused),
            *(NeedsFix(row["flow"], row["code"] or f"id {row['source_id']}", row["rule"]) for row in withheld),
        ),
        len(refused) + (withheld[0]["total"] if withheld else 0),
        frozenset(row["flow"] for row in refused if row["is_new"]),
        frozenset(row["flow"] for row in rows_of(db, _NEWLY_WITHHELD, at)),
    )
