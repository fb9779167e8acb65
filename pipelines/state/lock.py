"""Allows one run per channel. The operating system holds the lock, so it is free at once when the holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.core.errors import ChannelBusy, ConfigError, StorageError
from pipelines.core.failpoints import hit
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder


@contextlib.contextmanager
def channel_lock(folder: Folder, channel: str, verb: str, file: Path) -> Iterator[None]:
    """Holds the channel's lock, and that of the channel `file`: two data folders must not run one channel at the same
    time. Raises ChannelBusy, which names the holder and since when, or ConfigError."""
    with _folder_lock(folder, channel, verb), _file_lock(file, channel):
        yield


@contextlib.contextmanager
def _file_lock(file: Path, channel: str) -> Iterator[None]:
    """Locks the channel file itself, which every user who can read it can lock. Another user's data folder does not
    matter then."""
    try:
        opened = file.open("rb")
    except OSError:  # it was removed after it was read; the lock of the data folder is left
        yield
        return
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChannelBusy(
                f"Another run of channel {channel!r} uses {file}, possibly with another data folder.",
                "Nothing was done. Wait until that run ends, then run again.",
            ) from error
        except OSError:  # a file system without locks
            pass
        yield


@contextlib.contextmanager
def _folder_lock(folder: Folder, channel: str, verb: str) -> Iterator[None]:
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


def running_verb(folder: Folder) -> str | None:
    """The verb of the run that holds the lock now, on this machine; None if there is none."""
    try:
        who = json.loads(folder.holder.read_text("utf-8"))
        verb, pid, host = str(who["verb"]), int(who["pid"]), who["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        return None
    try:
        os.kill(pid, 0)
    except PermissionError:  # it runs as another user
        return verb
    except (OSError, OverflowError):
        return None
    return verb


def _holder(folder: Folder) -> str:
    try:
        who = json.loads(folder.holder.read_text("utf-8"))
        return f"{who['verb']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "its holder is not recorded yet"
