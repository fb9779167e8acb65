"""How an error is printed that ended a command before there was a result."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

from pipelines.core.errors import CentraMyogoError
from pipelines.core.logs import strip_control_characters


def print_error(error: CentraMyogoError) -> None:
    """Prints the message and the fix to stderr."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)
    message = escape(strip_control_characters(error.message))
    console.print(f"[red]centra-myogo:[/] {message} [dim]({error.entry.id})[/]")
    if error.fix:
        console.print(f"[bold]{escape(strip_control_characters(error.fix))}[/]")
