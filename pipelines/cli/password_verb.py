"""`password`: makes the hash of a password for serve.toml."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from pipelines.cli.common import app, exit_with_error


@app.command()
def password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The user's name, such as anna.", show_default=False)],
) -> None:
    """Make the hash of a user's password, and print the lines for serve.toml and .env."""
    from pipelines.config.serve import FILE, USER_NAME
    from pipelines.core.errors import CentraMyogoError, ConfigError
    from pipelines.web.access.passwords import new_hash

    try:
        if not re.fullmatch(USER_NAME, name):
            raise ConfigError(
                f"{name!r} cannot be the name of a user.", "Use small letters, digits, - and _, for example anna."
            )
        text = new_hash(_typed())
    except CentraMyogoError as error:
        exit_with_error(error, False, "", "password", {})
    variable = "SERVE_PASSWORD_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    typer.echo(
        f"# .env\n{variable}='{text}'\n\n"
        f"# {FILE}\n[users.{name}]\n"
        'role          = "viewer"  # or "operator", who may also start runs\n'
        f'password_hash = {{ env = "{variable}" }}'
    )


def _typed() -> str:
    """What somebody types twice without seeing it; without a terminal, the first line of stdin."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt="The same once more", err=True))
