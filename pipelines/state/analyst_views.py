"""Views of the history of every channel: open issues, how long fixes take, and what was written field by field."""

from __future__ import annotations

from pipelines.state.schema import View, columns

OPEN_ISSUES = View(
    "v_open_issues",
    "Issues that are open: a row and a rule that it breaks, the oldest first.",
    """
    with details as (
        select run_id, flow, source_id, rule, any_value(field) as field, any_value(value) as found_value,
               any_value(fix) as fix
        from sync.withheld group by all)
    select i.flow, i.rule, i.code, i.source_id, d.field, d.found_value, i.message, d.fix, i.fix_in, i.since,
           date_diff('day', i.since, (select max(started_at) from sync.runs)) as open_days, i.first_at, i.last_at,
           i.occurrences
    from sync.issues i left join details d
        on d.run_id = i.last_run_id and d.flow = i.flow and d.source_id = i.source_id and d.rule = i.rule
    where i.closed_at is null order by i.since, i.flow, i.rule, i.code, i.source_id
    """,
    columns(
        """
        flow varchar | The flow.
        rule varchar | The rule that the row breaks.
        code varchar | The combined code, or the reference of an order.
        source_id varchar | The row's id on the source side.
        field varchar | The field that breaks the rule.
        found_value varchar | The field's value.
        message varchar | The problem when the issue was last seen.
        fix varchar | How to fix it.
        fix_in varchar | Where to fix it.
        since timestamp | When it began this time, UTC.
        open_days bigint | Midnights (UTC) from then until the newest run.
        first_at timestamp | When it was found first, UTC.
        last_at timestamp | When it was last seen, UTC.
        occurrences integer | How often it was opened; from 2 on, it came back.
        """
    ),
)
TIME_TO_FIX = View(
    "v_time_to_fix",
    "One row each time that an issue was fixed, with the hours that it took; rows that left the catalogue or the "
    "selection are not among them.",
    """
    select flow, rule, code, source_id, opened_at, fixed_at,
           cast(date_diff('second', opened_at, fixed_at) / 3600 as decimal(18, 2)) as hours_to_fix, message
    from (
        select *, happened_at as fixed_at,
               lag(happened_at) over (partition by flow, source_id, rule order by happened_at, run_id) as opened_at
        from sync.issue_events)
    where event = 'closed: fixed' and opened_at is not null order by fixed_at, flow, rule, code, source_id
    """,
    columns(
        """
        flow varchar | The flow.
        rule varchar | The rule that the row broke.
        code varchar | The combined code, or the reference of an order.
        source_id varchar | The row's id on the source side.
        opened_at timestamp | The run that found it, UTC.
        fixed_at timestamp | The run that found it fixed, UTC.
        hours_to_fix decimal(18, 2) | Hours from opened_at to fixed_at.
        message varchar | The problem.
        """
    ),
)
CHANGES = View(
    "v_changes",
    "One row per field of each write that was attempted, with the old and the new value. A number may have lost zeros "
    "at its end: cast it to decimal.",
    """
    with written as (
        select j.intended_at as happened_at, c.run_id, c.flow, c.action, c.key as code, c.source_id, c.before, c.after,
               coalesce(j.outcome, 'open') as outcome, j.message, unnest(json_keys(c.after)) as field
        from sync.journal j join sync.changes c using (run_id, flow, key, action))
    select happened_at, run_id, flow, action, code, source_id, field,
           json_extract_string(before, '$."' || field || '"') as old_value,
           json_extract_string(after, '$."' || field || '"') as new_value, outcome, message
    from written order by happened_at, flow, code, field
    """,
    columns(
        """
        happened_at timestamp | When the write began, UTC.
        run_id varchar | The run.
        flow varchar | The flow.
        action varchar | create or update.
        code varchar | The row's key in the target: the combined code, or the reference of an order.
        source_id varchar | The row's id on the source side.
        field varchar | The field.
        old_value varchar | Its value in the target before; null for a create.
        new_value varchar | The value that was sent.
        outcome varchar | applied, refused, unknown, not_attempted, or open if the run was killed.
        message varchar | The target's answer, or a note.
        """
    ),
)
ANALYST_VIEWS = (OPEN_ISSUES, TIME_TO_FIX, CHANGES)
