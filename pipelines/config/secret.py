"""A secret of a channel file: where it lies, never what it is."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from pipelines.core.errors import ConfigError
from pipelines.core.logs import register_secret
from pipelines.core.redaction import MIN_LENGTH


class Secret(BaseModel):
    """`reveal` fetches the secret and has it masked in all logs from then on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_a_reference(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError('a secret is never written here: use { env = "NAME" } or { file = "PATH" }')
        return value

    @field_validator("env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        """Whoever writes the secret itself here must not read it again in a message."""
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("must be the name of an environment variable, not the secret itself")
        return value

    @field_validator("file")
    @classmethod
    def _a_path(cls, value: Path | None) -> Path | None:
        if value is not None and "\0" in str(value):
            raise ValueError("holds a NUL character, which no path can")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('give exactly one of { env = "NAME" } or { file = "PATH" }')
        return self

    def reveal(self, *, name: bool = False) -> str:
        """The secret's text. Raises ConfigError that says where we looked.

        A `name` (client id, merchant id) may be short, and is then not masked; a key may not.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value.strip():
                raise ConfigError(
                    f"The secret {self.env} is not set: the environment has no variable of that name, "
                    f"or it is empty (a .env file in {Path.cwd()} is read too, where there is one).",
                    f"Set it, for example: export {self.env}=...",
                )
        else:
            assert self.file is not None
            try:
                value = self.file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"The secret file {self.file} cannot be read: {error}.",
                    "Write the secret into that file, readable by the user who runs this.",
                ) from error
            if not value:
                raise ConfigError(f"The secret file {self.file} is empty.", "Write the secret into it.")
        if not value.isprintable() or not value.isascii() or value != value.strip():
            raise ConfigError(
                f"The secret {self.env or self.file} holds characters that an HTTP header cannot carry, "
                "or a blank at either end.",
                "Copy it again, without line breaks and blanks.",
            )
        if len(value) < MIN_LENGTH and not name:
            raise ConfigError(
                f"The secret {self.env or self.file} has only {len(value)} characters: anybody can guess it, and it "
                "cannot be masked in messages.",
                "Have a long random one made, at least 16 characters.",
            )
        register_secret(value)
        return value


def mask_all(tables: object) -> None:
    """Has every secret that the tables of a channel file point at masked from now on, where it can be had.

    `reveal` says what is wrong where it cannot.
    """
    for value in tables.values() if isinstance(tables, dict) else ():
        with contextlib.suppress(ConfigError, ValidationError):
            if isinstance(value, dict) and not value.keys() & {"env", "file"}:
                mask_all(value)
            else:
                Secret.model_validate(value).reveal(name=True)
