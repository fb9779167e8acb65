"""Restricts a run's working files to their owner."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pipelines.core.errors import ConfigError

log = logging.getLogger(__name__)

# The files that this program writes. Any other file in its folder stays as it is.
_OURS = ("work.duckdb", "analytics.", "journal.", "run.lock", "schedule.json", "alerts.", "pages-", "dlt")


@contextlib.contextmanager
def restrictive_umask() -> Iterator[None]:
    """Restricts all files that are written inside to their owner, regardless of the user's umask."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def restrict_folder(folder: Path) -> None:
    """Restricts an existing folder, and our files in it, to their owner, as far as this user may change them.

    Raises ConfigError if a link stands in place of one of our files: another user may have created it, and a run would
    write to its target.
    """
    _chmod(folder)
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        log.warning("other users may write to folder=%s, and this user cannot change that", folder)
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_OURS):
            if path.is_symlink():
                raise ConfigError(
                    f"{path} is a link to {os.readlink(path)}; a working file must not be a link.",
                    "Remove it. To keep working files elsewhere, use --data (or CENTRA_MYOGO_DATA).",
                )
            _chmod(path)


def _chmod(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # another process has renamed or removed it since the folder was listed
        return
    if mode & 0o077:
        with contextlib.suppress(PermissionError):
            path.chmod(stat.S_IMODE(mode) & 0o700)
