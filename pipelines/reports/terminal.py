"""The report in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from pipelines.reports.formatting import clean, outcome, short, sums, unchanged_since, when
from pipelines.reports.model import MAX_SELECTION, Facts, FlowFacts, Todo
from schemas.issues import MAX_LISTED, and_more


def show(facts: Facts, out: Console) -> None:
    """Prints what the run did, what to fix and where. The page and the CSV lists have the rows."""
    run, lead = facts.run, facts.lead
    out.print(f"[bold]{escape(run.headline)}[/] ({run.verb}, exit {run.exit_code}, run {run.run_id})")
    if run.message:
        out.print(f"{escape(clean(run.message))}\n{escape(clean(run.fix))}")
    out.print(
        f"Began {when(run.started_at)}; last good run {when(facts.last_good)}, "
        f"last good push {when(facts.last_good_push)}."
    )
    if lead is not None and not facts.fresh:
        out.print(f"The lists below are from run {lead.run.run_id} ({when(lead.run.started_at)}).")
    if facts.selection:
        named = ", ".join(facts.selection[:MAX_SELECTION]) + facts.more_selected
        out.print(escape(clean(f"Only codes like {named}; the others count as skipped.")))
    if lead is not None:
        if facts.others:
            out.print(f"\n[bold]Flow {escape(lead.flow)}[/] ({lead.run.verb}, run {lead.run.run_id})")
        _counts(out, lead)
        if facts.read:
            out.print(facts.read)
        out.print(f"{lead.closed.total:,} issues closed since the last run")
        _not_written(out, lead)
        _todos(out, "To fix", lead.todos)
        _todos(out, "Worth a look", lead.warnings)
    for other in facts.others:
        out.print(f"\n[bold]Flow {escape(other.flow)}[/] ({other.run.verb}, run {other.run.run_id})")
        _counts(out, other, "  ")
        _not_written(out, other)
        _todos(out, "To fix", other.todos)
        _todos(out, "Worth a look", other.warnings)
    if facts.expectations.not_passed.total:
        out.print("\n[bold]Catalogue checks that did not pass[/]")
    for row in facts.expectations.not_passed.rows:
        place = ", ".join(filter(None, (facts.table_titles[row["table_name"]], row["field"])))
        said = (f" ({row['message']})" if row["message"] else "") + unchanged_since(row["unchanged_since"])
        out.print(escape(clean(f"  {row['expectation']} {row['status']}, {place}: {row['meaning']}{said}")))
        if row["fix"]:
            out.print(f"    [dim]{escape(clean(row['fix']))}[/]")


def _counts(out: Console, flow: FlowFacts, indent: str = "") -> None:
    for line in sums(flow.counts, flow.run.verb):
        out.print(f"{indent}{line}")
    if also := flow.words.also(flow.counts):
        out.print(f"{indent}{also}")


def _not_written(out: Console, flow: FlowFacts) -> None:
    """The first changes that were refused, not attempted or have an unknown outcome, and the number of the others."""
    if not flow.not_written.total:
        return
    out.print("\n[bold]Not written[/]")
    for row in flow.not_written.rows[:MAX_LISTED]:
        said = f": {row['message']}" if row["message"] else ""
        line = f"  {outcome(row['outcome'], flow.words.target)}: {row['action']} {row['code']}{said}"
        out.print(escape(clean(short(line, 300))))
    if (more := flow.not_written.total - MAX_LISTED) > 0:
        out.print(f"  and {more:,} more")


def _todos(out: Console, title: str, todos: list[Todo]) -> None:
    if todos:
        out.print(f"\n[bold]{title}[/]")
    for todo in todos:
        came_back = f", {todo.came_back:,} came back" if todo.came_back else ""
        out.print(f"  {todo.rule} {todo.rows:,}{came_back} ({todo.owner}): {escape(todo.meaning)}")
        if titles := todo.titles():
            out.print(f"    {escape(clean(and_more(titles, todo.codes)))}")
        out.print(f"    [dim]{escape(todo.fix)}[/]")
