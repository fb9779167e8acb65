"""Links: under which key the target was last known to hold a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from pipelines.state.links import links, record_found, record_written
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA

AT = pd.Timestamp(2026, 11, 29, 7).to_pydatetime()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    with closing(Store(folder, SCHEMA)) as store:
        yield store


def wrote(
    store: Store, run_id: str, source_id: str | None, key: str, outcome: str = "applied", flow: str = "a"
) -> None:
    """A planned change and the outcome of its write."""
    change = {"run_id": run_id, "flow": flow, "action": "create", "key": key, "source_id": source_id}
    store.append("sync.changes", pd.DataFrame([change]))
    write = {"run_id": run_id, "flow": flow, "action": "create", "key": key, "outcome": outcome, "ended_at": AT}
    store.append("sync.journal", pd.DataFrame([write]))


def found(store: Store, run_id: str, **keys: str) -> None:
    record_found(store, "a", pd.DataFrame({"source_id": list(keys), "key": list(keys.values())}), run_id, AT)


def test_a_written_row_is_linked_to_its_key(store: Store) -> None:
    """Also if no answer came; not if it was refused, or is of another flow."""
    wrote(store, "1", "one", "A")
    wrote(store, "1", "two", "B", "unknown")
    wrote(store, "1", "three", "C", "refused")
    wrote(store, "1", "four", "D", "not_attempted")
    wrote(store, "1", "five", "E", flow="other")
    wrote(store, "1", None, "F")
    record_written(store, "a")
    assert dict(links(store, "a")) == {"one": "A", "two": "B"}


def test_the_newest_run_decides(store: Store) -> None:
    """A link stays as it is if its key did not change; repeated recording changes nothing."""
    wrote(store, "1", "one", "A")
    wrote(store, "2", "one", "B")
    record_written(store, "a")
    wrote(store, "3", "one", "B")
    for _ in range(2):
        record_written(store, "a")
    found(store, "4", one="B", two="C")
    rows = store.connection.execute("select source_id, key, run_id from sync.links order by 1").fetchall()
    assert rows == [("one", "B", "2"), ("two", "C", "4")]


def test_a_row_that_is_found_under_another_key_is_linked_to_it(store: Store) -> None:
    """Older writes do not undo it, newer ones do."""
    wrote(store, "1", "one", "A")
    record_written(store, "a")
    found(store, "2", one="B")
    record_written(store, "a")
    assert dict(links(store, "a")) == {"one": "B"}
    wrote(store, "3", "one", "C")
    record_written(store, "a")
    assert dict(links(store, "a")) == {"one": "C"}
    assert dict(links(store, "b")) == {}
