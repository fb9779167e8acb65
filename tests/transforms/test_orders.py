"""One shipment of Centra becomes an order, in every form that Centra may send."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from pipelines.systems.centra.order_client import CentraOrders
from schemas.order_units import units_in
from schemas.orders.issues import withheld
from tests.support.order_frames import (
    Row,
    checked_orders,
    line,
    live_orders,
    numbered,
    order_row,
    orders_of,
    shipment,
)
from tests.support.shop import Shop, size
from tests.support.shop_helpers import centra_of


def orders(*rows: Row, **params: Any) -> list[Row]:
    """The orders made from the shipments, which get numbers; with the rule and message if they are withheld."""
    checked = checked_orders(orders_of(*numbered(*rows), **params))
    issues = withheld(checked, live_orders().assign(source_id="", held="")).set_index("code")[["rule", "message"]]
    return checked.join(issues, on="reference").fillna({"rule": "", "message": ""}).to_dict("records")


def order(row: Row, **params: Any) -> Row:
    """The order made from one shipment."""
    (one,) = orders(row, **params)
    return one


def units(order_row: Row) -> dict[str, int]:
    return {one["code"]: one["quantity"] for one in json.loads(order_row["lines"])}


SET = {"isBundle": True, "price": "0"}


def set_line(**fields: Any) -> Row:
    return line("1", "SET", **SET) | fields


PICKED: dict[str, tuple[Row, dict[str, int] | None]] = {
    "plain lines": (shipment(line("1", "A"), line("2", "B", "2")), {"A": 1, "B": 2}),
    "next to it, by line": (shipment(set_line(), line("2", "A", isPartOfBundle="1")), {"A": 1}),
    "next to it, by another id": (shipment(set_line(), line("2", "A", isPartOfBundle=13)), {"A": 1}),
    "next to it, flagged": (shipment(set_line(), line("2", "A", isPartOfBundle=True)), {"A": 1}),
    "items only": (shipment(line("2", "A", isPartOfBundle="13")), {"A": 1}),
    "bundle only": (shipment(set_line()), {"SET": 1}),
    "inside": (shipment(set_line(bundle=[line("2", "A")])), {"A": 1}),
    "inside, no line ids": (shipment(set_line(lineId=None, bundle=[line(None, "A")])), {"A": 1}),
    "inside, not flagged": (shipment(line("1", "SET", bundle=[line("2", "A")])), {"A": 1}),
    "inside, invalid flag": (shipment(set_line(isBundle="yes", bundle=[line("2", "A")])), None),
    "inside, as a map": (shipment(set_line(bundle={"0": line("2", "A")})), {"A": 1}),
    "lines as a map": (shipment(products={"5001": line("5001", "A")}), {"A": 1}),
    "two bundles, one id": (shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="13"), line("3", "S", **SET),
                                    line("4", "B", isPartOfBundle="13")), None),
    "a bundle without its items": (shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="1"),
                                            line("3", "T", **SET)), None),
    "no lines": (shipment(products=[]), None),
    "no quantity": (shipment(line("1", "A", None)), None),
    "half a unit": (shipment(line("1", "A", "1.5")), None),
    "a quantity with a point": (shipment(line("1", "A", "2.0")), {"A": 2}),
    "a negative quantity": (shipment(line("1", "A", 2), line("2", "A", -1)), None),
    "no code": (shipment(line("1", "")), None),
}  # fmt: skip


def test_bundle_contents_are_picked_exactly_once() -> None:
    """Lines that cannot be counted without doubt withhold the order."""
    made = orders(*(row for row, _ in PICKED.values()))
    counted = [units(one) if one["rule"] == "" else None for one in made]
    assert dict(zip(PICKED, counted, strict=True)) == {name: picked for name, (_, picked) in PICKED.items()}
    assert {one["rule"] for one in made} == {"", "ORDER-002"}


def test_quantities_inside_of_several_bundles_need_a_setting() -> None:
    row = shipment(set_line(qty=2, bundle=[line("2", "A", 2)]))
    assert units(order(row, contents_are="each")) == {"A": 4}
    assert units(order(row, contents_are="total")) == {"A": 2}
    assert order(row)["rule"] == "ORDER-002"


AMBIGUOUS: list[tuple[Row, str]] = [
    ({"shipwallet_pickup": {"id": "PP77"}}, "shipwallet_pickup is"),
    ({"deliveryCoaddress": ["c/o X"]}, 'deliveryCoaddress is "?"'),  # a part of the address is not quoted
    ({"orderCurrency": {"code": "EUR"}}, "orderCurrency is"),
    ({"grandTotalValue": "49,90 EUR"}, "total is not a plain number"),
    ({"grandTotalValue": None, "paymentPlugin": "COD "}, "cash on delivery without"),
    ({"orderDate": None}, "it has no date"),
]


def test_an_ambiguous_field_withholds_the_order() -> None:
    made = orders(*(shipment(**fields) for fields, _ in AMBIGUOUS), cash_on_delivery=("cod",))
    for one, (_, words) in zip(made, AMBIGUOUS, strict=True):
        assert (one["rule"], words in one["message"]) == ("ORDER-013", True), one["message"]


def test_a_number_that_is_not_an_order_number_withholds_the_order() -> None:
    (made,) = orders_of(shipment(shipmentId="A/1", orderId="A")).to_dict("records")
    assert made["unreadable"] == "its number is not an order number"


def test_cash_on_delivery_is_recognised_by_the_plugin_name() -> None:
    """Ignoring case and blanks."""
    cash, card = orders(shipment(paymentPlugin=" COD"), shipment(paymentPlugin="card"), cash_on_delivery=("cod",))
    assert json.loads(cash["cash_on_delivery"]) == {"amount": 100.0, "currencyCode": "EUR", "reference": "1-1"}
    assert pd.isna(card["cash_on_delivery"])


def test_an_order_that_may_be_unpaid_is_withheld() -> None:
    paid = [(1, 1), ("1", 1), (True, 1), (0, 0), (0, False)]
    unpaid = [(0, 1), (None, None), (0, "yes")]
    made = orders(*(shipment(paid=flag, shouldCapture=should_capture) for flag, should_capture in paid + unpaid))
    assert [one["rule"] for one in made] == [""] * len(paid) + ["ORDER-005"] * len(unpaid)


SHIPPING = {"Standard": "HOME", " pickup ": "PICKUP"}
METHODS: dict[str, tuple[Row, str, str]] = {
    "case and blanks": ({"shippingList": " STANDARD "}, " STANDARD ", "HOME"),
    "a list that is not mapped": ({"shippingList": "express", "defaultCarrier": "standard"}, "express", ""),
    "carrier": ({"shippingList": "", "defaultCarrier": "standard"}, "standard", "HOME"),
    "terms": ({"shippingList": None, "shippingTerms": {"name": "Standard"}}, "Standard", "HOME"),
    "terms that are a text": ({"shippingList": None, "shippingTerms": "standard"}, "", ""),
    "terms that are a list": ({"shippingList": None, "shippingTerms": ["standard"]}, "", ""),
    "terms whose name is a number": ({"shippingList": None, "shippingTerms": {"name": 7}}, "", ""),
    "terms that are not mapped": ({"shippingList": " ", "shippingTerms": {"name": "Express"}}, "Express", ""),
    "Ingrid": ({"shippingList": "ingrid", "shipwallet_method": "standard"}, "standard", "HOME"),
    "Ingrid before the list": ({"shippingList": "pickup", "shipwallet_method": "standard"}, "standard", "HOME"),
    "Ingrid not mapped": ({"shippingList": "pickup", "shipwallet_method": "Instabox"}, "pickup", "PICKUP"),
    "neither mapped": ({"shippingList": "ingrid", "shipwallet_method": "Instabox"}, "ingrid", ""),
    "Ingrid alone, not mapped": ({"shippingList": "", "shipwallet_method": "Instabox"}, "Instabox", ""),
    "nothing": ({"shippingList": ""}, "", ""),
}


def test_the_shipping_method_is_mapped_from_the_first_filled_field() -> None:
    made = orders(*(shipment(**fields) for fields, *_ in METHODS.values()), shipping=SHIPPING)
    found = [tuple("" if pd.isna(one[f"shipping_{name}"]) else one[f"shipping_{name}"] for name in ("method", "code"))
             for one in made]  # fmt: skip
    assert dict(zip(METHODS, found, strict=True)) == {name: (*rest,) for name, (_, *rest) in METHODS.items()}
    assert [one["rule"] for one in made] == ["" if code else "ORDER-001" for _, code in found]


def test_prices_keep_their_digits() -> None:
    made = order(shipment(line("1", "A", price="329.9000", taxPercent=25.5)))
    assert made["lines"] == '[{"code": "A", "quantity": 1, "unitPrice": 329.90, "vatPercentage": 25.50}]'


def test_amounts_are_rounded_to_four_decimals() -> None:
    """As for a share of a discount, or an amount that was a float; no price for what is not a number."""
    prices = ["33.333333", 668.5000000001, "-1.00005", "10,50"]
    made = orders(*(shipment(line("1", "A", price=price)) for price in prices))
    amounts = [', "unitPrice": 33.3333', ', "unitPrice": 668.50', ', "unitPrice": -1.00', ""]
    assert [one["lines"] for one in made] == ['[{"code": "A", "quantity": 1' + amount + "}]" for amount in amounts]


@pytest.mark.parametrize(
    ("lines", "counted"),
    [
        ([{"code": "A", "quantity": 1}, {"code": "A", "quantity": "2"}], {"A": 3}),
        ([{"code": "A", "quantity": 1.0}, {"code": "B", "quantity": 0}], {"A": 1}),
        ([], {}),
        (None, None),
        (5, None),
        ([None], None),
        ([{"code": "A"}], None),
        ([{"code": "A", "quantity": "two"}], None),
        ([{"code": "A", "quantity": True}], None),
    ],
)
def test_units_are_counted_by_code(lines: Any, counted: dict[str, int] | None) -> None:
    """Lines that cannot be read give None."""
    assert units_in(json.dumps(lines)) == counted


# All fields


def test_every_field_of_a_shipment_is_used() -> None:
    """The state has no field in myOGO and follows the second line of the address; the door code becomes a comment."""
    row = shipment(
        line("1", "A", 2), deliveryCompany="Oy", deliveryCell="", deliveryTele="+358 1", deliveryCoaddress="c/o V",
        deliveryState="CA", deliveryZipcode="00500", deliveryEmail="a@example.test", shipwallet_pickup="PP77",
        shipwallet_doorcode="4321", shipwallet_courier_instructions="Ring twice", orderCurrency="eur",
    )  # fmt: skip
    made = order(row, status="New", test=False)
    assert (made["reference"], made["source_id"], made["shipment_id"]) == ("demo-1-1", "1-1", "1-1")
    assert (made["status"], made["test"], made["pick_up_point_code"]) == ("New", False, "PP77")
    assert (made["price_total"], made["price_currency"]) == (Decimal(100), "EUR")
    assert made["comments"] == "Door code: 4321. Ring twice"
    assert json.loads(made["customer"]) == {
        "name": "A B", "company": "Oy", "address1": "R 1", "address2": "c/o V, CA", "zip": "00500", "city": "H",
        "countryCode": "FI", "phone": "+358 1", "email": "a@example.test",
    }  # fmt: skip


def test_orders_are_test_drafts_by_default() -> None:
    made = order(shipment())
    assert (made["status"], made["test"]) == ("Draft", True)


def test_a_line_without_a_tax_has_the_tax_of_the_line_of_its_order() -> None:
    """Centra's shipments list no taxes."""
    of_orders = [order_row(line("1", "A", taxPercent="25.5")), order_row(line("1", "A", taxPercent=19), orderId="2")]
    (made,) = json.loads(order(shipment(line("1", "A")), orders=of_orders)["lines"])
    assert made["vatPercentage"] == 25.5


def test_an_unpaid_order_is_captured_if_the_channel_allows_it() -> None:
    rows = shipment(paid=0, shouldCapture=1), shipment(paid=1, shouldCapture=1)
    assert [one["capture"] for one in orders(*rows, capture=True)] == [True, False]
    assert [one["capture"] for one in orders(*rows)] == [False, False]


def test_an_order_on_hold_or_waiting_for_its_payment_is_recognised() -> None:
    """With orders as the source."""
    rows = [order_row(), order_row(orderId="2", hold=1), order_row(orderId="3", waitingForPayment=True)]
    made = orders_of(*rows, source="orders")
    assert list(made["reference"]) == ["demo-1", "demo-2", "demo-3"]
    assert list(made["held"]) == ["", "it is on hold", "it waits for its payment"]
    assert (set(made["order_status"]), made["shipment_id"].isna().all(), made["payment_due"].any()) == (
        {"2"}, True, False,
    )  # fmt: skip


def test_bundle_contents_are_ordered_once_in_each_form_of_the_plugin(shop_of: Callable[..., Shop]) -> None:
    """The shipments are read from the sandbox."""
    shop = shop_of(*(size(n, physical=10, allocated=0) for n in (1, 2, 3)))
    contents = [{"code": "SKU1", "qty": 1, "price": 200}, {"code": "SKU2", "qty": 2, "price": 100}]
    for bundles in (1, 2):
        sold = {"sku": "SET", "name": "Set", "qty": bundles, "price": 150, "lines": contents}
        shop.box.place_centra_order(lines=[{"code": "SKU3", "qty": 1}], bundle=sold, paid=1)
    one, two = {"SKU1": 1, "SKU2": 2, "SKU3": 1}, {"SKU1": 2, "SKU2": 4, "SKU3": 1}
    expected = {
        "only_items": [one, two], "items_in_bundles": [one, two], "bundles_and_items": [one, two],
        "only_bundles": [{"SET": 1, "SKU3": 1}, {"SET": 2, "SKU3": 1}],
    }  # fmt: skip
    picked = {}
    with centra_of(shop) as client:
        for mode in expected:
            shop.box.switch("centra", bundle_mode=mode)
            pages = CentraOrders(client).rows("/shipments", "shipments", "shipmentId", {"status": "goodtogo"})
            picked[mode] = [
                units(made) for made in orders(*(row for page in pages for row in page), contents_are="total")
            ]
    assert picked == expected
