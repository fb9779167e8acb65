"""Disk and DuckDB errors become a StorageError with a fix."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from pipelines.core.errors import ConfigError, StorageError
from pipelines.state.storage_errors import storage_error_from

CHANNEL = Path("data/demo")


@pytest.mark.parametrize(
    ("error", "message", "fix"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "data/demo: the disk is full", "Make room"),
        (OSError(errno.EFBIG, "File too large"), "data/demo: the disk is full", "Make room"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "data/demo: it cannot be written to", "rights"),
        (duckdb.IOException("IO Error: No space left on device"), "work.duckdb: the disk is full", "Make room"),
        (duckdb.IOException("IO Error: Could not set lock on file"), "another program has it open", "analytics.duckdb"),
        (duckdb.Error("Corrupt database file: checksum"), "work.duckdb: it is damaged", "--rebuild"),
        (duckdb.FatalException("FATAL: it has been invalidated"), "work.duckdb: it is damaged", "--rebuild"),
        (duckdb.IOException("with version number 99, but"), "another version of DuckDB", "--rebuild"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_disk_or_duckdb_error_has_a_message_and_a_fix(error: Exception, message: str, fix: str) -> None:
    storage_error = storage_error_from(error, CHANNEL)
    assert storage_error is not None
    assert message in storage_error.message
    assert fix in storage_error.fix
    assert (storage_error.exit_code, storage_error.outcome) == (2, "storage")


def test_a_disk_error_is_found_in_the_causes_of_another_error() -> None:
    """dlt and pandas wrap disk errors."""
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as cause:
            raise RuntimeError("a job failed") from cause
    except RuntimeError as wrapped:
        storage_error = storage_error_from(wrapped, CHANNEL)
    assert storage_error is not None
    assert "the disk is full" in storage_error.message


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("internal"),
        duckdb.BinderException("no such column"),
        ConfigError("a typing error"),
        OSError(2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_storage_errors(error: Exception) -> None:
    assert storage_error_from(error, CHANNEL) is None


def test_a_storage_error_is_returned_as_it_is() -> None:
    storage_error = StorageError("the journal is full", "make room")
    assert storage_error_from(storage_error, CHANNEL) is storage_error
