"""`check`, `plan` and `push`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.reports.run_watch import RunWatch

SkuOption = Annotated[
    list[str] | None, typer.Option("--sku", metavar="GLOB", help="Only codes that match this; may be repeated.")
]
FlowOption = Annotated[
    list[str] | None, typer.Option("--flow", metavar="NAME", help="Only this flow of the channel; may be repeated.")
]
RebuildOption = Annotated[bool, typer.Option("--rebuild", help="Rebuild a damaged work file (the history is kept).")]
ShowOption = Annotated[
    int | None, typer.Option("--show", metavar="N", min=0, help="Print this many changes of each kind.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Print all changes, with every field, and each rule's fix.")]
ChangesOption = Annotated[
    bool, typer.Option("--changes", help="With --json: add every planned change and every withheld row.")
]
FullOption = Annotated[bool, typer.Option("--full", help='Read everything, even if refresh = "changes".')]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Apply the plan although a limit or an expectation says no (this once; logged).")
]


def _fingerprint(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[0-9a-f]{16}", value):
        raise typer.BadParameter("a fingerprint has 16 digits and letters from a to f; plan prints it")
    return value


@app.command()
def check(
    channel: ChannelArgument, json: JsonOption = False, data: DataOption = None, project: ProjectOption = None
) -> None:
    """Test the channel file, the credentials and both systems. Writes nothing."""
    from pipelines.core.errors import CentraMyogoError

    try:
        loaded = load_channel(channel)
        from pipelines.engine.preflight import check as run_checks
        from pipelines.reports.console import StandardOutput, print_check

        out = StandardOutput()
        report = run_checks(loaded, data_folder(data), (lambda _: None) if json else partial(print_check, out))
    except CentraMyogoError as error:
        exit_with_error(error, json, channel, "check", {"checks": []})
    if json:
        print_json(report.as_json())
    else:
        out.print(f"\n[bold]{report.headline}[/] (exit {report.exit_code})")
    raise typer.Exit(report.exit_code)


@app.command()
def plan(
    channel: ChannelArgument,
    json: JsonOption = False,
    flow: FlowOption = None,
    sku: SkuOption = None,
    rebuild: RebuildOption = False,
    full: FullOption = False,
    show: ShowOption = None,
    all: AllOption = False,
    changes: ChangesOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what a push would change, and why. Writes nothing to the systems."""
    output = Output(json, show, all, changes, _words(channel, flow, sku, full, data))
    _run(channel, data, output, verb="plan", **_selection(flow, sku), rebuild=rebuild, full=full)


@app.command()
def push(
    channel: ChannelArgument,
    json: JsonOption = False,
    flow: FlowOption = None,
    sku: SkuOption = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="FINGERPRINT", callback=_fingerprint, help="Apply only the plan that was reviewed."
        ),
    ] = None,
    force: ForceOption = False,
    rebuild: RebuildOption = False,
    full: FullOption = False,
    show: ShowOption = None,
    all: AllOption = False,
    changes: ChangesOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Plan, then apply the plan, one change at a time."""
    output = Output(json, show, all, changes, _words(channel, flow, sku, full, data))
    _run(
        channel,
        data,
        output,
        verb="push",
        **_selection(flow, sku),
        expect=expect,
        force=force,
        rebuild=rebuild,
        full=full,
    )


def _selection(flow: list[str] | None, sku: list[str] | None) -> dict[str, tuple[str, ...]]:
    return {"flows": tuple(flow or ()), "sku": tuple(sku or ())}


@dataclass(frozen=True)
class Output:
    """What is printed; `words` are those of the command line after the verb."""

    json: bool
    show: int | None
    all: bool
    changes: bool
    words: list[str]


def _words(channel: str, flow: list[str] | None, sku: list[str] | None, full: bool, data: Path | None) -> list[str]:
    """The words of the command line that select what is read, and from which place."""
    selection = [word for name in flow or () for word in ("--flow", name)]
    selection += [word for pattern in sku or () for word in ("--sku", pattern)]
    place = [word for name, value in _places(data).items() if value for word in (name, value)]
    return [channel, *selection, *(["--full"] if full else []), *place]


def _places(data: Path | None) -> dict[str, str]:
    return {"--data": str(data) if data else "", "--project": os.environ.get("CENTRA_MYOGO_PROJECT", "")}


def _run(channel: str, data: Path | None, output: Output, **options: Any) -> NoReturn:
    from pipelines.core.errors import CentraMyogoError

    json, watch = output.json, None
    try:
        loaded = load_channel(channel)
        from pipelines.engine.run import RunOptions, run
        from pipelines.reports.console import ConsoleReporter, SilentReporter
        from pipelines.reports.plan_screen import SHOWN

        show = None if output.all else SHOWN if output.show is None else output.show
        # A push was usually planned before.
        with_changes = options["verb"] == "plan" or show != SHOWN
        console = ConsoleReporter(loaded, output.words, show, with_changes=with_changes)
        folder = data_folder(data)
        watch = _watch(loaded, folder, options)
        report = run(loaded, folder, RunOptions(**options), SilentReporter() if json else console)
        document = report.as_json()
        if json and output.changes:
            from pipelines.reports.changes_json import changes_of

            document |= changes_of(loaded, folder, report)
    except Exception as error:
        try:
            if isinstance(error, CentraMyogoError):
                exit_with_error(error, json, channel, options["verb"], {"run_id": "", "fingerprint": "", "flows": {}})
            raise
        finally:
            if watch:
                watch.failed(error)
    try:
        if json:
            print_json(document)
        else:
            console.ended(report)
    finally:
        if watch:
            watch.ended(report)
    raise typer.Exit(report.exit_code)


def _watch(channel: Channel, data: Path, options: dict[str, Any]) -> RunWatch | None:
    """The alerts of a push. Not for one with --sku: it says nothing about the channel."""
    if channel.alerts is None or options["verb"] != "push" or options["sku"]:
        return None
    from pipelines.reports.run_watch import RunWatch

    return RunWatch(channel, data, options["flows"])
