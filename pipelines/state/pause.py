"""The pause of a channel's schedule: a file in its data folder. While the file is there, also if it is damaged, the
schedule is paused."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.core.errors import StorageError
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder

_MAX_BYTES = 10_000
_MAX_NAME = 200  # characters


@dataclass(frozen=True)
class Pause:
    """Who paused the schedule, and since when (UTC, without an offset). If the file is damaged, neither is known, and
    `message` says so."""

    by: str
    since: datetime | None
    message: str = ""


def pause_file(folder: Folder) -> Path:
    """Where the pause of the channel is kept."""
    return folder.root / "schedule.json"


def read_pause(folder: Folder) -> Pause | None:
    """None if the schedule is not paused."""
    file = pause_file(folder)
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            content = json.loads(opened.read(_MAX_BYTES))
        by, since = content["paused_by"], datetime.fromisoformat(content["since"])
        if not isinstance(by, str) or since.tzinfo is None:
            raise TypeError("not as it was written")
        return Pause(by, since.astimezone(UTC).replace(tzinfo=None))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return Pause("", None, f"The schedule is paused, because {file} is damaged. Remove that file to resume it.")


def write_pause(folder: Folder, by: str, since: datetime) -> None:
    """Replaces the file in one step; `since` is UTC without an offset. Raises ConfigError or StorageError."""
    file = pause_file(folder)
    content = {"paused_by": by[:_MAX_NAME], "since": since.replace(tzinfo=UTC).isoformat(timespec="seconds")}
    folder.make()
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)  # of a killed process
        target = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(target, "w", encoding="utf-8") as opened:
            json.dump(content, opened)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(fresh, file)
    except OSError as error:
        raise _error(folder, error) from error


def remove_pause(folder: Folder) -> None:
    """Raises StorageError."""
    try:
        pause_file(folder).unlink(missing_ok=True)
    except OSError as error:
        raise _error(folder, error) from error


def _error(folder: Folder, error: OSError) -> StorageError:
    return storage_error_from(error, folder.root) or StorageError(
        f"{pause_file(folder)} cannot be changed: {error.strerror}.",
        "Check the owner and the rights of the data folder, and that nothing else stands in place of the file.",
    )
