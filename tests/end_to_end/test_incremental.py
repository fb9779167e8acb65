"""`refresh = "changes"`: a run that reads only changes has the same result as a run that reads everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from pipelines.core import failpoints
from pipelines.core.errors import ConfigError
from pipelines.engine.incremental import OVERLAP
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA
from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import centra_of, held, replace_secret, writes

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


@pytest.fixture
def incremental(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> IncrementalShop:
    """Four sizes that were pushed nine hours ago, and two runs since then that found no changes."""
    incremental = IncrementalShop(shop_of(*(size(n) for n in range(1, 5)), myogo=[{"code": "XX-1"}]))
    use_shop_clock(incremental, monkeypatch)
    read_changes(incremental.shop)
    assert incremental.run_and_describe_read() == "full: there was no full read yet"
    for _ in range(2):  # these runs look up what the first run wrote; later runs do not
        incremental.advance_clock(3)
        assert incremental.run_and_describe_read() == "changes"
    incremental.advance_clock(3)
    return incremental


def test_a_run_without_changes_needs_a_handful_of_requests(incremental: IncrementalShop) -> None:
    before = incremental.staged_tables()
    incremental.shop.box.clear_requests()
    assert incremental.run_and_describe_read() == "changes"
    # Three lists of Centra and two of myOGO; an empty list is read twice. One request is for a token.
    assert [len(incremental.shop.box.requests(side)) for side in ("centra", "myogo")] == [6, 5]
    assert incremental.staged_tables() == before


def test_changes_on_both_sides_are_read(incremental: IncrementalShop) -> None:
    box = incremental.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_centra_row(size(9))
    box.change_centra_row(2, physical=50)
    box.change_myogo_product("SKU3", name="Made by hand")
    box.receive("SKU4", 7)
    report = incremental.run()
    assert _read_mode(report) == "changes"
    assert report.facts["read"]["rows"] == {
        "centra.products": 2, "centra.stock": 2, "myogo.products": 1, "myogo.stock": 1,
    }  # fmt: skip
    assert (report.counts["create"], report.counts["update"], report.counts["unchanged"]) == (1, 2, 2)
    assert {code: held(incremental.shop)[code]["name"] for code in ("SKU1", "SKU3", "SKU9")} == {
        "SKU1": "Anorak Blue S", "SKU3": "Parka Blue S", "SKU9": "Parka Blue S",
    }  # fmt: skip
    assert incremental.shop.sql("select physical_stock from raw_centra.stock where stock_item_id = '2'") == [(50,)]
    assert incremental.shop.sql("select stock from raw_myogo.products where code = 'SKU4'") == [("7",)]
    merged = incremental.run_and_describe_read("plan"), incremental.staged_tables()
    assert merged == ("changes", incremental.staged_tables())
    assert incremental.run_and_describe_read("plan", full=True) == "full: requested with --full"
    assert incremental.staged_tables() == merged[1]


def test_removed_prices_are_removed_from_the_staged_table(incremental: IncrementalShop) -> None:
    incremental.shop.box.switch("centra", silent=[])
    incremental.shop.box.change_centra_row(1, prices=[])
    report = incremental.run()
    assert (_read_mode(report), report.counts["withheld"]) == ("changes", 1)
    assert incremental.shop.sql("select * from raw_centra.prices where stock_item_id = '1'") == []


def test_a_new_size_is_read_even_if_centra_does_not_list_it_as_modified(incremental: IncrementalShop) -> None:
    incremental.shop.box.switch("centra", new_rows_are_modified=False)
    created_at = f"{incremental.now() + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"
    incremental.shop.box.add_centra_row(size(9, createdAt=created_at))
    report = incremental.run()
    assert (_read_mode(report), report.counts["create"]) == ("changes", 1)


def test_a_change_that_moves_no_modification_time_is_read_within_full_every(incremental: IncrementalShop) -> None:
    incremental.shop.box.change_centra_row(1, prices=[euro("12.00")])
    incremental.shop.box.delete_centra_row(2)
    report = incremental.run()
    assert (_read_mode(report), report.counts["update"], report.counts["read"]) == ("changes", 0, 4)
    incremental.advance_clock(14.9)
    assert incremental.run_and_describe_read() == "changes"
    incremental.advance_clock(0.2)
    report = incremental.run()
    assert _read_mode(report) == "full: the last full read is 24 h old or more"
    assert (report.counts["update"], report.counts["read"]) == (1, 3)


def test_a_size_missing_from_the_changes_is_not_closed_as_gone(incremental: IncrementalShop) -> None:
    incremental.shop.box.switch("centra", silent=[])
    incremental.shop.box.change_centra_row(1, prices=[])
    assert incremental.run_and_describe_read() == "changes"
    incremental.shop.box.delete_centra_row(1)
    incremental.advance_clock(3)
    assert incremental.run_and_describe_read() == "changes"
    issues = "select source_id, closed_reason from sync.issues"
    assert incremental.shop.sql(issues) == [("1", None)]
    assert incremental.run_and_describe_read(full=True).startswith("full")
    assert incremental.shop.sql(issues) == [("1", "gone")]


def test_the_start_of_the_next_read_moves_only_after_a_successful_run(incremental: IncrementalShop) -> None:
    box = incremental.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
    assert incremental.run().exit_code == 5
    box.clear_faults()
    incremental.advance_clock(6)
    report = incremental.run()
    assert (_read_mode(report), report.counts["update"]) == ("changes", 1)


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


def _rename(incremental: IncrementalShop) -> None:
    incremental.shop.box.change_myogo_product("SKU4", code="SKU4-OLD")


def _duplicate(incremental: IncrementalShop) -> None:
    incremental.shop.box.put_myogo_product({"code": "SKU4", "languageCode": "en"}, allow_duplicate=True)
    incremental.shop.box.receive("SKU4", 1)


def _recreate(incremental: IncrementalShop) -> None:
    incremental.shop.box.delete_myogo_product("SKU4")
    incremental.shop.box.put_myogo_product({"code": "SKU4", "languageCode": "en"})


def _create_existing(incremental: IncrementalShop) -> None:
    """The lists missed a product of myOGO, and a create found it."""
    incremental.shop.box.add_centra_row(size(9))
    incremental.shop.box.put_myogo_product({"code": "SKU9", "languageCode": "en", "name": "Made by hand"})
    incremental.shop.box.add_fault(side="myogo", kind="body", path="/api/v1/Products?modified", body=[], times=2)
    report = incremental.run()
    assert (report.exit_code, report.counts["refused"]) == (3, 1)


def _hide_own_write(incremental: IncrementalShop) -> None:
    incremental.shop.box.switch("myogo", writes_move_edit_time=False)
    incremental.shop.box.change_centra_row(1, name="Anorak")
    assert incremental.run_and_describe_read() == "changes"
    assert "PUT SKU1" in writes(incremental.shop)


def _delete_before_update(incremental: IncrementalShop) -> None:
    incremental.shop.box.delete_myogo_product("SKU1")
    incremental.shop.box.change_centra_row(1, name="Anorak")
    report = incremental.run()
    assert (report.exit_code, report.counts["refused"]) == (3, 1)


def _change_zone(incremental: IncrementalShop) -> None:
    incremental.shop.edit("Europe/Stockholm", "Europe/Helsinki")


def _set_clock_back(incremental: IncrementalShop) -> None:
    incremental.advance_clock(-6)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_rename, "the code of a product was changed in myOGO"),
        (_duplicate, "a product or its stock changed whose code myOGO holds, or held, more than once"),
        (_recreate, "a product or its stock changed whose code myOGO holds, or held, more than once"),
        (_create_existing, "a record we tried to create already existed, or one we tried to update was missing"),
        (_hide_own_write, "a product that we wrote is missing from myOGO's changes"),
        (_delete_before_update, "a record we tried to create already existed, or one we tried to update was missing"),
        (_change_zone, "the channel file or a secret names other systems than before"),
        (_set_clock_back, "the clock was set back"),
    ],
)
def test_a_doubtful_change_causes_a_full_read(
    incremental: IncrementalShop, edit: Callable[[IncrementalShop], None], why: str
) -> None:
    edit(incremental)
    assert incremental.run_and_describe_read("plan") == f"full: {why}"
    merged = incremental.staged_tables()
    incremental.run_and_describe_read("plan", full=True)
    assert incremental.staged_tables() == merged


def test_products_without_an_id_are_never_merged(incremental: IncrementalShop) -> None:
    incremental.shop.box.add_fault(
        side="myogo", kind="body", path="/api/v1/Products", body=[{"code": "SKU4", "name": "?"}]
    )
    assert (
        incremental.run_and_describe_read() == "full: myOGO lists products without an id, by which changes are merged"
    )


def test_a_rebuilt_database_is_filled_by_a_full_read(incremental: IncrementalShop) -> None:
    assert incremental.run_and_describe_read(rebuild=True) == "full: there was no full read yet"
    assert len(incremental.staged_tables()["raw_centra.products"]) == 4


PLACES = (
    "stage: extracted centra_changes", "stage: loaded centra_changes", "stage: cleaned myogo_changes",
    "store: before the changes", "store: before the commit of the changes", "store: after the changes",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_dies_loses_no_change(
    incremental: IncrementalShop, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception ends the run at the failpoint; the next run starts from the work database as it is."""

    class Died(BaseException):
        pass

    def die(passed: str) -> None:
        if passed == place:
            raise Died

    box = incremental.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_centra_row(size(9))
    box.change_myogo_product("SKU3", name="Made by hand")
    monkeypatch.setattr(failpoints, "_hook", die)
    with pytest.raises(Died):
        incremental.run()
    monkeypatch.setattr(failpoints, "_hook", None)
    incremental.advance_clock(6)
    report = incremental.run()
    assert (_read_mode(report), report.counts["create"], report.counts["update"]) == ("changes", 1, 2)
    incremental.run_and_describe_read("plan")
    merged = incremental.staged_tables()
    incremental.run_and_describe_read("plan", full=True)
    assert incremental.staged_tables() == merged
    schemas = "select count(*) from information_schema.schemata where schema_name like '%changes%'"
    assert incremental.shop.sql(schemas) == [(0,)]


def test_a_size_only_in_the_stock_list_is_looked_up_once(incremental: IncrementalShop) -> None:
    """Its stock changed, and no product list contained it."""
    incremental.shop.box.switch("centra", new_rows_are_modified=False)
    incremental.shop.box.add_centra_row(size(9))  # its creation time is long ago
    incremental.shop.box.clear_requests()
    report = incremental.run()
    assert (_read_mode(report), report.counts["create"]) == ("changes", 1)
    assert report.facts["findings"]["centra"]["filled"] == 1
    assert "stockItemID=9" in incremental.shop.box.requests("centra")[-1]["query"]


def test_a_size_only_in_the_stock_list_is_looked_up_again_after_a_failed_run(
    incremental: IncrementalShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stock was merged already, but the look-up had failed."""
    incremental.shop.box.switch("centra", new_rows_are_modified=False)
    incremental.shop.box.add_centra_row(size(9))
    incremental.shop.box.add_fault(side="centra", kind="status", status=503, times=99, path="stockItemID=9")
    assert incremental.run().exit_code == 5
    incremental.shop.box.clear_faults()
    report = incremental.run()
    assert (_read_mode(report), report.counts["create"]) == ("changes", 1)


def test_the_last_full_read_is_the_last_one_recorded(incremental: IncrementalShop) -> None:
    """Also if the clock was an hour fast at the earlier full read: the later, failed one counts."""
    incremental.advance_clock(1)
    assert incremental.run_and_describe_read(full=True).startswith("full")
    incremental.advance_clock(-1)
    incremental.shop.box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
    assert incremental.run().exit_code == 5
    incremental.shop.box.clear_faults()
    incremental.advance_clock(1.1)
    assert incremental.run_and_describe_read() == "full: the last full read did not go through"


def test_refresh_changes_requires_the_time_zone(shop: Shop) -> None:
    read_changes(shop)
    shop.edit('timezone            = "Europe/Stockholm"\n', "")
    with pytest.raises(ConfigError, match=r"needs systems\.centra\.timezone"):
        shop.channel()


def test_the_read_mode_is_reported_in_every_output(incremental: IncrementalShop) -> None:
    since = f"Only changes since {incremental.now() - timedelta(hours=6) - OVERLAP:%Y-%m-%d %H:%M}"
    file, data = str(incremental.shop.file), ["--data", str(incremental.shop.data)]
    assert since in incremental.shop.command("plan", file, *data).stdout
    page, summary = incremental.shop.folder / "r.html", incremental.shop.folder / "r.md"
    terminal = incremental.shop.command("report", file, "--html", str(page), "--markdown", str(summary), *data).stdout
    assert all(since in text for text in (terminal, page.read_text("utf-8"), summary.read_text("utf-8")))
    assert incremental.shop.command("plan", file, "--full", *data).stdout.count("Full read: requested") == 1
    assert incremental.shop.sql("select kind, since is null from sync.reads order by began_at") == [
        ("full", True), ("changes", False), ("changes", False), ("changes", False), ("full", True),
    ]  # fmt: skip


def test_no_time_zone_loses_a_change_when_clocks_are_set() -> None:
    """The local time of any later change is not before the local time that the next read starts from."""
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for switch in _switches(zone):
            for minutes in range(-240, 241, 30):
                watermark = switch + timedelta(minutes=minutes)
                read_from = _local(watermark - OVERLAP, zone)
                for after in range(0, 300, 15):
                    assert _local(watermark + timedelta(minutes=after), zone) >= read_from, (name, watermark)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _switches(zone: ZoneInfo) -> list[datetime]:
    """The times of a year (UTC, to the hour) at which the zone's offset changes."""
    begin = datetime.fromisoformat("2026-01-01")

    def offset(hour: int) -> timedelta | None:
        return (begin + timedelta(hours=hour)).replace(tzinfo=UTC).astimezone(zone).utcoffset()

    days = [day * 24 for day in range(365) if offset(day * 24) != offset(day * 24 + 24)]
    return [
        begin + timedelta(hours=day + n) for day in days for n in range(24) if offset(day + n) != offset(day + n - 1)
    ]


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2026-10-25 00:30:00", "2026-10-25 02:30:00"),  # the first half past two
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00"),  # the second
        ("2026-03-29 00:59:59", "2026-03-29 01:59:59"),
        ("2026-03-29 01:00:00", "2026-03-29 03:00:00"),  # 02:00 does not exist
    ],
)
def test_times_are_sent_in_the_time_zone_of_the_shop(shop: Shop, utc: str, local: str) -> None:
    with centra_of(shop) as client:
        assert client.format_time(datetime.fromisoformat(utc)) == local


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


@pytest.mark.parametrize("name", ["centra_token", "client_id", "client_secret", "merchant_id", "secret_token"])
def test_another_secret_causes_a_full_read(incremental: IncrementalShop, name: str) -> None:
    """It may belong to another shop, whose rows must not be merged into the staged ones."""
    replace_secret(incremental.shop, name, "of-somebody-else")
    assert incremental.run().exit_code == 2
    (why,) = incremental.shop.sql("select why from sync.reads order by began_at desc limit 1")
    assert why == ("the channel file or a secret names other systems than before",)


def test_the_digest_of_the_systems_is_too_short_to_reveal_a_secret(incremental: IncrementalShop) -> None:
    (systems,) = {row[0] for row in incremental.shop.sql("select systems from sync.reads")}
    assert len(systems) == 8


def test_row_counts_are_compared_with_full_reads_only(incremental: IncrementalShop) -> None:
    from pipelines.engine.safety_limits import last_read

    assert incremental.run_and_describe_read() == "changes"
    store = Store(Folder(incremental.shop.data, "demo"), SCHEMA)
    try:
        assert last_read(store, "products") == 4
        store.connection.execute(
            "update sync.runs set rows_read = 99 where run_id in (select run_id from sync.reads where kind = 'changes')"
        )
        assert last_read(store, "products") == 4
    finally:
        store.close()
