"""A working file of version 1 of the tables, opened by this version."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.state.migrations import SCHEMA_VERSION
from pipelines.state.recovery import rebuild
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA
from tests.support.shop import Shop

VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The working files of the channel demo, of version 1."""
    folder = Folder(tmp_path / "data", "demo")
    folder.make()
    with duckdb.connect(str(folder.work)) as db:
        db.execute(VERSION_1)
    return folder


def check_history(db: duckdb.DuckDBPyConnection) -> None:
    """All rows of version 1, with the names and values of this version."""

    def rows(query: str) -> list[tuple[object, ...]]:
        return db.execute(query).fetchall()

    assert rows("select outcome, exit_code, rows_read, creates, unknown_outcome from sync.runs order by run_id") == [
        ("internal_error", 1, 3, 3, 1), ("attention", 3, 4, 2, 0), ("attention", 3, 4, 2, 0), ("ok", 0, 4, 1, 0),
    ]  # fmt: skip
    assert rows("select flow, sum(rows_read), sum(applied) from sync.flows group by all order by 1") == [
        ("orders", 3, 1), ("products", 12, 5),
    ]  # fmt: skip
    assert rows("select key, source_id, count(*) from sync.changes group by all order by 1") == [
        ("SKU1", "1", 2), ("SKU2", "2", 1), ("SKU3", "3", 2), ("demo-1001-1", "1001-1", 2),
    ]  # fmt: skip
    assert rows("select key, outcome, status, reason from sync.journal order by key") == [
        (key, "applied", 200, None) for key in ("SKU1", "SKU2", "SKU3", "demo-1001-1")
    ]
    assert rows("select distinct source_id, rule, field, value, fix_in from sync.withheld") == [
        ("2", "PRICE-001", "price_text", None, "Centra")
    ]
    assert rows("select flow, source_id, rule, fix_in, closed_reason, occurrences from sync.issues") == [
        ("products", "2", "PRICE-001", "Centra", "fixed", 1)
    ]
    assert rows("select flow, source_id, event from sync.issue_events order by happened_at") == [
        ("products", "2", "opened"), ("products", "2", "closed: fixed"),
    ]  # fmt: skip
    assert rows("select rule, sum(row_count) from sync.rule_counts group by all order by 1") == [
        ("EAN-001", 9), ("PRICE-001", 2),
    ]  # fmt: skip
    assert rows("select expectation, table_name, count(*) from sync.expectations group by all order by 1") == [
        ("GX-CPR-001", "raw_centra.products", 3), ("GX-EUR-001", "candidates", 3),
    ]  # fmt: skip
    assert rows("select version from sync.schema_version") == [(SCHEMA_VERSION,)]


def test_a_file_of_version_1_keeps_its_history(folder: Folder) -> None:
    """Also when it is opened again."""
    for _ in range(2):
        with closing(Store(folder, SCHEMA)) as store:
            check_history(store.connection)
            assert store.connection.execute(
                "select table_name from duckdb_tables() where table_name in ('layout', 'faults', 'fault_events') "
                "or table_name like 'version_1%'"
            ).fetchall() == []  # fmt: skip


def test_a_rebuilt_file_has_the_history_of_version_1(folder: Folder) -> None:
    message = rebuild(folder, SCHEMA, datetime(2026, 11, 29, tzinfo=UTC))
    assert "the history was kept, from work.duckdb.aside-20261129T000000" in message
    with closing(Store(folder, SCHEMA)) as store:
        check_history(store.connection)


def test_a_failed_migration_leaves_version_1(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It happens in one transaction; the next run migrates."""
    monkeypatch.setattr("pipelines.state.store.all_statements", lambda tables: ["select nothing"])
    with pytest.raises(Exception, match="nothing"):
        Store(folder, SCHEMA)
    monkeypatch.undo()
    with closing(Store(folder, SCHEMA)) as store:
        check_history(store.connection)


def test_a_run_continues_a_history_of_version_1(folder: Folder, shop: Shop) -> None:
    """`history` then shows the old runs, too."""
    assert folder.work == shop.data / "demo" / "work.duckdb"
    shop.run("plan", flows=("products",))
    assert shop.sql("select count(*) from sync.runs") == [(5,)]
    shown = shop.command("history", str(shop.file), "SKU2", "--data", str(shop.data)).stdout
    assert "opened PRICE-001" in shown
