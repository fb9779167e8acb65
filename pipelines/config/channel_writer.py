"""Writes a short channel file, and its secrets into the project's `.env`."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pipelines.config.atomic_file import write_atomically
from pipelines.config.project import unwritable
from pipelines.core.errors import ConfigError


def variable_of(channel: str, system: str, key: str) -> str:
    """The environment variable of a secret: each channel has its own."""
    return re.sub(r"[^A-Z0-9]", "_", f"{channel}_{system}_{key}".upper())


def channel_text(name: str, systems: Mapping[str, Mapping[str, str]], params: Mapping[str, str]) -> str:
    """The TOML of a channel with the products flow. `systems` has texts, or `{ env = ... }` for a secret, by key."""
    lines = [f"name = {_text(name)}"]
    for system, values in systems.items():
        width = max(map(len, values))
        lines += ["", f"[systems.{system}]"]
        lines += [
            f"{key.ljust(width)} = {value if value.startswith('{') else _text(value)}" for key, value in values.items()
        ]
    lines += ["", "[flows.products.params]", *(f"{key} = {_text(value)}" for key, value in params.items())]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a basic string of TOML


def require_writable(*files: Path) -> None:
    """Raises ConfigError if a file, or the folder that it needs, cannot be written."""
    for file in files:
        try:
            folder = next(folder for folder in file.absolute().parents if folder.exists())
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder has its name")
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "permission denied")
        except OSError as error:
            raise unwritable(file, error) from error


def write_channel(file: Path, text: str) -> None:
    """Raises ConfigError if the file exists or cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{file} exists already.", "Edit it, or choose another name for the channel.") from error
    except OSError as error:
        raise unwritable(file, error) from error


def add_secrets(file: Path, secrets: Mapping[str, str]) -> None:
    """Adds variables to a `.env` that only its owner may read. Variables that it has get the new value.

    Raises ConfigError if it cannot be written, or a value cannot be stored in it.
    """
    for name, value in secrets.items():
        if not value.isprintable() or "'" in value or "${" in value:
            raise ConfigError(
                f"The value for {name} has a quotation mark, an invisible character or ${{.",
                "Copy it again, without what stands around it.",
            )
    try:
        before = file.read_text("utf-8").splitlines() if file.exists() else []
        kept = [line for line in before if line.partition("=")[0].strip().removeprefix("export ") not in secrets]
        added = [f"{name}={_quoted(value)}" for name, value in secrets.items()]
        write_atomically(file, "\n".join([*kept, *added]) + "\n", 0o600)
    except OSError as error:
        raise unwritable(file, error) from error


def _quoted(value: str) -> str:
    """As it stands in `.env`: in quotes, with each backslash twice where one alone would not be read."""
    needs_two = "\\\\" in value or value.endswith("\\")
    text = value.replace("\\", "\\\\") if needs_two else value
    return f"'{text}'" if text else ""
