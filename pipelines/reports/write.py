"""Writes the files of a report."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.reports.model import Facts


def write(
    db: duckdb.DuckDBPyConnection,
    channel: Channel,
    facts: Facts,
    command: str,
    html: Path | None = None,
    csv: Path | None = None,
    markdown: Path | None = None,
) -> list[Path]:
    """Writes the requested files; returns their paths. `command` writes the CSV lists. Raises ConfigError."""
    from pipelines.reports.csv_lists import write_lists
    from pipelines.reports.html_page import page
    from pipelines.reports.markdown import summary

    written = []
    try:
        if html is not None:
            html.parent.mkdir(parents=True, exist_ok=True)
            lists = None if csv is None else Path(os.path.relpath(csv, html.parent)).as_posix()
            html.write_text(page(facts, channel, command, lists), "utf-8")
            written.append(html)
        if markdown is not None:
            markdown.parent.mkdir(parents=True, exist_ok=True)
            markdown.write_text(summary(facts), "utf-8")
            written.append(markdown)
        if csv is not None:
            written += write_lists(db, channel, facts, csv)
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be written: {error.strerror}.", "Choose another place.") from error
    except duckdb.IOException as error:
        raise ConfigError(f"{csv} cannot be written: {str(error).splitlines()[0]}.", "Choose another place.") from error
    return written
