"""How Centra reacted to the amounts that earlier runs have written."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from pipelines.engine.push import FINAL_REFUSAL
from pipelines.state.store import Store, utc_now

RETRY_AFTER = timedelta(days=1)  # an amount that Centra did not keep is not written again before


def inputs(flow: str) -> tuple[str, ...]:
    """Queries of what these answers depend on (`engine.flow.Flow.inputs`)."""
    of_flow = f"from sync.journal where flow = '{flow}'"
    seconds = int(RETRY_AFTER.total_seconds())
    return (
        f"select count(*), max(run_id), max(ended_at) {of_flow}",
        f"select count(*) {of_flow} and outcome = 'refused' and ended_at > $now::timestamp - to_seconds({seconds})",
    )


def kept_before(store: Store, flow: str, rows: pd.DataFrame) -> pd.Series:
    """The amount that Centra kept when each row's amount was last written, less than RETRY_AFTER ago; null if it
    took the amount, or if another amount was written."""
    kept = store.connection.execute(
        """
        with newest as (
            select run_id, key, outcome, held, ended_at,
                row_number() over (partition by key order by intended_at desc) as age
            from sync.journal where flow = $flow)
        select key, cast(json_extract(after, '$.quantity') as bigint) as quantity,
            try_cast(json_extract_string(held, '$.quantity') as bigint) as kept_before
        from newest join sync.changes using (run_id, key)
        where flow = $flow and age = 1 and outcome = 'refused' and ended_at > $since""",
        {"flow": flow, "since": utc_now() - RETRY_AFTER},
    ).df()
    kept = kept.astype({"key": "str", "quantity": "Int64", "kept_before": "Int64"}).drop_duplicates("key")
    return rows[["key", "quantity"]].merge(kept, on=["key", "quantity"], how="left")["kept_before"].set_axis(rows.index)


def final_refusals(store: Store, flow: str) -> dict[str, tuple[int, str]]:
    """By key, the amount that Centra refused for good the last time that the key was sent, and its answer."""
    rows = store.connection.execute(
        f"""with last as (
            select j.key, arg_max(coalesce(j.reason, ''), j.intended_at) as reason,
                   arg_max(coalesce(j.message, ''), j.intended_at) as message,
                   arg_max(json_extract(c.after, '$.quantity')::bigint, j.intended_at) as quantity
            from sync.journal j join sync.changes c using (run_id, flow, key) where j.flow = $flow group by j.key)
        select key, quantity, message from last where reason = '{FINAL_REFUSAL}'""",
        {"flow": flow},
    ).fetchall()
    return {key: (quantity, message) for key, quantity, message in rows}


def without_refused(rows: pd.DataFrame, refusals: dict[str, tuple[int, str]]) -> pd.DataFrame:
    """`rows` with `refused`: the answer with which Centra refused this amount for good (null if it did not). Then
    `current` is our amount, so that it is not sent again."""
    answers = {(key, quantity): message for key, (quantity, message) in refusals.items()}
    same = [answers.get(pair) for pair in zip(rows["key"], rows["quantity"], strict=True)]
    refused = pd.Series(same, index=rows.index, dtype="str")
    return rows.assign(refused=refused, current=rows["current"].mask(refused.notna(), rows["quantity"]))
