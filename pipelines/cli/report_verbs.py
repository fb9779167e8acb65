"""`report` and `export`: the last run for people and for other tools."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Annotated

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


@app.command()
def report(
    channel: ChannelArgument,
    run: Annotated[
        str, typer.Option("--run", metavar="ID", help="An earlier run; runs lists them.", show_default=False)
    ] = "",
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
    prometheus: Annotated[
        Path | None,
        typer.Option("--prometheus", metavar="FILE", help="Write metrics for a node exporter's textfile collector."),
    ] = None,
    json: JsonOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Show the last run again. As text, JSON, an HTML page, Markdown, CSV files, Data Docs or metrics."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.console import StandardOutput
    from pipelines.reports.data_docs import write as write_data_docs
    from pipelines.reports.metrics import write_metrics
    from pipelines.reports.query import gather
    from pipelines.reports.terminal import show
    from pipelines.reports.write import write
    from pipelines.state.store import Folder, published

    lists = shlex.join(["centra-myogo", "report", channel, *(["--data", str(data)] if data else []), "--csv", "DIR"])
    try:
        loaded = load_channel(channel)
        with contextlib.closing(published(Folder(data_folder(data), loaded.name))) as db:
            facts = gather(db, loaded, run)
            written = write(db, loaded, facts, lists, html, csv, markdown)
            if data_docs is not None:
                written += write_data_docs(db, data_docs)
            if prometheus is not None:
                written.append(write_metrics(facts, prometheus))
    except CentraMyogoError as error:
        exit_with_error(error, json, channel, "report", {"flows": {}})
    if json:
        print_json(facts.as_json())
    else:
        show(facts, StandardOutput())
        for path in written:
            typer.echo(f"Written: {path}")
        if html is not None and csv is None:
            typer.echo(f"Every list in full: {lists}")


@app.command()
def export(
    channel: ChannelArgument,
    duckdb: Annotated[Path | None, typer.Option(metavar="FILE", help="One file for DuckDB 1.1 and newer.")] = None,
    xlsx: Annotated[Path | None, typer.Option(metavar="FILE", help="Every list as a sheet of a workbook.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="DIR", help="Every table as one Parquet file.")] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="A data warehouse of many channels: postgresql://..., or env:NAME for a variable with the address.",
        ),
    ] = None,
    json: JsonOption = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Write the tables of the last run for other tools.

    As DuckDB, Excel or Parquet, or into PostgreSQL, without personal data.
    """
    from pipelines.core.errors import CentraMyogoError
    from pipelines.reports.export import export as write_export
    from pipelines.state.store import Folder

    try:
        loaded = load_channel(channel)
        written = write_export(loaded, Folder(data_folder(data), loaded.name), parquet, duckdb, xlsx, to)
    except CentraMyogoError as error:
        exit_with_error(error, json, channel, "export", {"written": []})
    if json:
        print_json({"channel": loaded.name, "verb": "export", "exit_code": 0, "written": written})
        return
    for path in written:
        typer.echo(f"Written: {path}")
