"""Links: under which key the target was last known to hold each row of the source."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from pipelines.state.store import Store

# `found` has `source_id`, `key`, `since` and `run_id`; a link whose key did not change stays as it is.
_FORGET_OLD = """
    delete from sync.links l using found f
    where l.flow = $flow and l.source_id = f.source_id and l.key <> f.key"""
_ADD = """
    insert into sync.links by name
    select $flow as flow, f.source_id, f.key, f.since, f.run_id from found f
    where not exists (from sync.links l where l.flow = $flow and l.source_id = f.source_id)"""
# A write without a usable answer counts too: if it did not happen, the target does not hold the key, and the link has
# no effect. The journals of runs before the newest link are known already.
_WRITTEN = """
    select c.source_id, arg_max(c.key, j.run_id) as key, arg_max(j.ended_at, j.run_id) as since,
           max(j.run_id) as run_id
    from sync.journal j join sync.changes c using (run_id, flow, key)
    where j.flow = $flow and j.outcome in ('applied', 'unknown') and c.source_id is not null
        and j.run_id >= coalesce((select max(run_id) from sync.links where flow = $flow), '')
    group by c.source_id"""


def links(store: Store, flow: str) -> pd.Series:
    """The keys of the flow's rows, by `source_id`."""
    rows = store.frame("sync.links", ["source_id", "key"], f"where flow = '{flow}'")
    return rows.set_index("source_id")["key"]


def record_written(store: Store, flow: str) -> None:
    """Links the rows that runs have written since the newest link, as sync.journal has them."""
    store.connection.execute(f"create or replace temp table found as {_WRITTEN}", {"flow": flow})
    _record(store, flow)


def record_found(store: Store, flow: str, rows: pd.DataFrame, run_id: str, at: datetime) -> None:
    """Links `rows` (`source_id` and `key`), which the run has found unchanged in the target."""
    found = rows[["source_id", "key"]].assign(since=at, run_id=run_id)
    store.connection.register("rows_found", found)
    store.connection.execute("create or replace temp table found as select * from rows_found")
    store.connection.unregister("rows_found")
    _record(store, flow)


def _record(store: Store, flow: str) -> None:
    with store.transaction("the links"):
        store.connection.execute(_FORGET_OLD, {"flow": flow})
        store.connection.execute(_ADD, {"flow": flow})
    store.connection.execute("drop table found")
