"""`history`, `runs` and `status`: what happened to one code, in one channel and in all channels."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipelines.cli.common import (
    ChannelArgument,
    DataOption,
    JsonOption,
    ProjectOption,
    app,
    data_folder,
    exit_with_error,
    load_channel,
    print_json,
)
from pipelines.config.project import WAREHOUSE_VARIABLE

if TYPE_CHECKING:
    from pipelines.reports.overview import ChannelState, RunLine

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h|d)", text)
    if not match:
        raise typer.BadParameter(f"{text!r} is not a time such as 2h, 90min or 1d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


@app.command()
def history(
    channel: ChannelArgument,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The combined code, verbatim, or an order number.")],
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what happened to one code or order.

    Plans, writes, and when and why it was withheld.
    """
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.history import history as events
    from pipelines.state.store import Folder

    try:
        loaded = load_channel(channel)
        lines = events(loaded, Folder(data_folder(data), loaded.name), code)
    except CentraMyogoError as error:
        exit_with_error(error, False, channel, "history", {})
    for line in lines:
        typer.echo(line)


@app.command()
def runs(
    channel: ChannelArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many of the last runs.")] = 20,
    json: JsonOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """List the last runs, the newest first."""
    from pipelines.core.errors import CentraMyogoError

    try:
        loaded = load_channel(channel)
        from pipelines.reports.overview import as_json, last_runs
        from pipelines.state.store import Folder, published

        with contextlib.closing(published(Folder(data_folder(data), loaded.name))) as db:
            lines = last_runs(db, count)
    except CentraMyogoError as error:
        exit_with_error(error, json, channel, "runs", {"runs": []})
    if json:
        print_json({"channel": loaded.name, "verb": "runs", "exit_code": 0, "runs": as_json(lines)})
        return
    rows = [
        ("Started (UTC)", "Verb", "Flows", "Exit", "Outcome", "Read", "Changes", "Withheld", "New", "Seconds", "Run")
    ]
    for line in lines:
        seconds = "" if line.seconds is None else f"{line.seconds:.0f}"
        changes = f"{line.applied:,} of {line.changes:,}" if line.verb == "push" else f"{line.changes:,}"
        rows.append((
            f"{line.started_at:%Y-%m-%d %H:%M}", line.verb, line.flows, _exit_code(line), line.outcome,
            f"{line.rows_read:,}", changes, f"{line.withheld:,}", f"{line.withheld_new:,}", seconds, line.run_id,
        ))  # fmt: skip
    _print(rows)


def _exit_code(run: RunLine) -> str:
    """A killed run has none."""
    return "-" if run.outcome == "killed" else str(run.exit_code)


@app.command()
def status(
    max_age: Annotated[
        timedelta | None,
        typer.Option(
            "--max-age",
            metavar="TIME",
            parser=_duration,
            help="Exit with 3 if a channel's last good push is older, for example 2h, 90min or 1d.",
        ),
    ] = None,
    all_channels: Annotated[
        bool, typer.Option("--all", help="All channels of a data warehouse, of whatever project: see --from.")
    ] = False,
    warehouse: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ADDRESS",
            help="The data warehouse that export --to writes: postgresql://..., or env:NAME for a variable with the "
            f"address (default: env:{WAREHOUSE_VARIABLE}).",
        ),
    ] = None,
    json: JsonOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Show how each channel of the project is: last push, how the last run ended, next run, what to fix."""
    from pipelines.config.project import Project
    from pipelines.core.errors import CentraMyogoError, ConfigError

    try:
        here = Project.current()
        here.load_environment()
        if all_channels or warehouse is not None:
            if warehouse is None and not os.environ.get(WAREHOUSE_VARIABLE):
                raise ConfigError(
                    "status --all does not know where the data warehouse is.",
                    f"Add --from ADDRESS, or write {WAREHOUSE_VARIABLE}=postgresql://... into the file .env.",
                )
            _exported_status(warehouse or f"env:{WAREHOUSE_VARIABLE}", max_age, json)
        if not here.channel_files():
            raise ConfigError(
                f"There is no channel file in {here.channels}.",
                "Go to the project folder, or name it with --project. To write a channel file: centra-myogo init NAME. "
                "The runs of the demo: centra-myogo runs demo",
            )
        from pipelines.reports.overview import as_json, channel_states
        from pipelines.state.store import utc_now

        now = utc_now()
        states = channel_states(here, here.data(data), now, max_age)
    except CentraMyogoError as error:
        exit_with_error(error, json, "", "status", {"channels": []})
    code = 3 if max_age is not None and any(state.stale for state in states) else 0
    if json:
        print_json({"project": str(here.folder), "verb": "status", "exit_code": code, "channels": as_json(states)})
    else:
        _print_states(states, now, "Next run", [_next_run(state, now) for state in states])
    from pipelines.config.load import load_usable
    from pipelines.reports.alerts import notify_stale

    notify_stale(load_usable(here), here.data(data), max_age)
    raise typer.Exit(code)


def _exported_status(warehouse: str, max_age: timedelta | None, json: bool) -> NoReturn:
    """The status of the channels in the data warehouse. Raises ConfigError and DataWarehouseUnavailable."""
    from pipelines.reports.exported_channels import exported_states
    from pipelines.reports.formatting import age
    from pipelines.reports.overview import as_json
    from pipelines.state.store import utc_now

    now = utc_now()
    states = exported_states(warehouse, now, max_age)
    code = 3 if any(state.stale for state in states) else 0
    if json:
        print_json({"verb": "status", "exit_code": code, "channels": as_json(states)})
    else:
        _print_states(states, now, "Exported", [f"{age(state.exported_at, now)} ago" for state in states])
    raise typer.Exit(code)


def _print_states(states: Sequence[ChannelState], now: datetime, title: str, cells: Sequence[str]) -> None:
    """A line for each state; `cells` has those of the column `title`."""
    from pipelines.reports.formatting import age

    rows = [("Channel", "State", "Last push", "Last run", title, "To fix", "New", "")]
    for state, cell in zip(states, cells, strict=True):
        ago = "never" if state.last_push is None else f"{age(state.last_push, now)} ago"
        run = state.last_run
        rows.append((
            state.channel, state.state, f"{ago}{' (too old)' if state.stale else ''}",
            f"{run.verb}, exit {_exit_code(run)}, {run.outcome}" if run else "", cell,
            f"{state.to_fix:,}", f"{state.new:,}", state.message,
        ))  # fmt: skip
    _print(rows)


def _next_run(state: ChannelState, now: datetime) -> str:
    from pipelines.reports.formatting import age

    if state.paused:
        return "paused"
    return "" if state.next_run is None else f"in {age(now, state.next_run)}"


_NUMBERS = ("Exit", "Read", "Changes", "Withheld", "New", "Seconds", "To fix")


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    """Prints the rows in columns, numbers to the right; the first row has the titles."""
    from pipelines.reports.formatting import clean

    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [title in _NUMBERS for title in rows[0]]
    for row in rows:
        cells = (
            clean(cell).rjust(width) if to_right else clean(cell).ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        typer.echo("  ".join(cells).rstrip())
