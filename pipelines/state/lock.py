"""One run per channel. The lock is the operating system's, so a dead holder's is free at once."""

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
    """Holds the channel's lock. Raises ChannelBusy that says who holds it and since when, or a ConfigError."""
    # A lock of the program's own, which some disks would get instead, outlives its dead holder.
    lock = FileLock(folder.lock, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise ChannelBusy(
            f"Another run of channel {channel!r} holds the lock: {_holder(folder)}.",
            "Wait until it ends; nothing was done.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The lock file {folder.lock} cannot be taken: {error}.",
            "Check the owner and the rights of the data folder, and that it lies on a disk of this machine.",
        ) from error
    try:
        hit("lock: taken")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        who = {"pid": os.getpid(), "host": socket.gethostname(), "verb": verb, "since": now}
        try:
            folder.holder.unlink(missing_ok=True)  # a killed holder's, which would be told as ours
            folder.holder.write_text(json.dumps(who), "utf-8")
        except OSError as error:
            raise storage_error_from(error, folder.root) or StorageError(
                f"{folder.holder} cannot be written: {error}.", "Check the data folder's owner, rights and disk."
            ) from error
        hit("lock: told")
        yield
        hit("lock: before the release")
    finally:
        with contextlib.suppress(OSError):  # a disk that fails now must not hide how the run ended
            folder.holder.unlink(missing_ok=True)
        lock.release()


def _holder(folder: Folder) -> str:
    try:
        who = json.loads(folder.holder.read_text("utf-8"))
        return f"{who['verb']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "its holder is not recorded yet"
