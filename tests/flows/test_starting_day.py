"""The starting day means the same in both order flows: a day in the shop's time zone."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import duckdb
import pandas as pd
import pytest

from pipelines.flows.order_flow import beginning_of, is_since, sent_references
from pipelines.flows.tracking import TrackingFlow
from tests.support.frames import texts

STARTING = date(2026, 12, 1)
REFERENCE = "demo-1-1"


def channel_in(zone: str | None, *, sends_tests: bool = False) -> Any:
    return SimpleNamespace(
        systems={"centra": SimpleNamespace(timezone=zone)},
        flows={"orders": ...},
        flow_params=lambda _: SimpleNamespace(test=sends_tests),
    )


def store_with(placed: str | None = None, sent: str | None = None) -> Any:
    """A store in which Centra has order 1, placed at `placed`, and the journal has the outcome `sent` of our order."""
    db = duckdb.connect()
    db.execute("create schema sync")
    db.execute("create table sync.journal (flow varchar, key varchar, outcome varchar)")
    if sent:
        db.execute("insert into sync.journal values ('orders', ?, ?)", [REFERENCE, sent])
    rows = pd.DataFrame({"order_id": texts(["1"] if placed else []), "order_date": texts([placed] if placed else [])})
    return SimpleNamespace(frame=lambda *_: rows, connection=db)


def is_tracked(edited: str | None, store: Any, zone: str | None = "Europe/Helsinki", **fields: Any) -> bool:
    """Whether the tracking flow looks at the order that myOGO changed at `edited`."""
    sends_tests = fields.pop("sends_tests", False)
    context: Any = SimpleNamespace(
        store=store, params=SimpleNamespace(starting=STARTING), channel=channel_in(zone, sends_tests=sends_tests)
    )
    order = {"reference": REFERENCE, "source_id": "1-1", "edit_time": edited, "test": "false"} | fields
    rows = pd.DataFrame({name: texts([value]) for name, value in order.items()})
    return len(TrackingFlow(context)._since_starting(rows)) == 1


@pytest.mark.parametrize(
    ("ordered", "since"),
    [("2026-12-01 00:40:00", True), ("2026-12-01 00:00:00", True), ("2026-12-24 09:00:00", True), (None, True),
     ("", True), ("2026-11-30 23:59:59", False), ("2025-12-01 12:00:00", False)],
)  # fmt: skip
def test_an_order_counts_by_the_day_in_the_shop(ordered: str | None, since: bool) -> None:
    """An order without a date is looked at, so that nothing is lost."""
    assert list(is_since(STARTING, texts([ordered]))) == [since]


@pytest.mark.parametrize(
    ("zone", "began"),
    [("Europe/Helsinki", "2026-11-30T22:00:00"), ("America/New_York", "2026-12-01T05:00:00"),
     ("Pacific/Auckland", "2026-11-30T11:00:00"), (None, "2026-12-01T00:00:00")],
)  # fmt: skip
def test_the_starting_day_begins_at_midnight_in_the_shop(zone: str | None, began: str) -> None:
    assert beginning_of(STARTING, channel_in(zone)) == pd.Timestamp(began, tz="UTC")


def test_an_order_of_the_first_hours_of_the_starting_day_is_tracked() -> None:
    """At 00:40 in Helsinki it is still the day before in UTC, in which myOGO writes its times."""
    assert is_tracked("2026-11-30T22:41:00Z", store_with())
    assert is_tracked("2026-12-01T00:41:00+02:00", store_with())
    assert not is_tracked("2026-11-30T21:59:00Z", store_with())
    assert not is_tracked("2026-12-01T04:59:00Z", store_with(), zone="America/New_York")


def test_an_order_that_centra_dates_on_the_starting_day_is_tracked() -> None:
    """Whatever myOGO says, so that what the orders flow sends is tracked."""
    assert is_tracked("2026-11-30T08:00:00Z", store_with("2026-12-01 00:40:00"))
    assert not is_tracked("2026-11-30T08:00:00Z", store_with("2026-11-30 23:40:00"))
    # A pre-order that myOGO got later, for example by hand, under our reference.
    assert is_tracked("2026-12-09T08:00:00Z", store_with("2026-10-01 10:00:00"))


@pytest.mark.parametrize("outcome", ["applied", "unknown"])
def test_an_order_that_was_sent_from_here_is_tracked_whatever_its_date(outcome: str) -> None:
    """Except a test, if the channel now sends real orders: a later starting day ends these."""
    store = store_with("2026-10-01 10:00:00", outcome)
    assert is_tracked("2026-10-02T10:00:00Z", store)
    assert not is_tracked("2026-10-02T10:00:00Z", store, test="true")
    assert is_tracked("2026-10-02T10:00:00Z", store, test="true", sends_tests=True)
    assert not is_tracked("2026-10-02T10:00:00Z", store_with("2026-10-01 10:00:00", "refused"))


def test_an_order_whose_time_is_not_known_is_tracked() -> None:
    assert is_tracked(None, store_with())
    assert is_tracked("soon", store_with())


def test_what_was_sent_are_orders_with_an_outcome() -> None:
    assert sent_references(store_with(sent="applied")) == sent_references(store_with(sent="unknown")) == {REFERENCE}
    assert sent_references(store_with(sent="not_attempted")) == set()
