"""`serve.toml` of a project folder: where the pages are reached, and who may use them."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from pipelines.config.channel import TomlTable
from pipelines.config.listen import HostName
from pipelines.config.project import Project
from pipelines.config.toml_file import read_toml, resolve_secret_files
from pipelines.config.validation_messages import mistyped_values, validation_messages
from pipelines.core.errors import ConfigError
from pipelines.core.secret import Secret, mask_all
from pipelines.core.url import is_this_machine

FILE = "serve.toml"
USER_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
Role = Literal["viewer", "operator"]
_HOST_NAME = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?)(:(?P<port>[0-9]{1,5}))?")


class ServeUser(TomlTable):
    """A viewer reads; an operator also starts runs and changes settings. `centra-myogo password` makes the hash."""

    role: Role
    password_hash: Secret


class Serve(TomlTable):
    """Settings of `serve`. `hosts` are further names, each with an optional port, under which browsers reach the pages.

    Without users, everyone who reaches the pages is an operator: only this machine may reach them then.
    """

    host: HostName = "127.0.0.1"
    port: int = Field(default=8630, ge=0, le=65_535)
    hosts: tuple[str, ...] = ()
    secure_cookie: bool = False
    session_hours: float = Field(default=12.0, gt=0, le=24 * 31, allow_inf_nan=False)
    parallel_runs: int = Field(default=2, ge=1, le=16)
    warm_runs: bool = True
    users: dict[str, ServeUser] = Field(default_factory=dict)

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _HOST_NAME.fullmatch(name.lower()):
                raise ValueError(f"{name!r} must be a name such as pages.example.com, without https:// and without *")
        return tuple(name.lower() for name in value)

    @property
    def is_local_only(self) -> bool:
        """Whether only this machine can reach the pages, as far as these settings say."""
        names = (match["name"].strip("[]") for match in map(_HOST_NAME.fullmatch, self.hosts) if match)
        return all(map(is_this_machine, (self.host, *names)))

    def with_address(self, host: str | None, port: int | None) -> Serve:
        """The settings with another host or port."""
        given = {"host": host, "port": port}
        return self.model_copy(update={name: value for name, value in given.items() if value is not None})

    def refuse_without_users(self) -> None:
        """Raises ConfigError if other machines can reach the pages and nobody has to log in."""
        if not self.users and not self.is_local_only:
            reached = f'hosts = ["{self.hosts[0]}"]' if is_this_machine(self.host) else f'host = "{self.host}"'
            raise ConfigError(
                f"{FILE}: with {reached} other machines can reach the pages, and there are no users: "
                "everyone could start runs.",
                f"Add a user: `centra-myogo password NAME` prints the lines for {FILE} and .env. "
                "Or leave out host and hosts, so that only this machine reaches the pages.",
            )


def load_serve(project: Project) -> Serve:
    """The settings in the project folder's serve.toml; the defaults without that file. Raises ConfigError."""
    path = project.folder / FILE
    if not path.exists():
        return Serve()
    data = resolve_secret_files(project.folder, read_toml(path))
    problems: list[str] = []

    def validated(kind: type[TomlTable], values: Any, place: tuple[str, ...]) -> Any:
        try:
            typed = kind.model_validate(values)
        except ValidationError as error:
            problems.extend(validation_messages(path, error, place, kind.model_fields))
            return None
        problems.extend(mistyped_values(path, values, typed, place))
        return typed

    users = data.get("users")
    if isinstance(users, dict):
        mask_all(users)  # before any message quotes the file
        problems += [
            f"{path}: users.{name}: a user's name has small letters, digits, - and _, and at most 32 of them"
            for name in users
            if not re.fullmatch(USER_NAME, name)
        ]
        typed = {name: validated(ServeUser, table, ("users", name)) for name, table in users.items()}
        data = data | {"users": {name: user for name, user in typed.items() if user is not None}}
    serve = validated(Serve, data, ())
    if problems:
        raise ConfigError("\n".join(problems), f"Correct {FILE}; docs/operations.md has its keys.")
    assert isinstance(serve, Serve)
    serve.refuse_without_users()
    return serve
