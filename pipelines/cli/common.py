"""What all verbs share: the application, options, and how an error ends a command."""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from pipelines.core import logs

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.core.errors import CentraMyogoError

_ORDER = (
    "demo", "init", "check", "plan", "push", "report", "status", "runs", "history", "export", "serve", "listen",
    "password", "sandbox",
)  # fmt: skip


_BEFORE_THE_VERB = ("--log", "--log-format")


class _InOrder(TyperGroup):
    """Lists the verbs in the order in which people meet them, and explains an option that stands behind its verb."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:  # Typer does not export the class of the error for an unknown option
            refused: Any = error
            if (option := getattr(refused, "option_name", "")) in _BEFORE_THE_VERB:
                verb = refused.ctx.info_name
                refused.message = f"{option} goes before the verb: centra-myogo {option} ... {verb}"
                refused.possibilities = None
            raise

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_ORDER.index)


app = typer.Typer(
    name="centra-myogo",
    cls=_InOrder,
    help="Syncs products, stock, orders and tracking between Centra and OGOship's myOGO. Shows every change first.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 internal error; 2 configuration or credentials; 3 done, but something is new and "
    "needs fixing; 4 a limit refused the plan; 5 a system was not available; 6 another run holds the lock.",
)


def _use_project(folder: Path | None) -> Path | None:
    """Sets the project folder for this process and for the processes that it starts."""
    from pipelines.config.project import PROJECT_VARIABLE

    if folder is not None:
        os.environ[PROJECT_VARIABLE] = str(folder)
    return folder


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"centra-myogo {version('centra-myogo')}")
        raise typer.Exit


ChannelArgument = Annotated[
    str,
    typer.Argument(metavar="CHANNEL", help="A channel's name, or a path to its TOML file.", show_default=False),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Folder for working files (default: CENTRA_MYOGO_DATA, else the project's data)."
    ),
]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        callback=_use_project,
        is_eager=True,
        help="Project folder, with channels/ and .env (default: CENTRA_MYOGO_PROJECT, else the nearest folder upward "
        "that holds channels/, else the current one).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]


class LogFormat(StrEnum):
    """How log lines are written."""

    text = "text"
    json = "json"


@app.callback()
def _set_up(
    log_level: Annotated[
        str | None, typer.Option("--log", metavar="LEVEL", help="debug, info, warning or error, on stderr.")
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", metavar="FORM", help="text, or json: one object per line.")
    ] = LogFormat.text,
    project: ProjectOption = None,
    data: DataOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if data is not None:
        os.environ["CENTRA_MYOGO_DATA"] = str(data)
    try:
        logs.set_up(log_level, log_format.value)
    except ValueError:
        raise typer.BadParameter(f"{log_level!r} is not a log level") from None


def load_channel(channel: str) -> Channel:
    """The channel, with the variables of the project's `.env`. Raises ConfigError."""
    from pipelines.config.project import Project

    project = Project.current()
    path = project.find(channel)  # before the import below, which takes a second
    project.load_environment()
    from pipelines.config.load import load

    return load(str(path))


def data_folder(data: Path | None) -> Path:
    from pipelines.config.project import Project

    return Project.current().data(data)


def exit_with_error(
    error: CentraMyogoError, json: bool, channel: str, verb: str, extra_fields: dict[str, Any]
) -> NoReturn:
    """Prints the error of a command that has no run result, and exits with the error's code."""
    from pipelines.reports.error_output import print_error

    if json:
        error_fields = {"id": error.entry.id, "message": error.message, "fix": error.fix}
        print_json(
            {"channel": _channel_name(channel), "verb": verb, "outcome": error.outcome, "exit_code": error.exit_code}
            | extra_fields
            | {"error": error_fields}
        )
    else:
        print_error(error)
    raise typer.Exit(error.exit_code)


def _channel_name(channel: str) -> str:
    """The name in the channel file if the file can be read; else the command line argument."""
    from pipelines.core.errors import CentraMyogoError

    try:
        return load_channel(channel).name
    except CentraMyogoError:
        return channel


def print_json(document: dict[str, Any]) -> None:
    from pipelines.core.json_codec import encode

    # Escaped because a terminal may show the JSON, and these characters would control the terminal.
    text = re.sub(
        r"[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", _json_escape, encode(document).decode()
    )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
