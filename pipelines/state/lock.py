"""Allows one run per channel. The operating system holds the lock, so it is free at once when the holder dies."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from pipelines.core.errors import ChannelBusy, ConfigError, StorageError
from pipelines.core.failpoints import hit
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder


@contextlib.contextmanager
def channel_lock(folder: Folder, channel: str, verb: str) -> Iterator[None]:
    """Holds the channel's lock. Raises ChannelBusy, which names the holder and since when, or ConfigError."""
    # Without the fallback to a lock file of the library, which would outlive a dead holder.
    lock = FileLock(folder.lock, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise ChannelBusy(
            f"Another run of channel {channel!r} holds the lock: {_holder(folder)}.",
            "Nothing was done. Wait until that run ends, then run again.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The lock file {folder.lock} cannot be locked: {error}.",
            "Check the owner and the rights of the data folder, and that it is on a local disk.",
        ) from error
    try:
        hit("lock: taken")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        who = {"pid": os.getpid(), "host": socket.gethostname(), "verb": verb, "since": now}
        try:
            folder.holder.unlink(missing_ok=True)  # the note of a killed holder, which would look like ours
            folder.holder.write_text(json.dumps(who), "utf-8")
        except OSError as error:
            raise storage_error_from(error, folder.root) or StorageError(
                f"{folder.holder} cannot be written: {error}.", "Check the data folder's owner, rights and disk."
            ) from error
        hit("lock: holder written")
        yield
        hit("lock: before the release")
    finally:
        with contextlib.suppress(OSError):  # an error of the disk must not hide how the run ended
            folder.holder.unlink(missing_ok=True)
        lock.release()


def _holder(folder: Folder) -> str:
    try:
        who = json.loads(folder.holder.read_text("utf-8"))
        return f"{who['verb']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "its holder is not recorded yet"
