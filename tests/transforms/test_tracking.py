"""Orders of myOGO become completions of Centra's shipments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, texts
from transforms.tracking import (
    Carrier,
    Params,
    in_minutes,
    to_centra,
    tracking_numbers,
    units_of,
    utc_times,
    waits_for_tracking,
)

CARRIERS = {"HOME": Carrier("Posti", "Home parcel"), "PICKUP": Carrier("Posti")}


def completions(*orders: dict[str, Any], shipments: list[dict[str, Any]] | None = None, **params: Any) -> pd.DataFrame:
    """The transform's rows for shipped orders and their open shipments: 1-1 of order 1, unless a test gives others."""
    order = {"reference": "p-1-1", "source_id": "1-1", "status": "Shipped", "shipping_code": "HOME",
             "tracking_number": "A"}  # fmt: skip
    shipment = {"shipment_id": "1-1", "order_id": "1", "paid": "1", "should_capture": "0"}
    rows = pd.DataFrame([order | one for one in orders]).astype("str")
    still_open = pd.DataFrame([shipment | one for one in (shipments if shipments is not None else [{}])])
    return to_centra(rows, still_open, Params(date(2026, 1, 1), **params))


def test_a_shipment_is_completed_for_one_order_only() -> None:
    """Of an order for all shipments and an order for this shipment, only one gets the shipment."""
    rows = completions({"reference": "p-1", "source_id": "1"}, {})
    assert rows["shipment_id"].dropna().tolist() == ["1-1"]
    assert len(rows) == 2


def test_an_order_without_a_shipment_number_has_all_shipments_of_its_order() -> None:
    """And an order without an open shipment has a row without one."""
    shipments = [{}, {"shipment_id": "1-2"}, {"shipment_id": "2-1", "order_id": "2"}]
    rows = completions(
        {"reference": "p-3-1", "source_id": "3-1"}, {"reference": "p-1", "source_id": "1"}, shipments=shipments
    )
    assert list(rows["reference"]) == ["p-1", "p-1", "p-3-1"]
    assert plain_list(rows["shipment_id"]) == ["1-1", "1-2", None]
    assert list(rows["payment_due"]) == [False] * 3
    assert list(rows.index) == [0, 1, 2]


def test_a_parcel_has_its_carrier_and_all_its_numbers() -> None:
    """A shipping code without a configured carrier is used as the carrier; a shipment has at least one parcel."""
    numbers = ["JJFI1, JJFI2,,JJFI1", "A", None, " , "]
    codes = ["HOME", "PICKUP", "DHL", None]
    orders = [
        {"reference": f"p-{n}", "source_id": f"{n}", "tracking_number": number, "shipping_code": code}
        for n, (number, code) in enumerate(zip(numbers, codes, strict=True))
    ]
    rows = completions(*orders, carriers=CARRIERS)
    assert plain_list(rows["tracking"]) == ["JJFI1, JJFI2", "A", None, None]
    assert list(rows["packages"]) == [2, 1, 1, 1]
    assert rows["packages"].dtype == "int64"
    assert plain_list(rows["carrier"]) == ["Posti", "Posti", "DHL", None]
    assert plain_list(rows["service"]) == ["Home parcel", None, None, None]


def test_an_order_is_final_in_any_case_of_its_status() -> None:
    statuses = ["Shipped", "CANCELLED", "returned", "New", None]
    orders = [{"reference": f"p-{n}", "source_id": f"{n}", "status": status} for n, status in enumerate(statuses)]
    rows = completions(*orders)
    assert list(rows["final"]) == ["shipped", "cancelled", "returned", "", ""]


@pytest.mark.parametrize(
    ("paid", "should_capture", "due"), [("0", "1", True), ("1", "1", False), ("0", "0", False)], ids=str
)
def test_a_payment_is_due_unless_it_is_paid_or_need_not_be_captured(paid: str, should_capture: str, due: bool) -> None:
    rows = completions({}, shipments=[{"paid": paid, "should_capture": should_capture}])
    assert list(rows["payment_due"]) == [due]


def test_units_are_summed_by_shipment_and_code() -> None:
    picked = pd.DataFrame({"source_id": ["1", "1", "1", "2"], "code": ["A", "B", "A", "A"], "quantity": [1, 2, 3, 4]})
    assert units_of(picked) == {"1": {"A": Decimal(4), "B": Decimal(2)}, "2": {"A": Decimal(4)}}


def test_tracking_numbers_are_separated_by_commas() -> None:
    assert tracking_numbers(" A,,B , A") == ["A", "B"]
    assert tracking_numbers("") == []


NOW = datetime.fromisoformat("2026-11-29T12:00:00")
JUST_NOW = "2026-11-29T11:00:00Z"
WAITS: list[dict[str, Any]] = [
    {"edit_time": JUST_NOW},
    {"edit_time": "2026-11-28T12:00:01Z"},
    {"edit_time": "2026-11-29T13:30:00+02:00"},  # half an hour ago
    {"edit_time": "2026-11-28T20:00:00.1234567"},  # without an offset it is UTC
    {"edit_time": "2026-11-29T15:00:00Z"},  # the clocks differ
    {"edit_time": JUST_NOW, "tracking_number": " , "},
    {"edit_time": JUST_NOW, "shipping_code": "HOME"},
    {"edit_time": JUST_NOW, "shipping_code": None},
]
DOES_NOT_WAIT: list[dict[str, Any]] = [
    {"edit_time": JUST_NOW, "tracking_number": "JJFI1"},
    {"edit_time": "2026-11-28T12:00:00Z"},
    {"edit_time": "2026-11-28T13:59:59+02:00"},
    {"edit_time": "2027-11-29T12:00:00Z"},
    {"edit_time": None},
    {"edit_time": "yesterday"},
    {"edit_time": JUST_NOW, "shipping_code": "LETTER"},
    {"edit_time": JUST_NOW, "status": "Collecting"},
    {"edit_time": JUST_NOW, "status": "Cancelled"},
]


@pytest.mark.parametrize(("order", "waits"), [*((o, True) for o in WAITS), *((o, False) for o in DOES_NOT_WAIT)])
def test_a_shipped_order_waits_for_its_number_for_some_hours(order: dict[str, Any], waits: bool) -> None:
    """Counted from its last change in myOGO. A method without tracking numbers never waits."""
    carriers = CARRIERS | {"LETTER": Carrier("Posti", "Letter", tracked=False)}
    rows = completions({"tracking_number": None, "shipping_code": "DHL"} | order, carriers=carriers)
    params = Params(date(2026, 1, 1), carriers=carriers)
    assert list(waits_for_tracking(rows, NOW, params)) == [waits]
    none = Params(date(2026, 1, 1), wait_for_tracking_hours=0)
    assert list(waits_for_tracking(rows, NOW, none)) == [False]


def test_times_of_different_forms_are_read_together() -> None:
    moments = utc_times(texts(["2026-11-29T12:00:00+02:00", "2026-11-29 10:00", "2026-11-29", "29.11.2026", "", None]))
    assert [in_minutes(moment) for moment in moments] == [
        "2026-11-29 10:00 UTC", "2026-11-29 10:00 UTC", "2026-11-29 00:00 UTC", "unknown", "unknown", "unknown",
    ]  # fmt: skip


def test_an_empty_day_has_the_types_of_a_full_one() -> None:
    full = completions({}, {"reference": "p-2", "source_id": "2"}, shipments=[{}])
    nothing_shipped = to_centra(
        full[["reference", "source_id", "status", "shipping_code", "tracking_number"]].head(0),
        pd.DataFrame({name: texts([]) for name in ("shipment_id", "order_id", "paid", "should_capture")}),
        Params(date(2026, 1, 1)),
    )
    assert nothing_shipped.dtypes.to_dict() == full.dtypes.to_dict()
