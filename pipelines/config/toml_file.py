"""Reads a TOML file of the project, and finds the secret files that it names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pipelines.config.project import unreadable
from pipelines.core.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the file. Raises ConfigError."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 text (line {line}).", "Save the file as UTF-8.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    return parse_toml(path, text)


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The tables of a text that stands in the file, or is to stand there. Raises ConfigError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply.", "Correct the file.") from error


def resolve_secret_files(folder: Path, value: Any) -> Any:
    """`value` with each relative `{ file = "PATH" }` resolved against `folder`."""
    if isinstance(value, dict):
        if set(value) == {"file"} and isinstance(value["file"], str) and "\0" not in value["file"]:
            return {"file": str((folder / value["file"]).resolve())}
        return {key: resolve_secret_files(folder, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve_secret_files(folder, inner) for inner in value]
    return value
