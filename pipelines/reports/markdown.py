"""The facts as Markdown, for the summary page of a CI job."""

from __future__ import annotations

import re

from pipelines.engine.incremental import describe_read
from pipelines.reports.formatting import OUTCOMES, clean, number, short, sums, when
from pipelines.reports.model import Facts, FlowFacts, Row, Todo

MAX_CHANGES = 20


def summary(facts: Facts) -> str:
    """Headline, sums, to-do list, changes and what was closed. Vendor text stands in code spans, so it stays text."""
    run, told = facts.run, facts.judged
    lines = [
        f"# {run.headline}",
        "",
        f"Channel {_code(run.channel)} · {run.verb} · {when(run.started_at)} · exit {run.exit_code} · run {run.run_id}",
        "",
        f"Last good run {when(facts.last_good)} · last good push {when(facts.last_good_push)}",
    ]
    if run.message:
        lines += ["", f"**What happened:** {_code(run.message)}", "", f"**What to do:** {_code(run.fix)}"]
    if told is None:
        return "\n".join([*lines, "", "No run has compared both sides yet.", ""])
    if not facts.fresh:
        lines += [
            "",
            f"What follows is of run {told.run_id} ({when(told.started_at)}), the last that compared both sides.",
        ]
    if facts.selection:
        lines += ["", f"Only codes like {', '.join(map(_code, facts.selection))}; the others count as skipped."]
    lines += ["", f"**{facts.right:,} of {facts.wanted:,}** sizes are in myOGO as Centra has them.", ""]
    lines += [f"- {line}" for line in sums(facts.counts, told.verb)]
    lines += [f"- beside: drifted {facts.counts['drifted']:,}, in myOGO only {facts.counts['unmatched']:,}"]
    if read := describe_read(told.facts.get("read", {})):
        lines += ["", read]
    lines += ["", "## To fix", ""]
    lines += _table(
        ["Rule", "Sizes", "Where", "What", "How", "Since"],
        [[t.rule, f"{t.rows:,}{_came_back(t)}", t.owner, t.meaning, t.fix, when(t.since)] for t in facts.todos],
        "Nothing is withheld.",
    )
    if facts.unwritten.total:
        lines += ["", f"## Not written: {facts.unwritten.total:,}", ""]
        lines += _table(
            ["Outcome", "Change", "Code", "What was said"],
            [[OUTCOMES[row["outcome"]], row["action"], _code(row["code"]), _code(short(row["message"], 300))]
             for row in facts.unwritten.rows[:MAX_CHANGES]],
            "",
        )  # fmt: skip
    if facts.expectations.told.total:
        lines += ["", "## Expectations that did not come true", ""]
        lines += _table(
            ["Status", "Of", "What", "Message"],
            [[row["status"], _code(f"{row['table']} {row['column'] or ''}"), _code(row["meaning"]),
              _code(row["message"] or number(row["observed"]))] for row in facts.expectations.told.rows],
            "",
        )  # fmt: skip
    lines += ["", f"## Changes: {facts.created.total:,} created, {facts.updated.total:,} updated", ""]
    shown = [*facts.updated.rows[:MAX_CHANGES], *facts.created.rows[:MAX_CHANGES]]
    lines += _table(
        ["Change", "Code", "What", "Outcome"],
        [[row["action"], _code(row["code"]), _change(row), OUTCOMES[row["outcome"]]] for row in shown],
        "None.",
    )
    lines += ["", f"## Closed since the last run: {facts.closed.total:,}", ""]
    lines += _table(
        ["Rule", "Code", "Centra size", "Why"],
        [[row["rule"], _code(row["code"]), _code(row["stock_item_id"]), row["closed_because"]]
         for row in facts.closed.rows[:MAX_CHANGES]],
        "None.",
    )  # fmt: skip
    for other in facts.others:
        lines += _other(other)
    return "\n".join([*lines, ""])


def _other(flow: FlowFacts) -> list[str]:
    lines = ["", f"## Flow {_code(flow.flow)}", ""]
    lines += [f"- {line}" for line in sums(flow.counts, flow.run.verb)]
    lines += [""]
    lines += _table(
        ["Rule", "Rows", "Where", "What", "How", "Since"],
        [[t.rule, f"{t.rows:,}{_came_back(t)}", t.owner, t.meaning, t.fix, when(t.since)] for t in flow.todos],
        "Nothing is withheld.",
    )
    if shown := [*flow.unwritten.rows[:MAX_CHANGES], *flow.changed.rows[:MAX_CHANGES]]:
        lines += [""]
        lines += _table(
            ["Change", "Key", "What", "Outcome"],
            [[row["action"], _code(row["code"]), _change(row), OUTCOMES[row["outcome"]]] for row in shown],
            "",
        )
    return lines


def _came_back(todo: Todo) -> str:
    return f" ({todo.came_back:,} came back)" if todo.came_back else ""


def _table(heads: list[str], rows: list[list[str]], none: str) -> list[str]:
    if not rows:
        return [none]
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _change(row: Row) -> str:
    """An update field by field; of a create, what it is called and costs."""
    if row["action"] == "create":
        return "<br>".join(
            _code(short(f.new, 60)) for f in row["fields"] if f.name in ("name", "sales_price") and f.new
        )
    return "<br>".join(
        f"{f.name}: {_code(short(f.old, 60)) if f.old else 'nothing'} → {_code(short(f.new or 'nothing', 60))}"
        for f in row["fields"]
    )


def _code(text: object) -> str:
    """A code span that the text cannot end, also in a table."""
    told = clean("" if text is None else text).replace("\\|", "\\ |").replace("|", "\\|").strip()
    if not told:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", told)), default=0))
    return f"{fence} {told} {fence}" if "`" in told else f"{fence}{told}{fence}"
