"""What a failing disk or file is told as."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from pipelines.core.errors import ConfigError, StorageError
from pipelines.state.storage_errors import storage_error_from

CHANNEL = Path("data/demo")


@pytest.mark.parametrize(
    ("error", "said", "fix"),
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
def test_what_it_means_and_what_to_do(error: Exception, said: str, fix: str) -> None:
    told = storage_error_from(error, CHANNEL)
    assert told is not None
    assert said in told.message
    assert fix in told.fix
    assert (told.exit_code, told.outcome) == (2, "storage")


def test_it_is_found_below_other_errors() -> None:
    """dlt and pandas wrap what the disk said."""
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as below:
            raise RuntimeError("a job failed") from below
    except RuntimeError as wrapped:
        told = storage_error_from(wrapped, CHANNEL)
    assert told is not None
    assert "the disk is full" in told.message


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("of ours"), duckdb.BinderException("no such column"), ConfigError("a typing error"), OSError(2)],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_disks_fault_is_not_told_as_its(error: Exception) -> None:
    assert storage_error_from(error, CHANNEL) is None


def test_what_is_told_already_stays_as_it_is() -> None:
    told = StorageError("the journal is full", "make room")
    assert storage_error_from(told, CHANNEL) is told
