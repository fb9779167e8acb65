"""A secret of a channel file. The file holds the secret's location, never its value."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, field_validator, model_validator

from pipelines.core.errors import ConfigError
from pipelines.core.logs import register_secret
from pipelines.core.redaction import MIN_LENGTH


class Secret(BaseModel):
    """`reveal` reads the secret and registers it, so that all later logs and messages mask it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = None
    file: Path | None = None
    _key: str = PrivateAttr(default="")  # of the channel file, such as systems.shop.token, for messages

    @model_validator(mode="before")
    @classmethod
    def _only_a_reference(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError('a secret must not be written here: use { env = "NAME" } or { file = "PATH" }')
        return value

    @field_validator("env")
    @classmethod
    def _check_env(cls, value: str | None) -> str | None:
        """The message does not quote the value: it may be the secret, written here by mistake."""
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("must be the name of an environment variable, not the secret itself")
        return value

    @field_validator("file")
    @classmethod
    def _check_file(cls, value: Path | None) -> Path | None:
        if value is not None and "\0" in str(value):
            raise ValueError("contains a NUL character, which is not allowed in a path")
        return value

    @model_validator(mode="after")
    def _check_one_location(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('give exactly one of { env = "NAME" } or { file = "PATH" }')
        return self

    def reveal(self, *, identifier: bool = False) -> str:
        """The secret's text. Raises ConfigError, which names the location.

        An `identifier` (client id, merchant id) may be shorter than MIN_LENGTH; it is then not masked. Any other secret
        must not be shorter.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value.strip():
                raise ConfigError(
                    f"{self._title} is not set: the environment and the project's .env file have no variable of that "
                    "name, or it is empty.",
                    f"Write the line {self.env}=... into the file .env of the project folder, or set the variable: "
                    f"export {self.env}=...",
                )
        else:
            assert self.file is not None
            try:
                value = self.file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise ConfigError(
                    f"{self._title} cannot be read: {reason}.",
                    "Write the secret into that file and make it readable for the user who runs this.",
                ) from error
            if not value:
                raise ConfigError(f"{self._title} is empty.", "Write the secret into it.")
        if not value.isprintable() or not value.isascii() or value != value.strip():
            raise ConfigError(
                f"{self._title} contains characters that an HTTP header cannot carry, or a blank at either end.",
                "Copy it again, without line breaks and blanks.",
            )
        if len(value) < MIN_LENGTH and not identifier:
            raise ConfigError(
                f"{self._title} has only {len(value)} characters: it is easy to guess and "
                "cannot be masked in messages.",
                "Create a long random one, at least 16 characters.",
            )
        register_secret(value)
        return value

    def __eq__(self, other: object) -> bool:
        """The place alone: two keys may name the same one."""
        return isinstance(other, Secret) and (self.env, self.file) == (other.env, other.file)

    def __hash__(self) -> int:
        return hash((self.env, self.file))

    @property
    def _title(self) -> str:
        name = self.env or f"file {self.file}"
        return f"{self._key}: the secret {name}" if self._key else f"The secret {name}"


def name_secrets(value: object, place: tuple[str, ...]) -> None:
    """Sets the key in the channel file of each secret in the typed `value`, which stands at `place`, for messages."""
    if isinstance(value, Secret):
        value._key = ".".join(place)
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            name_secrets(getattr(value, field), (*place, field))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            name_secrets(inner, (*place, str(number)))


def mask_all(tables: object) -> None:
    """Registers every readable secret that the tables of a channel file point to, so that messages mask it.

    Unreadable secrets are skipped; `reveal` reports them later.
    """
    for value in tables.values() if isinstance(tables, dict) else tables if isinstance(tables, list) else ():
        with contextlib.suppress(ConfigError, ValidationError):
            if isinstance(value, list) or (isinstance(value, dict) and not value.keys() & {"env", "file"}):
                mask_all(value)
            else:
                Secret.model_validate(value).reveal(identifier=True)
