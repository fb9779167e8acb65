"""The rules that withhold an order, and its warnings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest

from schemas.issues import COLUMNS
from schemas.orders.issues import waiting, warnings, withheld
from tests.support.declared import RULES
from tests.support.order_frames import (
    DESTINATION,
    Row,
    checked_orders,
    line,
    live_orders,
    numbered,
    order_of,
    order_row,
    orders_of,
    shipment,
)

SENT: Row = {"reference": "demo-1-1", "status": "New", "test": False, "orderLines": [{"code": "A", "quantity": 1}]}
REAL = {"status": "New", "test": False}
NONE_GONE = live_orders().assign(source_id="", held="")
DRAFT_OR_TEST = "It is a draft or a test in myOGO, sent before the channel sent real orders."
Issue = tuple[str, str]


def rules(*rows: Row, live: Iterable[Row] = (), params: Row = REAL, **context: Any) -> list[Issue | None]:
    """The rule and the message for each of Centra's rows; None for a valid one."""
    checked = checked_orders(orders_of(*rows, **params), *live, **context)
    issues = withheld(checked, NONE_GONE)
    assert list(issues.columns) == COLUMNS
    found = dict(zip(issues["code"], zip(issues["rule"], issues["message"], strict=True), strict=True))
    assert len(found) == len(issues), "an order is withheld once"
    return [found.get(reference) for reference in checked["reference"]]


def rules_of_sent(*sent: Row, **context: Any) -> list[Issue | None]:
    """The rule and the message of one shipment for each of `sent`: what differs in its order in myOGO."""
    shipments = numbered(*(shipment() for _ in sent))
    live = [SENT | {"reference": f"demo-{number}-1"} | fields for number, fields in enumerate(sent, start=1)]
    return rules(*shipments, live=live, **context)


# Orders that myOGO does not have

INVALID: list[tuple[Row, Issue]] = [
    (shipment(shippingList="dhl-express"),
     ("ORDER-001", "The shipping method 'dhl-express' is not mapped. Mapped: standard = HOME.")),
    (shipment(line("1", "A", 0)),
     ("ORDER-002", "Its lines cannot be read: a line's quantity is not a number above zero.")),
    (shipment(products=[]), ("ORDER-002", "It has no line to pick.")),
    (shipment(line("1", "A"), line("2", "X"), line("3", "Y")),
     ("ORDER-003", "myOGO is not known to hold 'X', 'Y'.")),
    (shipment(line("1", "SET", isBundle=True)),
     ("ORDER-003", "myOGO is not known to hold 'SET'.")),
    (shipment(deliveryCity="", deliveryCountry="Finland"),
     ("ORDER-004", "The delivery address lacks: city, two-letter country.")),
    (shipment(deliveryName=" ", deliveryAddress=None), ("ORDER-004", "The delivery address lacks: name, address.")),
    (shipment(paid=0, shouldCapture=1),
     ("ORDER-005", "Its payment must be captured before it is sent, but capture is not set.")),
    (shipment(line("1", "A"), line("2", "TWICE")),
     ("ORDER-008", "Several sizes of Centra share the code 'TWICE'.")),
    (shipment(orderDate=None), ("ORDER-013", "It cannot be read: it has no date.")),
]  # fmt: skip
KNOWN = {"codes": {"A", "TWICE"}, "ambiguous_codes": {"TWICE", "Z"}}


def test_each_invalid_order_is_withheld_with_a_message() -> None:
    found = rules(*numbered(*(row for row, _ in INVALID)), **KNOWN)
    assert found == [issue for _, issue in INVALID]


def test_a_valid_order_is_not_withheld() -> None:
    """A company is enough for a name, and an order may be unpaid if there is nothing to capture."""
    rows = numbered(shipment(), shipment(deliveryName="", deliveryCompany="Oy"), shipment(paid=0, shouldCapture=0))
    destinations = {"demo-1-1": "1-00000000-99"}  # of an order that is no longer in myOGO
    assert rules(*rows, destinations=destinations, **KNOWN) == [None] * 3


def test_the_state_of_the_shop_withholds_or_admits_orders() -> None:
    """The same goods under another reference; a channel that captures payments, or maps no shipping method."""
    rows = numbered(shipment(line("1", "X")), shipment(paid=0, shouldCapture=1), shipment(shippingList=""))
    assert rules(*rows, sent_as={"1-1": "other-1-1", "4-1": "x"}, capture=True, methods={}) == [
        ("ORDER-016", "myOGO has the same order as 'other-1-1'."),
        None,
        ("ORDER-001", "The shipping method '' is not mapped. Mapped: nothing."),
    ]
    assert rules(rows[0]) == [None]


def test_an_order_is_withheld_by_one_rule_with_its_fix() -> None:
    """By the first rule that it breaks; the other orders are valid."""
    bad = shipment(shipmentId="2-1", orderId="2", shippingList="dhl", deliveryCity="", paid=0, shouldCapture=1)
    (issue,) = withheld(checked_orders(orders_of(shipment(), bad)), NONE_GONE).to_dict("records")
    assert (issue["rule"], issue["key"], issue["code"], issue["source_id"]) == (
        "ORDER-004", "demo-2-1", "demo-2-1", "2-1",
    )  # fmt: skip
    assert (issue["fix"], issue["fix_in"]) == (RULES["ORDER-004"].fix, RULES["ORDER-004"].fix_in)


def test_an_order_without_a_status_is_withheld() -> None:
    """With orders as the source; the published example leaves the status out."""
    without = {name: value for name, value in order_row(orderId="2").items() if name != "orderStatus"}
    found = rules(order_row(), without, params=REAL | {"source": "orders"})
    assert found == [None, ("ORDER-013", "It cannot be read: it has no status.")]


HELD: list[tuple[Row, Row, str]] = [
    ({"hold": 1}, {}, "it is on hold"),
    ({}, {"hold": "1"}, "it is on hold"),
    ({"suspect": True}, {}, "it is marked as suspect"),
    ({}, {"waitingForPayment": 1}, "it waits for its payment"),
    ({"suspect": 1}, {"hold": 1, "suspect": 1}, "it is on hold and it is marked as suspect"),
]


def test_an_order_is_withheld_while_its_shipment_or_its_order_is_held() -> None:
    """An order that Centra does not list may be on hold: by default the plugin hides such orders."""
    rows = numbered(*(shipment(**fields) for fields, _, _ in HELD), shipment(), shipment(hold=0, suspect="0"))
    known = [order_of(row, **fields) for row, (_, fields, _) in zip(rows, HELD, strict=False)]
    checked = checked_orders(orders_of(*rows, orders=[*known, order_of(rows[-1])], **REAL))
    hidden = "It is not sent yet, because Centra does not list its order, as for an order on hold."
    issues = withheld(checked, NONE_GONE)
    assert set(issues["rule"]) == {"ORDER-018"}
    assert [*issues["message"]] == [f"It is not sent yet, because {why}." for _, _, why in HELD] + [hidden]


def test_a_channel_chooses_what_withholds_an_order() -> None:
    rows = numbered(*(shipment(**fields) for fields in ({"hold": 1}, {"suspect": 1}, {"waitingForPayment": 1})))
    for chosen, expected in (
        (("hold",), [True, False, False]),
        (("suspect",), [False, True, False]),
        ((), [False] * 3),
    ):
        found = rules(*rows, params=REAL | {"withhold_while": chosen})
        assert [issue is not None for issue in found] == expected
    assert [*orders_of(*rows, orders=[], withhold_while=("suspect",))["held"]] == ["", "it is marked as suspect", ""]


def test_amounts_that_do_not_add_up_withhold_an_order() -> None:
    row = shipment(line("1", "A", price=80))
    known = order_of(row, products=[line("1", "A", price=80, totalPriceWithTax=90, taxPercent=25)])
    (issue,) = withheld(checked_orders(orders_of(row, orders=[known])), NONE_GONE).to_dict("records")
    assert (issue["rule"], issue["message"]) == (
        "ORDER-019", "Its amounts do not add up: line 1 costs 80.00 each, and 90.00 in its order.",
    )  # fmt: skip


@pytest.mark.parametrize("codes", [(), ("B",), ("a",)])
def test_an_order_with_a_code_that_myogo_is_not_known_to_hold_is_withheld(codes: tuple[str, ...]) -> None:
    """Also before anything is known about myOGO's products."""
    assert rules(shipment(), codes=set(codes)) == [("ORDER-003", "myOGO is not known to hold 'A'.")]


# Orders that myOGO has

STATES: list[tuple[Row, Issue]] = [
    ({"orderLines": [{"code": "A", "quantity": 2}]}, ("ORDER-006", "myOGO has 2 of 'A'; Centra has 1 of 'A'.")),
    ({"status": "Cancelled"}, ("ORDER-011", "It is cancelled in myOGO, but open in Centra.")),
    ({"status": "RETURNED"}, ("ORDER-011", "It is returned in myOGO, but open in Centra.")),
    ({"status": "Reserved"}, ("ORDER-012", "It is reserved in myOGO.")),
    ({"status": "Locked"}, ("ORDER-012", "It is locked in myOGO.")),
    (
        {"status": "Reserved", "warehouseComments": "The phone number is missing.", "editTime": "2026-11-29T10:00:00Z"},
        ("ORDER-012", "It is reserved in myOGO (last change 2026-11-29 10:00 UTC): The phone number is missing."),
    ),
    ({"status": "PENDING"}, ("ORDER-024", "It is pending in myOGO.")),
    (
        {"status": "Pending", "warehouseComments": "Waiting for stock"},
        ("ORDER-024", "It is pending in myOGO: Waiting for stock."),
    ),
    (
        {"status": "Pending", "editTime": "2026-11-29T12:30:00.123+02:00", "warehouseComments": " "},
        ("ORDER-024", "It is pending in myOGO (last change 2026-11-29 10:30 UTC)."),
    ),
    ({"status": "Pending", "editTime": "soon", "warehouseComments": ["x"]}, ("ORDER-024", "It is pending in myOGO.")),
    ({"status": "Pending", "test": True}, ("ORDER-014", DRAFT_OR_TEST)),
    ({"status": "Draft"}, ("ORDER-014", DRAFT_OR_TEST)),
    ({"test": True}, ("ORDER-014", DRAFT_OR_TEST)),
    ({"test": True, "status": "Shipped"}, ("ORDER-014", DRAFT_OR_TEST)),
    ({"status": "Delivered"}, ("ORDER-017", "Its status in myOGO is 'delivered'.")),
    ({"status": None}, ("ORDER-017", "Its status in myOGO is ''.")),
    # A cancelled order is reported as cancelled, also if it is a test or its lines differ.
    ({"status": "Cancelled", "test": True}, ("ORDER-011", "It is cancelled in myOGO, but open in Centra.")),
    ({"status": "Cancelled", "orderLines": []}, ("ORDER-011", "It is cancelled in myOGO, but open in Centra.")),
]


def test_an_order_in_myogo_is_withheld_by_its_state_there() -> None:
    assert rules_of_sent(*(fields for fields, _ in STATES)) == [issue for _, issue in STATES]


def test_an_order_that_proceeds_in_myogo_is_not_withheld() -> None:
    """The lines of a shipped order, and lines that cannot be read, are not compared."""
    other_lines = [{"code": "B", "quantity": 1}]
    proceeding: list[Row] = [
        {}, {"status": "NEW"}, {"status": "Collecting"}, {"status": "Shipped"},
        {"status": "Shipped", "orderLines": other_lines}, {"orderLines": [{"code": "A", "quantity": "two"}]},
        {"orderLines": [{"code": "A", "quantity": True}]}, {"orderLines": [None]}, {"orderLines": 5},
    ]  # fmt: skip
    assert rules_of_sent(*proceeding) == [None] * len(proceeding)


def test_changed_lines_in_centra_withhold_an_order_in_myogo() -> None:
    """Several lines of one code count together."""
    rows = numbered(shipment(line("1", "B")), shipment(line("1", "A"), line("2", "A")))
    two = SENT | {"reference": "demo-2-1", "orderLines": [{"code": "A", "quantity": 2}]}
    assert rules(*rows, live=[SENT, two]) == [("ORDER-006", "myOGO has 1 of 'A'; Centra has 1 of 'B'."), None]


CASH = {"paymentPlugin": "cod"}
AMOUNTS: list[tuple[Row, Row, str | None]] = [
    ({"grandTotalValue": 80}, {"priceTotal": 100}, "Its total is 100.00 EUR in myOGO and 80.00 EUR in Centra."),
    ({"grandTotalValue": "120.50"}, {"priceTotal": "100.00"},
     "Its total is 100.00 EUR in myOGO and 120.50 EUR in Centra."),
    ({"grandTotalValue": 80} | CASH, {"cashOnDelivery": {"amount": 100, "currencyCode": "EUR"}},
     "myOGO collects 100.00 EUR on delivery; in Centra it is 80.00 EUR."),
    ({"grandTotalValue": 100}, {"cashOnDelivery": {"amount": "100.00"}},
     "myOGO collects 100.00 EUR on delivery; in Centra nothing is paid on delivery."),
    ({"grandTotalValue": 100}, {"priceTotal": "100.0000"}, None),
    ({"grandTotalValue": 100}, {"priceTotal": 100.02}, None),  # rounded line by line
    ({"grandTotalValue": 80}, {"priceTotal": None, "cashOnDelivery": None}, None),  # myOGO does not say it
    ({"grandTotalValue": 80} | CASH, {"cashOnDelivery": None}, None),  # a merchant may drop it from API orders
    ({"grandTotalValue": None}, {"priceTotal": 100}, None),
    ({"grandTotalValue": 80}, {"priceTotal": 100, "status": "Shipped"}, None),
]  # fmt: skip


def test_an_amount_that_changed_after_it_was_sent_withholds_an_order() -> None:
    """Until it is corrected in myOGO, or the order has left."""
    rows = numbered(*(shipment(**fields) for fields, _, _ in AMOUNTS))
    live = [SENT | {"reference": f"demo-{n}-1"} | fields for n, (_, fields, _) in enumerate(AMOUNTS, start=1)]
    found = rules(*rows, live=live, params=REAL | {"cash_on_delivery": ("cod",)})
    assert found == [message and ("ORDER-006", message) for _, _, message in AMOUNTS]


def test_the_amounts_of_an_order_that_is_not_listed_are_not_compared() -> None:
    made = orders_of(shipment(**CASH), orders=[], cash_on_delivery=("cod",), **REAL)
    checked = checked_orders(made, SENT | {"priceTotal": 1, "cashOnDelivery": {"amount": 1}})
    assert list(checked["changed_amount"]) == [""]


def test_a_changed_destination_withholds_an_order() -> None:
    """The message does not contain it. The digest of another key or version, and a shipped order, are not compared."""
    recorded = ["1-00000000-11", "1-00000000-11", DESTINATION, "1-99999999-11", "2-00000000-11"]
    found = rules_of_sent(
        {}, {"status": "Shipped"}, {}, {}, {},
        destinations={f"demo-{number}-1": digest for number, digest in enumerate(recorded, start=1)},
    )  # fmt: skip
    message = "Its address, pick-up point or shipping method differs from the one in myOGO."
    assert found == [("ORDER-006", message), None, None, None, None]


CUSTOMER: Row = {
    "name": "A B", "address1": "R 1", "city": "H", "countryCode": "FI", "phone": "+358", "email": None, "company": "",
}  # fmt: skip
MENDED: list[tuple[Row, bool]] = [
    ({}, True),
    ({"customer": CUSTOMER | {"address1": " r  1 ", "city": "h"}}, True),  # typed by hand
    ({"pickUpPointCode": "PP1"}, True),  # myOGO may choose one
    ({"customer": CUSTOMER | {"address1": "R 2"}}, False),
    ({"customer": CUSTOMER | {"address2": "Floor 2"}}, False),
    ({"customer": CUSTOMER | {"phone": "+46"}}, False),
    ({"customer": None}, False),
    ({"shippingCode": "UPS"}, False),
]


def test_a_changed_destination_is_right_again_once_myogo_has_it_too() -> None:
    """Somebody changed it there by hand."""
    at = {"customer": CUSTOMER, "shippingCode": "HOME"}
    found = rules_of_sent(
        *(at | fields for fields, _ in MENDED),
        destinations={f"demo-{number}-1": "1-00000000-11" for number, _ in enumerate(MENDED, start=1)},
    )
    assert [issue is None for issue in found] == [is_mended for _, is_mended in MENDED]


def test_a_pick_up_point_that_was_changed_must_be_the_same_in_myogo() -> None:
    shipments = numbered(*[shipment(shipwallet_pickup="PP2")] * 3)
    at = SENT | {"customer": CUSTOMER, "shippingCode": "HOME"}
    live = [at | {"reference": f"demo-{n}-1", "pickUpPointCode": one} for n, one in enumerate(("PP2", "PP1", None), 1)]
    destinations = {f"demo-{number}-1": "1-00000000-11" for number in (1, 2, 3)}
    found = rules(*shipments, live=live, destinations=destinations)
    assert [issue and issue[0] for issue in found] == [None, "ORDER-006", "ORDER-006"]


def test_a_reference_that_myogo_holds_twice_withholds_an_order() -> None:
    """Whatever the state of the two is."""
    twice = [SENT, SENT | {"status": "Cancelled"}]
    assert rules(shipment(), live=twice) == [("ORDER-009", "myOGO holds its reference more than once.")]


def test_a_channel_that_sends_drafts_or_tests_accepts_them() -> None:
    assert rules_of_sent({"status": "Draft"}, params={"status": "Draft", "test": False}) == [None]
    assert rules_of_sent({"test": True}, params={"status": "New", "test": True}) == [None]


def test_an_order_in_myogo_is_not_withheld_by_what_it_lacks() -> None:
    """It was complete when it was sent."""
    lacking = shipment(shippingList="dhl", deliveryCity="", paid=0, shouldCapture=1, orderDate=None)
    assert rules(lacking, live=[SENT], codes={"B"}, ambiguous_codes={"A"}, sent_as={"1-1": "x"}) == [None]


def test_an_order_that_centra_no_longer_lists_or_holds_is_withheld() -> None:
    held = live_orders(SENT).assign(source_id="1-1", held="it is on hold")
    (issue,) = withheld(checked_orders(orders_of()), held).to_dict("records")
    assert issue["message"] == "It is new in myOGO, but no longer good to go in Centra: it is on hold."
    gone = live_orders(SENT | {"status": "Pending"}).assign(source_id="1-1", held="")
    (issue,) = withheld(checked_orders(orders_of()), gone).to_dict("records")
    assert (issue["rule"], issue["code"], issue["source_id"], issue["message"]) == (
        "ORDER-007", "demo-1-1", "1-1", "It is pending in myOGO, but no longer good to go in Centra.",
    )  # fmt: skip


# Warnings


def test_an_order_without_a_phone_number_is_a_warning() -> None:
    """Either number is enough; an order that was sent before causes no warning."""
    no_phone = {"deliveryCell": "", "deliveryTele": ""}
    numbers: list[Row] = [no_phone, {"deliveryCell": "", "deliveryTele": "1"}, {"deliveryCell": "1"}, no_phone]
    rows = orders_of(*numbered(*(shipment(**fields) for fields in numbers)))
    lines = warnings(checked_orders(rows, SENT | {"reference": "demo-4-1"}))
    assert list(lines[["code", "rule", "message"]].itertuples(index=False, name=None)) == [
        ("demo-1-1", "ORDER-010", "It has no phone number.")
    ]


def test_lines_that_are_no_goods_are_a_warning_once() -> None:
    """Before the order is sent; an order of such lines alone is not sent at all."""
    gift = line("2", "GIFT-50")
    rows = numbered(shipment(line("1", "A"), gift), shipment(gift, deliveryCell=""), shipment(line("1", "A"), gift))
    made = orders_of(*rows, not_goods=("GIFT-*",))
    lines = warnings(checked_orders(made, SENT | {"reference": "demo-3-1"}))
    assert list(lines[["code", "rule", "message"]].itertuples(index=False, name=None)) == [
        ("demo-1-1", "ORDER-020", "It is sent without 'GIFT-50'."),
        ("demo-2-1", "ORDER-020", "All its lines are no goods ('GIFT-50'), so it is not sent. Complete it in Centra."),
    ]


def test_what_a_carrier_would_miss_is_a_warning() -> None:
    fields: list[Row] = [
        {"deliveryCountry": "US"},
        {"deliveryCountry": "US", "deliveryState": "NY"},
        {"deliveryCell": "-"},
    ]
    lines = warnings(
        checked_orders(orders_of(*numbered(*(shipment(**one) for one in fields)), pick_up_methods=("HOME",)))
    )
    no_point = "Its shipping method 'HOME' needs a pick-up point, and it has none."
    no_state = "Its delivery address has no state, which carriers need in the US, Canada and Australia."
    assert sorted(lines[["code", "rule", "message"]].itertuples(index=False, name=None)) == [
        ("demo-1-1", "ORDER-021", no_point), ("demo-1-1", "ORDER-022", no_state), ("demo-2-1", "ORDER-021", no_point),
        ("demo-3-1", "ORDER-010", "Its phone number has no digits."), ("demo-3-1", "ORDER-021", no_point),
    ]  # fmt: skip


def test_an_order_without_a_shipment_is_a_warning() -> None:
    (issue,) = waiting(pd.DataFrame({"order_id": ["1"], "order_status": ["2"]})).to_dict("records")
    assert (issue["code"], issue["source_id"], issue["rule"]) == ("1", "1", "ORDER-015")
    assert issue["message"] == "Its status is 2, and it waits for a shipment."
