"""The report as Markdown, for the summary page of a CI job."""

from __future__ import annotations

import re

from pipelines.reports.flow_words import FlowWords
from pipelines.reports.formatting import clean, number, outcome, short, sums, unchanged_since, when
from pipelines.reports.model import MAX_SELECTION, Facts, FlowFacts, Row, Todo
from schemas.issues import and_more

MAX_CHANGES = 20


def summary(facts: Facts) -> str:
    """Headline, sums, to-do list, changes and closed issues. Vendor text is in code spans, so that it stays text."""
    run, lead = facts.run, facts.lead
    lines = [
        f"# {run.headline}",
        "",
        f"Channel {_code(run.channel)} · {run.verb} · {when(run.started_at)} · exit {run.exit_code} · run {run.run_id}",
        "",
        f"Last good run {when(facts.last_good)} · last good push {when(facts.last_good_push)}",
    ]
    if run.message:
        lines += ["", f"**What happened:** {_code(run.message)}", "", f"**What to do:** {_code(run.fix)}"]
    if lead is None:
        return "\n".join([*lines, "", "No run has compared both sides yet.", ""])
    if not facts.fresh:
        lines += [
            "",
            f"The last run did not compare both sides. The lists below are from run {lead.run.run_id} "
            f"({when(lead.run.started_at)}).",
        ]
    if facts.selection:
        named = ", ".join(map(_code, facts.selection[:MAX_SELECTION])) + facts.more_selected
        lines += ["", f"Only codes like {named}; the others count as skipped."]
    words = lead.words
    lines += [
        "",
        f"**{lead.correct:,} of {lead.selected:,}** {words.rows} are in {words.target} as {words.source} has them.",
        "",
        *_counts(lead),
    ]
    if facts.read:
        lines += ["", facts.read]
    lines += ["", "## To fix", "", *_todos(lead, words.rows.capitalize())]
    if lead.not_written.total:
        lines += ["", f"## Not written: {lead.not_written.total:,}", ""]
        lines += _table(
            ["Outcome", "Change", "Code", "Message"],
            [[outcome(row["outcome"], words.target), row["action"], _code(row["code"]),
              _code(short(row["message"], 300))] for row in lead.not_written.rows[:MAX_CHANGES]],
            "",
        )  # fmt: skip
    if facts.expectations.not_passed.total:
        lines += ["", "## Catalogue checks that did not pass", ""]
        lines += _table(
            ["Id", "Status", "Of", "What", "Message"],
            [[row["expectation"], row["status"],
              _code(f"{facts.table_titles[row['table_name']]} {row['field'] or ''}".rstrip()),
              _code(row["meaning"]),
              _code((row["message"] or number(row["observed"])) + unchanged_since(row["unchanged_since"]))]
             for row in facts.expectations.not_passed.rows],
            "",
        )  # fmt: skip
    lines += ["", f"## Changes: {lead.created.total:,} created, {lead.updated.total:,} updated", ""]
    lines += _changes([*lead.updated.rows[:MAX_CHANGES], *lead.created.rows[:MAX_CHANGES]], words, "None.")
    lines += ["", f"## Closed since the last run: {lead.closed.total:,}", ""]
    lines += _table(
        ["Rule", "Code", f"{words.source} {words.row}", "Why"],
        [[row["rule"], _code(row["code"]), _code(row["source_id"]), row["closed_reason"]]
         for row in lead.closed.rows[:MAX_CHANGES]],
        "None.",
    )  # fmt: skip
    for other in facts.others:
        lines += _other(other)
    return "\n".join([*lines, ""])


def _other(flow: FlowFacts) -> list[str]:
    lines = ["", f"## Flow {_code(flow.flow)}", "", *_counts(flow), "", *_todos(flow, "Rows")]
    if changes := [*flow.not_written.rows[:MAX_CHANGES], *flow.changed.rows[:MAX_CHANGES]]:
        lines += ["", *_changes(changes, flow.words, "")]
    return lines


def _counts(flow: FlowFacts) -> list[str]:
    also = flow.words.also(flow.counts)
    return [f"- {line}" for line in (*sums(flow.counts, flow.run.verb), *([also] if also else []))]


def _todos(flow: FlowFacts, rows: str) -> list[str]:
    return _table(
        ["Rule", rows, "Where", "What", "How", "Since"],
        [
            [t.rule, f"{t.rows:,}{_came_back(t)}", t.owner, f"{t.meaning}: {_first(t)}", t.fix, when(t.since)]
            for t in flow.todos
        ],
        "Nothing is withheld.",
    )


def _first(todo: Todo) -> str:
    """The first rows of a rule, and the number of the others."""
    return and_more([_code(title) for title in todo.titles()], todo.codes)


def _changes(rows: list[Row], words: FlowWords, none: str) -> list[str]:
    return _table(
        ["Change", "Code", "What", "Outcome"],
        [
            [row["action"], _code(row["code"]), _change(row, words), outcome(row["outcome"], words.target)]
            for row in rows
        ],
        none,
    )


def _came_back(todo: Todo) -> str:
    return f" ({todo.came_back:,} came back)" if todo.came_back else ""


def _table(heads: list[str], rows: list[list[str]], none: str) -> list[str]:
    if not rows:
        return [none]
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _change(row: Row, words: FlowWords) -> str:
    """The fields of an update, or the fields that name a create."""
    if row["action"] == "create":
        return "<br>".join(_code(short(field.new or "", 60)) for field in words.summary_of(row))
    return "<br>".join(
        f"{f.name}: {_code(short(f.old, 60)) if f.old else 'nothing'} → {_code(short(f.new or 'nothing', 60))}"
        for f in row["fields"]
    )


def _code(text: object) -> str:
    """The text in a code span that it cannot close, also in a table."""
    cleaned = clean("" if text is None else text).replace("\\|", "\\ |").replace("|", "\\|").strip()
    if not cleaned:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", cleaned)), default=0))
    return f"{fence} {cleaned} {fence}" if "`" in cleaned else f"{fence}{cleaned}{fence}"
