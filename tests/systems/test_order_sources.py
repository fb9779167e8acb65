"""Orders and shipments become staged tables; what may be personal data is not kept where no plain value stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import known_fields_table, line_table
from pipelines.systems.myogo.order_source import staged_orders
from schemas.fields.centra_orders import LINES_KEY, ORDERS, SHIPMENTS

EMAIL = "anna@shop.example"
LINE = {"lineId": "1", "sku": "A", "variantSku": "", "sizeSku": "", "qty": 1}
PERSONAL: list[Any] = [{"email": EMAIL}, [EMAIL], [{"to": {"email": EMAIL}}]]


def shipment(**fields: Any) -> dict[str, Any]:
    return {"shipmentId": "1001-1", "orderId": "1001", "products": [LINE]} | fields


def staged(row: dict[str, Any], fields: Any = SHIPMENTS) -> dict[str, Any]:
    made = known_fields_table([row], fields, lambda index: "a shipment", Findings(), LINES_KEY)
    return dict(made.to_pylist()[0])


def lines(row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(line_table([row], "shipmentId", Findings()).to_pylist())


@pytest.mark.parametrize("value", PERSONAL, ids=["object", "list", "nested"])
@pytest.mark.parametrize(
    "field", ["orderStore", "shouldCapture", "paid", "shippingTerms", "grandTotalValue", "products"]
)
def test_an_object_in_a_field_of_an_order_is_not_kept(field: str, value: Any) -> None:
    assert EMAIL not in json.dumps(staged(shipment(**{field: value})))


@pytest.mark.parametrize("value", PERSONAL, ids=["object", "list", "nested"])
@pytest.mark.parametrize("field", ["hold", "waitingForPayment", "orderStatus", "deliveryCountry"])
def test_an_object_in_a_status_of_an_order_is_not_kept(field: str, value: Any) -> None:
    assert EMAIL not in json.dumps(staged({"orderId": "1001", "products": [LINE], field: value}, ORDERS))


@pytest.mark.parametrize("value", PERSONAL, ids=["object", "list", "nested"])
@pytest.mark.parametrize("field", ["sku", "qty", "isBundle", "isPartOfBundle", "price", "bundle"])
def test_an_object_in_a_field_of_a_line_is_not_kept(field: str, value: Any) -> None:
    assert EMAIL not in json.dumps(lines(shipment(products=[LINE | {field: value}])))


@pytest.mark.parametrize("value", PERSONAL, ids=["object", "list", "nested"])
@pytest.mark.parametrize("field", ["status", "test", "orderLines", "trackingNumber", "shippingCode"])
def test_an_object_in_a_field_of_myogos_order_is_not_kept(field: str, value: Any) -> None:
    rows = [{"reference": "r-1", "status": "New", field: value}]
    made = staged_orders(rows, Findings(), "key").to_pylist()
    assert made[0]["reference"] == "r-1"
    assert EMAIL not in json.dumps(made)


def test_the_name_of_the_shipping_terms_and_plain_flags_are_kept() -> None:
    row = staged(shipment(shippingTerms={"name": "DDP", "contact": EMAIL}, paid="1", shouldCapture=0))
    assert (row["shipping_terms"], row["paid"], row["should_capture"]) == ('{"name":"DDP"}', '"1"', "0")


@pytest.mark.parametrize(
    ("listed", "codes"),
    [
        pytest.param([LINE, LINE | {"sku": "B"}], ["A", "B"], id="list"),
        pytest.param({"4": LINE, "7": LINE | {"sku": "B"}}, ["A", "B"], id="whole numbers"),
        pytest.param({"0": LINE | {"bundle": {"2": LINE | {"sku": "C"}}}}, ["A", "C"], id="contents too"),
        pytest.param(None, [], id="null"),
        pytest.param({"first": LINE}, None, id="words"),
        pytest.param("A", None, id="text"),
        pytest.param([LINE, "B"], None, id="not only objects"),
        pytest.param({"1": "A"}, None, id="whole numbers, not objects"),
        pytest.param(False, None, id="flag"),
    ],
)
def test_lines_that_are_no_list_of_objects_are_named_with_their_order(listed: Any, codes: list[str] | None) -> None:
    row = shipment(products=listed)
    assert [line["sku"] for line in lines(row)] == (codes or [])
    extra = staged(row)["extra"]
    assert (extra is not None and "products" in json.loads(extra)) == (codes is None)


def test_contents_of_a_bundle_that_are_no_list_are_named_with_their_line() -> None:
    (line,) = lines(shipment(products=[LINE | {"bundle": "A, B"}]))
    assert json.loads(line["extra"]) == {"bundle": "a text"}


@pytest.mark.parametrize("row", [None, "x", [1], {"status": "New"}, {"reference": ""}, {"reference": 7}], ids=repr)
def test_what_is_no_order_with_a_reference_is_not_one_of_ours(row: object) -> None:
    assert [one["reference"] for one in staged_orders([row, {"reference": "r-1"}], Findings(), "key").to_pylist()] == [
        "r-1"
    ]
