"""The tables and views of every channel: runs, plans, journal, issues. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.state.analyst_views import ANALYST_VIEWS
from pipelines.state.schema import Table, View, columns

_COUNTS = """
    rows_read bigint | Rows that were read from the source.
    skipped bigint | Not selected: inactive, excluded, or outside --sku.
    withheld bigint | Broke a rule that withholds a row.
    creates bigint | To be created.
    updates bigint | To be updated.
    unchanged bigint | Already as desired.
    drifted bigint | Differ in a field that is written only once, or that the target has changed.
    unmatched bigint | On the target side only.
    applied bigint | Written.
    refused bigint | Refused by the target.
    unknown_outcome bigint | No usable answer came.
    not_attempted bigint | Not begun.
    withheld_new bigint | Withheld now, and not yet in the run before that ended with 0 or 3; null in older runs.
"""
_RUN = (
    """
    run_id varchar | Identifies the run; run ids sort like the times of their runs.
    channel varchar | Name in the channel file.
    verb varchar | plan or push.
    started_at timestamp | UTC.
    ended_at timestamp | UTC; null for a run that was killed.
    outcome varchar | ok, attention, refused, unavailable and so on.
    exit_code integer | 0 to 6; docs/commands.md explains them.
    message varchar | The error, if there was one.
    fingerprint varchar | Identifies the plan.
    forced boolean | Whether --force waived the limits.
    selection varchar[] | The --sku patterns, and the codes of --codes-from.
    requested_by varchar | The user of the pages who requested the run; null for a command and a scheduled run.
    flow varchar | The flows that ran, separated by commas; sync.flows has the counts of each.
"""
    + _COUNTS
    + """
    facts json | Findings, limits, requests, retries and seconds per step.
"""
)

RUN_TABLES = (
    Table(
        "sync.schema_version",
        "One row: the version of these tables, so that an older program does not touch a newer file.",
        columns(
            """
            version integer | The version.
            declared varchar | A digest of the declared tables and views.
            views varchar | A digest of the views and of the columns that they read, when they were created.
            """
        ),
    ),
    Table(
        "sync.runs",
        "One row per run of a verb that reads both sides; times in UTC.",
        columns(_RUN.replace("run_id varchar |", "run_id varchar primary key |", 1)),
    ),
    Table(
        "sync.flows",
        "One row per run and flow; the counts of sync.runs are the sums over its flows.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            fingerprint varchar | Identifies the plan of this flow.
            evaluated_in varchar | The run that evaluated the rows: this one, or an earlier one with the same inputs.
            inputs varchar | Changes with all that the evaluation depended on; null if the next run evaluates anew.
            """
            + _COUNTS
        ),
    ),
    Table(
        "sync.changes",
        "One row per planned change; before and after are JSON objects of the columns that change.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            action varchar | create or update.
            key varchar | The row's key in the target.
            source_id varchar | The row's id on the source side.
            before json | The values in the target; empty for a create.
            after json | The desired values.
            """
        ),
    ),
    Table(
        "sync.journal",
        "One row per attempted write: applied, refused, unknown (no usable answer came) or not_attempted.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            key varchar | The row's key in the target.
            action varchar | create or update.
            intended_at timestamp | When the intent was recorded, before the call.
            ended_at timestamp | When the outcome was recorded.
            outcome varchar | applied, refused, unknown or not_attempted.
            status integer | The HTTP status of the answer, if there was one.
            message varchar | The target's answer, or a note.
            reason varchar | stale_read: the target differed from what was read; final: it refuses the value; held_back.
            held json | The values, by our columns, that the target holds instead of those sent; null if it holds those.
            """
        ),
    ),
    Table(
        "sync.withheld",
        "One row per withheld row and broken rule; since is the time when the row began to break it.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            key varchar | The row's key in the target.
            source_id varchar | The row's id on the source side.
            code varchar | The combined code, or the reference of an order.
            rule varchar | The rule that it breaks.
            field varchar | The field that breaks the rule.
            value varchar | The field's value.
            since timestamp | Since when the row breaks the rule, UTC.
            message varchar | The problem.
            fix varchar | How to fix it.
            fix_in varchar | Where to fix it: a system, or the channel file.
            """
        ),
    ),
    Table(
        "sync.rule_counts",
        "The number of rows that each rule and warning concerned, per run.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            rule varchar | The rule or warning.
            withholds boolean | Whether it withholds the row.
            row_count bigint | The number of rows that it concerned.
            """
        ),
    ),
    Table(
        "sync.reads",
        "One row per run that read both systems: everything (full), or the changes since a moment.",
        columns(
            """
            run_id varchar | The run.
            kind varchar | full or changes.
            began_at timestamp | When the read began, UTC.
            since timestamp | The moment from which changes were requested, UTC; null for a full read.
            why varchar | The reason for a full read.
            systems varchar | A digest of the systems; a new digest causes a full read.
            """
        ),
    ),
    Table(
        "sync.links",
        "One row per row on the source side: the key under which the target was last known to hold it.",
        columns(
            """
            flow varchar | The flow.
            source_id varchar | The row's id on the source side.
            key varchar | The row's key in the target.
            since timestamp | Since when it has this key, UTC.
            run_id varchar | The run that wrote the row under this key, or found it there.
            """
        ),
    ),
    Table(
        "sync.row_states",
        "One row per row on the source side: what the last run that evaluated it found. Of flows whose rows a view "
        "lists, those that are unchanged are left out.",
        columns(
            """
            flow varchar | The flow.
            source_id varchar | The row's id on the source side.
            key varchar | The row's key in the target, or the code under which it was withheld; null if skipped.
            state varchar | skipped, withheld, create, update or unchanged; sync.journal has what became of a change.
            run_id varchar | The run.
            """
        ),
    ),
    Table(
        "sync.issues",
        "One row per issue, a row and a rule that it broke: since when, last seen, when closed and why, how often.",
        columns(
            """
            flow varchar | The flow.
            source_id varchar | The row's id on the source side.
            code varchar | The combined code, or the reference of an order.
            rule varchar | The rule.
            message varchar | The problem when the issue was last seen.
            fix_in varchar | Where to fix it.
            first_run_id varchar | The run that found it first.
            first_at timestamp | When that was, UTC.
            since timestamp | When it began this time, UTC.
            last_run_id varchar | The run that saw it last.
            last_at timestamp | When that was, UTC.
            closed_run_id varchar | The run that closed it; null while it is open.
            closed_at timestamp | When it was closed, UTC; null while it is open.
            closed_reason varchar | fixed, skipped (no longer selected) or gone (no longer in the source).
            occurrences integer | How often it was opened; from 2 on, it came back.
            """
        ),
    ),
    Table(
        "sync.issue_events",
        "One row each time a row begins to break a rule, stops, or breaks it again.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow.
            source_id varchar | The row's id on the source side.
            code varchar | The combined code, or the reference of an order.
            rule varchar | The rule.
            happened_at timestamp | UTC.
            event varchar | opened, came back, or closed and why.
            message varchar | The problem.
            """
        ),
    ),
    Table(
        "sync.expectations",
        "One row per run and batch expectation: what a table should look like, and what was observed.",
        columns(
            """
            run_id varchar | The run.
            flow varchar | The flow that it belongs to.
            expectation varchar | Its id.
            table_name varchar | The table.
            field varchar | The column; empty for the table itself.
            meaning varchar | What is expected.
            fix varchar | What to do if it does not hold.
            status varchar | passed, failed, or errored (it could not be validated).
            observed double | The number of rows, the share (0 to 1) of values as expected, or an age in hours.
            unexpected bigint | The number of values that are not as expected; null if it is not about a share.
            total bigint | The number of values checked; nulls do not count, unless the expectation is about them.
            message varchar | The observation, in words.
            stops boolean | Whether it stops a push, as set in the channel file.
            gx_result json | The result of Great Expectations, for its Data Docs.
            evaluated_in varchar | The run that evaluated it: this one, or an earlier one that checked the same rows.
            digest varchar | Changes with the rows and with what is expected of them; null if it is evaluated anew.
            """
        ),
    ),
    Table(
        "sync.stock_daily",
        "Stock by day: a row for each code and day on which its stock differed from the day before. A code without "
        "a row on a day has the stock of its last row; v_stock_by_day has a row for each day.",
        columns(
            """
            on_day date | The day (UTC); the last run of the day counts.
            system varchar | The system that holds the stock.
            code varchar | The combined code.
            stock bigint | Units on the shelf; null if the system no longer lists the code.
            available bigint | Units that can be sold or ordered.
            """
        ),
    ),
    Table(
        "sync.prices_daily",
        "Prices by day: a row for each code and day on which its price differed from the day before.",
        columns(
            """
            on_day date | The day (UTC); the last run of the day counts.
            system varchar | The system that has the price.
            code varchar | The combined code.
            currency varchar | The currency, if the system states it.
            price decimal(18, 4) | The price; null if the system no longer has one.
            """
        ),
    ),
)


def run_views(row_words: Mapping[str, str]) -> tuple[View, ...]:
    """The views of every channel. `row_words` names one row of each flow, for example "size"."""
    cases = " ".join(f"when '{flow}' then '{word} '" for flow, word in row_words.items())
    row_word = f"case e.flow {cases} else '' end" if cases else "''"
    return (
        View(
            "v_latest_run",
            "The newest run.",
            "select * from sync.runs order by started_at desc limit 1",
            columns(_RUN),
        ),
        View(
            "v_history",
            "The history of each code: planned changes, attempted writes with their outcome, and when its rows were "
            "withheld and when no longer.",
            f"""
            select c.key as code, r.started_at as happened_at, c.run_id, r.verb, 'planned ' || c.action as event,
                   cast(c.after as varchar) as detail, c.flow
            from sync.changes c join sync.runs r using (run_id)
            union all
            select j.key, j.intended_at, j.run_id, r.verb, j.action || ' ' || coalesce(j.outcome, 'open'), j.message,
                   j.flow
            from sync.journal j join sync.runs r using (run_id)
            union all
            select e.code, e.happened_at, e.run_id, r.verb,
                   e.event || ' ' || e.rule || ' (' || {row_word} || e.source_id || ')', e.message,
                   e.flow
            from sync.issue_events e join sync.runs r using (run_id)
            order by code, happened_at, event
            """,
            columns(
                """
                code varchar | The combined code at the time, or the reference of an order.
                happened_at timestamp | UTC.
                run_id varchar | The run.
                verb varchar | plan or push.
                event varchar | What happened.
                detail varchar | The columns planned, or the message.
                flow varchar | The flow.
                """
            ),
        ),
        View(
            "v_rule_trend",
            "The number of rows that each rule concerned, run by run.",
            "select r.started_at, c.run_id, c.flow, c.rule, c.withholds, c.row_count "
            "from sync.rule_counts c join sync.runs r using (run_id) order by c.rule, r.started_at",
            columns(
                """
                started_at timestamp | When the run began, UTC.
                run_id varchar | The run.
                flow varchar | The flow.
                rule varchar | The rule or warning.
                withholds boolean | Whether it withholds the row.
                row_count bigint | The number of rows that it concerned.
                """
            ),
        ),
        *ANALYST_VIEWS,
    )
