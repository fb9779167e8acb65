"""`refresh = "changes"`: a run that reads only changes has the same result as a run that reads everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.core import failpoints
from pipelines.engine import extract, merge_changes
from pipelines.engine.incremental import OVERLAP
from pipelines.sandbox import Sandbox
from pipelines.state import staging
from pipelines.state.run_result import RunResult
from pipelines.state.store import Store
from tests.support.shop import Shop, catalogue, euro, product, shop_in, size
from tests.support.shop_helpers import held, replace_secret, writes
from tests.support.shop_template import ShopTemplate

TABLES = ("raw_centra.products", "raw_centra.prices", "raw_centra.stock", "raw_myogo.products", "raw_myogo.stock")


@dataclass
class IncrementalShop:
    """A shop whose channel reads changes, and a clock that the sandbox and the runs share."""

    shop: Shop
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + self.offset

    def advance_clock(self, hours: float) -> None:
        self.offset += timedelta(hours=hours)
        self.shop.box.advance_clock(hours * 3600)

    def run(self, verb: str = "push", **options: Any) -> RunResult:
        return self.shop.run(verb, **options)

    def run_and_describe_read(self, verb: str = "push", **options: Any) -> str:
        """Runs without a stop; returns how the run read, and why it read everything if it did."""
        report = self.run(verb, **options)
        assert report.exit_code in (0, 3), report.message
        return _read_mode(report)

    def staged_tables(self) -> dict[str, Any]:
        """The rows of every staged table and of the transformed products."""
        tables: dict[str, Any] = {table: sorted(map(str, self.shop.sql(f"from {table}"))) for table in TABLES}
        return tables | {"wanted": sorted(map(str, self.shop.sql("from out_myogo.products")))}


def _read_mode(report: RunResult) -> str:
    read_facts = report.facts["read"]
    return read_facts["kind"] + (f": {read_facts['why']}" if "why" in read_facts else "")


def use_shop_clock(incremental: IncrementalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes runs use the clock of the shop."""
    for module in ("engine.run", "state.run_history", "state.journal"):
        monkeypatch.setattr(f"pipelines.{module}.utc_now", incremental.now)


def read_changes(shop: Shop) -> None:
    shop.edit('name = "demo"', 'name = "demo"\nrefresh = "changes"')


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopTemplate]:
    """Six sizes that myOGO holds: a full read nine hours ago, and two reads of changes since then."""

    def run_three_times(shop: Shop) -> None:
        incremental = IncrementalShop(shop)
        with pytest.MonkeyPatch.context() as patch:
            use_shop_clock(incremental, patch)
            for mode in ("full: there was no full read yet", "changes", "changes"):
                assert incremental.run_and_describe_read() == mode
                incremental.advance_clock(3)
        assert writes(shop) == []

    numbers = range(1, 7)
    with Sandbox.start(catalogue(*map(size, numbers), myogo=[{"code": "XX-1"}, *map(product, numbers)])) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("template"))
        read_changes(shop)
        yield ShopTemplate(shop, run_three_times)


@pytest.fixture
def incremental(template: ShopTemplate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IncrementalShop:
    incremental = IncrementalShop(template.copy_to(tmp_path))
    use_shop_clock(incremental, monkeypatch)
    incremental.advance_clock(9)
    return incremental


def check_equals_full_read(incremental: IncrementalShop) -> None:
    """A plan reads changes; a plan that reads everything stages the same rows."""
    assert incremental.run_and_describe_read("plan") == "changes"
    merged = incremental.staged_tables()
    assert incremental.run_and_describe_read("plan", full=True) == "full: requested with --full"
    assert incremental.staged_tables() == merged


@pytest.mark.parametrize("changed", ["none", "centra", "myogo"])
def test_a_list_without_changes_is_staged_as_dlt_stages_it_but_without_dlt(
    incremental: IncrementalShop, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """What merges the changes finds the same tables and columns, and nothing is loaded that has no rows."""
    if changed == "centra":
        incremental.shop.box.change_centra_row(1, name="Anorak")
    elif changed == "myogo":
        incremental.shop.box.change_myogo_product("SKU1", supplier="S")
    loaded: list[str] = []
    tables: list[list[tuple[Any, ...]]] = []
    load, merge = staging.load, merge_changes.merge

    def recorded_load(extracted: staging.Extracted, name: str, *rest: Any) -> None:
        loaded.append(name)
        load(extracted, name, *rest)

    def recorded_merge(store: Store, systems: Any) -> None:
        query = """
            select schema_name, table_name, column_name, data_type from duckdb_columns()
            where schema_name like 'raw_%_changes' and not starts_with(table_name, '_dlt') order by all"""
        tables.append(store.connection.execute(query).fetchall())
        merge(store, systems)

    monkeypatch.setattr(extract, "load", recorded_load)
    monkeypatch.setattr(merge_changes, "merge", recorded_merge)
    assert incremental.run_and_describe_read() == "changes"
    assert loaded == ([] if changed == "none" else [f"{changed}_changes"])
    monkeypatch.setattr(staging, "_row_count", lambda info: 1)
    assert incremental.run_and_describe_read() == "changes"
    assert len(loaded) == 2 + (changed != "none")
    assert tables[0] == tables[1] != []


def test_a_run_without_changes_needs_a_handful_of_requests(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run reads everything and creates four products; the next two look up what it wrote."""
    incremental = IncrementalShop(shop_of(*(size(n) for n in range(1, 5)), myogo=[{"code": "XX-1"}]))
    use_shop_clock(incremental, monkeypatch)
    read_changes(incremental.shop)
    assert incremental.run_and_describe_read() == "full: there was no full read yet"
    assert len(writes(incremental.shop)) == 4
    for _ in range(2):
        incremental.advance_clock(3)
        assert incremental.run_and_describe_read() == "changes"
    incremental.advance_clock(3)
    before = incremental.staged_tables()
    incremental.shop.box.clear_requests()
    assert incremental.run_and_describe_read() == "changes"
    # Three lists of Centra and two of myOGO; an empty list is read twice. One request is for a token.
    assert [len(incremental.shop.box.requests(side)) for side in ("centra", "myogo")] == [6, 5]
    assert incremental.staged_tables() == before


def test_changes_on_both_sides_are_read_and_merged(incremental: IncrementalShop) -> None:
    """Changed, new and received; prices that were removed; and new sizes that Centra does not list as modified: one by
    its creation time, one that only the stock list contains and that is looked up."""
    box = incremental.shop.box
    box.switch("centra", silent=[])
    box.change_centra_row(1, name="Anorak")
    box.change_centra_row(2, physical=50)
    box.change_myogo_product("SKU3", name="Made by hand")
    box.receive("SKU4", 7)
    box.change_centra_row(5, prices=[])
    box.add_centra_row(size(7))
    box.switch("centra", new_rows_are_modified=False)
    box.add_centra_row(size(8, createdAt=f"{incremental.now() + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"))
    box.add_centra_row(size(9))  # created long ago
    report = incremental.run()
    assert _read_mode(report) == "changes"
    assert report.facts["read"]["rows"] == {
        "centra.products": 4, "centra.stock": 4, "myogo.products": 1, "myogo.stock": 1,
    }  # fmt: skip
    counts = report.counts
    assert [counts[name] for name in ("create", "update", "unchanged", "withheld")] == [3, 2, 3, 1]
    assert {code: held(incremental.shop)[code]["name"] for code in ("SKU1", "SKU3", "SKU7", "SKU8", "SKU9")} == {
        "SKU1": "Anorak Blue S", **dict.fromkeys(("SKU3", "SKU7", "SKU8", "SKU9"), "Parka Blue S"),
    }  # fmt: skip
    assert incremental.shop.sql("select physical_stock from raw_centra.stock where stock_item_id = '2'") == [(50,)]
    assert incremental.shop.sql("select stock from raw_myogo.products where code = 'SKU4'") == [("7",)]
    assert incremental.shop.sql("select * from raw_centra.prices where stock_item_id = '5'") == []
    assert report.facts["findings"]["centra"]["filled"] == 1
    assert "stockItemID=9" in box.requests("centra")[-1]["query"]
    check_equals_full_read(incremental)
    assert sum("stockItemID=9" in entry["query"] for entry in box.requests("centra")) == 1


def test_what_no_list_of_changes_contains_is_read_within_full_every(incremental: IncrementalShop) -> None:
    """A price that moves no modification time, and sizes that were deleted: their issues are not closed before."""
    box = incremental.shop.box
    silent = box.switches("centra")["silent"]
    box.switch("centra", silent=[])
    box.change_centra_row(1, prices=[])
    box.switch("centra", silent=silent)
    box.change_centra_row(2, prices=[euro("12.00")])
    box.delete_centra_row(3)
    report = incremental.run()
    assert _read_mode(report) == "changes"
    assert [report.counts[name] for name in ("withheld", "update", "read")] == [1, 0, 6]
    issues = "select source_id, closed_reason from sync.issues"
    assert incremental.shop.sql(issues) == [("1", None)]
    box.delete_centra_row(1)
    incremental.advance_clock(14.9)
    assert incremental.run_and_describe_read() == "changes"
    assert incremental.shop.sql(issues) == [("1", None)]
    incremental.advance_clock(0.2)
    report = incremental.run()
    assert _read_mode(report) == "full: the last full read is 24 h old or more"
    assert (report.counts["update"], report.counts["read"]) == (1, 4)
    assert incremental.shop.sql(issues) == [("1", "gone")]


def test_a_full_read_that_a_limit_refused_is_not_a_base_for_changes(shop_of: Callable[..., Shop]) -> None:
    """Most of the catalogue was missing; changes merged into the rest would hide that."""
    shop = shop_of(*(size(n) for n in range(1, 13)))
    read_changes(shop)
    assert shop.run().exit_code == 0
    for number in range(1, 9):
        shop.box.delete_centra_row(number)
    assert shop.run(full=True).exit_code == 4
    again = shop.run()
    assert (again.exit_code, _read_mode(again)) == (4, "full: the last full read did not go through")
    assert "min_read_share" in again.message


def test_a_doubtful_change_causes_a_full_read_in_the_same_run(incremental: IncrementalShop) -> None:
    """A product of myOGO has another code now, so the merged rows might not be those that myOGO holds."""
    incremental.shop.box.change_myogo_product("SKU4", code="SKU4-OLD")
    assert incremental.run_and_describe_read("plan") == "full: the code of a product was changed in myOGO"
    merged = incremental.staged_tables()
    assert any("SKU4-OLD" in row for row in merged["raw_myogo.products"])
    incremental.run_and_describe_read("plan", full=True)
    assert incremental.staged_tables() == merged


def _create_existing(incremental: IncrementalShop) -> None:
    """The lists missed a product of myOGO, and a create found it."""
    incremental.shop.box.add_centra_row(size(9))
    incremental.shop.box.put_myogo_product({"code": "SKU9", "languageCode": "en", "name": "Made by hand"})
    incremental.shop.box.add_fault(side="myogo", kind="body", path="/api/v1/Products?modified", body=[], times=2)


def _delete_before_update(incremental: IncrementalShop) -> None:
    incremental.shop.box.delete_myogo_product("SKU1")
    incremental.shop.box.change_centra_row(1, name="Anorak")


@pytest.mark.parametrize("edit", [_create_existing, _delete_before_update])
def test_a_write_that_finds_other_rows_than_the_stage_causes_a_full_read(
    incremental: IncrementalShop, edit: Callable[[IncrementalShop], None]
) -> None:
    edit(incremental)
    report = incremental.run()
    assert (report.exit_code, report.counts["refused"]) == (3, 1)
    assert (
        incremental.run_and_describe_read("plan")
        == "full: a record we tried to create already existed, or one we tried to update was missing"
    )


def test_a_write_that_myogo_does_not_list_as_a_change_causes_a_full_read(incremental: IncrementalShop) -> None:
    incremental.shop.box.switch("myogo", writes_move_edit_time=False)
    incremental.shop.box.change_centra_row(1, name="Anorak")
    assert incremental.run_and_describe_read() == "changes"
    assert "PUT SKU1" in writes(incremental.shop)
    assert incremental.run_and_describe_read("plan") == "full: a product that we wrote is missing from myOGO's changes"


def test_another_secret_causes_a_full_read(incremental: IncrementalShop) -> None:
    """The run records why, also if the secret is wrong and the run fails."""
    replace_secret(incremental.shop, "merchant_id", "of-somebody-else")
    assert incremental.run().exit_code == 2
    (why,) = incremental.shop.sql("select why from sync.reads order by began_at desc limit 1")
    assert why == ("the channel file or a secret names other systems than before",)


def test_a_rebuilt_database_is_filled_by_a_full_read(incremental: IncrementalShop) -> None:
    assert incremental.run_and_describe_read(rebuild=True) == "full: there was no full read yet"
    assert len(incremental.staged_tables()["raw_centra.products"]) == 6


PLACES = (
    "stage: extracted centra_changes", "stage: loaded centra_changes", "stage: cleaned myogo_changes",
    "store: before the changes", "store: before the commit of the changes", "store: after the changes",
)  # fmt: skip


def test_runs_that_die_or_fail_lose_no_change(incremental: IncrementalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception ends each of the first runs at a failpoint, and two more runs fail for a list and for the look-up of
    a size that only the stock list contains. Each run starts from the work database as the one before left it, and the
    last one from a moment before all of them: a longer time than the overlap."""

    class Died(BaseException):
        pass

    box = incremental.shop.box
    incremental.shop.edit('refresh = "changes"', 'refresh = "changes"\nfull_every = 100')
    box.change_centra_row(1, name="Anorak")
    box.add_centra_row(size(7))
    box.change_myogo_product("SKU3", name="Made by hand")
    box.switch("centra", new_rows_are_modified=False)
    box.add_centra_row(size(9))  # its creation time is long ago
    for place in PLACES:

        def die(passed: str, place: str = place) -> None:
            if passed == place:
                raise Died

        monkeypatch.setattr(failpoints, "_hook", die)
        with pytest.raises(Died):
            incremental.run()
        incremental.advance_clock(3)
    monkeypatch.setattr(failpoints, "_hook", None)
    for fault in ({"side": "myogo", "path": "/api/v1/Stock"}, {"side": "centra", "path": "stockItemID=9"}):
        box.add_fault(kind="status", status=503, times=99, **fault)
        assert incremental.run().exit_code == 5
        box.clear_faults()
        incremental.advance_clock(3)
    report = incremental.run()
    assert (_read_mode(report), report.counts["create"], report.counts["update"]) == ("changes", 2, 2)
    check_equals_full_read(incremental)
    schemas = "select count(*) from information_schema.schemata where schema_name like '%changes%'"
    assert incremental.shop.sql(schemas) == [(0,)]


def test_the_read_mode_is_reported_in_every_output(incremental: IncrementalShop) -> None:
    (last_but_one,) = incremental.shop.sql("select began_at from sync.reads order by began_at desc limit 1 offset 1")
    since = f"Only changes since {last_but_one[0] - OVERLAP:%Y-%m-%d %H:%M}"
    file, data = str(incremental.shop.file), ["--data", str(incremental.shop.data)]
    assert since in incremental.shop.command("plan", file, *data).stdout
    page, summary = incremental.shop.folder / "r.html", incremental.shop.folder / "r.md"
    terminal = incremental.shop.command("report", file, "--html", str(page), "--markdown", str(summary), *data).stdout
    assert all(since in text for text in (terminal, page.read_text("utf-8"), summary.read_text("utf-8")))
    assert incremental.shop.command("plan", file, "--full", *data).stdout.count("Full read: requested") == 1
    assert incremental.shop.sql("select kind, since is null from sync.reads order by began_at") == [
        ("full", True), ("changes", False), ("changes", False), ("changes", False), ("full", True),
    ]  # fmt: skip


def test_a_change_in_the_repeated_hour_is_read(shop_of: Callable[..., Shop], monkeypatch: Any) -> None:
    """The last run started at 02:45 summer time; the size was changed 30 minutes later, at 02:15 winter time."""
    incremental = IncrementalShop(shop_of(size(1), size(2)))
    use_shop_clock(incremental, monkeypatch)
    read_changes(incremental.shop)
    incremental.advance_clock((datetime.fromisoformat("2027-10-31 00:45") - incremental.now()).total_seconds() / 3600)
    assert incremental.run_and_describe_read().startswith("full")
    incremental.advance_clock(0.5)
    incremental.shop.box.change_centra_row(1, name="Anorak")
    assert incremental.shop.box.centra_row(1)["name"] == "Anorak"
    incremental.advance_clock(0.25)
    report = incremental.run()
    assert (_read_mode(report), report.counts["update"]) == ("changes", 1)


def run_every_quarter_of_an_hour(incremental: IncrementalShop) -> None:
    """Until the moment since which changes are requested is later than New York's time."""
    for _ in range(2):
        assert incremental.run_and_describe_read() == "changes"
        incremental.advance_clock(0.25)


NEW_YORK = "the list of changes of Centra left out what an earlier full read found"


@pytest.mark.parametrize(
    "change",
    [
        lambda box: box.change_centra_row(1, name="Anorak"),
        lambda box: box.change_centra_row(2, physical=50),
        lambda box: box.add_centra_row(size(7)),
    ],
    ids=["renamed", "sold", "new"],
)
def test_a_wrong_time_zone_is_found_by_the_next_full_read(
    incremental: IncrementalShop, change: Callable[[Sandbox], object]
) -> None:
    """The shop is in New York. The reads of changes find nothing; the full read finds it, and from then on every run
    reads everything, also those without another change, until the zone has been corrected."""
    incremental.shop.box.switch("centra", timezone="America/New_York")
    run_every_quarter_of_an_hour(incremental)
    change(incremental.shop.box)
    assert incremental.run_and_describe_read() == "changes"
    incremental.advance_clock(16)
    report = incremental.run()
    assert _read_mode(report) == "full: the last full read is 24 h old or more"
    assert [*report.facts["read"]["doubted"]] == ["centra"]
    printed = incremental.shop.command(
        "report", str(incremental.shop.file), "--data", str(incremental.shop.data)
    ).stdout
    assert "systems.centra.timezone is probably not the time zone of the shop" in " ".join(printed.split())
    for _ in range(2):
        incremental.advance_clock(1)
        assert incremental.run_and_describe_read() == f"full: {NEW_YORK}"
    incremental.shop.edit('"Europe/Stockholm"', '"America/New_York"')
    assert incremental.run_and_describe_read().startswith("full: the channel file or a secret names other systems")
    incremental.shop.box.change_centra_row(3, name="Raincoat")
    incremental.advance_clock(1)
    report = incremental.run()
    assert (_read_mode(report), report.facts["read"]["rows"]["centra.products"]) == ("changes", 1)


def test_a_list_of_changes_that_works_again_is_used_again(incremental: IncrementalShop) -> None:
    """Somebody set the shop's zone to another one for a day."""
    box = incremental.shop.box
    box.switch("centra", timezone="America/New_York")
    run_every_quarter_of_an_hour(incremental)
    box.change_centra_row(1, name="Anorak")
    assert incremental.run(full=True).facts["read"]["doubted"] == {"centra": 1}
    box.switch("centra", timezone="Europe/Stockholm")
    box.change_centra_row(2, physical=50)
    incremental.advance_clock(1)
    report = incremental.run()
    assert (_read_mode(report), report.facts["read"]["doubted"]) == (f"full: {NEW_YORK}", {})
    incremental.advance_clock(1)
    assert incremental.run_and_describe_read() == "changes"


def test_a_full_read_does_not_doubt_a_correct_time_zone(incremental: IncrementalShop) -> None:
    """Changes since the last run are in the list; a category does not have to be, and a price never is."""
    box = incremental.shop.box
    box.change_centra_row(1, categoryName="Coats", prices=euro("149"))
    assert incremental.run(full=True).facts["read"]["doubted"] == {}
    box.change_centra_row(1, name="Anorak", categoryName="Jackets")
    assert incremental.run(full=True).facts["read"]["doubted"] == {}
    assert incremental.run_and_describe_read() == "changes"


def test_a_shop_to_the_east_of_the_configured_zone_loses_no_change(incremental: IncrementalShop) -> None:
    """Its list shows more than was asked for."""
    box = incremental.shop.box
    box.switch("centra", timezone="Asia/Tokyo")
    box.change_centra_row(1, name="Anorak")
    report = incremental.run()
    assert (_read_mode(report), report.counts["update"]) == ("changes", 1)
    box.change_centra_row(1, name="Parka")
    assert incremental.run(full=True).facts["read"]["doubted"] == {}
