"""Stores the secrets that somebody enters on a page: in the project's `.env`, or in the file that a channel names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config.atomic_file import write_atomically
from pipelines.config.channel_writer import add_secrets
from pipelines.config.project import Project
from pipelines.config.toml_file import resolve_secret_files
from pipelines.core.errors import ConfigError
from pipelines.core.logs import register_secret
from pipelines.core.redaction import MIN_LENGTH
from pipelines.core.secret import Secret

OWNER_ONLY = 0o600


class SecretStore:
    """The secrets of the channel files in the folder `channels`. No value is ever returned."""

    def __init__(self, project: Project) -> None:
        self._env_file, self._channels = project.folder / ".env", project.channels

    def reference(self, value: Any) -> Secret | None:
        """The location that a channel file names; None if `value` is none."""
        try:
            return Secret.model_validate(resolve_secret_files(self._channels, value))
        except ValidationError:
            return None

    def is_set(self, secret: Secret | None) -> bool:
        if secret is None:
            return False
        try:
            secret.reveal(identifier=True)
        except ConfigError:
            return False
        return True

    def problem(self, secret: Secret, value: str, identifier: bool) -> str:
        """Why this value cannot be stored there; "" if it can. An `identifier` may be short."""
        if not value.isprintable() or not value.isascii() or " " in value:
            return "contains a blank, a letter or a sign that no key has. Copy it again, without what stands around it."
        if len(value) < MIN_LENGTH and not identifier:
            return f"is too short: a secret has at least {MIN_LENGTH} characters."
        if secret.env is None:
            return ""
        if "'" in value or "${" in value:
            return "contains a quotation mark or ${, which .env cannot hold. Create another secret."
        if (used := os.environ.get(secret.env)) and used != self._in_env_file(secret.env):
            return (
                f"comes from the environment in which serve was started ({secret.env}), which wins over .env. "
                "Change it there, and start serve again."
            )
        return ""

    def store(self, values: Sequence[tuple[Secret, str]]) -> None:
        """Writes the secrets so that only the owner of the files can read them. Runs that start later use them.

        Raises ConfigError if a file cannot be written.
        """
        for _, value in values:
            register_secret(value)
        variables = {secret.env: value for secret, value in values if secret.env is not None}
        for secret, value in values:
            if secret.file is not None:
                _write(secret.file.resolve(), value)
        if variables:
            add_secrets(self._env_file, variables)
            os.environ.update(variables)

    def _in_env_file(self, variable: str) -> str | None:
        from dotenv import dotenv_values

        return dotenv_values(self._env_file).get(variable)


def _write(file: Path, value: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(file, f"{value}\n", OWNER_ONLY)
    except OSError as error:
        raise ConfigError(
            f"The secret file {file} cannot be written: {error.strerror}.", "Write the secret into it by other means."
        ) from error
