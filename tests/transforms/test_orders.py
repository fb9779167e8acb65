"""One shipment of Centra as an order: what becomes of every way in which it can be written."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import kept, line_table
from schemas.fields.centra_orders import SHIPMENTS
from schemas.order_units import units_in
from schemas.orders.issues import Known, checked, withheld
from transforms.orders import Params, to_myogo
from transforms.tracking import Params as TrackingParams
from transforms.tracking import to_centra

NOTHING = {
    name: pd.Series([], dtype="str") for name in ("order_id", "line_id", "tax_percent", "reference", "status", "lines")
}
Row = dict[str, Any]


def shipment(*lines: Row, **fields: Any) -> Row:
    return {
        "shipmentId": "1-1", "orderId": "1", "shouldCapture": 0, "paid": 1, "orderDate": "2026-02-01 10:00:00",
        "orderCurrency": "EUR", "grandTotalValue": "100.00", "shippingList": "standard", "deliveryName": "A B",
        "deliveryAddress": "R 1", "deliveryCity": "H", "deliveryCountry": "FI", "deliveryCell": "+358",
        "products": list(lines) or [line("1", "A")],
    } | fields  # fmt: skip


def line(line_id: Any, sku: str, qty: Any = 1, **fields: Any) -> Row:
    return {
        "lineId": line_id, "sku": sku, "variantSku": "", "sizeSku": "", "qty": qty, "price": "10",
        "isBundle": False, "isPartOfBundle": "",
    } | fields  # fmt: skip


def order(row: Row, **params: Any) -> pd.Series:
    """The order that the shipment becomes, with the rule that withholds it."""
    findings = Findings()
    rows = kept([row], SHIPMENTS, lambda _: "a shipment", findings).to_pandas()
    lines = line_table([row], "shipmentId", findings).to_pandas().rename(columns={"shipment_id": "source_id"})
    given = Params(starting=date(2026, 1, 1), shipping={"standard": "HOME"}, **params)
    made = to_myogo(rows, lines, pd.DataFrame(NOTHING)[["order_id", "line_id", "tax_percent"]], given, "demo")
    made["destination"] = "1-00000000-00"
    live = pd.DataFrame(NOTHING)[["reference", "status", "lines"]].assign(test=False)
    rows = checked(made, Known(live, set(), set(), {}, {}, {}, False))
    issues = withheld(rows, live.assign(source_id=""))
    said = {"rule": "", "message": ""} if issues.empty else issues[["rule", "message"]].iloc[0].to_dict()
    found: pd.Series = rows.iloc[0]
    return pd.concat([found, pd.Series(said)])


def units(found: pd.Series) -> dict[str, int]:
    return {one["code"]: one["quantity"] for one in json.loads(found["lines"])}


SET = {"isBundle": True, "price": "0"}


def a_set(**fields: Any) -> Row:
    return line("1", "SET", **SET) | fields


@pytest.mark.parametrize(
    ("row", "picked"),
    [
        pytest.param(shipment(line("1", "A"), line("2", "B", "2")), {"A": 1, "B": 2}, id="plain lines"),
        pytest.param(shipment(a_set(), line("2", "A", isPartOfBundle="1")), {"A": 1}, id="beside, by line"),
        pytest.param(shipment(a_set(), line("2", "A", isPartOfBundle=13)), {"A": 1}, id="beside, by other id"),
        pytest.param(shipment(a_set(), line("2", "A", isPartOfBundle=True)), {"A": 1}, id="beside, flagged"),
        pytest.param(shipment(line("2", "A", isPartOfBundle="13")), {"A": 1}, id="items only"),
        pytest.param(shipment(a_set()), {"SET": 1}, id="bundle only"),
        pytest.param(shipment(a_set(bundle=[line("2", "A")])), {"A": 1}, id="inside"),
        pytest.param(shipment(a_set(lineId=None, bundle=[line(None, "A")])), {"A": 1}, id="inside, without line ids"),
        pytest.param(shipment(line("1", "SET", bundle=[line("2", "A")])), {"A": 1}, id="inside, not flagged"),
        pytest.param(shipment(a_set(isBundle="yes", bundle=[line("2", "A")])), None, id="inside, flagged oddly"),
        pytest.param(shipment(a_set(bundle={"0": line("2", "A")})), {"A": 1}, id="inside, as a map"),
        pytest.param(shipment(products={"5001": line("5001", "A")}), {"A": 1}, id="lines as a map"),
        pytest.param(shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="13"), line("3", "S", **SET),
                              line("4", "B", isPartOfBundle="13")), None, id="two bundles, one id"),
        pytest.param(shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="1"), line("3", "T", **SET)), None,
                     id="a bundle whose items are not there"),
        pytest.param(shipment(products=[]), None, id="no lines"),
        pytest.param(shipment(line("1", "A", None)), None, id="no quantity"),
        pytest.param(shipment(line("1", "A", "1.5")), None, id="half a unit"),
        pytest.param(shipment(line("1", "A", "2.0")), {"A": 2}, id="a quantity with a point"),
        pytest.param(shipment(line("1", "A", 2), line("2", "A", -1)), None, id="a negative quantity"),
        pytest.param(shipment(line("1", "")), None, id="no code"),
    ],
)  # fmt: skip
def test_what_is_picked(row: Row, picked: dict[str, int] | None) -> None:
    """Contents once, never twice, never left out; what cannot be counted is withheld."""
    found = order(row)
    assert found["rule"] == ("" if picked is not None else "ORDER-002"), found["line_problem"]
    if picked is not None:
        assert units(found) == picked


@pytest.mark.parametrize(
    ("contents_are", "quantity"), [("each", 4), ("total", 2), (None, None)], ids=["each", "total", "not said"]
)
def test_quantities_inside_of_a_bundle(contents_are: str | None, quantity: int | None) -> None:
    found = order(shipment(a_set(qty=2, bundle=[line("2", "A", 2)])), contents_are=contents_are)
    assert found["rule"] == ("" if quantity else "ORDER-002")
    if quantity:
        assert units(found) == {"A": quantity}


@pytest.mark.parametrize(
    ("fields", "params", "words"),
    [
        pytest.param({"shipwallet_pickup": {"id": "PP77"}}, {}, "shipwallet_pickup is", id="pick-up point"),
        pytest.param({"deliveryCoaddress": ["c/o X"]}, {}, 'deliveryCoaddress is "?"', id="address, not quoted"),
        pytest.param({"orderCurrency": {"code": "EUR"}}, {}, "orderCurrency is", id="currency"),
        pytest.param({"grandTotalValue": "49,90 EUR"}, {}, "total is no plain number", id="total"),
        pytest.param({"grandTotalValue": None, "paymentPlugin": "COD "}, {"cash_on_delivery": ("cod",)},
                     "cash on delivery without", id="no amount to collect"),
        pytest.param({"orderDate": None}, {}, "it has no date", id="no date"),
        pytest.param({"shipmentId": "A/1", "orderId": "A"}, {}, "its number is no order's", id="number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_beyond_doubt(fields: Row, params: dict[str, Any], words: str) -> None:
    found = order(shipment(**fields), **params)
    assert (found["rule"], words in found["message"]) == ("ORDER-013", True), found["message"]


def test_cash_on_delivery_by_the_plugin_s_name() -> None:
    """Case and blanks aside."""
    found = order(shipment(paymentPlugin=" COD"), cash_on_delivery=("cod",))
    assert json.loads(found["cash_on_delivery"]) == {"amount": 100.0, "currencyCode": "EUR", "reference": "1-1"}


@pytest.mark.parametrize(
    ("paid", "should_capture", "rule"),
    [(1, 1, ""), ("1", 1, ""), (True, 1, ""), (0, 0, ""), (0, False, ""), (0, 1, "ORDER-005"),
     (None, None, "ORDER-005"), (0, "yes", "ORDER-005")],
    ids=str,
)  # fmt: skip
def test_a_payment_that_is_or_may_be_owed(paid: Any, should_capture: Any, rule: str) -> None:
    assert order(shipment(paid=paid, shouldCapture=should_capture))["rule"] == rule


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"shippingList": " STANDARD "}, "HOME"),
        ({"shippingList": "express", "defaultCarrier": "standard"}, None),
        ({"shippingList": "", "defaultCarrier": "standard"}, "HOME"),
        ({"shippingList": None, "shippingTerms": {"name": "Standard"}}, "HOME"),
        ({"shippingList": "ingrid", "shipwallet_method": "standard"}, "HOME"),
        ({"shippingList": ""}, None),
    ],
    ids=["case and blanks", "a list that is not mapped", "carrier", "terms", "Ingrid", "nothing"],
)
def test_the_shipping_method(fields: Row, code: str | None) -> None:
    found = order(shipment(**fields))
    assert (found["shipping_code"] if found["rule"] == "" else None) == code
    assert found["rule"] == ("" if code else "ORDER-001")


def test_money_keeps_its_digits() -> None:
    found = order(shipment(line("1", "A", price="329.9000", taxPercent=25.5)))
    assert found["lines"] == '[{"code": "A", "quantity": 1, "unitPrice": 329.90, "vatPercentage": 25.50}]'


@pytest.mark.parametrize(
    ("sent", "told"),
    [("33.333333", "33.3333"), (668.5000000001, "668.50"), ("-1.00005", "-1.00"), ("10,50", None)],
    ids=str,
)
def test_more_decimals_than_money_has(sent: Any, told: str | None) -> None:
    """A share of a discount, or what a float makes of an amount."""
    found = order(shipment(line("1", "A", price=sent)))
    assert found["lines"] == '[{"code": "A", "quantity": 1' + (f', "unitPrice": {told}' if told else "") + "}]"


def test_no_shipment_is_completed_for_two_orders() -> None:
    """One of a whole order and one of its shipment: the shipment is in one row."""
    orders = pd.DataFrame(
        {"reference": ["p-1", "p-1-1"], "source_id": ["1", "1-1"], "status": "Shipped", "shipping_code": "HOME",
         "tracking_number": ["A,,A", None], "copies": 1}
    )  # fmt: skip
    shipments = pd.DataFrame({"shipment_id": ["1-1"], "order_id": ["1"], "paid": ["1"], "should_capture": ["0"]})
    rows = to_centra(orders, shipments, TrackingParams(date(2026, 1, 1)))
    assert rows["shipment_id"].dropna().tolist() == ["1-1"]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("lines", "found"),
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
def test_the_units_of_order_lines(lines: Any, found: dict[str, int] | None) -> None:
    """What cannot be read is none, and not another list."""
    assert units_in(json.dumps(lines)) == found
