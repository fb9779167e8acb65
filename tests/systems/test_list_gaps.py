"""Sizes that only one of Centra's two lists contains, on made-up staged rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.state.store import Folder, Store
from pipelines.systems.centra import list_gaps
from tests.support.declared import SCHEMA
from tests.support.shop import size


class Sizes:
    """A stand-in for the client that has these sizes; `looked_up` holds the ids that were requested."""

    def __init__(self, *numbers: int) -> None:
        self.rows = {f"{number}": size(number) for number in numbers}
        self.looked_up: list[str] = []

    def size(self, stock_item_id: str) -> list[dict[str, Any]]:
        self.looked_up.append(stock_item_id)
        return [self.rows[stock_item_id]] if stock_item_id in self.rows else []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    opened = Store(folder, SCHEMA)
    opened.ready_to_publish()
    yield opened
    opened.close()


def stage(store: Store, products: Iterable[int], stock: Iterable[int]) -> None:
    rows = {"products": [*products], "stock": [*stock]}
    for table, numbers in rows.items():
        values = {"stock_item_id": [f"{n}" for n in numbers]}
        store.append(f"raw_centra.{table}", pd.DataFrame(values | ({"active": True} if table == "products" else {})))


def backfill(store: Store, client: Sizes, known: Iterable[str] = ()) -> dict[str, Any]:
    return list_gaps.backfill_missing(store, client, nullcontext, [*known])


def test_lists_that_differ_a_lot_are_reported_without_look_ups(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most MAX_EXAMPLES sizes are named, in the order of their numbers."""
    monkeypatch.setattr(list_gaps, "MAX_LOOKUPS", 10)
    stage(store, [1, 30], range(1, 14))
    client = Sizes(*range(1, 14))
    assert backfill(store, client) == {
        "filled": 0,
        "only_in_stock": {"count": 12, "first": [f"{n}" for n in range(2, 12)]},
        "only_in_products": {"count": 1, "first": ["30"]},
    }
    assert client.looked_up == []


def test_as_many_sizes_as_allowed_are_looked_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size that Centra lacks remains only in the stock list."""
    monkeypatch.setattr(list_gaps, "MAX_LOOKUPS", 2)
    stage(store, [1], [1, 2, 3])
    client = Sizes(1, 2)
    found = backfill(store, client)
    assert (found["filled"], found["only_in_stock"]) == (1, {"count": 1, "first": ["3"]})
    assert client.looked_up == ["2", "3"]
    assert store.connection.sql("select stock_item_id from raw_centra.products order by 1").fetchall() == [
        ("1",), ("2",),
    ]  # fmt: skip


def test_known_gaps_are_not_looked_up_again(store: Store) -> None:
    """Those that are among the changes are, because a run that died may have merged them already."""
    stage(store, [1], [1, 2, 3])
    store.connection.execute("create schema raw_centra_changes")
    store.connection.execute("create table raw_centra_changes.stock as from raw_centra.stock where stock_item_id = '3'")
    known = list_gaps.known_gaps(store)
    assert known == {"2"}
    client = Sizes(1, 2, 3)
    assert backfill(store, client, known)["filled"] == 1
    assert client.looked_up == ["3"]
