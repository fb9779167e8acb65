"""The command line: verbs, options, exit codes. This module and `reports.console` print all output."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pipelines.core import logs

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.core.errors import CentraMyogoError

app = typer.Typer(
    name="centra-myogo",
    help="Synchronises a Centra shop with OGOship's myOGO. A plan comes before every write.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 internal error; 2 configuration or credentials; 3 done, but rows need "
    "fixing; 4 a limit refused the plan; 5 a system was not available; 6 another run holds the lock.",
)

ChannelArgument = Annotated[
    str,
    typer.Argument(metavar="CHANNEL", help="A channel's name, or a path to its TOML file.", show_default=False),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder for working files [default: data, or CENTRA_MYOGO_DATA]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
SkuOption = Annotated[
    list[str] | None, typer.Option("--sku", metavar="GLOB", help="Only codes that match this; may be repeated.")
]
FlowOption = Annotated[
    list[str] | None, typer.Option("--flow", metavar="NAME", help="Only this flow of the channel; may be repeated.")
]
RebuildOption = Annotated[
    bool,
    typer.Option("--rebuild", help="Set an unusable working file aside and create a new one; keep the history."),
]
FullOption = Annotated[bool, typer.Option("--full", help='Read everything, even if refresh = "changes".')]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Waive limits and expectations, nothing else; the run records it.")
]


@app.callback()
def _set_up(
    log_level: Annotated[
        str | None, typer.Option("--log", metavar="LEVEL", help="debug, info, warning or error, on stderr.")
    ] = None,
    data: DataOption = None,
) -> None:
    from dotenv import load_dotenv

    load_dotenv(Path.cwd() / ".env")
    if data is not None:
        os.environ["CENTRA_MYOGO_DATA"] = str(data)
    try:
        logs.set_up(log_level)
    except ValueError:
        raise typer.BadParameter(f"{log_level!r} is not a log level") from None


@app.command()
def check(channel: ChannelArgument, json: JsonOption = False, data: DataOption = None) -> None:
    """Check that both systems provide everything a run needs. Writes nothing."""
    from pipelines.config.load import data_folder
    from pipelines.core.errors import CentraMyogoError
    from pipelines.engine.preflight import check as run_checks
    from pipelines.reports.console import StandardOutput, print_check

    out = StandardOutput()
    try:
        report = run_checks(_load(channel), data_folder(data), (lambda _: None) if json else partial(print_check, out))
    except CentraMyogoError as error:
        _exit_with_error(error, json, channel, "check", {"checks": []})
    if json:
        _print_json(report.as_json())
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
) -> None:
    """Read both sides and print what a push would do and why. Sends no write."""
    _run(channel, data, json, verb="plan", **_selection(flow, sku), rebuild=rebuild, full=full)


@app.command()
def push(
    channel: ChannelArgument,
    json: JsonOption = False,
    flow: FlowOption = None,
    sku: SkuOption = None,
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="FINGERPRINT", help="Apply only the plan that was reviewed."),
    ] = None,
    force: ForceOption = False,
    rebuild: RebuildOption = False,
    full: FullOption = False,
    data: DataOption = None,
) -> None:
    """Plan, then apply the plan to myOGO, one change at a time."""
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


@app.command()
def report(
    channel: ChannelArgument,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Write every list in full, as CSV files.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a summary for the page of a CI job.")
    ] = None,
    data_docs: Annotated[
        Path | None,
        typer.Option("--data-docs", metavar="DIR", help="Write Great Expectations' pages, for offline use."),
    ] = None,
    json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show the last run as text, JSON, one HTML page, Markdown, CSV files or Data Docs."""
    from pipelines.config.load import data_folder
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.console import StandardOutput
    from pipelines.reports.data_docs import write as write_data_docs
    from pipelines.reports.query import gather
    from pipelines.reports.terminal import show
    from pipelines.reports.write import write
    from pipelines.state.store import Folder, published

    lists = shlex.join(["centra-myogo", "report", channel, *(["--data", str(data)] if data else []), "--csv", "DIR"])
    try:
        loaded = _load(channel)
        with contextlib.closing(published(Folder(data_folder(data), loaded.name))) as db:
            facts = gather(db, loaded)
            written = write(db, loaded, facts, lists, html, csv, markdown)
            if data_docs is not None:
                written += write_data_docs(db, data_docs)
    except CentraMyogoError as error:
        _exit_with_error(error, json, channel, "report", {"flows": {}})
    if json:
        _print_json(facts.as_json())
    else:
        show(facts, StandardOutput())
        for path in written:
            typer.echo(f"Written: {path}")
        if html is not None and csv is None:
            typer.echo(f"Every list in full: {lists}")


@app.command()
def history(
    channel: ChannelArgument,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The combined code, verbatim, or an order number.")],
    data: DataOption = None,
) -> None:
    """Show the history of one code or order: plans, writes, and when and why it was withheld."""
    from pipelines.config.load import data_folder
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.history import history as events
    from pipelines.state.store import Folder

    try:
        loaded = _load(channel)
        lines = events(loaded, Folder(data_folder(data), loaded.name), code)
    except CentraMyogoError as error:
        _exit_with_error(error, False, channel, "history", {})
    for line in lines:
        typer.echo(line)


@app.command()
def export(
    channel: ChannelArgument,
    parquet: Annotated[
        Path,
        typer.Option("--parquet", metavar="DIR", help="Write every table as one Parquet file.", show_default=False),
    ],
    data: DataOption = None,
) -> None:
    """Write every table of the last run as Parquet files, for tools that do not read DuckDB."""
    from pipelines.config.load import data_folder
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.parquet import parquet_files
    from pipelines.state.store import Folder

    try:
        loaded = _load(channel)
        written = parquet_files(loaded, Folder(data_folder(data), loaded.name), parquet)
    except CentraMyogoError as error:
        _exit_with_error(error, False, channel, "export", {})
    for path in written:
        typer.echo(f"Written: {path}")


@app.command()
def listen(
    channel: ChannelArgument,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=0, max=65_535, help="Overrides the channel file's port; 0 is any free port."
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Receive both systems' webhooks as hints and push the flows that they concern, until stopped."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.webhooks.server import listen as serve_webhooks

    try:
        serve_webhooks(_load(channel), data, port, typer.echo)
    except CentraMyogoError as error:
        _exit_with_error(error, False, channel, "listen", {})


@app.command()
def sandbox(
    skus: Annotated[
        int | None,
        typer.Option("--skus", min=1, max=1_000_000, help="Generate this many sizes instead of the sample."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the generated catalogue.")] = 1,
    faults: Annotated[
        float, typer.Option("--faults", min=0, max=1, help="Share of generated sizes with a planted fault.")
    ] = 0.05,
    centra_port: Annotated[int, typer.Option("--centra-port", help="0 is any free port.")] = 8620,
    myogo_port: Annotated[int, typer.Option("--myogo-port", help="0 is any free port.")] = 8621,
    channel_file: Annotated[
        Path | None, typer.Option("--channel-file", help="Write the channel file here as well.")
    ] = None,
) -> None:
    """Start stand-ins for Centra and myOGO on this machine and print a channel file for them."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.sandbox.command import serve

    try:
        serve(skus, seed, faults, centra_port, myogo_port, channel_file)
    except CentraMyogoError as error:
        _exit_with_error(error, False, "sandbox", "sandbox", {})


def _load(channel: str) -> Channel:
    from pipelines.config.load import load

    return load(channel)


def _channel_name(channel: str) -> str:
    """The name in the channel file if the file can be read; else the command line argument."""
    from pipelines.core.errors import CentraMyogoError

    try:
        return _load(channel).name
    except CentraMyogoError:
        return channel


def _selection(flow: list[str] | None, sku: list[str] | None) -> dict[str, tuple[str, ...]]:
    return {"flows": tuple(flow or ()), "sku": tuple(sku or ())}


def _run(channel: str, data: Path | None, json: bool, **options: Any) -> NoReturn:
    from pipelines.config.load import data_folder
    from pipelines.core.errors import CentraMyogoError
    from pipelines.engine.run import RunOptions, run
    from pipelines.reports.console import ConsoleReporter, SilentReporter

    try:
        loaded = _load(channel)
        console = ConsoleReporter(loaded)
        report = run(loaded, data_folder(data), RunOptions(**options), SilentReporter() if json else console)
    except CentraMyogoError as error:
        _exit_with_error(error, json, channel, options["verb"], {"run_id": "", "fingerprint": "", "flows": {}})
    if json:
        _print_json(report.as_json())
    else:
        console.ended(report)
    raise typer.Exit(report.exit_code)


def _exit_with_error(
    error: CentraMyogoError, json: bool, channel: str, verb: str, extra_fields: dict[str, Any]
) -> NoReturn:
    """Prints the error of a command that has no run result, and exits with the error's code."""
    from pipelines.reports.console import print_error

    if json:
        error_fields = {"id": error.entry.id, "message": error.message, "fix": error.fix}
        _print_json(
            {"channel": _channel_name(channel), "verb": verb, "outcome": error.outcome, "exit_code": error.exit_code}
            | extra_fields
            | {"error": error_fields}
        )
    else:
        print_error(error)
    raise typer.Exit(error.exit_code)


def _print_json(document: dict[str, Any]) -> None:
    from pipelines.core.json_codec import encode

    # Escaped because a terminal may show the JSON, and these characters would control the terminal.
    text = re.sub(
        r"[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", _json_escape, encode(document).decode()
    )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
