"""Keeps a flow's evaluation while nothing that it depends on changes: its results are those of the run before.

It depends on the staged catalogues, the channel's settings, the results of the flow's `inputs`, and this program. Only
an evaluation whose plan has no changes, and breaks no limit, is kept.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from typing import Any

import duckdb
import pandas as pd
from pydantic import BaseModel

import pipelines
import schemas
import transforms
from pipelines.engine import batch_checks
from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import CHANGE_COLUMNS, Plan
from pipelines.state.kept_results import earlier_run, keep_results
from pipelines.state.run_result import RunResult
from pipelines.state.store import utc_now
from pipelines.state.table_digest import digest_of_rows
from schemas.issues import COLUMNS as ISSUE_COLUMNS

_PACKAGES = (pipelines, transforms, schemas)
_NAMES = frozenset(package.__name__ for package in _PACKAGES)


def inputs_of(flow: Flow) -> str | None:
    """A digest of all that the flow's evaluation depends on; None if it must not be kept."""
    context, store = flow.context, flow.store
    queries = flow.inputs()
    if queries is None or context.sku or _uses_foreign_code(flow):
        return None
    channel, parts = context.channel, [PROGRAM, repr(flow.suites)]
    parts += [_text(settings) for settings in (channel.systems, channel.flows, channel.params, channel.limits)]
    parts += [f"{table} {digest_of_rows(store, table)}" for table in sorted(store.schema.mirrors)]
    for query in queries:
        parameters = {"now": context.now} if "$now" in query else None
        parts.append(repr(store.connection.execute(query, parameters).fetchall()))
    return hashlib.blake2s("\n".join(parts).encode()).hexdigest()


def kept(flow: Flow, report: RunResult, inputs: str) -> tuple[Plan, Evaluation] | None:
    """The plan, without changes, and the evaluation of the run before, if it had these inputs; else None. Its results
    are recorded as those of this run. Of the rows, the evaluation has only those that are withheld or warned about."""
    context, store = flow.context, flow.store
    if (earlier := earlier_run(store, report, context.name, inputs)) is None:
        return None
    expectations = dict[str, Any]()
    if flow.validates_batches:
        batch = batch_checks.Batch(context.run_id, context.name, utc_now(), context.sku, {})
        if (results := batch_checks.results_again(store, flow.suites, batch, earlier.run_id)) is None:
            return None
        store.append("sync.expectations", results)
        report.facts["expectations"] = expectations = batch_checks.summary(results)
    withheld = keep_results(store, report, context.name, earlier)
    warnings = f"out_{context.settings.target_system}.warnings"
    warned = store.frame(warnings, ISSUE_COLUMNS, f"where flow = '{context.name}'")
    report.fingerprints[context.name] = earlier.fingerprint
    report.evaluated_in[context.name] = earlier.evaluated_in
    none, unchanged = pd.DataFrame(), earlier.counts["unchanged"]
    # No limit compares the number of rows in the target with changes, because there are none.
    plan = Plan(pd.DataFrame(columns=CHANGE_COLUMNS, dtype="str"), unchanged, unchanged, earlier.fingerprint)
    counts = report.flows[context.name]
    return plan, Evaluation(none, none, withheld, warned, none, counts, expectations=expectations)


def _uses_foreign_code(flow: Flow) -> bool:
    """Whether code takes part that is not of this program, so that a change of it would not be noticed."""
    settings = flow.context.channel.flows.values()
    modules = [name for one in settings for name in (one.transform, one.contract)]
    return not is_of_program(type(flow)) or any(module.partition(".")[0] not in _NAMES for module in modules)


def is_of_program(flow: type[Flow]) -> bool:
    """Whether PROGRAM changes with the flow's code."""
    return flow.__module__.partition(".")[0] in _NAMES


def _program() -> str:
    """Changes with this program and with what computes its results."""
    parts = [platform.python_version(), pd.__version__, duckdb.__version__, version("pandera")]
    folders = [package.__path__[0] for package in _PACKAGES]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    stat = entry.stat()
                    parts.append(f"{entry.path} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.blake2s("\n".join(parts).encode()).hexdigest()


PROGRAM = _program()  # at import: a process that forks runs goes on with the modules that it has imported


def _text(value: Any) -> str:
    """The same text for the same settings, in each process."""
    return "".join(_pieces(value))


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        value = dict(value)
    elif is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, AbstractSet):
        yield repr(sorted(map(_text, value)))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"({key!r}:{_text(inner)})"
    elif isinstance(value, (list, tuple)):
        yield f"[{','.join(map(_text, value))}]"
    else:
        yield repr(value)
