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
    from pipelines.engine.run import RunOptions
    from pipelines.reports.run_watch import RunWatch

SkuOption = Annotated[
    list[str] | None, typer.Option("--sku", metavar="GLOB", help="Only codes that match this; may be repeated.")
]
FlowOption = Annotated[
    list[str] | None, typer.Option("--flow", metavar="NAME", help="Only this flow of the channel; may be repeated.")
]
CodesOption = Annotated[
    Path | None,
    typer.Option("--codes-from", metavar="FILE", help="Only the codes in this text file, one a line, verbatim."),
]
ByOption = Annotated[str | None, typer.Option("--by", hidden=True)]  # the user of the pages, for sync.runs
ProgressOption = Annotated[bool, typer.Option("--progress", hidden=True)]  # with --json: progress as JSON, on stderr
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
    bool,
    typer.Option("--force", help="Apply the plan although a limit or catalogue check says no (this once; logged)."),
]


def _fingerprint(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[0-9a-f]{16}", value):
        raise typer.BadParameter("a fingerprint has 16 digits and letters from a to f; plan prints it")
    return value


@app.command()
def check(
    channel: ChannelArgument,
    json: JsonOption = False,
    progress: ProgressOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Test the channel file, the credentials and both systems. Writes nothing."""
    from pipelines.core.errors import CentraMyogoError

    try:
        loaded = load_channel(channel)
        from pipelines.engine.preflight import check as run_checks
        from pipelines.reports.console import StandardOutput, print_check
        from pipelines.reports.json_progress import write_check_progress

        out = StandardOutput()
        on_json_check = write_check_progress if progress else lambda _: None
        on_check = on_json_check if json else partial(print_check, out)
        report = run_checks(loaded, data_folder(data), on_check)
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
    codes_from: CodesOption = None,
    rebuild: RebuildOption = False,
    full: FullOption = False,
    show: ShowOption = None,
    all: AllOption = False,
    changes: ChangesOption = False,
    by: ByOption = None,
    progress: ProgressOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what a push would change, and why. Writes nothing to the systems."""
    selection = Selection(flow or [], sku or [], codes_from, full)
    output = Output(json, show, all, changes, progress, selection.words(channel, data))
    _run(channel, data, output, selection, verb="plan", rebuild=rebuild, requested_by=by)


@app.command()
def push(
    channel: ChannelArgument,
    json: JsonOption = False,
    flow: FlowOption = None,
    sku: SkuOption = None,
    codes_from: CodesOption = None,
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
    by: ByOption = None,
    progress: ProgressOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Plan, then apply the plan, one change at a time."""
    selection = Selection(flow or [], sku or [], codes_from, full)
    output = Output(json, show, all, changes, progress, selection.words(channel, data))
    _run(
        channel,
        data,
        output,
        selection,
        verb="push",
        expect=expect,
        force=force,
        rebuild=rebuild,
        requested_by=by,
    )


@dataclass(frozen=True)
class Output:
    """What is printed; `words` are those of the command line after the verb."""

    json: bool
    show: int | None
    all: bool
    changes: bool
    progress: bool
    words: list[str]


@dataclass(frozen=True)
class Selection:
    """What a run reads and selects."""

    flows: list[str]
    patterns: list[str]
    codes_from: Path | None
    full: bool

    def words(self, channel: str, data: Path | None) -> list[str]:
        """The words of the command line that select this, from which place."""
        words = [word for name in self.flows for word in ("--flow", name)]
        words += [word for pattern in self.patterns for word in ("--sku", pattern)]
        words += ["--codes-from", str(self.codes_from)] if self.codes_from else []
        place = [word for name, value in _places(data).items() if value for word in (name, value)]
        return [channel, *words, *(["--full"] if self.full else []), *place]

    def options(self) -> dict[str, Any]:
        """The fields of RunOptions. Raises ConfigError if the file of codes cannot be read, or is empty."""
        from pipelines.engine.sku_patterns import SkuSelection

        codes = () if self.codes_from is None else _codes(self.codes_from)
        return {
            "flows": tuple(self.flows),
            "selection": SkuSelection(tuple(self.patterns), codes),
            "full": self.full,
        }


def _codes(file: Path) -> tuple[str, ...]:
    from pipelines.core.errors import ConfigError

    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", "--codes-from needs a text file in UTF-8.") from error
    codes = tuple(dict.fromkeys(filter(None, lines)))
    if not codes:
        raise ConfigError(f"There is no code in {file}.", "Write one code a line.")
    return codes


def _places(data: Path | None) -> dict[str, str]:
    return {"--data": str(data) if data else "", "--project": os.environ.get("CENTRA_MYOGO_PROJECT", "")}


def _run(channel: str, data: Path | None, output: Output, selection: Selection, **options: Any) -> NoReturn:
    from pipelines.core.errors import CentraMyogoError

    json, watch = output.json, None
    try:
        loaded = load_channel(channel)
        from pipelines.engine.run import RunOptions, run
        from pipelines.reports.console import ConsoleReporter, SilentReporter
        from pipelines.reports.json_progress import JsonProgress
        from pipelines.reports.plan_screen import SHOWN

        show = None if output.all else SHOWN if output.show is None else output.show
        # A push was usually planned before.
        with_changes = options["verb"] == "plan" or show != SHOWN
        console = ConsoleReporter(loaded, output.words, show, with_changes=with_changes)
        folder = data_folder(data)
        silent = JsonProgress() if output.progress else SilentReporter()
        chosen = RunOptions(**options, **selection.options())
        watch = _watch(loaded, folder, chosen)
        report = run(loaded, folder, chosen, silent if json else console)
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


def _watch(channel: Channel, data: Path, options: RunOptions) -> RunWatch | None:
    """The alerts of a push. Not for one of chosen codes: it says nothing about the channel."""
    if channel.alerts is None or options.verb != "push" or options.selection.as_patterns():
        return None
    from pipelines.reports.run_watch import RunWatch

    return RunWatch(channel, data, options.flows)
