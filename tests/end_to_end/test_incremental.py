"""`refresh = "changes"`: a run that asks only for what changed comes to what one that reads everything comes to."""

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
from tests.support.shop_helpers import centra_of, held, secret, writes

TABLES = ("raw_centra.products", "raw_centra.prices", "raw_centra.stock", "raw_myogo.products", "raw_myogo.stock")


@dataclass
class Ours:
    """The shop with a channel that asks for changes, and a clock that both the sandbox and the runs go by."""

    shop: Shop
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + self.offset

    def later(self, hours: float) -> None:
        self.offset += timedelta(hours=hours)
        self.shop.box.advance_clock(hours * 3600)

    def run(self, verb: str = "push", **order: Any) -> RunResult:
        return self.shop.run(verb, **order)

    def read(self, verb: str = "push", **order: Any) -> str:
        """The kind of reading of a run that went through, and why it was a full one."""
        report = self.run(verb, **order)
        assert report.exit_code in (0, 3), report.message
        return _told(report)

    def stage(self) -> dict[str, Any]:
        """Every table that holds what was read, and what became of it."""
        found: dict[str, Any] = {table: sorted(map(str, self.shop.sql(f"from {table}"))) for table in TABLES}
        return found | {"wanted": sorted(map(str, self.shop.sql("from out_myogo.products")))}


def _told(report: RunResult) -> str:
    read = report.facts["read"]
    return read["kind"] + (f": {read['why']}" if "why" in read else "")


def keep_time(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go by its clock."""
    for module in ("engine.run", "state.run_history", "state.journal"):
        monkeypatch.setattr(f"pipelines.{module}.utc_now", ours.now)


def by_changes(shop: Shop) -> None:
    shop.edit('name = "demo"', 'name = "demo"\nrefresh = "changes"')


@pytest.fixture
def ours(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Ours:
    """Four sizes, all of them in myOGO after one push nine hours ago, and two runs since then that found no changes."""
    made = Ours(shop_of(*(size(n) for n in range(1, 5)), myogo=[{"code": "XX-1"}]))
    keep_time(made, monkeypatch)
    by_changes(made.shop)
    assert made.read() == "full: there was no full read yet"
    for _ in range(2):  # both are asked for what the first run wrote; from here on nobody is
        made.later(3)
        assert made.read() == "changes"
    made.later(3)
    return made


def test_a_run_without_changes_needs_a_handful_of_requests(ours: Ours) -> None:
    before = ours.stage()
    ours.shop.box.clear_requests()
    assert ours.read() == "changes"
    # Three lists of Centra and two of myOGO; an empty one is believed when it comes twice. A new token.
    assert [len(ours.shop.box.requests(side)) for side in ("centra", "myogo")] == [6, 5]
    assert ours.stage() == before


def test_what_changed_is_seen_on_either_side(ours: Ours) -> None:
    box = ours.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_centra_row(size(9))
    box.change_centra_row(2, physical=50)
    box.change_myogo_product("SKU3", name="Somebody's")
    box.receive("SKU4", 7)
    report = ours.run()
    assert _told(report) == "changes"
    assert report.facts["read"]["rows"] == {
        "centra.products": 2, "centra.stock": 2, "myogo.products": 1, "myogo.stock": 1,
    }  # fmt: skip
    assert (report.counts["create"], report.counts["update"], report.counts["unchanged"]) == (1, 2, 2)
    assert {code: held(ours.shop)[code]["name"] for code in ("SKU1", "SKU3", "SKU9")} == {
        "SKU1": "Anorak Blue S", "SKU3": "Parka Blue S", "SKU9": "Parka Blue S",
    }  # fmt: skip
    assert ours.shop.sql("select physical_stock from raw_centra.stock where stock_item_id = '2'") == [(50,)]
    assert ours.shop.sql("select stock from raw_myogo.products where code = 'SKU4'") == [("7",)]
    merged = ours.read("plan"), ours.stage()
    assert merged == ("changes", ours.stage())
    assert ours.read("plan", full=True) == "full: asked for with --full"
    assert ours.stage() == merged[1]


def test_prices_that_are_fewer_now_are_fewer_in_the_stage(ours: Ours) -> None:
    ours.shop.box.switch("centra", silent=[])
    ours.shop.box.change_centra_row(1, prices=[])
    report = ours.run()
    assert (_told(report), report.counts["withheld"]) == ("changes", 1)
    assert ours.shop.sql("select * from raw_centra.prices where stock_item_id = '1'") == []


def test_a_new_size_is_seen_also_where_modified_does_not_show_it(ours: Ours) -> None:
    ours.shop.box.switch("centra", new_rows_are_modified=False)
    made = f"{ours.now() + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"
    ours.shop.box.add_centra_row(size(9, createdAt=made))
    report = ours.run()
    assert (_told(report), report.counts["create"]) == ("changes", 1)


def test_what_moves_nothing_is_seen_within_full_every(ours: Ours) -> None:
    ours.shop.box.change_centra_row(1, prices=[euro("12.00")])
    ours.shop.box.delete_centra_row(2)
    report = ours.run()
    assert (_told(report), report.counts["update"], report.counts["read"]) == ("changes", 0, 4)
    ours.later(14.9)
    assert ours.read() == "changes"
    ours.later(0.2)
    report = ours.run()
    assert _told(report) == "full: the last full read is 24 h old or more"
    assert (report.counts["update"], report.counts["read"]) == (1, 3)


def test_a_size_that_changes_do_not_show_is_not_taken_for_gone(ours: Ours) -> None:
    ours.shop.box.switch("centra", silent=[])
    ours.shop.box.change_centra_row(1, prices=[])
    assert ours.read() == "changes"
    ours.shop.box.delete_centra_row(1)
    ours.later(3)
    assert ours.read() == "changes"
    faults = "select source_id, closed_reason from sync.issues"
    assert ours.shop.sql(faults) == [("1", None)]
    assert ours.read(full=True).startswith("full")
    assert ours.shop.sql(faults) == [("1", "gone")]


def test_the_moment_moves_only_with_a_run_that_went_through(ours: Ours) -> None:
    box = ours.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
    assert ours.run().exit_code == 5
    box.clear_faults()
    ours.later(6)
    report = ours.run()
    assert (_told(report), report.counts["update"]) == ("changes", 1)


def test_a_full_read_that_a_limit_refused_is_no_base(shop_of: Callable[..., Shop]) -> None:
    """Half of the catalogue was not there; changes merged into the other half would hide that."""
    shop = shop_of(*(size(n) for n in range(1, 13)))
    by_changes(shop)
    assert shop.run().exit_code == 0
    for number in range(1, 9):
        shop.box.delete_centra_row(number)
    assert shop.run(full=True).exit_code == 4
    again = shop.run()
    assert (again.exit_code, _told(again)) == (4, "full: the last full read did not go through")
    assert "min_read_share" in again.message


def _rename(ours: Ours) -> None:
    ours.shop.box.change_myogo_product("SKU4", code="SKU4-OLD")


def _second(ours: Ours) -> None:
    ours.shop.box.put_myogo_product({"code": "SKU4", "languageCode": "en"}, allow_duplicate=True)
    ours.shop.box.receive("SKU4", 1)


def _made_anew(ours: Ours) -> None:
    ours.shop.box.delete_myogo_product("SKU4")
    ours.shop.box.put_myogo_product({"code": "SKU4", "languageCode": "en"})


def _there_already(ours: Ours) -> None:
    """What myOGO holds slipped through the lists, and a create met it."""
    ours.shop.box.add_centra_row(size(9))
    ours.shop.box.put_myogo_product({"code": "SKU9", "languageCode": "en", "name": "Somebody's"})
    ours.shop.box.add_fault(side="myogo", kind="body", path="/api/v1/Products?modified", body=[], times=2)
    report = ours.run()
    assert (report.exit_code, report.counts["refused"]) == (3, 1)


def _unseen_write(ours: Ours) -> None:
    ours.shop.box.switch("myogo", writes_move_edit_time=False)
    ours.shop.box.change_centra_row(1, name="Anorak")
    assert ours.read() == "changes"
    assert "PUT SKU1" in writes(ours.shop)


def _gone(ours: Ours) -> None:
    ours.shop.box.delete_myogo_product("SKU1")
    ours.shop.box.change_centra_row(1, name="Anorak")
    report = ours.run()
    assert (report.exit_code, report.counts["refused"]) == (3, 1)


def _another_zone(ours: Ours) -> None:
    ours.shop.edit("Europe/Stockholm", "Europe/Helsinki")


def _clock(ours: Ours) -> None:
    ours.later(-6)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (_rename, "the code of a product was changed in myOGO"),
        (_second, "something changed about a code that myOGO holds, or held, more than once"),
        (_made_anew, "something changed about a code that myOGO holds, or held, more than once"),
        (_there_already, "a record we tried to create already existed, or one we tried to update was missing"),
        (_unseen_write, "what we wrote ourselves is not among myOGO's changes"),
        (_gone, "a record we tried to create already existed, or one we tried to update was missing"),
        (_another_zone, "the channel file or a secret names other systems than before"),
        (_clock, "the clock was set back"),
    ],
)
def test_where_there_is_doubt_everything_is_read(ours: Ours, happens: Callable[[Ours], None], why: str) -> None:
    happens(ours)
    assert ours.read("plan") == f"full: {why}"
    merged = ours.stage()
    ours.read("plan", full=True)
    assert ours.stage() == merged


def test_products_without_an_id_are_never_merged(ours: Ours) -> None:
    ours.shop.box.add_fault(side="myogo", kind="body", path="/api/v1/Products", body=[{"code": "SKU4", "name": "?"}])
    assert ours.read() == "full: myOGO lists products without an id, by which changes are merged"


def test_a_stage_made_anew_is_filled_by_a_full_read(ours: Ours) -> None:
    assert ours.read(rebuild=True) == "full: there was no full read yet"
    assert len(ours.stage()["raw_centra.products"]) == 4


PLACES = (
    "stage: extracted centra_changes", "stage: loaded centra_changes", "stage: tidied myogo_changes",
    "store: before the changes", "store: before the commit of the changes", "store: after the changes",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_dies_on_the_way_loses_no_change(ours: Ours, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends there; what is in the working file then is what the next run finds."""

    class Died(BaseException):
        pass

    def die(passed: str) -> None:
        if passed == place:
            raise Died

    box = ours.shop.box
    box.change_centra_row(1, name="Anorak")
    box.add_centra_row(size(9))
    box.change_myogo_product("SKU3", name="Somebody's")
    monkeypatch.setattr(failpoints, "_hook", die)
    with pytest.raises(Died):
        ours.run()
    monkeypatch.setattr(failpoints, "_hook", None)
    ours.later(6)
    report = ours.run()
    assert (_told(report), report.counts["create"], report.counts["update"]) == ("changes", 1, 2)
    ours.read("plan")
    merged = ours.stage()
    ours.read("plan", full=True)
    assert ours.stage() == merged
    schemas = "select count(*) from information_schema.schemata where schema_name like '%changes%'"
    assert ours.shop.sql(schemas) == [(0,)]


def test_a_size_in_the_stock_list_only_is_asked_for_once(ours: Ours) -> None:
    """It changed its stock, and no list of products showed it."""
    ours.shop.box.switch("centra", new_rows_are_modified=False)
    ours.shop.box.add_centra_row(size(9))  # created long ago, as far as one can see
    ours.shop.box.clear_requests()
    report = ours.run()
    assert (_told(report), report.counts["create"]) == ("changes", 1)
    assert report.facts["findings"]["centra"]["filled"] == 1
    assert "stockItemID=9" in ours.shop.box.requests("centra")[-1]["query"]


def test_a_size_in_the_stock_list_only_is_asked_for_again_where_the_run_died(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stock had been merged; that nobody had asked for the size yet must not be forgotten with it."""
    ours.shop.box.switch("centra", new_rows_are_modified=False)
    ours.shop.box.add_centra_row(size(9))
    ours.shop.box.add_fault(side="centra", kind="status", status=503, times=99, path="stockItemID=9")
    assert ours.run().exit_code == 5
    ours.shop.box.clear_faults()
    report = ours.run()
    assert (_told(report), report.counts["create"]) == ("changes", 1)


def test_the_last_full_read_is_the_one_written_last(ours: Ours) -> None:
    """A clock that was an hour fast, then set right: a full read that did not go through is still the base."""
    ours.later(1)
    assert ours.read(full=True).startswith("full")
    ours.later(-1)
    ours.shop.box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
    assert ours.run().exit_code == 5
    ours.shop.box.clear_faults()
    ours.later(1.1)
    assert ours.read() == "full: the last full read did not go through"


def test_changes_need_to_know_the_zone(shop: Shop) -> None:
    by_changes(shop)
    shop.edit('timezone            = "Europe/Stockholm"\n', "")
    with pytest.raises(ConfigError, match=r"needs systems\.centra\.timezone"):
        shop.channel()


def test_the_kind_of_reading_is_told_everywhere(ours: Ours) -> None:
    since = f"Only changes since {ours.now() - timedelta(hours=6) - OVERLAP:%Y-%m-%d %H:%M}"
    file, data = str(ours.shop.file), ["--data", str(ours.shop.data)]
    assert since in ours.shop.command("plan", file, *data).stdout
    page, summary = ours.shop.folder / "r.html", ours.shop.folder / "r.md"
    told = ours.shop.command("report", file, "--html", str(page), "--markdown", str(summary), *data).stdout
    assert all(since in text for text in (told, page.read_text("utf-8"), summary.read_text("utf-8")))
    assert ours.shop.command("plan", file, "--full", *data).stdout.count("Full read: asked for") == 1
    assert ours.shop.sql("select kind, since is null from sync.reads order by began_at") == [
        ("full", True), ("changes", False), ("changes", False), ("changes", False), ("full", True),
    ]  # fmt: skip


def test_no_zone_loses_a_change_when_clocks_are_set() -> None:
    """Whatever local time a change from the last run on was given, it is not before the one that is asked for."""
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for switch in _switches(zone):
            for minutes in range(-240, 241, 30):
                watermark = switch + timedelta(minutes=minutes)
                asked = _local(watermark - OVERLAP, zone)
                for after in range(0, 300, 15):
                    assert _local(watermark + timedelta(minutes=after), zone) >= asked, (name, watermark)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _switches(zone: ZoneInfo) -> list[datetime]:
    """The moments of a year (UTC, to the hour) at which the zone's offset changes."""
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
        ("2026-03-29 01:00:00", "2026-03-29 03:00:00"),  # two o'clock never was
    ],
)
def test_moments_are_told_in_the_companys_zone(shop: Shop, utc: str, local: str) -> None:
    with centra_of(shop) as client:
        assert client.moment(datetime.fromisoformat(utc)) == local


def test_a_change_in_the_hour_that_comes_twice_is_seen(shop_of: Callable[..., Shop], monkeypatch: Any) -> None:
    """The last run began at 02:45 summer time; the size was changed 30 minutes later, at 02:15 winter time."""
    ours = Ours(shop_of(size(1), size(2)))
    keep_time(ours, monkeypatch)
    by_changes(ours.shop)
    ours.later((datetime.fromisoformat("2027-10-31 00:45") - ours.now()).total_seconds() / 3600)
    assert ours.read().startswith("full")
    ours.later(0.5)
    ours.shop.box.change_centra_row(1, name="Anorak")
    assert ours.shop.box.centra_row(1)["name"] == "Anorak"
    ours.later(0.25)
    report = ours.run()
    assert (_told(report), report.counts["update"]) == ("changes", 1)


@pytest.mark.parametrize("name", ["centra_token", "client_id", "client_secret", "merchant_id", "secret_token"])
def test_another_secret_is_taken_for_another_shop(ours: Ours, name: str) -> None:
    """Whatever that one says: nothing of it is merged into what the other one said."""
    secret(ours.shop, name, "of-somebody-else")
    assert ours.run().exit_code == 2
    (why,) = ours.shop.sql("select why from sync.reads order by began_at desc limit 1")
    assert why == ("the channel file or a secret names other systems than before",)


def test_secrets_cannot_be_had_from_the_digest(ours: Ours) -> None:
    (systems,) = {row[0] for row in ours.shop.sql("select systems from sync.reads")}
    assert len(systems) == 8


def test_only_full_reads_are_compared_in_number(ours: Ours) -> None:
    from pipelines.engine.safety_limits import last_read

    assert ours.read() == "changes"
    opened = Store(Folder(ours.shop.data, "demo"), SCHEMA)
    try:
        assert last_read(opened, "products") == 4
        opened.connection.execute(
            "update sync.runs set rows_read = 99 where run_id in (select run_id from sync.reads where kind = 'changes')"
        )
        assert last_read(opened, "products") == 4
    finally:
        opened.close()
