"""One shipment of Centra becomes an order, in every form that Centra may send."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import known_fields_table, line_table
from schemas.fields.centra_orders import SHIPMENTS
from schemas.order_units import units_in
from schemas.orders.issues import OrderContext, checked, withheld
from transforms.orders import Params, to_myogo
from transforms.tracking import Params as TrackingParams
from transforms.tracking import to_centra

EMPTY_COLUMNS = {
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
    """The order made from the shipment, with the rule and message if it is withheld."""
    findings = Findings()
    rows = known_fields_table([row], SHIPMENTS, lambda _: "a shipment", findings).to_pandas()
    lines = line_table([row], "shipmentId", findings).to_pandas().rename(columns={"shipment_id": "source_id"})
    order_params = Params(starting=date(2026, 1, 1), shipping={"standard": "HOME"}, **params)
    orders = to_myogo(
        rows, lines, pd.DataFrame(EMPTY_COLUMNS)[["order_id", "line_id", "tax_percent"]], order_params, "demo"
    )
    orders["destination"] = "1-00000000-00"
    live = pd.DataFrame(EMPTY_COLUMNS)[["reference", "status", "lines"]].assign(test=False)
    rows = checked(orders, OrderContext(live, set(), set(), {}, {}, {}, False))
    issues = withheld(rows, live.assign(source_id=""))
    issue = {"rule": "", "message": ""} if issues.empty else issues[["rule", "message"]].iloc[0].to_dict()
    first_row: pd.Series = rows.iloc[0]
    return pd.concat([first_row, pd.Series(issue)])


def units(order_row: pd.Series) -> dict[str, int]:
    return {one["code"]: one["quantity"] for one in json.loads(order_row["lines"])}


SET = {"isBundle": True, "price": "0"}


def set_line(**fields: Any) -> Row:
    return line("1", "SET", **SET) | fields


@pytest.mark.parametrize(
    ("row", "picked"),
    [
        pytest.param(shipment(line("1", "A"), line("2", "B", "2")), {"A": 1, "B": 2}, id="plain lines"),
        pytest.param(shipment(set_line(), line("2", "A", isPartOfBundle="1")), {"A": 1}, id="next to it, by line"),
        pytest.param(shipment(set_line(), line("2", "A", isPartOfBundle=13)), {"A": 1}, id="next to it, by another id"),
        pytest.param(shipment(set_line(), line("2", "A", isPartOfBundle=True)), {"A": 1}, id="next to it, flagged"),
        pytest.param(shipment(line("2", "A", isPartOfBundle="13")), {"A": 1}, id="items only"),
        pytest.param(shipment(set_line()), {"SET": 1}, id="bundle only"),
        pytest.param(shipment(set_line(bundle=[line("2", "A")])), {"A": 1}, id="inside"),
        pytest.param(shipment(set_line(lineId=None, bundle=[line(None, "A")])), {"A": 1}, id="inside, no line ids"),
        pytest.param(shipment(line("1", "SET", bundle=[line("2", "A")])), {"A": 1}, id="inside, not flagged"),
        pytest.param(shipment(set_line(isBundle="yes", bundle=[line("2", "A")])), None, id="inside, invalid flag"),
        pytest.param(shipment(set_line(bundle={"0": line("2", "A")})), {"A": 1}, id="inside, as a map"),
        pytest.param(shipment(products={"5001": line("5001", "A")}), {"A": 1}, id="lines as a map"),
        pytest.param(shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="13"), line("3", "S", **SET),
                              line("4", "B", isPartOfBundle="13")), None, id="two bundles, one id"),
        pytest.param(shipment(line("1", "S", **SET), line("2", "A", isPartOfBundle="1"), line("3", "T", **SET)), None,
                     id="a bundle without its items"),
        pytest.param(shipment(products=[]), None, id="no lines"),
        pytest.param(shipment(line("1", "A", None)), None, id="no quantity"),
        pytest.param(shipment(line("1", "A", "1.5")), None, id="half a unit"),
        pytest.param(shipment(line("1", "A", "2.0")), {"A": 2}, id="a quantity with a point"),
        pytest.param(shipment(line("1", "A", 2), line("2", "A", -1)), None, id="a negative quantity"),
        pytest.param(shipment(line("1", "")), None, id="no code"),
    ],
)  # fmt: skip
def test_bundle_contents_are_picked_exactly_once(row: Row, picked: dict[str, int] | None) -> None:
    """Lines that cannot be counted without doubt withhold the order."""
    order_row = order(row)
    assert order_row["rule"] == ("" if picked is not None else "ORDER-002"), order_row["line_problem"]
    if picked is not None:
        assert units(order_row) == picked


@pytest.mark.parametrize(
    ("contents_are", "quantity"), [("each", 4), ("total", 2), (None, None)], ids=["each", "total", "not set"]
)
def test_quantities_inside_of_several_bundles_need_a_setting(contents_are: str | None, quantity: int | None) -> None:
    order_row = order(shipment(set_line(qty=2, bundle=[line("2", "A", 2)])), contents_are=contents_are)
    assert order_row["rule"] == ("" if quantity else "ORDER-002")
    if quantity:
        assert units(order_row) == {"A": quantity}


@pytest.mark.parametrize(
    ("fields", "params", "words"),
    [
        pytest.param({"shipwallet_pickup": {"id": "PP77"}}, {}, "shipwallet_pickup is", id="pick-up point"),
        pytest.param({"deliveryCoaddress": ["c/o X"]}, {}, 'deliveryCoaddress is "?"', id="address, not quoted"),
        pytest.param({"orderCurrency": {"code": "EUR"}}, {}, "orderCurrency is", id="currency"),
        pytest.param({"grandTotalValue": "49,90 EUR"}, {}, "total is not a plain number", id="total"),
        pytest.param({"grandTotalValue": None, "paymentPlugin": "COD "}, {"cash_on_delivery": ("cod",)},
                     "cash on delivery without", id="no amount to collect"),
        pytest.param({"orderDate": None}, {}, "it has no date", id="no date"),
        pytest.param({"shipmentId": "A/1", "orderId": "A"}, {}, "its number is not an order number", id="number"),
    ],
)  # fmt: skip
def test_an_ambiguous_field_withholds_the_order(fields: Row, params: dict[str, Any], words: str) -> None:
    order_row = order(shipment(**fields), **params)
    assert (order_row["rule"], words in order_row["message"]) == ("ORDER-013", True), order_row["message"]


def test_cash_on_delivery_is_recognised_by_the_plugin_name() -> None:
    """Ignoring case and blanks."""
    order_row = order(shipment(paymentPlugin=" COD"), cash_on_delivery=("cod",))
    assert json.loads(order_row["cash_on_delivery"]) == {"amount": 100.0, "currencyCode": "EUR", "reference": "1-1"}


@pytest.mark.parametrize(
    ("paid", "should_capture", "rule"),
    [(1, 1, ""), ("1", 1, ""), (True, 1, ""), (0, 0, ""), (0, False, ""), (0, 1, "ORDER-005"),
     (None, None, "ORDER-005"), (0, "yes", "ORDER-005")],
    ids=str,
)  # fmt: skip
def test_an_order_that_may_be_unpaid_is_withheld(paid: Any, should_capture: Any, rule: str) -> None:
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
def test_the_shipping_method_is_mapped_from_the_first_filled_field(fields: Row, code: str | None) -> None:
    order_row = order(shipment(**fields))
    assert (order_row["shipping_code"] if order_row["rule"] == "" else None) == code
    assert order_row["rule"] == ("" if code else "ORDER-001")


def test_prices_keep_their_digits() -> None:
    order_row = order(shipment(line("1", "A", price="329.9000", taxPercent=25.5)))
    assert order_row["lines"] == '[{"code": "A", "quantity": 1, "unitPrice": 329.90, "vatPercentage": 25.50}]'


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("33.333333", "33.3333"), (668.5000000001, "668.50"), ("-1.00005", "-1.00"), ("10,50", None)],
    ids=str,
)
def test_amounts_are_rounded_to_four_decimals(sent: Any, expected: str | None) -> None:
    """As for a share of a discount, or an amount that was a float."""
    order_row = order(shipment(line("1", "A", price=sent)))
    assert (
        order_row["lines"] == '[{"code": "A", "quantity": 1' + (f', "unitPrice": {expected}' if expected else "") + "}]"
    )


def test_a_shipment_is_completed_for_one_order_only() -> None:
    """Of an order for all shipments and an order for this shipment, only one gets the shipment."""
    orders = pd.DataFrame(
        {"reference": ["p-1", "p-1-1"], "source_id": ["1", "1-1"], "status": "Shipped", "shipping_code": "HOME",
         "tracking_number": ["A,,A", None], "copies": 1}
    )  # fmt: skip
    shipments = pd.DataFrame({"shipment_id": ["1-1"], "order_id": ["1"], "paid": ["1"], "should_capture": ["0"]})
    rows = to_centra(orders, shipments, TrackingParams(date(2026, 1, 1)))
    assert rows["shipment_id"].dropna().tolist() == ["1-1"]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("lines", "order_row"),
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
def test_units_are_counted_by_code(lines: Any, order_row: dict[str, int] | None) -> None:
    """Lines that cannot be read give None."""
    assert units_in(json.dumps(lines)) == order_row
