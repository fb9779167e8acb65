"""Loads a dlt source into DuckDB through Arrow tables and Parquet files. Each table is replaced completely or not."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
    """Loads everything that `source()` yields into the DuckDB schema `raw_<name>`; the read happens inside `reading`.

    A failed read leaves the tables of the previous run unchanged. Raises the source's error, without dlt's wrapping.
    """
    clean(folder)
    try:
        with reading():
            extracted = extract(source, name, folder)
        load(extracted, name, folder, connection)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean(folder: Path) -> None:
    """Empties the folder of dlt's own files, because dlt would load the pending package of a killed run instead of this
    run's. Must be called before `extract`."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    # dlt reads these on its first import; without them it writes below /var or the home folder.
    os.environ["DLT_DATA_DIR"] = str(folder.resolve())
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"  # otherwise dlt ignores a signal during a load
    os.environ["RESTORE_FROM_DESTINATION"] = "false"
    os.environ["DESTINATION__REPLACE_STRATEGY"] = "insert-from-staging"


@dataclass(frozen=True)
class Extracted:
    """A dlt pipeline, and the number of rows that it has extracted."""

    pipeline: Any
    rows: int


def extract(source: Callable[[], Any], name: str, folder: Path, number: int = 0) -> Extracted:
    """Reads everything that `source()` yields into Parquet files below `folder`. Several threads may do so at once.

    `number` distinguishes the sources of one system. Raises the source's own error.
    """
    from dlt.pipeline.exceptions import PipelineStepFailed

    try:
        pipeline = _pipeline(name, folder, number)
        info = pipeline.extract(source(), loader_file_format="parquet")
        return Extracted(pipeline, _row_count(info))
    except PipelineStepFailed as failed:
        raise _explained(failed, name, folder) from failed


def _row_count(info: Any) -> int:
    """The number of rows in dlt's ExtractInfo, without those that dlt adds."""
    steps = [step for steps in info.metrics.values() for step in steps]
    counts = [(table, one.items_count) for step in steps for table, one in step["table_metrics"].items()]
    return sum(count for table, count in counts if not table.startswith("_dlt"))


def load(extracted: Extracted, name: str, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Replaces the tables of `raw_<name>`, each completely, with what was extracted."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    cursor = connection.cursor()  # dlt changes the current schema of its connection
    try:
        hit(f"stage: extracted {name}")
        pipeline = extracted.pipeline
        pipeline.activate()
        pipeline.normalize()
        hit(f"stage: normalised {name}")
        pipeline.load(credentials=cursor, raise_on_failed_jobs=True)
        hit(f"stage: loaded {name}")
        connection.execute(f"drop schema if exists raw_{name}_staging cascade")  # a second copy of every row
        hit(f"stage: cleaned {name}")
    except PipelineStepFailed as failed:
        raise _explained(failed, name, folder) from failed
    finally:
        cursor.close()


def _pipeline(name: str, folder: Path, number: int) -> Any:
    import dlt

    return dlt.pipeline(
        f"{name}_{number}" if number else name,
        destination=_with_cached_capabilities(dlt.destinations.duckdb()),
        dataset_name=f"raw_{name}",
        pipelines_dir=str(folder),
    )


_capabilities: dict[str | None, Any] = {}  # dlt's DestinationCapabilitiesContext by naming convention


def _with_cached_capabilities(destination: Any) -> Any:
    """The destination; dlt resolves its capabilities from environment and files once per process, not 100 times a run.

    The capabilities of DuckDB depend neither on the connection nor on the dataset.
    """
    resolve = destination.capabilities

    def capabilities(config: Any = None, naming: Any = None) -> Any:
        key = naming and naming.name()
        if key not in _capabilities:
            _capabilities[key] = resolve(config, naming)
        return _capabilities[key].copy()  # dlt changes what it gets

    destination.capabilities = capabilities
    return destination


def _explained(failed: Any, name: str, folder: Path) -> CentraMyogoError:
    """The error that our own code raised inside dlt, or the storage error, or else an internal error."""
    ours = (link for link in walk_causes(failed, "__cause__", "__context__") if isinstance(link, CentraMyogoError))
    return (
        next(ours, None)
        or storage_error_from(failed, folder.parent)
        or InternalError(
            f"Staging {name} failed in dlt's step {failed.step}: {failed.exception}", "Please report this."
        )
    )
