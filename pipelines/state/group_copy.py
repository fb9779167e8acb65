"""The published copy that a group may read: `publish` of a channel file."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import duckdb

from pipelines.core.errors import ConfigError
from pipelines.core.failpoints import hit
from pipelines.state.shared_copy import write_shared_copy
from pipelines.state.store import Folder

_READABLE = 0o640  # by the owner and the group


class Place(Protocol):
    """The file to publish, and the group that may read it."""

    @property
    def path(self) -> Path: ...

    @property
    def group(self) -> str: ...


def check(to: Place | None, folder: Folder) -> None:
    """Checks that a run could publish, before it reads anything. Raises ConfigError, which says what to do."""
    if to is not None:
        _GroupCopy(to.path, to.group).check(folder)


def write(to: Place | None, folder: Folder, personal: Mapping[str, Collection[str]]) -> None:
    """Replaces the copy in one step, without the columns `personal` (by table). Raises ConfigError."""
    if to is not None:
        _GroupCopy(to.path, to.group).write(folder, personal)


class _GroupCopy:
    def __init__(self, path: Path, group: str) -> None:
        self.path, self.group = path, group

    def check(self, folder: Folder) -> None:
        place, group_id = self.path.parent, self._group_id()
        if self.path.is_dir():
            raise ConfigError(
                f"publish.path is the folder {self.path}.",
                f"Name a file in it, for example {self.path / 'shop.duckdb'}.",
            )
        if not place.is_dir():
            raise ConfigError(
                f"publish.path is {self.path}, but there is no folder {place}.",
                f"Create it: mkdir -p {place} && chgrp {self.group} {place} && chmod 750 {place}",
            )
        if place.resolve().is_relative_to(folder.root.resolve()):
            raise ConfigError(
                f"publish.path is {self.path}, in the data folder of the channel, which is closed to other users.",
                "Name a file in another folder.",
            )
        if not os.access(place, os.W_OK | os.X_OK):
            raise ConfigError(
                f"publish.path is {self.path}, but this user may not write to {place}.",
                "Let this user own the folder, or name another one.",
            )
        if not _may_enter(place, group_id):
            raise ConfigError(
                f"publish.path is {self.path}, but the group {self.group} may not enter {place}.",
                f"Run: chgrp {self.group} {place} && chmod 750 {place}",
            )

    def write(self, folder: Folder, personal: Mapping[str, Collection[str]]) -> None:
        private = folder.root / "analytics.shared"
        try:
            write_shared_copy(folder.published, private, personal)
            hit("publish: shared copy made")
            self._put_in_place(private)
        except (OSError, duckdb.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise ConfigError(
                f"The copy for the group {self.group} could not be written to {self.path}: {reason}. "
                "Everything else of this run is recorded.",
                "Make room, or correct publish in the channel file; the next run writes the copy.",
            ) from error
        finally:
            private.unlink(missing_ok=True)

    def _put_in_place(self, private: Path) -> None:
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.unlink(missing_ok=True)  # of a killed run
        # Not through a link that somebody has laid, and closed until it is complete.
        target = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(target, "wb") as to, private.open("rb") as source:
                while chunk := source.read(1 << 20):
                    to.write(chunk)
                to.flush()
                os.fchown(to.fileno(), -1, self._group_id())
                os.fchmod(to.fileno(), _READABLE)
                os.fsync(to.fileno())
            os.replace(fresh, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise

    def _group_id(self) -> int:
        try:
            group_id = grp.getgrnam(self.group).gr_gid
        except KeyError:
            raise ConfigError(
                f"publish.group is {self.group!r}, but this machine has no such group.",
                f"Create it (groupadd {self.group}), or name another one.",
            ) from None
        if os.geteuid() != 0 and group_id not in (os.getegid(), *os.getgroups()):
            raise ConfigError(
                f"publish.group is {self.group!r}, but this user is not a member of that group.",
                f"Add the user (usermod -aG {self.group} USER) and log in again, or name another group.",
            )
        return group_id


def _may_enter(place: Path, group_id: int) -> bool:
    status = place.stat()
    by_group = status.st_gid == group_id and status.st_mode & stat.S_IXGRP
    return bool(by_group or (status.st_gid != group_id and status.st_mode & stat.S_IXOTH))
