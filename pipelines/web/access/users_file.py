"""The users of `serve.toml` while the pages run: they are read again when one of the files has changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from pipelines.config.project import Project
from pipelines.config.serve import FILE, Serve, load_serve
from pipelines.core.errors import ConfigError
from pipelines.web.access.passwords import Accounts

log = logging.getLogger(__name__)
Version = tuple[int, int, int]  # inode, time of the last change in ns, size
_KEPT = "Until then, the users and passwords from before count."


class UsersFile:
    """`settings` are those with which the pages began; only their users can change without a restart.

    `notice` says what an operator must do about the files: nothing if it is empty.
    """

    def __init__(self, project: Project, settings: Serve, load: Callable[[Project], Serve] = load_serve) -> None:
        self._project, self._at_start, self._load = project, settings, load
        self._users = settings.users
        self._env: dict[str, str] = {}
        self._seen, self._env = self._versions(), self._env_values()
        self.notice = ""

    def changed(self) -> Accounts | None:
        """The new users with their passwords; None if nothing has changed, or if the files cannot be used."""
        seen = self._versions()
        if seen == self._seen:
            return None
        self._seen = seen
        try:
            accounts = self._read()
        except ConfigError as error:
            self._say(f"{error.message.rstrip('.')}. {error.fix} {_KEPT}")
            return None
        self._seen = {file: seen.get(file) or _version(file) for file in self._files()}
        return accounts

    def _read(self) -> Accounts:
        """Raises ConfigError."""
        self._take_env()
        new = self._load(self._project)
        if self._users and not new.users:
            raise ConfigError(
                f"{self._project.folder / FILE} has no users any more: everyone could start runs.",
                "Add them again, or restart serve if nobody is to log in.",
            )
        accounts = Accounts(new.users)
        self._users = new.users
        log.info("users were read again users=%s", ",".join(sorted(new.users)))
        is_other = new.model_copy(update={"users": {}}) != self._at_start.model_copy(update={"users": {}})
        self._say(f"{FILE} has other settings than those with which serve was started: restart it." if is_other else "")
        return accounts

    def _say(self, text: str) -> None:
        if text and text != self.notice:
            log.warning("%s", text)
        self.notice = text

    def _take_env(self) -> None:
        """Takes new values from `.env`, but not for variables that came from the environment of `serve`."""
        values = self._env_values()
        for name, value in values.items():
            if os.environ.get(name) == self._env.get(name):
                os.environ[name] = value
        for variable in {user.password_hash.env for user in self._users.values()} - values.keys():
            if variable in self._env and os.environ.get(variable) == self._env[variable]:
                del os.environ[variable]
        self._env = values

    def _env_values(self) -> dict[str, str]:
        from dotenv import dotenv_values

        try:
            return {name: value for name, value in dotenv_values(self._env_file).items() if value is not None}
        except (OSError, UnicodeDecodeError) as error:
            log.warning("file=%s cannot be read: %s", self._env_file, type(error).__name__)
            return self._env

    @property
    def _env_file(self) -> Path:
        return self._project.folder / ".env"

    def _files(self) -> list[Path]:
        hashes = (user.password_hash.file for user in self._users.values())
        return [self._project.folder / FILE, self._env_file, *filter(None, hashes)]

    def _versions(self) -> dict[Path, Version]:
        return {file: _version(file) for file in self._files()}


def _version(file: Path) -> Version:
    """Zeros for a file that is not there or cannot be read."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size
