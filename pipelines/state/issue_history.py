"""Lifecycle of withheld rows: first seen, closed and why, reopened."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from pipelines.state.store import Store

# An issue is one row that breaks one rule. `broken_now` has the issues of this run, `rows_now` all rows that were read.
_SAME = "i.flow = $flow and i.source_id = n.source_id and i.rule = n.rule"

_NOTE_OPENED = f"""
    insert into sync.issue_events
    select $run, $flow, n.source_id, n.code, n.rule, $at,
           case when i.rule is null then 'opened' else 'came back' end, n.message
    from broken_now n left join sync.issues i on {_SAME} where i.rule is null or i.closed_at is not null"""
_REOPEN = f"""
    update sync.issues i set since = $at, closed_run_id = null, closed_at = null, closed_reason = null,
           occurrences = occurrences + 1
    from broken_now n where {_SAME} and i.closed_at is not null"""
_SEE_AGAIN = f"""
    update sync.issues i set last_run_id = $run, last_at = $at, code = n.code, message = n.message
    from broken_now n where {_SAME}"""
_OPEN = f"""
    insert into sync.issues
    select $flow, n.source_id, n.code, n.rule, n.message, n.fix_in, $run, $at, $at, $run, $at, null, null, null, 1
    from broken_now n where not exists (from sync.issues i where {_SAME})"""
_CLOSE = """
    update sync.issues i set closed_run_id = $run, closed_at = $at, closed_reason = c.reason
    from (select o.source_id, o.rule,
                 case when r.selected then 'fixed' when r.selected is null then 'gone' else 'skipped' end as reason
          from sync.issues o left join rows_now r using (source_id)
          where o.flow = $flow and o.closed_at is null and (r.selected or not $narrowed)
            and not exists (from broken_now n where n.source_id = o.source_id and n.rule = o.rule)) c
    where i.flow = $flow and i.source_id = c.source_id and i.rule = c.rule"""
_NOTE_CLOSED = """
    insert into sync.issue_events
    select $run, $flow, source_id, code, rule, $at, 'closed: ' || closed_reason, message
    from sync.issues where flow = $flow and closed_run_id = $run"""
_SINCE = f"select n.source_id, n.rule, i.since from broken_now n join sync.issues i on {_SAME}"


_LAST_GOOD = """
    select max(r.started_at) from sync.runs r join sync.flows f using (run_id)
    where f.flow = $flow and r.exit_code in (0, 3) and r.run_id <> $run
        and ($narrowed or coalesce(len(r.selection), 0) = 0)"""


def newly_withheld(
    store: Store, flow: str, run_id: str, withheld: pd.DataFrame, since: pd.Series, narrowed: bool
) -> int:
    """How many rows of `withheld` were not withheld in the last run of the flow that ended with 0 or 3.

    `since` has a time for each line of `withheld`. A run that was narrowed with --sku counts only for one that is.
    """
    last_good = store.connection.execute(_LAST_GOOD, {"flow": flow, "run": run_id, "narrowed": narrowed}).fetchall()[0][
        0
    ]
    first = since.groupby(withheld["source_id"].to_numpy()).min()
    return len(first) if last_good is None else int((first > last_good).sum())


def update_issues(
    store: Store, flow: str, run_id: str, at: datetime, withheld: pd.DataFrame, records: pd.DataFrame, narrowed: bool
) -> pd.Series:
    """Updates sync.issues and sync.issue_events in one transaction. Returns for each line of `withheld` since when.

    `withheld` has `source_id`, `code`, `rule`, `message`, `fix_in`; `records` has `source_id` and `selected` of every
    row that was read. An issue closes when its row no longer breaks the rule, is no longer selected, or is gone from
    the source. A run that was `narrowed` with --sku closes only issues of rows that it selected.
    """
    values = {"flow": flow, "run": run_id, "at": at, "narrowed": narrowed}
    db = store.connection
    db.register("broken_now", withheld[["source_id", "code", "rule", "message", "fix_in"]])
    db.register("rows_now", records[["source_id", "selected"]])
    try:
        with store.transaction("the history of issues"):
            # The order matters: an event is recorded before its issue changes.
            for step in (_NOTE_OPENED, _REOPEN, _SEE_AGAIN, _OPEN, _CLOSE, _NOTE_CLOSED):
                db.execute(step, {name: value for name, value in values.items() if f"${name}" in step})
        since = db.execute(_SINCE, {"flow": flow}).df()
    finally:
        db.unregister("broken_now")
        db.unregister("rows_now")
    keyed = since.set_index(["source_id", "rule"])["since"]
    return keyed.reindex(pd.MultiIndex.from_frame(withheld[["source_id", "rule"]])).reset_index(drop=True)
