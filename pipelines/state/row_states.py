"""sync.row_states: what the last run found of each row on the source side."""

from __future__ import annotations

import pandas as pd

from pipelines.state.store import Store


def record_row_states(
    store: Store, flow: str, run_id: str, rows: pd.DataFrame, *, narrowed: bool, listed: bool
) -> None:
    """Replaces the states of the flow's rows. `rows` has `source_id`, `key` and `state`, one line per row.

    A `narrowed` run replaces those of the rows that it selected. If the rows are `listed` in a view, those that are
    unchanged are left out.
    """
    evaluated = rows[rows["state"] != "skipped"] if narrowed else rows
    kept = evaluated[evaluated["state"] != "unchanged"] if listed else evaluated
    with store.transaction("sync.row_states"):
        if narrowed:
            with store.keys(evaluated["source_id"].drop_duplicates()) as keys:
                store.connection.execute(
                    f"delete from sync.row_states where flow = ? and source_id in (from {keys})", [flow]
                )
        else:
            store.connection.execute("delete from sync.row_states where flow = ?", [flow])
        store.insert("sync.row_states", kept.assign(flow=flow, run_id=run_id))


def states_of(
    records: pd.DataFrame, withheld: pd.DataFrame, changes: pd.DataFrame, found: pd.DataFrame
) -> pd.DataFrame:
    """The state of each row of `records` (`source_id`, `selected`), with its key.

    `withheld` has `source_id` and `code`, `changes` has `source_id`, `key` and `action`, and `found` the `source_id`
    and `key` of the rows that are unchanged.
    """
    known = [
        withheld[["source_id", "code"]].rename(columns={"code": "key"}).assign(state="withheld"),
        changes[["source_id", "key", "action"]].rename(columns={"action": "state"}),
        found[["source_id", "key"]].assign(state="unchanged"),
        records.loc[~records["selected"], ["source_id"]].assign(state="skipped"),
    ]
    return pd.concat(known, ignore_index=True).drop_duplicates("source_id", ignore_index=True)
