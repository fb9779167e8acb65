"""The published file as the pages read it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import duckdb
import pytest

from pipelines.state.duckdb_settings import DUCKDB_SETTINGS, READING_SETTINGS
from pipelines.state.store import Folder
from pipelines.web import published_tables
from pipelines.web.published_tables import NothingPublished, PublishedRows, PublishedTables, TooManyRows
from pipelines.web.row_states import FlowRows, RowFilter
from tests.support.many_rows import fill
from tests.support.shop import Shop, size


def runs(tables: PublishedTables) -> int:
    with tables.open() as published:
        return int(published.value("select count(*) from sync.runs"))


def test_a_new_file_is_seen_next_to_the_old_one(shop_of: Callable[..., Shop]) -> None:
    """DuckDB shares a file between connections of a process, also after it was replaced."""
    shop = shop_of(size(1))
    tables = PublishedTables(Folder(shop.data, "demo"))
    with pytest.raises(NothingPublished, match="Refresh"):
        runs(tables)
    shop.run("plan")
    assert runs(tables) == 1
    with tables.open() as before:
        shop.run("plan")
        assert runs(tables) == 2
        assert before.value("select count(*) from sync.runs") == 1
    assert runs(tables) == 2
    tables.close()


def test_derived_tables_are_made_once_and_leave_no_file(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    tables = PublishedTables(folder)
    made: list[int] = []

    def create(db: duckdb.DuckDBPyConnection) -> None:
        made.append(1)
        db.execute("create table main_rows.few as select 1 as x")

    for expected in (1, 2):
        shop.run("plan")
        for _ in range(3):
            with tables.open() as published:
                published.prepare("few", create)
                assert published.rows("from main_rows.few") == [{"x": 1}]
        assert len(made) == expected
        assert len([*folder.root.glob("pages-rows-*.duckdb")]) == 1
    tables.close()
    assert [*folder.root.glob("pages-*")] == []


def test_pages_of_several_threads_share_a_file(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    tables = PublishedTables(Folder(shop.data, "demo"))
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(runs(tables))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1] * 8
    tables.close()


def test_a_new_file_leaves_what_a_run_still_reads(shop_of: Callable[..., Shop]) -> None:
    """The list of codes of a run that is being started stands in the same folder; what a killed process left goes."""
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    shop.run("plan")
    codes, leftover = folder.root / "pages-codes-1.txt", folder.root / "pages-rows-0-1.duckdb"
    for file in (codes, leftover):
        file.write_text("SKU1", "utf-8")
    tables = PublishedTables(folder)
    other = PublishedTables(folder)  # after a change of the channel file, while a page still uses the first
    with tables.open() as first, other.open() as second:
        for published in (first, second):
            published.prepare("few", lambda db: db.execute("create table main_rows.few as select 1 as x") and None)
            assert published.rows("from main_rows.few") == [{"x": 1}]
    assert codes.is_file()
    assert not leftover.exists()
    tables.close()
    other.close()
    assert [*folder.root.glob("pages-rows-*")] == []


def test_a_glance_leaves_nothing_behind(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    tables = PublishedTables(folder)
    assert tables.version is None
    shop.run("plan")
    first = tables.version
    with tables.open(brief=True) as published:
        assert published.value("select count(*) from sync.runs") == 1
        assert [*folder.root.glob("pages-rows-*")] == []
    shop.run("plan")
    assert tables.version not in (None, first)
    with tables.open(brief=True) as published:
        assert published.value("select count(*) from sync.runs") == 2
    tables.close()


def test_a_file_that_no_page_needs_is_closed_after_a_while(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    shop.run("plan")
    tables = PublishedTables(folder)
    assert runs(tables) == 1
    tables.close_if_idle()
    assert len([*folder.root.glob("pages-rows-*.duckdb")]) == 1
    monkeypatch.setattr(published_tables, "IDLE_S", -1.0)
    with tables.open():
        tables.close_if_idle()
        assert len([*folder.root.glob("pages-rows-*.duckdb")]) == 1
    tables.close_if_idle()
    assert [*folder.root.glob("pages-rows-*")] == []
    assert runs(tables) == 1
    tables.close()


def test_only_the_last_used_orders_stay(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_tables, "MAX_TEMPORARY", 2)
    shop = shop_of(size(1))
    shop.run("plan")
    tables = PublishedTables(Folder(shop.data, "demo"))
    made: list[str] = []

    def use(published: PublishedRows, name: str) -> None:
        def create(db: duckdb.DuckDBPyConnection) -> None:
            made.append(name)
            db.execute(f"create table main_rows.{name} as select 1 as x")

        published.prepare_table(name, create)
        assert published.rows(f"from main_rows.{name}") == [{"x": 1}]

    with tables.open() as published:
        for name in ("a", "b", "a", "c", "a", "b"):
            use(published, name)
        assert made == ["a", "b", "c", "b"]
        left = published.rows("select table_name from duckdb_tables() where database_name = 'main_rows' order by 1")
        assert [row["table_name"] for row in left] == ["a", "b"]
    tables.close()


@pytest.mark.parametrize("content", [b"", b"not a database", b"\0" * 5000])
def test_a_damaged_file_is_a_message(shop_of: Callable[..., Shop], content: bytes) -> None:
    shop = shop_of(size(1))
    folder = Folder(shop.data, "demo")
    folder.make()
    folder.published.write_bytes(content)
    with pytest.raises(NothingPublished, match="Refresh"):
        runs(PublishedTables(folder))


@pytest.mark.parametrize(("memory", "fits"), [("100MB", True), ("30MB", False)])
def test_a_large_shop_fits_into_the_memory_or_the_page_says_that_it_does_not(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch, memory: str, fits: bool
) -> None:
    """A hundred thousand rows in a tenth of the memory: a million fit into all of it."""
    shop = shop_of(size(1))
    shop.run("plan")
    folder = Folder(shop.data, "demo")
    fill(folder, 100_000)
    monkeypatch.setattr(published_tables, "READING_SETTINGS", READING_SETTINGS | {"memory_limit": memory})
    monkeypatch.setattr(published_tables, "DUCKDB_SETTINGS", DUCKDB_SETTINGS | {"memory_limit": "25MB"})
    tables, flow = PublishedTables(folder), shop.channel().declarations["products"]
    assert READING_SETTINGS["memory_limit"] == "1GB"
    if fits:
        with tables.open() as published:
            assert FlowRows(published, "products", flow).page(RowFilter(text="parka")).total == 100_000
        with tables.open() as published:
            used = published.value("select sum(memory_usage_bytes) from duckdb_memory()")
            assert used < 40_000_000, "a page that is finished keeps the memory that it needed"
    else:
        with pytest.raises(TooManyRows, match="Open analytics"), tables.open() as published:
            FlowRows(published, "products", flow)
    tables.close()
    assert [*folder.root.glob("pages-rows-*")] == []
