"""Why the published copy of a channel cannot be opened, and what to do next."""

from __future__ import annotations

import duckdb

from pipelines.core.errors import ConfigError
from pipelines.state.lock import running_verb
from pipelines.state.store import Folder

BROKEN_OFF = "A run was broken off before its end; run again."


def no_copy_error(folder: Folder) -> ConfigError:
    """The error if there is no copy: no run has ended yet."""
    if (verb := running_verb(folder)) is not None:
        return ConfigError(
            f"The first run of this channel, a {verb}, has not ended yet: there is no {folder.published}.",
            "Wait until it ends.",
        )
    if folder.work.is_file() or folder.journal.is_file():
        return ConfigError(
            f"There is no {folder.published} yet: a run was broken off before its end.",
            "Run plan or push again; it also records what the broken run has done.",
        )
    return ConfigError(f"There is no {folder.published} yet.", "Run plan or push for this channel first.")


def unreadable_copy_error(folder: Folder, error: duckdb.Error) -> ConfigError:
    """The error of a copy that cannot be opened."""
    text = str(error).splitlines()[0]
    if "Permission denied" in text:
        return ConfigError(
            f"{folder.published} cannot be read: permission denied.",
            "Check the owner and the rights of that file and of its folder, or run this as the user who runs the push.",
        )
    return ConfigError(
        f"{folder.published} cannot be opened: {text}", "Run plan for this channel: it writes a new one."
    )
