"""What it means when the disk or a database file does not do as it should."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb

from pipelines.core.errors import StorageError, walk_causes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SAID = (  # words of DuckDB's, which has no codes: what they mean, and what to do about it
    (("No space left", "File too large", "Disk quota", "disk is full"), "the disk is full", "space"),
    (("Permission denied", "Read-only file system", "not permitted"), "it cannot be written to", "rights"),
    (("Could not set lock",), "another program has it open", "holder"),
    (("version number",), "it was written by another version of DuckDB", "newer"),
    (
        ("Corrupt", "not a valid DuckDB", "Could not read", "Is a directory", "Failure while replaying WAL"),
        "it is damaged",
        "rebuild",
    ),
)
REBUILD = (
    "Nothing is lost that the two systems hold: run the same command with --rebuild. It puts the file aside, "
    "takes the history from it or from the published copy, whichever has more that can be read, and reads both systems "
    "afresh."
)
_FIX = {
    "space": "Make room on that disk and run again; a run repeats nothing that is done.",
    "rights": "Check the owner and the rights of the data folder, or give another with --data.",
    "holder": "Close it there (analysts open analytics.duckdb, which never blocks a run) and run again.",
    "newer": f"Use the version of this program that wrote it, or start anew. {REBUILD}",
    "rebuild": REBUILD,
}


def storage_error_from(error: BaseException, channel: Path) -> StorageError | None:
    """The disk's or the file's fault, where `error` or what lies below it is one; else None.

    `channel` is the channel's folder; what DuckDB complains about is the working file in it.
    """
    work = channel / "work.duckdb"
    for link in walk_causes(error, "__cause__", "__context__", "exception"):
        if isinstance(link, StorageError):
            return link
        if isinstance(link, OSError) and link.errno in _FULL:
            return _told(channel, "the disk is full", "space", link)
        if isinstance(link, OSError) and link.errno in _FORBIDDEN and link.filename:
            return _told(channel, "it cannot be written to", "rights", link)
        if isinstance(link, duckdb.Error):
            for words, meaning, fix in _SAID:
                if any(word in str(link) for word in words):
                    return _told(work, meaning, fix, link)
            if isinstance(link, duckdb.FatalException | duckdb.InternalException | duckdb.SerializationException):
                return _told(work, "it is damaged", "rebuild", link)
    return None


def _told(where: Path, meaning: str, fix: str, error: Exception) -> StorageError:
    return StorageError(f"{where}: {meaning} ({str(error).splitlines()[0][:300]}).", _FIX[fix])
