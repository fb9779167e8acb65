"""Validates whole batches of a run with Great Expectations; no row of a catalogue stays in the results."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd

from pipelines.core.logs import excerpt, redact
from pipelines.state.store import Store
from schemas.expectation import Expectation, Known, Suite

log = logging.getLogger(__name__)

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when Great Expectations is first imported, by whichever thread

RUNS_TO_COMPARE = 10

# Runs that a limit or an expectation refused are not what is usual. What a push with --force let through is:
# the runs before it no longer count. Of some tables, a run narrowed by --sku has a batch of its own size.
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
    select expectation, median(observed) from compared where newest <= $most group by all"""


@dataclass(frozen=True)
class Batch:
    """What a flow brings to its batch checks besides the tables: `frames` for suites without a query, by table."""

    run_id: str
    flow: str
    at: datetime
    selection: tuple[str, ...]
    frames: Mapping[str, pd.DataFrame]


def validate_batches(store: Store, suites: Sequence[Suite], batch: Batch, stop: Collection[str]) -> pd.DataFrame:
    """One row of `sync.expectations` per expectation, in the order of the suites; never raises for one of them.

    `stop` are the ids of those that stop a push.
    """
    usual = store.connection.execute(
        _USUAL,
        {
            "flow": batch.flow,
            "selection": list(batch.selection),
            "per_selection": [suite.table for suite in suites if suite.per_selection],
            "most": RUNS_TO_COMPARE,
        },
    ).fetchall()
    known = Known(usual_rows=dict(usual))
    rows = []
    with great_expectations():
        for suite in suites:
            try:
                results = suite_results(_frame(store, batch, suite), suite.expectations, known)
            except Exception as error:
                log.debug("the suite could not be run table=%s", suite.table, exc_info=True)
                results = {one.id: _errored(error) for one in suite.expectations}
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
                }
                | results[one.id]
                for one in suite.expectations
            ]
    return pd.DataFrame(rows).astype({"observed": "Float64", "unexpected": "Int64", "total": "Int64"})


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """How many passed, failed and could not be judged, and all there is to know of those that did not pass."""
    counted = rows["status"].value_counts()
    bad = rows[rows["status"] != "passed"].drop(columns=["run_id", "flow", "gx_result"])
    return {status: int(counted.get(status, 0)) for status in ("passed", "failed", "errored")} | {
        "told": bad.astype(object).where(bad.notna(), None).to_dict("records")
    }


def stopping(told: dict[str, Any], forced: bool) -> list[str]:
    """What the expectations that stop a push say against it, in words; noted in `told` as waived where `forced`."""
    told["waived"] = [one["expectation"] for one in told["told"] if one["stops"]] if forced else []
    return [
        f"{one['expectation']} {one['status']} ({one['meaning']}: {one['message']}). {one['fix'].rstrip('.')}"
        for one in told["told"]
        if one["stops"]
    ]


def _frame(store: Store, batch: Batch, suite: Suite) -> pd.DataFrame:
    if not suite.query:
        return batch.frames[suite.table]
    parameters = {"now": batch.at} if "$now" in suite.query else None
    reader: Any = store.connection.execute(suite.query, parameters)
    frame: pd.DataFrame = reader.to_arrow_table().to_pandas()
    return frame


def preload() -> None:
    """Imports Great Expectations, which takes seconds, in the background while a run waits for answers."""

    def read() -> None:
        with contextlib.suppress(Exception):  # the error shows where it is used
            importlib.import_module("great_expectations")

    threading.Thread(target=read, name="expectations").start()


@contextlib.contextmanager
def great_expectations() -> Iterator[None]:
    """Great Expectations without analytics and without a word on stderr; everything of it is used inside."""
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
    """A context that lives in memory: no file, no progress bar."""
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
def _any_frame() -> Any:
    """What makes a batch of a frame; made once in a process, because that costs more than judging a small frame."""
    asset = context().data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def suite_results(frame: pd.DataFrame, suite: Sequence[Expectation], known: Known) -> dict[str, dict[str, Any]]:
    """What became of each expectation, by id: status, observed, unexpected, total, message, gx."""
    told: dict[str, dict[str, Any]] = {}
    built: dict[str, Any] = {}
    for own in suite:
        try:
            built[own.id] = own.built(known)
            built[own.id].meta = {"id": own.id}
        except Exception as error:
            told[own.id] = _errored(error)
    batch = _any_frame().get_batch(batch_parameters={"dataframe": frame})
    try:
        results = _validated(batch, list(built.values()))
    except Exception:
        # One of them broke the whole suite: each by itself, so that the others are still heard.
        results = {}
        for own_id, expectation in built.items():
            try:
                results |= _validated(batch, [expectation])
            except Exception as error:
                told[own_id] = _errored(error)
    return told | {own_id: _result(result, len(frame)) for own_id, result in results.items()}


def _validated(batch: Any, expectations: list[Any]) -> dict[str, dict[str, Any]]:
    from great_expectations import ExpectationSuite

    told = batch.validate(
        ExpectationSuite(name="batch", expectations=expectations),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0},
    )
    return {one["expectation_config"]["meta"]["id"]: one for one in told.to_json_dict()["results"]}


def _result(gx: dict[str, Any], rows: int) -> dict[str, Any]:
    if raised := _raised(gx["exception_info"]):
        return _errored(raised, gx)
    result, asked = gx["result"], gx["expectation_config"]["kwargs"]
    if "element_count" in result:
        total = result["element_count"] - result.get("missing_count", 0)
        unexpected = result["unexpected_count"]
        observed = (total - unexpected) / total if total else None
        said = f"{total - unexpected} of {total}" + (f" ({observed:.2%})" if total else "")
        expected = f"at least {asked.get('mostly', 1):.0%}"
    else:
        observed, unexpected, total = result["observed_value"], None, rows
        if observed is None and rows:
            return _errored("there are rows, but no value in any of them", gx)
        said = "no rows" if observed is None else f"{observed:.10g}"
        expected = _range(asked.get("min_value"), asked.get("max_value"))
    return {
        "status": "passed" if gx["success"] or not (rows or "mostly" in asked or observed is not None) else "failed",
        "observed": observed,
        "unexpected": unexpected,
        "total": total,
        "message": f"{said}; expected {expected}",
        "gx_result": _kept(gx),
    }


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least:g}" if least else "anything, there is nothing to compare with yet"
    return f"{least:g} to {most:g}" if least is not None else f"at most {most:g}"


def _errored(error: Exception | str, gx: dict[str, Any] | None = None) -> dict[str, Any]:
    said = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return {
        "status": "errored",
        "observed": None,
        "unexpected": None,
        "total": None,
        "message": f"could not be judged: {excerpt(' '.join(said.split()), 300)}",
        "gx_result": _kept(gx) if gx else None,
    }


def _raised(info: dict[str, Any]) -> str:
    """The first exception of Great Expectations, which reports one flatly or by metric; "" where there is none."""
    several = [info] if "raised_exception" in info else list(info.values())
    return next((one["exception_message"] or "it raised" for one in several if one["raised_exception"]), "")


def _kept(gx: dict[str, Any]) -> str:
    """The result as Data Docs need it, without tracebacks, which name places on this machine."""
    raised = _raised(gx["exception_info"])
    info = {"raised_exception": bool(raised), "exception_message": redact(raised) or None, "exception_traceback": None}
    return json.dumps(gx | {"exception_info": info})
