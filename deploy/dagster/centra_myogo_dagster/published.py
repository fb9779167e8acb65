"""Reads `analytics.duckdb`, which a run replaces at its end. It can be read at any time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

REQUESTED_BY = "Dagster run "  # begins sync.runs.requested_by of the runs that Dagster started


@dataclass(frozen=True)
class RunLine:
    """One run of the channel; times are UTC without an offset, `flows` in the order in which they ran."""

    run_id: str
    verb: str
    flows: tuple[str, ...]
    started_at: datetime
    outcome: str
    exit_code: int | None
    requested_by: str | None

    @property
    def is_ours(self) -> bool:
        """Whether Dagster started it."""
        return (self.requested_by or "").startswith(REQUESTED_BY)


@dataclass(frozen=True)
class Check:
    """A catalogue check that did not pass: `status` is failed or errored, `message` what was observed."""

    id: str
    status: str
    message: str


def published_file(data: Path, channel: str) -> Path:
    return data / channel / "analytics.duckdb"


@dataclass(frozen=True)
class Quality:
    """What one run found, by flow: how many rows each rule withheld, the catalogue checks that did not pass, and the
    flows that have catalogue checks."""

    withheld: dict[str, dict[str, int]]
    not_passed: dict[str, list[Check]]
    checked: set[str]


def quality_of(file: Path, run_id: str) -> Quality:
    """Empty if the file does not have the run, because another one has replaced it meanwhile."""
    withheld: dict[str, dict[str, int]] = {}
    not_passed: dict[str, list[Check]] = {}
    with _attached(file) as db:
        rules = "select flow, rule, row_count from sync.rule_counts where run_id = ? and withholds and row_count > 0"
        for flow, rule, rows in db.execute(f"{rules} order by row_count desc, rule", [run_id]).fetchall():
            withheld.setdefault(flow, {})[rule] = rows
        checks = (
            "select flow, expectation, status, message from sync.expectations where run_id = ? order by expectation"
        )
        found = db.execute(checks, [run_id]).fetchall()
        for flow, expectation, status, message in found:
            if status != "passed":
                not_passed.setdefault(flow, []).append(Check(expectation, status, message or ""))
    return Quality(withheld, not_passed, {flow for flow, *_ in found})


def runs_after(file: Path, started_at: datetime | None) -> list[RunLine]:
    """The runs that have ended and began after that time, oldest first."""
    columns = "run_id, verb, coalesce(flow, ''), started_at, coalesce(outcome, ''), exit_code, requested_by"
    with _attached(file) as db:
        rows = db.execute(
            f"select {columns} from sync.runs where outcome is not null and (?::timestamp is null or started_at > ?) "
            "order by started_at, run_id",
            [started_at, started_at],
        ).fetchall()
    return [
        RunLine(run_id, verb, tuple(filter(None, (name.strip() for name in flows.split(",")))), *rest)
        for run_id, verb, flows, *rest in rows
    ]


@contextlib.contextmanager
def _attached(file: Path) -> Iterator[Any]:
    """A new connection in memory: in one process, a second connection to a path can show the file that was replaced."""
    import duckdb

    with duckdb.connect() as db:
        name = str(file).replace("'", "''")
        db.execute(f"attach '{name}' as published (read_only)")
        db.execute("use published")
        yield db
