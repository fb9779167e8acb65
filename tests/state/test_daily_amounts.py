"""The daily history of amounts: only what changed, the last run of a day, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.state.daily_amounts import KEPT_DAYS, DailyAmounts, record_daily
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA

MONDAY = date(2026, 3, 2)
Amounts = Mapping[str, int | None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = Folder(tmp_path / "data", "demo")
    folder.make()
    with closing(Store(folder, SCHEMA)) as opened:
        yield opened


def record(store: Store, day: int, amounts: Amounts, system: str = "shop") -> None:
    """Records these amounts on that day after Monday."""
    store.connection.execute("create or replace temp table read_now (code varchar, amount bigint)")
    for code, amount in amounts.items():
        store.connection.execute("insert into read_now values (?, ?)", [code, amount])
    query = "select code, amount as stock, amount as available from read_now"
    record_daily(store, [DailyAmounts("sync.stock_daily", system, query)], MONDAY + timedelta(days=day))


def kept(store: Store, system: str = "shop") -> list[tuple[int, str, int | None]]:
    rows = store.connection.execute(
        "select on_day, code, stock from sync.stock_daily where system = ? order by on_day, code", [system]
    ).fetchall()
    return [((day - MONDAY).days, code, stock) for day, code, stock in rows]


def test_only_codes_whose_amount_changed_have_a_row(store: Store) -> None:
    record(store, 0, {"A": 5, "B": 0})
    record(store, 1, {"A": 5, "B": 2})
    record(store, 2, {"A": 5, "B": 2, "C": 1})
    assert kept(store) == [(0, "A", 5), (0, "B", 0), (1, "B", 2), (2, "C", 1)]


def test_the_last_run_of_a_day_counts(store: Store) -> None:
    """Also if it finds the amount of the day before again: the day then has no row."""
    record(store, 0, {"A": 5, "B": 1})
    record(store, 0, {"A": 6, "B": 1})
    record(store, 1, {"A": 7, "B": 3})
    record(store, 1, {"A": 6, "B": 4})
    assert kept(store) == [(0, "A", 6), (0, "B", 1), (1, "B", 4)]


def test_a_code_that_left_and_came_back(store: Store) -> None:
    """It has nulls while it is gone."""
    record(store, 0, {"A": 5})
    record(store, 1, {})
    record(store, 2, {})
    record(store, 3, {"A": 5})
    assert kept(store) == [(0, "A", 5), (1, "A", None), (3, "A", 5)]


def test_an_amount_that_is_not_known_has_no_row(store: Store) -> None:
    record(store, 0, {"A": None})
    assert kept(store) == []


def test_systems_do_not_mix(store: Store) -> None:
    record(store, 0, {"A": 5})
    record(store, 0, {"A": 9}, system="warehouse")
    record(store, 1, {"A": 4}, system="warehouse")
    assert kept(store) == [(0, "A", 5)]
    assert kept(store, "warehouse") == [(0, "A", 9), (1, "A", 4)]


def test_old_rows_are_dropped_but_not_what_was_true_then(store: Store) -> None:
    """On the oldest day that is kept, each code still has its amount of that day."""
    record(store, 0, {"A": 1, "B": 1, "C": 1})
    record(store, 5, {"A": 2, "B": 1})
    record(store, 9, {"A": 3, "B": 1})
    record(store, 8 + KEPT_DAYS, {"A": 3, "B": 1})
    assert kept(store) == [(0, "B", 1), (5, "A", 2), (9, "A", 3)]
    record(store, 9 + KEPT_DAYS, {"A": 4, "B": 1})
    assert kept(store) == [(0, "B", 1), (9, "A", 3), (9 + KEPT_DAYS, "A", 4)]


def test_a_failure_leaves_the_history_as_it_was(store: Store) -> None:
    record(store, 0, {"A": 5})
    broken = DailyAmounts("sync.stock_daily", "shop", "select 'A' as code, error('no') as stock, 1 as available")
    good = DailyAmounts("sync.stock_daily", "warehouse", "select 'A' as code, 1 as stock, 1 as available")
    with pytest.raises(Exception, match="no"):
        record_daily(store, [good, broken], MONDAY)
    assert kept(store) == [(0, "A", 5)]
    assert kept(store, "warehouse") == []
