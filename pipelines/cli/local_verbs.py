"""`serve`, `listen`, `sandbox` and `demo`: processes on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.common import (
    ChannelArgument,
    DataOption,
    ProjectOption,
    app,
    data_folder,
    exit_with_error,
    load_channel,
)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", metavar="NAME", help="Overrides the host of serve.toml.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65_535, help="Overrides the port of serve.toml; 0 is any free."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Show the sandbox's channel, with stand-ins for both systems.")
    ] = False,
    data: DataOption = None,
    project: ProjectOption = None,
) -> None:
    """Serve the pages of all channels, and run their schedules and webhooks."""
    from pipelines.config.project import Project
    from pipelines.core.errors import CentraMyogoError
    from pipelines.web.server import serve as serve_pages

    def ready(address: str) -> None:
        typer.echo(f"Open {address} in a browser. Ctrl-C stops the pages.")

    try:
        if demo:
            from pipelines.sandbox.demo.pages import demo_project

            folder = data_folder(data) / "demo-pages"
            with demo_project(folder) as (sandbox_project, acts):
                serve_pages(sandbox_project, folder / "data", host, port, ready, acts)
        else:
            serve_pages(Project.current(), data_folder(data), host, port, ready)
    except CentraMyogoError as error:
        exit_with_error(error, False, "", "serve", {})


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
    project: ProjectOption = None,
) -> None:
    """Listen for webhooks, and push when something changes."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.webhooks.server import listen as serve_webhooks

    try:
        serve_webhooks(load_channel(channel), data, port, typer.echo)
    except CentraMyogoError as error:
        exit_with_error(error, False, channel, "listen", {})


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
    channel_file: Annotated[Path | None, typer.Option("--channel-file", help="Write a channel file here.")] = None,
    print_channel: Annotated[bool, typer.Option("--print", help="Start, and print the channel file for it.")] = False,
) -> None:
    """Start stand-ins for Centra and myOGO on this machine."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.sandbox.command import serve

    try:
        serve(skus, seed, faults, (centra_port, myogo_port), channel_file, print_channel=print_channel)
    except CentraMyogoError as error:
        exit_with_error(error, False, "sandbox", "sandbox", {})


@app.command()
def demo(data: DataOption = None, project: ProjectOption = None) -> None:
    """Show all flows on this machine, with comments. Takes two minutes and needs no account."""
    from pipelines.core.errors import CentraMyogoError
    from pipelines.sandbox.demo.demo import main

    try:
        code = main(data_folder(data) / "demo")
    except CentraMyogoError as error:
        exit_with_error(error, False, "demo", "demo", {})
    raise typer.Exit(code)
