"""Withheld rows that remember: since when, when closed and why, and whether it came back."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from pipelines.state.store import Store

# A fault is one size breaking one rule; `told_now` are those of this run, `sizes_now` all sizes that were read.
_SAME = "f.flow = $flow and f.stock_item_id = t.stock_item_id and f.rule = t.rule"

_STEPS = (
    f"""insert into sync.fault_events
        select $run, t.stock_item_id, t.code, t.rule, $at,
               case when f.rule is null then 'opened' else 'came back' end, t.message
        from told_now t left join sync.faults f on {_SAME} where f.rule is null or f.closed_at is not null""",
    f"""update sync.faults f set since = $at, closed_run_id = null, closed_at = null, closed_because = null,
               times = times + 1 from told_now t where {_SAME} and f.closed_at is not null""",
    f"""update sync.faults f set last_run_id = $run, last_at = $at, code = t.code, message = t.message
        from told_now t where {_SAME}""",
    f"""insert into sync.faults
        select $flow, t.stock_item_id, t.code, t.rule, t.message, t.owner, $run, $at, $at, $run, $at,
               null, null, null, 1
        from told_now t where not exists (from sync.faults f where {_SAME})""",
    """update sync.faults f set closed_run_id = $run, closed_at = $at, closed_because = c.because
        from (select o.stock_item_id, o.rule,
                     case when s.wanted then 'fixed' when s.wanted is null then 'gone' else 'skipped' end as because
              from sync.faults o left join sizes_now s using (stock_item_id)
              where o.flow = $flow and o.closed_at is null and (s.wanted or not $narrowed)
                and not exists (from told_now t where t.stock_item_id = o.stock_item_id and t.rule = o.rule)) c
        where f.flow = $flow and f.stock_item_id = c.stock_item_id and f.rule = c.rule""",
    """insert into sync.fault_events
        select $run, stock_item_id, code, rule, $at, 'closed: ' || closed_because, message
        from sync.faults where flow = $flow and closed_run_id = $run""",
)


def update_issues(
    store: Store, flow: str, run_id: str, at: datetime, told: pd.DataFrame, sizes: pd.DataFrame, narrowed: bool
) -> pd.Series:
    """Updates sync.faults and sync.fault_events, in one step; returns since when, for each line of `told`.

    `told` has `stock_item_id`, `code`, `rule`, `message`, `owner`; `sizes` every size read, with `wanted`.
    A fault closes when its size was judged and is fit, is no longer wanted, or is gone from Centra. In a run
    that was `narrowed` by hand, only what it looked at can close.
    """
    values = {"flow": flow, "run": run_id, "at": at, "narrowed": narrowed}
    db = store.connection
    db.register("told_now", told[["stock_item_id", "code", "rule", "message", "owner"]])
    db.register("sizes_now", sizes[["stock_item_id", "wanted"]])
    try:
        with store.transaction("the memory of faults"):
            for step in _STEPS:
                db.execute(step, {name: value for name, value in values.items() if f"${name}" in step})
        since = db.execute(
            f"select t.stock_item_id, t.rule, f.since from told_now t join sync.faults f on {_SAME}", {"flow": flow}
        ).df()
    finally:
        db.unregister("told_now")
        db.unregister("sizes_now")
    keyed = since.set_index(["stock_item_id", "rule"])["since"]
    return keyed.reindex(pd.MultiIndex.from_frame(told[["stock_item_id", "rule"]])).reset_index(drop=True)
