"""When a run reads only changes, from which moment, and when it merges them into the last full read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd
import pytest

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from pipelines.engine.incremental import OVERLAP, ReadMode, Sources, choose_read_mode, record_read
from pipelines.engine.merge_changes import why_not_mergeable
from pipelines.engine.safety_limits import last_read
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.common.credentials import CREDENTIALS
from pipelines.state.store import Folder, Store
from tests.support.declared import FLOWS, SCHEMA, SYSTEMS

NOW = datetime.fromisoformat("2026-05-04 12:00:00")
SOURCES: Sources = {name: [SYSTEMS[name].catalogue] for name in ("centra", "myogo")}
READ_CHANGES = ('name = "demo"', 'name = "demo"\nrefresh = "changes"')
STAGED_TABLES = {  # with the table of their changes
    f"raw_{table}": f"raw_{table.replace('.', '_changes.')}"
    for table in ("centra.products", "centra.stock", "myogo.products", "myogo.stock")
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with the tables of both systems and of their changes."""
    folder = Folder(tmp_path_factory.mktemp("store"), "demo")
    folder.make()
    opened = Store(folder, SCHEMA)
    opened.ready_to_publish()
    for table, changes in STAGED_TABLES.items():
        opened.connection.execute(f"create schema if not exists {changes.partition('.')[0]}")
        opened.connection.execute(f"create table {changes} as from {table} limit 0")
    yield opened
    opened.close()


@pytest.fixture
def store(opened: Store) -> Store:
    """The same store without rows."""
    history = ("sync.reads", "sync.runs", "sync.flows", "sync.changes", "sync.journal")
    for table in (*history, *STAGED_TABLES, *STAGED_TABLES.values()):
        opened.connection.execute(f"delete from {table}")
    return opened


def channel_in(folder: Path, *edits: tuple[str, str]) -> Channel:
    """The sandbox's channel with these replacements in its file; it reads changes."""
    text = channel_file("http://127.0.0.1:1", "http://127.0.0.1:2")
    for old, new in (READ_CHANGES, *edits):
        assert old in text
        text = text.replace(old, new)
    file = folder / "demo.toml"
    file.write_text(text, "utf-8")
    return load(str(file))


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return channel_in(tmp_path)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def add_run(store: Store, channel: Channel, hours: float, kind: str, exit_code: int | None = 0, read: int = 4) -> None:
    """Adds a run that began so many hours ago; without an exit code it was killed."""
    run_id = f"{store.connection.sql('select count(*) from sync.runs').fetchall()[0][0]}"
    at = hours_ago(hours)
    store.begin_run({"run_id": run_id, "started_at": at, "flow": "products", "verb": "push"})
    record_read(store, run_id, ReadMode(None if kind == "full" else at, "why"), channel, SOURCES, at)
    store.append("sync.flows", pd.DataFrame([{"run_id": run_id, "flow": "products", "rows_read": read}]))
    if exit_code is not None:
        store.update_run(run_id, {"ended_at": at, "exit_code": exit_code})


def chosen(store: Store, channel: Channel, *, full_read: bool = False, sources: Sources = SOURCES) -> ReadMode:
    return choose_read_mode(store, channel, sources, NOW, full_read=full_read)


def test_a_first_run_reads_everything(store: Store, channel: Channel) -> None:
    assert chosen(store, channel) == ReadMode(None, "there was no full read yet")


def test_a_full_read_can_be_requested_or_configured(store: Store, channel: Channel, tmp_path: Path) -> None:
    add_run(store, channel, 1, "full")
    assert chosen(store, channel, full_read=True) == ReadMode(None, "requested with --full")
    always_full = channel_in(tmp_path, ('refresh = "changes"', 'refresh = "full"'))
    assert chosen(store, always_full) == ReadMode(None, 'this channel\'s refresh is "full"')


def test_a_source_that_lists_no_changes_is_read_completely(store: Store, channel: Channel) -> None:
    add_run(store, channel, 1, "full")
    sources = {**SOURCES, "myogo": [*SOURCES["myogo"], "another:source"]}
    assert chosen(store, channel, sources=sources) == ReadMode(None, "a source of myOGO cannot list changes only")


@pytest.mark.parametrize(
    ("later", "since"),
    [
        pytest.param([], 12, id="only the full read"),
        pytest.param([(6, 0)], 12, id="the full read and one other"),
        pytest.param([(8, 0), (4, 3)], 8, id="the last successful run but one"),
        pytest.param([(8, 0), (4, 0), (3, 5), (2, 4), (1, None)], 8, id="runs that failed, were refused or killed"),
        pytest.param([(4, 0), (8, 0)], 8, id="the earlier of the two after the clock was set back"),
    ],
)
def test_changes_are_read_from_the_last_successful_run_but_one(
    store: Store, channel: Channel, later: list[tuple[float, int | None]], since: float
) -> None:
    """Minus the overlap. Runs without exit code 0 or 3 do not count, so the next run reads their changes again."""
    add_run(store, channel, 12, "full")
    for hours, exit_code in later:
        add_run(store, channel, hours, "changes", exit_code)
    mode = chosen(store, channel)
    assert mode == ReadMode(hours_ago(since) - OVERLAP)
    assert mode.kind == "changes"


@pytest.mark.parametrize(("hours", "full"), [(23.99, False), (24, True), (25, True)])
def test_everything_is_read_again_after_full_every(store: Store, channel: Channel, hours: float, full: bool) -> None:
    """Runs that read changes since then do not count."""
    add_run(store, channel, hours, "full")
    add_run(store, channel, 1, "changes")
    assert (chosen(store, channel).why == "the last full read is 24 h old or more") is full


@pytest.mark.parametrize("exit_code", [4, 5, None], ids=["refused", "failed", "killed"])
def test_a_full_read_that_did_not_go_through_is_no_base_for_changes(
    store: Store, channel: Channel, exit_code: int | None
) -> None:
    """If most of the catalogue was missing, changes merged into the rest would hide that."""
    add_run(store, channel, 6, "full")
    add_run(store, channel, 3, "full", exit_code)
    assert chosen(store, channel) == ReadMode(None, "the last full read did not go through")
    add_run(store, channel, 2, "full", 3)
    assert chosen(store, channel).since == hours_ago(2) - OVERLAP


def test_the_last_full_read_is_the_last_one_recorded(store: Store, channel: Channel) -> None:
    """Also if the clock was an hour fast at the earlier full read: the later, failed one counts."""
    add_run(store, channel, 1, "full")
    add_run(store, channel, 2, "full", 5)
    assert chosen(store, channel).why == "the last full read did not go through"


def test_a_clock_that_was_set_back_causes_a_full_read(store: Store, channel: Channel) -> None:
    """A last run that began at this very moment does not."""
    add_run(store, channel, 6, "full")
    add_run(store, channel, 0, "changes")
    assert chosen(store, channel).kind == "changes"
    add_run(store, channel, -0.01, "changes")
    assert chosen(store, channel) == ReadMode(None, "the clock was set back")


@pytest.mark.parametrize("secret", ["centra_token", "client_id", "client_secret", "merchant_id", "secret_token"])
def test_another_secret_causes_a_full_read(store: Store, channel: Channel, tmp_path: Path, secret: str) -> None:
    """It may belong to another shop, whose rows must not be merged into the staged ones."""
    add_run(store, channel, 1, "full")
    file = tmp_path / f"{secret}.secret"
    file.write_text("of-somebody-else")
    other = channel_in(tmp_path, (f"{CREDENTIALS}/{secret}", str(file)))
    assert chosen(store, other) == ReadMode(None, "the channel file or a secret names other systems than before")
    assert chosen(store, channel).kind == "changes"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("Europe/Stockholm", "Europe/Helsinki", id="time zone"),
        pytest.param("http://127.0.0.1:1", "http://127.0.0.1:3", id="address of Centra"),
        pytest.param('base_url            = "http://127.0.0.1:2', 'base_url = "http://127.0.0.1:3', id="of myOGO"),
    ],
)
def test_another_address_or_zone_causes_a_full_read(
    store: Store, channel: Channel, tmp_path: Path, old: str, new: str
) -> None:
    add_run(store, channel, 1, "full")
    other = channel_in(tmp_path, (old, new))
    assert chosen(store, other) == ReadMode(None, "the channel file or a secret names other systems than before")


def test_the_digest_of_the_systems_is_too_short_to_reveal_a_secret(store: Store, channel: Channel) -> None:
    add_run(store, channel, 1, "full")
    ((systems,),) = store.connection.sql("select systems from sync.reads").fetchall()
    assert len(systems) == 8


def test_row_counts_are_compared_with_full_reads_only(store: Store, channel: Channel) -> None:
    add_run(store, channel, 3, "full", read=4)
    add_run(store, channel, 2, "changes", read=99)
    assert last_read(store, "products") == 4
    add_run(store, channel, 1, "full", read=5)
    assert last_read(store, "products") == 5


def test_reading_changes_requires_the_time_zone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs systems\.centra\.timezone"):
        channel_in(tmp_path, ('timezone            = "Europe/Stockholm"\n', ""))


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2026-10-25 00:30:00", "2026-10-25 02:30:00"),  # the first half past two
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00"),  # the second
        ("2026-03-29 00:59:59", "2026-03-29 01:59:59"),
        ("2026-03-29 01:00:00", "2026-03-29 03:00:00"),  # 02:00 does not exist
    ],
)
def test_times_are_sent_in_the_time_zone_of_the_shop(channel: Channel, utc: str, local: str) -> None:
    assert SYSTEMS["centra"].format_time(channel.systems["centra"], datetime.fromisoformat(utc)) == local


def test_no_time_zone_loses_a_change_when_clocks_are_set() -> None:
    """The local time of any later change is not before the local time that the next read starts from."""
    checked: set[tuple[Any, ...]] = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for switch in _switches(zone):
            watermarks = [switch + timedelta(minutes=minutes) for minutes in range(-240, 241, 30)]
            around = tuple(_local(at, zone) for at in (switch - OVERLAP, switch - timedelta(hours=1), switch))
            if around in checked:  # another zone has the same switch
                continue
            checked.add(around)
            for watermark in watermarks:
                read_from = _local(watermark - OVERLAP, zone)
                for after in range(0, 300, 15):
                    assert _local(watermark + timedelta(minutes=after), zone) >= read_from, (name, watermark)
    assert len(checked) > 20


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


DAYS = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]


def _switches(zone: ZoneInfo) -> list[datetime]:
    """The times of a year (UTC, to the hour) at which the zone's offset changes."""
    offsets = [day.astimezone(zone).utcoffset() for day in DAYS]
    days = [day for day, before, after in zip(DAYS, offsets, offsets[1:], strict=False) if before != after]
    hours = [day + timedelta(hours=n) for day in days for n in range(1, 25)]
    return [
        hour.replace(tzinfo=None)
        for hour in hours
        if hour.astimezone(zone).utcoffset() != (hour - timedelta(hours=1)).astimezone(zone).utcoffset()
    ]


def add_rows(store: Store, table: str, *rows: Mapping[str, Any]) -> None:
    store.append(table, pd.DataFrame([dict(row) for row in rows]))


def why_not(store: Store) -> str:
    """The reason not to merge; the watermark is an hour ago."""
    return why_not_mergeable(store, [SYSTEMS["centra"], SYSTEMS["myogo"]], FLOWS, hours_ago(1))


STAGED = [{"id": "1", "code": "A"}, {"id": "2", "code": "B"}, {"id": "3", "code": "B"}]
NO_ID = "myOGO lists products without an id, by which changes are merged"
RENAMED = "the code of a product was changed in myOGO"
TWICE = "a product or its stock changed whose code myOGO holds, or held, more than once"


@pytest.mark.parametrize(
    ("products", "stock", "reason"),
    [
        pytest.param([], [], "", id="no change"),
        pytest.param([{"id": "1", "code": "A"}, {"id": "4", "code": "C"}], [], "", id="a changed and a new product"),
        pytest.param([], ["A"], "", id="changed stock"),
        pytest.param([{"id": "1", "code": "A-OLD"}], [], RENAMED, id="another code"),
        pytest.param([{"id": "4", "code": "A"}], [], TWICE, id="deleted and created again, or created twice"),
        pytest.param([{"id": "4", "code": "C"}, {"id": "5", "code": "C"}], [], TWICE, id="created twice just now"),
        pytest.param([{"id": "2", "code": "B"}], [], TWICE, id="one of two products changed"),
        pytest.param([], ["B"], TWICE, id="the stock of a code that two products have"),
        pytest.param([{"id": None, "code": "C"}], [], NO_ID, id="a change without an id"),
        pytest.param([{"id": "", "code": "C"}], [], NO_ID, id="a change with an empty id"),
    ],
)
def test_doubtful_changes_of_myogo_are_not_merged(
    store: Store, products: list[dict[str, Any]], stock: list[str], reason: str
) -> None:
    """Two products of the stage have the code B; that alone does no harm."""
    add_rows(store, "raw_myogo.products", *STAGED)
    add_rows(store, "raw_myogo_changes.products", *products)
    add_rows(store, "raw_myogo_changes.stock", *({"product_code": code} for code in stock))
    assert why_not(store) == reason


def test_changes_are_not_merged_into_products_without_an_id(store: Store) -> None:
    add_rows(store, "raw_myogo.products", {"id": None, "code": "A"})
    assert why_not(store) == NO_ID


def add_write(store: Store, key: str, hours: float, flow: str = "products", **fields: Any) -> None:
    """Adds a write to the journal that ended so many hours ago, and its planned change for the size 1."""
    row = {"run_id": f"run {key}", "flow": flow, "key": key}
    add_rows(store, "sync.changes", row | {"action": "update", "source_id": "1", "before": "{}", "after": "{}"})
    at = hours_ago(hours)
    add_rows(store, "sync.journal", row | {"intended_at": at, "ended_at": at, "outcome": "applied"} | fields)


@pytest.mark.parametrize(
    ("hours", "fields", "listed", "merged"),
    [
        pytest.param(0.5, {}, "A", True, id="a write that myOGO lists"),
        pytest.param(0.5, {}, "C", False, id="a write that is missing"),
        pytest.param(1.5, {}, "C", True, id="a write before the watermark"),
        pytest.param(0.5, {"outcome": "refused"}, "C", True, id="a refused write"),
    ],
)
def test_changes_are_not_merged_if_our_own_write_is_missing(
    store: Store, hours: float, fields: dict[str, Any], listed: str, merged: bool
) -> None:
    """If myOGO does not list what we wrote, it may not list what others wrote either."""
    add_rows(store, "raw_myogo_changes.products", {"id": "1", "code": listed})
    add_write(store, "A", hours, **fields)
    assert why_not(store) == ("" if merged else "a product that we wrote is missing from myOGO's changes")


@pytest.mark.parametrize(("listed", "merged"), [("1", True), ("2", False)])
def test_changes_are_not_merged_if_the_stock_that_we_wrote_is_missing(store: Store, listed: str, merged: bool) -> None:
    """Centra lists stock by size."""
    add_rows(store, "raw_centra_changes.stock", {"stock_item_id": listed, "physical_stock": 1})
    add_write(store, "A", 0.5, "stock")
    assert (why_not(store) == "") is merged


@pytest.mark.parametrize(("hours", "merged"), [(0.5, False), (1, False), (1.5, True)])
def test_changes_are_not_merged_after_a_write_that_found_other_rows(store: Store, hours: float, merged: bool) -> None:
    """The stage lacked a product of myOGO, or had one that myOGO no longer holds."""
    add_write(store, "A", hours, outcome="refused", reason="stale_read")
    reason = "a record we tried to create already existed, or one we tried to update was missing"
    assert why_not(store) == ("" if merged else reason)
