"""`check`, `plan` and `push`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

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

SkuOption = Annotated[
    list[str] | None, typer.Option("--sku", metavar="GLOB", help="Only codes that match this; may be repeated.")
]
FlowOption = Annotated[
    list[str] | None, typer.Option("--flow", metavar="NAME", help="Only this flow of the channel; may be repeated.")
]
RebuildOption = Annotated[bool, typer.Option("--rebuild", help="Rebuild a damaged work file (the history is kept).")]
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
    """Check the channel file, the credentials and both systems. Writes nothing."""
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
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Read both systems and print what a push would do and why. Writes nothing to them."""
    _run(channel, data, json, verb="plan", **_selection(flow, sku), rebuild=rebuild, full=full)


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
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Plan, then apply the plan to both systems, one change at a time."""
    _run(
        channel,
        data,
        json,
        verb="push",
        **_selection(flow, sku),
        expect=expect,
        force=force,
        rebuild=rebuild,
        full=full,
    )


def _selection(flow: list[str] | None, sku: list[str] | None) -> dict[str, tuple[str, ...]]:
    return {"flows": tuple(flow or ()), "sku": tuple(sku or ())}


def _run(channel: str, data: Path | None, json: bool, **options: Any) -> NoReturn:
    from pipelines.core.errors import CentraMyogoError

    try:
        loaded = load_channel(channel)
        from pipelines.engine.run import RunOptions, run
        from pipelines.reports.console import ConsoleReporter, SilentReporter

        console = ConsoleReporter(loaded)
        report = run(loaded, data_folder(data), RunOptions(**options), SilentReporter() if json else console)
    except CentraMyogoError as error:
        exit_with_error(error, json, channel, options["verb"], {"run_id": "", "fingerprint": "", "flows": {}})
    if json:
        print_json(report.as_json())
    else:
        console.ended(report)
    raise typer.Exit(report.exit_code)
