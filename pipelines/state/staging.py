"""Runs a dlt source into DuckDB: Arrow tables, Parquet load files, replaced as a whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb

from pipelines.core.errors import CentraMyogoError, InternalError, walk_causes
from pipelines.core.failpoints import hit
from pipelines.state.storage_errors import storage_error_from

log = logging.getLogger(__name__)

Interruptible = Callable[[], AbstractContextManager[None]]


def stage(
    source: Callable[[], Any],
    name: str,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    reading: Interruptible,
) -> None:
    """Loads everything `source()` yields into the DuckDB schema `raw_<name>`; `reading` is entered while it is asked.

    A read that fails half way leaves the tables of the run before untouched.
    Raises what the source raised; dlt's wrapping is taken off.
    """
    clean(folder)
    try:
        with reading():
            extract(source, name, folder)
        load(name, folder, connection)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean(folder: Path) -> None:
    """Makes the folder of dlt's own files anew: a package left pending by a killed run would be loaded instead of
    this one's. To be called before anything is extracted."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    # dlt reads these when it is first imported; without them it writes below /var or the home folder.
    os.environ["DLT_DATA_DIR"] = str(folder.resolve())
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"  # its own handling would swallow one that comes in mid-load
    os.environ["RESTORE_FROM_DESTINATION"] = "false"
    os.environ["DESTINATION__REPLACE_STRATEGY"] = "insert-from-staging"


def extract(source: Callable[[], Any], name: str, folder: Path, number: int = 0) -> None:
    """Reads everything that `source()` yields into Parquet files below `folder`; several may do so at once.

    `number` tells several sources of one system apart.

    Raises what the source raised.
    """
    from dlt.pipeline.exceptions import PipelineStepFailed

    try:
        _pipeline(name, folder, None, number).extract(source(), loader_file_format="parquet")
    except PipelineStepFailed as failed:
        raise _explained(failed, name, folder) from failed


def load(name: str, folder: Path, connection: duckdb.DuckDBPyConnection, number: int = 0) -> None:
    """Puts what was extracted in the place of the tables of `raw_<name>`, each as a whole."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    own = connection.cursor()  # dlt changes the current schema of the connection it is given
    try:
        hit(f"stage: extracted {name}")
        pipeline = _pipeline(name, folder, own, number)
        pipeline.normalize()
        hit(f"stage: normalised {name}")
        pipeline.load(raise_on_failed_jobs=True)
        hit(f"stage: loaded {name}")
        connection.execute(f"drop schema if exists raw_{name}_staging cascade")  # a second copy of every row
        hit(f"stage: tidied {name}")
    except PipelineStepFailed as failed:
        raise _explained(failed, name, folder) from failed
    finally:
        own.close()


def _pipeline(name: str, folder: Path, connection: duckdb.DuckDBPyConnection | None, number: int) -> Any:
    import dlt

    return dlt.pipeline(
        f"{name}_{number}" if number else name,
        destination=dlt.destinations.duckdb(connection),
        dataset_name=f"raw_{name}",
        pipelines_dir=str(folder),
    )


def _explained(failed: Any, name: str, folder: Path) -> CentraMyogoError:
    """The error that our own code raised inside dlt, or what the disk said, or else an internal error."""
    ours = (link for link in walk_causes(failed, "__cause__", "__context__") if isinstance(link, CentraMyogoError))
    return (
        next(ours, None)
        or storage_error_from(failed, folder.parent)
        or InternalError(
            f"Staging {name} failed in dlt's step {failed.step}: {failed.exception}", "Please report this."
        )
    )
