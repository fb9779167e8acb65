"""The history of issues: opened, still open, closed and why, reopened; on made-up runs without a shop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.state.issue_history import update_issues
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA

BEGIN = datetime.fromisoformat("2026-05-04 12:00:00")
COLUMNS = ["source_id", "code", "rule", "message", "fix_in"]


class History:
    """Runs of one flow, an hour apart; each breaks rules in some of the rows that it read."""

    def __init__(self, store: Store) -> None:
        self.store, self.runs = store, 0

    def run(self, broken: Iterable[tuple[str, str]], rows: Mapping[str, bool], *, narrowed: bool = False) -> list[Any]:
        """Adds a run with these pairs of source id and rule; `rows` maps each source id to whether it is selected.
        Returns for each pair the number of the run since which the issue is open."""
        self.runs += 1
        withheld = pd.DataFrame([(row, f"SKU{row}", rule, "", "Centra") for row, rule in broken], columns=COLUMNS)
        records = pd.DataFrame({"source_id": list(rows), "selected": list(rows.values())})
        at = BEGIN + timedelta(hours=self.runs)
        since = update_issues(
            self.store, "products", f"run {self.runs}", at, withheld.astype("str"), records, narrowed=narrowed
        )
        return [(moment - BEGIN) / timedelta(hours=1) for moment in since]

    def issues(self) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(
            "select source_id, rule, closed_reason, occurrences from sync.issues order by source_id, rule"
        ).fetchall()

    def events(self) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(
            "select run_id, source_id, rule, event from sync.issue_events order by happened_at, source_id, rule"
        ).fetchall()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    store = Store(folder, SCHEMA)
    yield History(store)
    store.close()


def test_since_stays_the_same_while_an_issue_is_open(history: History) -> None:
    """Also if another issue opens; there is one event for each."""
    assert history.run([("1", "PRICE-001")], {"1": True}) == [1]
    assert history.run([("1", "NAME-001"), ("1", "PRICE-001")], {"1": True}) == [2, 1]
    assert history.run([("1", "PRICE-001"), ("1", "NAME-001")], {"1": True}) == [1, 2]
    assert history.issues() == [("1", "NAME-001", None, 1), ("1", "PRICE-001", None, 1)]
    assert history.events() == [("run 1", "1", "PRICE-001", "opened"), ("run 2", "1", "NAME-001", "opened")]


def test_a_fixed_issue_is_closed_and_a_repeated_one_is_reopened(history: History) -> None:
    """The reopened issue has a new `since`. Issues with the same rule or of the same row stay open."""
    broken = [("1", "PRICE-001"), ("1", "NAME-001"), ("2", "PRICE-001")]
    rows = {"1": True, "2": True}
    assert history.run(broken, rows) == [1, 1, 1]
    assert history.run(broken[1:], rows) == [1, 1]
    others = [("1", "NAME-001", None, 1), ("2", "PRICE-001", None, 1)]
    assert history.issues() == sorted([*others, ("1", "PRICE-001", "fixed", 1)], key=lambda issue: issue[:2])
    assert history.run(broken, rows) == [3, 1, 1]
    assert history.issues() == sorted([*others, ("1", "PRICE-001", None, 2)], key=lambda issue: issue[:2])
    assert [event[3] for event in history.events() if event[1:3] == ("1", "PRICE-001")] == [
        "opened", "closed: fixed", "came back",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "reason"),
    [({"1": False, "2": True}, "skipped"), ({"2": True}, "gone"), ({}, "gone")],
    ids=["no longer selected", "no longer in the source", "an empty source"],
)
def test_the_issue_of_a_skipped_or_deleted_row_is_closed(history: History, rows: dict[str, bool], reason: str) -> None:
    history.run([("1", "PRICE-001")], {"1": True, "2": True})
    history.run([], rows)
    assert history.issues() == [("1", "PRICE-001", reason, 1)]


def test_a_run_narrowed_by_sku_closes_only_issues_of_its_rows(history: History) -> None:
    """It proves nothing about rows that it does not select, and none of them is reported as skipped or gone."""
    history.run([(row, "PRICE-001") for row in "123"], dict.fromkeys("123", True))
    history.run([], {"1": True, "2": False}, narrowed=True)
    assert history.issues() == [
        ("1", "PRICE-001", "fixed", 1), ("2", "PRICE-001", None, 1), ("3", "PRICE-001", None, 1),
    ]  # fmt: skip
