"""Judges a run's whole batches with Great Expectations; no row of a catalogue stays in what it tells."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd

from pipelines.core.logs import excerpt, redact
from pipelines.state.store import Store
from schemas.products.expectations import EXPECTATIONS, Expectation, Known, suites

log = logging.getLogger(__name__)

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when Great Expectations is first imported, by whichever thread

RUNS_TO_COMPARE = 10

CODE = "nullif(coalesce(sku, '') || coalesce(variant_sku, '') || coalesce(size_sku, ''), '')"
# A time without a zone is UTC, as OGOship's older documentation says.
_MODIFIED = r"""epoch(try_cast(case when regexp_matches(modified, '(Z|[+-]\d\d:?\d\d)$') then modified
    else modified || 'Z' end as timestamptz))"""
# What each suite looks at: only these columns, with absent texts as null, which no expectation of a share counts.
_FRAMES = {
    "raw_centra.products": f"""
        select stock_item_id, {CODE} as code, trim(coalesce(nullif(ean, ''), nullif(upc, ''))) as ean,
            nullif(weight_unit, '') as weight_unit
        from raw_centra.products""",
    "raw_centra.prices": "select coalesce(currency, '') as currency from raw_centra.prices",
    "raw_centra.stock": """
        select stock_item_id, physical_stock, case when available_stock = 0 and physical_stock < allocated_stock then 0
            else physical_stock - allocated_stock - available_stock end as imbalance
        from raw_centra.stock""",
    "raw_myogo.products": """
        select code, nullif(trim(ean_code), '') as ean_code, nullif(lower(language_code), '') as language_code
        from raw_myogo.products""",
    "raw_myogo.stock": f"""
        select product_code, stock, case when stock_available = 0 and stock < reserved then 0
            else stock - reserved - stock_available end as imbalance,
            (epoch($now::timestamp) - {_MODIFIED}) / 3600 as modified_hours_ago
        from raw_myogo.stock""",
    "sync.runs": """
        select (epoch($now::timestamp) - epoch(max(started_at))) / 3600 as good_hours_ago
        from sync.runs where exit_code in (0, 3) having max(started_at) is not null""",
    "out_myogo.products": "select code, stock_item_id, ean_code, language_code from out_myogo.products",
    "stock_side_by_side": f"""
        with centra as (
            select {CODE} as code, sum(s.available_stock) as available
            from raw_centra.products join raw_centra.stock s using (stock_item_id) group by 1),
        myogo as (select product_code as code, sum(stock_available) as available from raw_myogo.stock group by 1)
        select cast(m.available - c.available as bigint) as difference from centra c join myogo m using (code)""",
}

# Runs that a limit or an expectation refused are not what is usual. What a push with --force let through is:
# the runs before it no longer count. A run narrowed by --sku has an output of its own size.
_USUAL = """
    with compared as (
        select e.expectation, e.observed,
            row_number() over (partition by e.expectation order by r.started_at desc) as newest
        from sync.expectations e join sync.runs r using (run_id)
        where e.flow = $flow and r.exit_code in (0, 3) and e."column" = '' and e.observed is not null
            and (e."table" <> 'out_myogo.products' or r.selection = $selection::varchar[])
            and r.started_at >= coalesce((select max(started_at) from sync.runs
                where run_id in (select run_id from sync.flows where flow = $flow)
                    and forced and exit_code in (0, 3) and selection = $selection::varchar[]),
                '-infinity'::timestamp))
    select expectation, median(observed) from compared where newest <= $most group by all"""


@dataclass(frozen=True)
class Batch:
    """What a run brings besides its tables. `candidates` has one row per wanted size, `price` null where unusable."""

    run_id: str
    flow: str
    at: datetime
    selection: tuple[str, ...]
    candidates: pd.DataFrame


def validate_batches(store: Store, batch: Batch, stop: tuple[str, ...]) -> pd.DataFrame:
    """One row of `sync.expectations` per expectation of the catalogue, in its order; never raises for one of them."""
    usual = store.connection.execute(
        _USUAL, {"flow": batch.flow, "selection": list(batch.selection), "most": RUNS_TO_COMPARE}
    ).fetchall()
    known = Known(usual_rows=dict(usual))
    told: dict[str, dict[str, Any]] = {}
    with great_expectations():
        for table, suite in suites().items():
            try:
                told |= suite_results(_frame(store, batch, table), suite, known)
            except Exception as error:
                log.debug("the suite could not be run table=%s", table, exc_info=True)
                told |= {own.id: _errored(error) for own in suite}
    rows = [
        {
            "run_id": batch.run_id,
            "flow": batch.flow,
            "expectation": own.id,
            "table": own.table,
            "column": own.column,
            "meaning": own.meaning,
            "fix": own.fix,
            "stops": own.id in stop,
        }
        | told[own.id]
        for own in EXPECTATIONS.values()
    ]
    return pd.DataFrame(rows).astype({"observed": "Float64", "unexpected": "Int64", "total": "Int64"})


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """How many passed, failed and could not be judged, and all there is to know of those that did not pass."""
    counted = rows["status"].value_counts()
    bad = rows[rows["status"] != "passed"].drop(columns=["run_id", "flow", "gx"])
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


def _frame(store: Store, batch: Batch, table: str) -> pd.DataFrame:
    if table == "candidates":
        return batch.candidates
    select = _FRAMES[table]
    parameters = {"now": batch.at} if "$now" in select else None
    reader: Any = store.connection.execute(select, parameters)
    frame: pd.DataFrame = reader.to_arrow_table().to_pandas()
    return frame


def get_ready() -> None:
    """Begins to import Great Expectations, which takes seconds, for a run that waits for answers meanwhile."""

    def read() -> None:
        with contextlib.suppress(Exception):  # whoever needs it will be told
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


def suite_results(frame: pd.DataFrame, suite: list[Expectation], known: Known) -> dict[str, dict[str, Any]]:
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
        "gx": _kept(gx),
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
        "gx": _kept(gx) if gx else None,
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
