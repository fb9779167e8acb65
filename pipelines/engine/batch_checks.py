"""Validates the tables of a run with Great Expectations; the stored results contain no rows of a catalogue."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import logging
import math
import os
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from pipelines.engine.check_results import errored, result_of
from pipelines.state.run_tables import RUN_TABLES
from pipelines.state.store import Store
from schemas.expectation import Baseline, Expectation, Measured, Suite

log = logging.getLogger(__name__)

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # Great Expectations reads it when a thread first imports it

RUNS_TO_COMPARE = 10

# The usual number of rows. Runs that a limit or an expectation refused do not count, and neither do runs from before
# the last successful push with --force. For tables whose size depends on --sku, only runs with the same --sku count.
_USUAL = """
    with compared as (
        select e.expectation, e.observed,
            row_number() over (partition by e.expectation order by r.started_at desc) as newest
        from sync.expectations e join sync.runs r using (run_id)
        where e.flow = $flow and r.exit_code in (0, 3) and e.field = '' and e.observed is not null
            and (not list_contains($per_selection::varchar[], e.table_name) or r.selection = $selection::varchar[])
            and r.started_at >= coalesce((select max(started_at) from sync.runs
                where run_id in (select run_id from sync.flows where flow = $flow)
                    and forced and exit_code in (0, 3) and selection = $selection::varchar[]),
                '-infinity'::timestamp))
    select expectation, median(observed) from compared where newest <= $max_runs group by all"""
# The results of the newest run that validated the same rows with the same suite.
_KEPT = """
    select expectation, evaluated_in, status, observed, unexpected, total, message, cast(gx_result as varchar)
    from sync.expectations where flow = $flow and digest = $digest
    qualify run_id = max(run_id) over ()"""

_COLUMNS = [column.name for table in RUN_TABLES if table.name == "sync.expectations" for column in table.columns]
_NUMBERS = {"observed": "Float64", "unexpected": "Int64", "total": "Int64"}


@dataclass(frozen=True)
class Batch:
    """The input of a flow's batch checks. `at` is the current time (UTC), `selection` holds the patterns of --sku, and
    `frames` holds a data frame by table name for each suite without a query."""

    run_id: str
    flow: str
    at: datetime
    selection: tuple[str, ...]
    frames: Mapping[str, pd.DataFrame]


def validate_batches(store: Store, suites: Sequence[Suite], batch: Batch, stop: Collection[str]) -> pd.DataFrame:
    """Validates the suites. Returns one row of `sync.expectations` per expectation, in the order of the suites.

    `stop` holds the ids of the expectations that stop a push. An expectation that raises gets the status `errored`. A
    suite keeps the results of an earlier run that validated the same rows; only what is `Measured` is computed anew.
    """
    baseline = _baseline(store, suites, batch)
    rows = []
    with great_expectations():
        for suite in suites:
            digest = None
            try:
                frame = _frame(store, batch, suite)
                digest = _digest(suite, frame)
                kept = _kept_results(store, batch, suite, frame, digest, baseline) if digest else {}
                results = kept or suite_results(frame, suite.expectations, baseline)
            except Exception as error:
                log.debug("suite failed table=%s", suite.table, exc_info=True)
                results = {one.id: errored(error) for one in suite.expectations}
            if any(one["status"] == "errored" for one in results.values()):
                digest = None  # the next run tries again
            rows += [
                {
                    "run_id": batch.run_id,
                    "flow": batch.flow,
                    "expectation": one.id,
                    "table_name": suite.table,
                    "field": one.column,
                    "meaning": one.meaning,
                    "fix": one.fix,
                    "stops": one.id in stop,
                    "digest": digest,
                    "evaluated_in": batch.run_id,
                }
                | results[one.id]
                for one in suite.expectations
            ]
    return pd.DataFrame(rows).astype(_NUMBERS)


def results_again(store: Store, suites: Sequence[Suite], batch: Batch, of_run: str) -> pd.DataFrame | None:
    """The results of the run `of_run`, which validated the same rows with the same suites, as those of this batch; only
    what is `Measured` is computed anew. None if they cannot be kept, because an expectation raised."""
    rows = store.frame("sync.expectations", _COLUMNS, f"where run_id = '{of_run}' and flow = '{batch.flow}'")
    records: Any = rows.astype(object).where(rows.notna(), None).to_dict("records")
    by_id = {row["expectation"]: row for row in records}
    expected = {one.id: (suite, one) for suite in suites for one in suite.expectations}
    if by_id.keys() != expected.keys():
        return None
    baseline = _baseline(store, suites, batch)
    for name, (suite, one) in expected.items():
        row = by_id[name]
        if isinstance(one.build, Measured):
            if row["gx_result"] is None or not suite.query:
                return None
            query = f"select count(*), {one.build.observed_sql(one)} from ({suite.query})"
            ((count, observed),) = store.connection.execute(query, _now(batch, suite)).fetchall()
            row.update(_measured(one, row["gx_result"], observed, count, baseline), evaluated_in=batch.run_id)
        elif row["status"] == "errored":
            return None
        row["run_id"] = batch.run_id
    return pd.DataFrame([by_id[name] for name in expected]).astype(_NUMBERS)


def _baseline(store: Store, suites: Sequence[Suite], batch: Batch) -> Baseline:
    usual = store.connection.execute(
        _USUAL,
        {
            "flow": batch.flow,
            "selection": list(batch.selection),
            "per_selection": [suite.table for suite in suites if suite.per_selection],
            "max_runs": RUNS_TO_COMPARE,
        },
    ).fetchall()
    return Baseline(usual_rows=dict(usual))


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """The number of expectations by status, and under `told` the rows of those that did not pass."""
    counted = rows["status"].value_counts()
    not_passed = rows[rows["status"] != "passed"]
    unchanged = not_passed["evaluated_in"].where(not_passed["evaluated_in"] != not_passed["run_id"])
    dropped = ["run_id", "flow", "gx_result", "digest", "evaluated_in"]
    not_passed = not_passed.drop(columns=dropped).assign(unchanged_since=unchanged)
    return {status: int(counted.get(status, 0)) for status in ("passed", "failed", "errored")} | {
        "told": not_passed.astype(object).where(not_passed.notna(), None).to_dict("records")
    }


def stop_messages(expectations: dict[str, Any], forced: bool) -> list[str]:
    """One message per expectation that did not pass and stops a push. Sets `waived` in `expectations`, a `summary`: the
    ids of these expectations if `forced`, else none."""
    expectations["waived"] = [one["expectation"] for one in expectations["told"] if one["stops"]] if forced else []
    return [
        f"{one['expectation']} {one['status']} ({one['meaning']}: {one['message']}). {one['fix'].rstrip('.')}"
        for one in expectations["told"]
        if one["stops"]
    ]


def _frame(store: Store, batch: Batch, suite: Suite) -> pd.DataFrame:
    if not suite.query:
        return batch.frames[suite.table]
    reader: Any = store.connection.execute(suite.query, _now(batch, suite))
    frame: pd.DataFrame = reader.to_arrow_table().to_pandas()
    return frame


def _now(batch: Batch, suite: Suite) -> dict[str, Any] | None:
    return {"now": batch.at} if "$now" in suite.query else None


def _digest(suite: Suite, frame: pd.DataFrame) -> str | None:
    """Changes with the suite, the version of Great Expectations and the rows of `frame`. Their order and what is
    `Measured` do not count. None if a row has values that cannot be compared, such as lists."""
    digest = hashlib.blake2s(repr((suite, version("great_expectations"))).encode())
    checked = {one.column for one in suite.expectations if not isinstance(one.build, Measured)}
    if checked:
        columns = [*checked] if checked <= {*frame.columns} else [*frame.columns]
        try:
            hashes = pd.util.hash_pandas_object(frame[sorted(columns)], index=False).to_numpy()
        except TypeError:
            return None
        digest.update(np.sort(hashes).tobytes())
    return digest.hexdigest()


def _kept_results(
    store: Store, batch: Batch, suite: Suite, frame: pd.DataFrame, digest: str, baseline: Baseline
) -> dict[str, dict[str, Any]]:
    """The results of the newest run that validated the same rows, by id; empty without such a run."""
    columns = ("evaluated_in", "status", "observed", "unexpected", "total", "message", "gx_result")
    rows = store.connection.execute(_KEPT, {"flow": batch.flow, "digest": digest}).fetchall()
    results = {name: dict(zip(columns, row, strict=True)) for name, *row in rows}
    for one in suite.expectations:
        if one.id in results and isinstance(one.build, Measured):
            observed = one.build.observed(one, frame)
            results[one.id] = _measured(one, results[one.id]["gx_result"], observed, len(frame), baseline)
    return results


def _measured(
    one: Expectation, gx_result: str, observed: float | None, rows: int, baseline: Baseline
) -> dict[str, Any]:
    """The result of an expectation that is `Measured`, by an earlier one of the same expectation."""
    assert isinstance(one.build, Measured)
    gx, bounds = json.loads(gx_result), one.build.bounds(one, baseline)
    kwargs = {k: v for k, v in gx["expectation_config"]["kwargs"].items() if k not in ("min_value", "max_value")}
    gx["expectation_config"]["kwargs"] = kwargs | bounds
    gx["result"]["observed_value"] = observed
    gx["success"] = observed is not None and bounds["min_value"] <= observed <= bounds.get("max_value", math.inf)
    return result_of(gx, rows)


def keeps_none(store: Store, flow: str) -> bool:
    """Whether no result of the flow can be kept, because this is a first run."""
    found = "select 1 from sync.expectations where flow = ? and digest is not null limit 1"
    return not store.connection.execute(found, [flow]).fetchall()


def preload() -> None:
    """Imports Great Expectations in a background thread, because the import takes seconds."""

    def load() -> None:
        with contextlib.suppress(Exception):  # the import that needs the module raises the same error
            importlib.import_module("great_expectations")

    threading.Thread(target=load, name="expectations").start()


@contextlib.contextmanager
def great_expectations() -> Iterator[None]:
    """Silences the logs and warnings of Great Expectations. All calls of it must happen inside."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def context() -> Any:
    """An in-memory context of Great Expectations, without files and progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )


@cache
def _batch_definition() -> Any:
    """Turns any data frame into a batch. Built once per process, because building it takes longer than validating a
    small frame."""
    asset = context().data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def suite_results(frame: pd.DataFrame, suite: Sequence[Expectation], baseline: Baseline) -> dict[str, dict[str, Any]]:
    """The result of each expectation, by id: status, observed, unexpected, total, message, gx_result."""
    results: dict[str, dict[str, Any]] = {}
    built: dict[str, Any] = {}
    for expectation in suite:
        try:
            built[expectation.id] = expectation.built(baseline)
            built[expectation.id].meta = {"id": expectation.id}
        except Exception as error:
            results[expectation.id] = errored(error)
    batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
    try:
        validated = _validated(batch, list(built.values()))
    except Exception:
        # One expectation raised, which ends the validation of the suite. Validate each alone to get the other results.
        validated = {}
        for name, gx_expectation in built.items():
            try:
                validated |= _validated(batch, [gx_expectation])
            except Exception as error:
                results[name] = errored(error)
    return results | {name: result_of(gx, len(frame)) for name, gx in validated.items()}


def _validated(batch: Any, expectations: list[Any]) -> dict[str, dict[str, Any]]:
    from great_expectations import ExpectationSuite

    validation = batch.validate(
        ExpectationSuite(name="batch", expectations=expectations),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0},
    )
    return {one["expectation_config"]["meta"]["id"]: one for one in validation.to_json_dict()["results"]}
