"""Translates errors of the disk and of DuckDB into StorageError with a fix."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb

from pipelines.core.errors import StorageError, walk_causes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_DUCKDB_MESSAGES = (  # parts of DuckDB's messages, because it has no error codes; their meaning; the key of the fix
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
    "The data in the two systems is safe. Run the same command with --rebuild: it puts the file aside, keeps the "
    "history that can be read in it or in the published copy, and reads everything else from the two systems again."
)
_FIX = {
    "space": "Make room on that disk and run again; a run repeats nothing that is already done.",
    "rights": "Check the owner and the rights of the data folder, or give another with --data.",
    "holder": "Close it there and run again. To look at the tables, open analytics.duckdb, which never blocks a run.",
    "newer": f"Use the version of this program that wrote it, or start with a new file. {REBUILD}",
    "rebuild": REBUILD,
}


def storage_error_from(error: BaseException, channel: Path) -> StorageError | None:
    """The StorageError for `error` or one of its causes; None if neither the disk nor a file caused it.

    `channel` is the channel's folder; errors of DuckDB are about the working file in it.
    """
    work = channel / "work.duckdb"
    for link in walk_causes(error, "__cause__", "__context__", "exception"):
        if isinstance(link, StorageError):
            return link
        if isinstance(link, OSError) and link.errno in _FULL:
            return _storage_error(channel, "the disk is full", "space", link)
        if isinstance(link, OSError) and link.errno in _FORBIDDEN and link.filename:
            return _storage_error(channel, "it cannot be written to", "rights", link)
        if isinstance(link, duckdb.Error):
            for words, meaning, fix in _DUCKDB_MESSAGES:
                if any(word in str(link) for word in words):
                    return _storage_error(work, meaning, fix, link)
            if isinstance(link, duckdb.FatalException | duckdb.InternalException | duckdb.SerializationException):
                return _storage_error(work, "it is damaged", "rebuild", link)
    return None


def _storage_error(where: Path, meaning: str, fix: str, error: Exception) -> StorageError:
    return StorageError(f"{where}: {meaning} ({str(error).splitlines()[0][:300]}).", _FIX[fix])
