"""Every field of an order for myOGO: why it is held, its customer, comments, lines and cash on delivery."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list
from tests.support.order_frames import (
    Row,
    line,
    numbered,
    order_facts,
    order_row,
    orders_of,
    shipment,
)
from transforms.orders import NOT_LISTED, OrderFacts
from transforms.price import MONEY

HELD: dict[str, tuple[Row, list[Row] | None, Row, str]] = {
    "nothing": ({}, None, {}, ""),
    "on hold": ({"hold": 1}, None, {}, "it is on hold"),
    "its order is on hold": ({}, [order_row(hold="1")], {}, "it is on hold"),
    "waiting": ({"waitingForPayment": True}, None, {}, "it waits for its payment"),
    "suspect": ({"suspect": "true"}, None, {}, "it is marked as suspect"),
    "all": ({"hold": 1, "suspect": 1}, [order_row(waitingForPayment=1)], {},
            "it is on hold and it waits for its payment and it is marked as suspect"),
    "only some reasons count": ({"hold": 1, "suspect": 1}, None, {"withhold_while": ("suspect",)},
                                "it is marked as suspect"),
    "no reason counts": ({"hold": 1, "suspect": 1}, [], {"withhold_while": ()}, ""),
    "flags off": ({"hold": 0, "suspect": False, "waitingForPayment": ""}, None, {}, ""),
    "not listed": ({}, [], {}, NOT_LISTED),
    "another is listed": ({}, [order_row(orderId="2")], {}, NOT_LISTED),
    "not listed, and marked": ({"suspect": 1}, [], {}, "it is marked as suspect"),
    "not listed, hold does not count": ({}, [], {"withhold_while": ("suspect", "waiting_for_payment")}, ""),
    "on the first day": ({"orderDate": "2026-01-01 00:00:00"}, [], {}, NOT_LISTED),
    "on the first day, without a time": ({"orderDate": "2026-01-01"}, [], {}, NOT_LISTED),
    "too old to be listed": ({"orderDate": "2025-12-31 23:59:59"}, [], {}, ""),
    "without a date": ({"orderDate": None}, [], {}, ""),
    "listed twice": ({}, [order_row(), order_row(hold=1)], {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_an_order_is_held_for_each_reason_that_counts(case: str) -> None:
    fields, listed, params, words = HELD[case]
    rows = [order_row(), *(listed or [])][1:] if listed is not None else None
    assert list(orders_of(shipment(**fields), facts=None if rows is None else facts_of(rows), **params)["held"]) == [
        words
    ]


def facts_of(rows: list[Row]) -> OrderFacts:
    """Orders that Centra lists, some more than once."""
    parts = [order_facts(row) for row in rows] or [order_facts()]
    return OrderFacts(
        pd.concat([part.orders for part in parts]), pd.concat([part.lines for part in parts]), parts[0].collected
    )


UNREADABLE: list[tuple[Row, str]] = [
    ({}, ""),
    ({"orderDate": " "}, "it has no date"),
    ({"grandTotalValue": "49,90"}, "its total is not a plain number"),
    ({"grandTotalValue": None}, ""),
    ({"grandTotalValue": "49.900000001"}, ""),
    ({"paymentPlugin": "COD", "grandTotalValue": None}, "cash on delivery without an amount or a currency"),
    ({"paymentPlugin": "COD", "orderCurrency": ""}, "cash on delivery without an amount or a currency"),
    ({"paymentPlugin": "COD"}, ""),
    ({"orderCurrency": ["EUR"], "orderDate": None}, 'orderCurrency is "?"; it has no date'),
    ({"newField": 1.5}, ""),
]


def test_what_cannot_be_read_is_named() -> None:
    made = orders_of(*numbered(*(shipment(**fields) for fields, _ in UNREADABLE)), cash_on_delivery=(" cod ",))
    assert list(made["unreadable"]) == [words for _, words in UNREADABLE]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("1", ""),
        ("1-2", ""),
        ("1-2-3", "its number is not an order number"),
        ("A1", "its number is not an order number"),
    ],
)
def test_an_order_number_has_digits_and_perhaps_a_count(number: str, words: str) -> None:
    assert list(orders_of(shipment(shipmentId=number))["unreadable"]) == [words]


@pytest.mark.parametrize(("status", "words"), [("2", ""), ("", "it has no status"), (None, "it has no status")])
def test_an_order_needs_a_status_if_orders_are_the_source(status: Any, words: str) -> None:
    assert list(orders_of(order_row(orderStatus=status), source="orders")["unreadable"]) == [words]
    assert list(orders_of(shipment(orderStatus=status))["unreadable"]) == [""]


def test_an_order_without_a_currency_collects_nothing_on_delivery() -> None:
    made = orders_of(*numbered(shipment(paymentPlugin="cod", orderCurrency=None), shipment(paymentPlugin="cod"),
                               shipment(paymentPlugin="invoice"), shipment(paymentPlugin=None)),
                     cash_on_delivery=("COD",))  # fmt: skip
    cash = '{"amount": 100.00, "currencyCode": "EUR", "reference": "2-1"}'
    assert plain_list(made["cash_on_delivery"]) == [None, cash, None, None]
    assert list(made["paid_on_delivery"]) == [True, True, False, False]


CUSTOMERS: list[tuple[Row, Row]] = [
    ({}, {}),
    ({"deliveryName": "", "deliveryCompany": "Oy"}, {"name": "Oy", "company": "Oy"}),
    ({"deliveryCoaddress": "c/o V"}, {"address2": "c/o V"}),
    ({"deliveryState": "NY"}, {"address2": "NY"}),
    ({"deliveryCoaddress": "c/o V", "deliveryState": "NY"}, {"address2": "c/o V, NY"}),
    ({"deliveryName": 'Åsa "Å"'}, {"name": 'Åsa "Å"'}),
]


def test_a_customer_has_the_filled_fields_of_the_address() -> None:
    made = orders_of(*numbered(*(shipment(**fields) for fields, _ in CUSTOMERS)))
    filled = {"name": "A B", "address1": "R 1", "city": "H", "countryCode": "FI", "phone": "+358"}
    assert [json.loads(customer) for customer in made["customer"]] == [filled | more for _, more in CUSTOMERS]
    assert made["customer"][0] == (
        '{"name": "A B", "address1": "R 1", "city": "H", "countryCode": "FI", "phone": "+358"}'
    )
    assert '"name": "Åsa \\"Å\\""' in made["customer"][5]


COMMENTS: list[tuple[str, str, str, str | None]] = [
    ("", "", "", None),
    ("1", "", "", "Door code: 1"),
    ("", "Ring", "", "Ring"),
    ("1", "Ring", "", "Door code: 1. Ring"),
    ("", "", "Gift", "Gift"),
    ("1", "", "Gift", "Door code: 1. Gift"),
    ("1", "Ring", "Gift", "Door code: 1. Ring. Gift"),
]


def test_comments_are_joined() -> None:
    rows = [
        shipment(shipwallet_doorcode=door, shipwallet_courier_instructions=courier, otherComment=note)
        for door, courier, note, _ in COMMENTS
    ]
    assert plain_list(orders_of(*numbered(*rows), customer_note=True)["comments"]) == [one for *_, one in COMMENTS]


def test_each_row_has_its_codes_and_lines() -> None:
    """Codes are sorted and named once; a line without a price or tax has none; no row is dropped."""
    rows = numbered(
        shipment(line("1", "B", price=None), line("2", "A", 2, taxPercent="25.500"), line("3", "B", "x", price=5)),
        shipment(line("1", "GIFT")), shipment(products=[]), shipment(line("1", "GIFT"), line("2", "GIFT")),
    )  # fmt: skip
    made = orders_of(*rows, not_goods=("GIFT",))
    assert plain_list(made["codes"]) == ['["A", "B"]', None, None, None]
    assert plain_list(made["lines"]) == [
        '[{"code": "B", "quantity": 1}, {"code": "A", "quantity": 2, "unitPrice": 10.00, "vatPercentage": 25.50}, '
        '{"code": "B", "quantity": 0, "unitPrice": 5.00}]', None, None, None,
    ]  # fmt: skip
    assert list(made["nothing_to_pick"]) == [False, True, False, True]
    assert list(made["no_goods"]) == ["", "'GIFT'", "", "'GIFT'"]
    assert list(made.index) == [0, 1, 2, 3]


MONEY_COLUMNS = ["price_total", "share", "collects"]
FLAG_COLUMNS = ["test", "capture", "payment_due", "nothing_to_pick", "paid_on_delivery", "lacks_pick_up_point",
                "lacks_state"]  # fmt: skip


@pytest.mark.parametrize("source", ["shipments", "orders"])
def test_each_column_has_one_type_with_and_without_orders(source: str) -> None:
    """So that an empty day cannot fail later. Columns that are neither amounts nor flags are texts."""
    row = shipment() if source == "shipments" else order_row()
    other = dict.fromkeys(MONEY_COLUMNS, str(MONEY)) | dict.fromkeys(FLAG_COLUMNS, "bool")
    for made in (orders_of(row, source=source), orders_of(source=source)):
        assert {name: str(dtype) for name, dtype in made.dtypes.items()} == dict.fromkeys(made.columns, "str") | other


def test_orders_as_the_source_have_no_shipment() -> None:
    made = orders_of(order_row(paid=0), order_row(orderId="2"), source="orders", capture=True)
    assert (plain_list(made["shipment_id"]), list(made["payment_due"]), list(made["capture"])) == (
        [None, None], [False, False], [False, False],
    )  # fmt: skip
    assert list(made["order_status"]) == ["2", "2"]
    assert plain_list(orders_of(shipment())["order_status"]) == [None]


def test_a_tax_is_that_of_the_line_or_else_that_of_the_line_with_its_id() -> None:
    """Also if the order has two lines with this id: then the first."""
    of_order = order_row(line("1", "A", taxPercent=25), line("1", "B", taxPercent=12), line("2", "C", taxPercent=6))
    row = shipment(line("1", "A"), line("2", "C", taxPercent=19), line("3", "D"))
    (made,) = orders_of(row, orders=[of_order]).to_dict("records")
    assert [one.get("vatPercentage") for one in json.loads(made["lines"])] == [25, 19, None]


def test_the_day_of_the_order_and_its_status_stay_as_sent() -> None:
    made = orders_of(shipment(orderDate="2026-01-31 10:00:00"))
    assert list(made["ordered"]) == ["2026-01-31 10:00:00"]
    assert plain_list(made["order_status"]) == [None]
