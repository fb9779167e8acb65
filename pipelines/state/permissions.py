"""Who may read and write a run's working files: their owner, and nobody else."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pipelines.core.errors import ConfigError

log = logging.getLogger(__name__)

# What a run writes; anything else in its folder was put there by people, and is theirs.
_OURS = ("work.duckdb", "analytics.", "journal.", "run.lock", "dlt")


@contextlib.contextmanager
def restrictive_umask() -> Iterator[None]:
    """Whatever is written inside is its owner's alone, whatever the user's umask says."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def restrict_folder(folder: Path) -> None:
    """Makes a folder that was there before, and our files in it, their owner's alone, as far as they are ours.

    Raises ConfigError where a link stands in the place of one of our files: somebody may have laid it while the
    folder was open to all, and we would write wherever it leads.
    """
    _chmod(folder)
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        log.warning("other users may write to %s, and it is not ours to close", folder)
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_OURS):
            if path.is_symlink():
                raise ConfigError(
                    f"{path} is a link to {os.readlink(path)}; working files are no links.",
                    "Take it away. To keep working files elsewhere, give --data (or CENTRA_MYOGO_DATA).",
                )
            _chmod(path)


def _chmod(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & 0o077:
        with contextlib.suppress(PermissionError):
            path.chmod(stat.S_IMODE(mode) & 0o700)
