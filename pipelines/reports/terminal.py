"""The facts in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from pipelines.engine.incremental import describe_read
from pipelines.reports.formatting import clean, sums, when
from pipelines.reports.model import Facts, Todo


def show(facts: Facts, out: Console) -> None:
    """What the run did, what is to be fixed and where; the page and the lists have the rows."""
    run = facts.run
    out.print(f"[bold]{escape(run.headline)}[/] ({run.verb}, exit {run.exit_code}, run {run.run_id})")
    if run.message:
        out.print(f"{escape(clean(run.message))}\n{escape(clean(run.fix))}")
    out.print(
        f"Began {when(run.started_at)}; last good run {when(facts.last_good)}, push {when(facts.last_good_push)}."
    )
    if facts.judged is not None and not facts.fresh:
        out.print(f"What follows is of run {facts.judged.run_id} ({when(facts.judged.started_at)}).")
    if facts.selection:
        out.print(escape(clean(f"Only codes like {', '.join(facts.selection)}; the others count as skipped.")))
    if facts.judged is not None:
        for line in sums(facts.counts, facts.judged.verb):
            out.print(line)
        if read := describe_read(facts.judged.facts.get("read", {})):
            out.print(read)
        c = facts.counts
        out.print(f"beside: drifted {c['drifted']:,}, in myOGO only {c['unmatched']:,}, closed {facts.closed.total:,}")
    _todos(out, "To fix", facts.todos)
    _todos(out, "Worth a look", facts.warnings)
    for other in facts.others:
        out.print(f"\n[bold]Flow {escape(other.flow)}[/] ({other.run.verb}, run {other.run.run_id})")
        for line in sums(other.counts, other.run.verb):
            out.print(f"  {line}")
        _todos(out, "To fix", other.todos)
        _todos(out, "Worth a look", other.warnings)
    if facts.expectations.told.total:
        out.print("\n[bold]Expectations of the batch[/]")
    for row in facts.expectations.told.rows:
        out.print(
            escape(
                clean(
                    f"  {row['status']} {row['table']} {row['column'] or ''}: {row['meaning']} {row['message'] or ''}"
                )
            )
        )


def _todos(out: Console, title: str, todos: list[Todo]) -> None:
    if todos:
        out.print(f"\n[bold]{title}[/]")
    for todo in todos:
        came_back = f", {todo.came_back:,} came back" if todo.came_back else ""
        out.print(f"  {todo.rule} {todo.rows:,}{came_back} ({todo.owner}): {escape(todo.meaning)}")
        out.print(f"    [dim]{escape(todo.fix)}[/]")
