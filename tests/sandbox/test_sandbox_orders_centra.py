"""The stand-in for Centra handles orders, shipments, capture and completion as documented, or as a switch sets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from tests.support.waiting import LONG_S

Call = Callable[..., requests.Response]
TWO = [{"stock_item_id": 7001, "qty": 2, "price": 329}]
SET = {
    "sku": "BNDL-1", "name": "Set", "price": 150,
    "lines": [{"stock_item_id": 7001, "price": 200}, {"stock_item_id": 7002, "price": 100}],
}  # fmt: skip

# The field names of Centra's published page, sorted.
ORDER_FIELDS = (
    "accountId billingAddress billingCity billingCoaddress billingCompany billingCountry billingEmail billingName "
    "billingState billingTele billingVAT billingZipcode cancelDate customerId defaultCarrier deliveryAddress "
    "deliveryCell deliveryCity deliveryCoaddress deliveryCompany deliveryCountry deliveryEmail deliveryName "
    "deliveryState deliveryTele deliveryZipcode discounts estimatedDeliveryDate grandTotalTaxValue "
    "grandTotalValue hold internalComment internalOrder ipAddress marketId orderCurrency orderDate orderId "
    "orderStatus orderStore otherComment paymentDescription paymentMethod paymentPlugin paymentReference "
    "paymentType poNumber preferredDeliveryDate pricelistId products selectionId shipments shippingList "
    "shippingValue suspect taxAdded taxBreakdown taxDeducted totalItemsDiscount totalItemsPrice "
    "totalItemsPriceTax totalItemsWithoutTax voucherValue waitingForPayment"
)
LINE_FIELDS = (
    "anyDiscount brand comment countryOfOrigin ean harmCode isBundle lineId localizedSize name originalPrice "
    "otherComment price priceDiscount priceDiscountAsPercent priceEachReduction priceEachWithoutTax qty size "
    "sizeSku sku taxPercent taxValue totalPrice totalPriceWithTax totalPriceWithoutTax totalTaxValue upc variant "
    "variantSku warehouses weight weightUnit"
)


def numbers(answer: requests.Response) -> list[str]:
    return [order["orderId"] for order in answer.json()["orders"]]


def ids(answer: requests.Response) -> list[str]:
    return [shipment["shipmentId"] for shipment in answer.json()["shipments"]]


def stock(box: Sandbox, key: int = 7001) -> tuple[int, int]:
    row = box.centra_row(key)
    return row["physical"], row["allocated"]


def completion(shipment: str = "1001-1", **more: Any) -> dict[str, Any]:
    order = shipment.partition("-")[0]
    return {"order": order, "shipment": shipment, "gtg": True, "shipped": True, "tracking": "JJFI1"} | more


def test_order_row(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO, deliveryName="Test Person", deliveryCountry="FI", orderDate="2026-02-01 10:00:00")
    order = centra("/orders").json()["orders"][0]
    assert (order["orderId"], order["orderStatus"], order["orderCurrency"]) == ("1001", "3", "EUR")
    assert (order["deliveryName"], order["billingName"], order["shippingList"]) == (
        "Test Person",
        "Test Person",
        "standard",
    )
    assert (order["accountId"], order["hold"], order["waitingForPayment"]) == ("", 0, 0)
    assert (order["totalItemsPrice"], order["shippingValue"], order["grandTotalValue"]) == (658, 5, 663)
    assert order["taxBreakdown"] == [{"description": "VAT", "taxPercent": 25.5, "value": 134.71}]
    assert [shipment["shipmentId"] for shipment in order["shipments"]] == ["1001-1"]
    (line,) = order["products"]
    assert (line["lineId"], line["sku"], line["variantSku"], line["sizeSku"]) == ("5001", "JKT100", "-BLU", "-S")
    assert (line["qty"], line["price"], line["ean"], line["weight"]) == (2, 329, "735000007001", 1.25)
    assert line["warehouses"] == [{"name": "Default", "itemQty": 2}]
    assert line["isBundle"] is False


def test_every_published_field_is_present(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    order = centra("/orders").json()["orders"][0]
    assert " ".join(sorted(order)) == ORDER_FIELDS
    assert " ".join(sorted(order["products"][0])) == LINE_FIELDS
    assert order["discounts"]["discount"] == "0.00 EUR"


def test_an_order_without_lines(box: Sandbox, centra: Call) -> None:
    """It has one line: the first size that is free, at its euro price."""
    order = box.place_centra_order()
    assert [(line["stock_item_id"], line["qty"]) for line in order["lines"]] == [(7001, 1)]
    assert order["products"][0]["price"] == 329
    assert order["shipmentIds"] == ["1001-1"]


def test_orders_are_paged_newest_first(box: Sandbox, centra: Call) -> None:
    for _ in range(22):
        box.place_centra_order(shipment=False)
    assert numbers(centra("/orders")) == [str(number) for number in range(1022, 1002, -1)]
    assert numbers(centra("/orders", offset=20)) == ["1002", "1001"]
    assert numbers(centra("/orders", limit=2, offset=1)) == ["1021", "1020"]
    box.switch("centra", orders_starting_with="oldest")
    assert numbers(centra("/orders", limit=2)) == ["1001", "1002"]
    assert centra("/orders", limit=0).json() == {"status": "no", "msg": {"limit": "invalid value"}}
    assert centra("/orders", offset="x").json() == {"status": "no", "msg": {"offset": "invalid value"}}


def test_orders_can_be_filtered(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(orderDate="2026-02-01 10:00:00", customerId="7")
    box.place_centra_order(orderDate="2026-02-02 10:00:00")
    assert numbers(centra("/orders", order=1001)) == ["1001"]
    assert numbers(centra("/orders", customer_id=7)) == ["1001"]
    assert numbers(centra("/orders", newer_than="2026-02-02")) == ["1002"]
    assert numbers(centra("/orders", newer_than="2026-02-01 10:00:00", older_than="2026-02-02 10:00:00")) == ["1001"]
    box.switch("centra", dates_inclusive="both")
    assert len(numbers(centra("/orders", newer_than="2026-02-01 10:00:00", older_than="2026-02-02 10:00:00"))) == 2
    box.switch("centra", dates_inclusive="neither")
    assert numbers(centra("/orders", newer_than="2026-02-01 10:00:00")) == ["1002"]
    assert centra("/orders", newer_than="soon").json()["msg"] == {"newer_than": "invalid value"}


def test_settings_decide_which_orders_are_listed(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(shipment=False, status="Pending")
    box.place_centra_order(shipment=False, status="6")
    box.place_centra_order(shipment=False, hold=1)
    box.place_centra_order(shipment=False, waitingForPayment=1)
    box.place_centra_order(marketId=2)
    assert numbers(centra("/orders")) == ["1005", "1001"]
    box.switch("centra", order_statuses=["2", "6"], on_hold=True, waiting_for_payment=True)
    assert numbers(centra("/orders")) == ["1004", "1003", "1002"]
    box.switch("centra", order_statuses=["2", "3"], markets=["2"])
    assert numbers(centra("/orders")) == ["1005"]
    box.switch("centra", markets=["1"])
    assert ids(centra("/shipments")) == []


@pytest.mark.parametrize(("shape", "value"), [("string", "3"), ("number", 3), ("name", "Processing"), ("absent", None)])
def test_order_status_formats(box: Sandbox, centra: Call, shape: str, value: Any) -> None:
    box.switch("centra", order_status_as=shape)
    box.place_centra_order()
    assert centra("/orders").json()["orders"][0].get("orderStatus") == value


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({"ids_as": "number"}, ['"orderId":1001', '"lineId":5001']),
        ({"ids_as": "string"}, ['"marketId":"1"']),
        ({"flags_as": "bool"}, ['"hold":false']),
        ({"price_as": "string"}, ['"price":"329.00"', '"grandTotalValue":"334.00"']),
        ({"empty_as": None}, ['"deliveryCompany":null']),
    ],
    ids=str,
)
def test_orders_follow_the_dialects(box: Sandbox, centra: Call, switch: dict[str, Any], expected: list[str]) -> None:
    box.place_centra_order()
    box.switch("centra", **switch)
    text = centra("/orders").text
    assert [part for part in expected if part not in text] == []
    box.switch("centra", empty_as="missing")
    assert "deliveryCompany" not in centra("/orders").text


def test_a_new_order_allocates_free_stock(box: Sandbox) -> None:
    assert stock(box) == (10, 3)
    box.place_centra_order(lines=[{"code": "JKT100-BLU-S", "qty": 5}])
    assert stock(box) == (10, 8)
    order = box.place_centra_order(lines=[{"code": "735000007001", "qty": 5}])
    assert stock(box) == (10, 10)
    assert [line["allocated"] for line in order["lines"]] == [2]


def test_demand_can_be_filled_when_stock_comes(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=[{"stock_item_id": 7001, "qty": 9}])
    update = {"products": [{"product": "JKT100-BLU-S", "quantity": 20, "costPrice": 8.12, "costPriceCurrency": "EUR"}]}
    assert centra("/stock", "POST", update).json() == {"status": "ok"}
    assert stock(box) == (20, 10)
    box.switch("centra", stock_fills_demand=True)
    centra("/stock", "POST", update)
    assert stock(box) == (20, 12)


def test_stock_below_the_allocated_quantity_is_raised(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    centra("/stock", "PUT", {"products": [{"product": "735000007001", "quantity": 1}]})
    assert stock(box) == (5, 5)
    box.switch("centra", stock_update_type="fta")
    centra("/stock", "PUT", {"products": [{"product": "735000007001", "quantity": 1}]})
    assert stock(box) == (6, 5)


def test_shipment_row(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    (shipment,) = centra("/shipments").json()["shipments"]
    assert (shipment["shipmentId"], shipment["orderId"], shipment["accountId"]) == ("1001-1", "1001", "0")
    assert (shipment["shouldCapture"], shipment["paid"]) == (1, 0)
    assert (shipment["shippingList"], shipment["trackingNumber"]) == ("standard", "")
    assert shipment["products"][0]["warehouses"] == [{"name": "Default", "itemQty": "2"}]
    assert (shipment["products"][0]["lineId"], shipment["products"][0]["qty"]) == ("5001", 2)
    assert not shipment.keys() & {"gtg", "orderStatus", "shipments"}
    assert centra("/shipment/1001-1").json() == {"status": "ok", "shipments": [shipment]}
    assert centra("/shipment/1001-2").json() == {
        "status": "no", "msg": "shipment does not exist", "shipment": "1001-2",
    }  # fmt: skip
    box.switch("centra", shipment_gtg=True)
    assert centra("/shipments").json()["shipments"][0]["gtg"] == 1


def test_shipments_by_status_oldest_first(box: Sandbox, centra: Call) -> None:
    for _ in range(4):
        box.place_centra_order()
    box.change_centra_shipment("1002-1", gtg=0)
    box.change_centra_shipment("1003-1", paid=1)
    assert centra("/shipment", "PUT", completion("1003-1")).json()["status"] == "ok"
    assert ids(centra("/shipments")) == ["1001-1", "1004-1"]
    assert ids(centra("/shipments", status="goodtogo", limit=1, offset=1)) == ["1004-1"]
    assert ids(centra("/shipments", status="inprogress")) == ["1002-1"]
    assert ids(centra("/shipments", status="completed")) == ["1003-1"]
    assert ids(centra("/shipments", order=1004)) == ["1004-1"]
    assert ids(centra("/shipments", older_than="2026-01-01")) == []
    assert centra("/shipments", status="lost").json()["msg"] == {"status": "invalid value"}
    box.switch("centra", inprogress_has_goodtogo=True, shipments_limit=2)
    assert ids(centra("/shipments", status="inprogress")) == ["1001-1", "1002-1"]
    box.switch("centra", max_limit=1)
    assert ids(centra("/shipments", limit=100)) == ["1001-1"]
    box.switch("centra", limit_over_max="no")
    assert centra("/shipments", limit=100).json()["msg"] == {"limit": "invalid value"}


def test_a_shipment_can_be_deleted_until_it_is_paid(box: Sandbox, centra: Call, control: Call) -> None:
    for _ in range(3):
        box.place_centra_order()
    assert centra("/shipments/1001-1", "DELETE").json() == {
        "status": "ok", "msg": "shipment removed", "order": "1001", "shipment": "1001-1",
    }  # fmt: skip
    assert ids(centra("/shipments")) == ["1002-1", "1003-1"]
    assert box.centra_order(1001)["shipmentIds"] == []
    assert centra("/shipments/1001-1", "DELETE").json()["msg"] == "shipment does not exist"
    box.change_centra_shipment("1002-1", captured=1)
    refused = "shipment has invoices or creditnotes and could not be deleted."
    assert centra("/shipments/1002-1", "DELETE").json()["msg"] == refused
    assert control("centra/shipments/1002-1", "DELETE").status_code == 400
    assert control("centra/shipments/9999-1", "DELETE").status_code == 404
    assert control("centra/shipments/1003-1", "DELETE").status_code == 200
    assert ids(centra("/shipments")) == ["1002-1"]


def test_capture(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    named = {"order": "1001", "shipment": "1001-1"}
    box.change_centra_shipment("1001-1", capture_fails=True)
    failed = {"status": "no", "msg": "capture failed"} | named
    assert centra("/capture", "PUT", {"shipment": "1001-1"}).json() == failed
    box.change_centra_shipment("1001-1", capture_fails=False)
    assert centra("/capture", "PUT", {"shipment": "1001-1"}).json() == {"status": "ok"} | named
    (shipment,) = centra("/shipments").json()["shipments"]
    assert (shipment["shouldCapture"], shipment["paid"]) == (0, 1)
    assert centra("/capture", "PUT", {"shipment": "1001-1"}).json() == failed
    box.switch("centra", second_capture="ok")
    assert centra("/capture", "PUT", {"shipment": "1001-1"}).json()["status"] == "ok"
    assert centra("/capture", "PUT", {"shipment": "9-9"}).json()["msg"] == "shipment does not exist"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_completion(box: Sandbox, centra: Call, method: str) -> None:
    box.switch("centra", completion_verb=method)
    box.place_centra_order(lines=TWO)
    assert stock(box) == (10, 5)
    given = {
        "carrier": "Posti",
        "service": "Home",
        "packages": 1,
        "returnSlipTracking": "R1",
        "internalComment": "Tack",
    }
    answer = centra("/shipment", method, completion(**given))
    assert answer.json() == {"status": "ok", "order": "1001", "shipment": "1001-1"}
    assert stock(box) == (8, 3)
    assert ids(centra("/shipments")) == []
    order = centra("/orders").json()["orders"][0]
    assert (order["orderStatus"], order["internalComment"]) == ("4", "Tack")
    parcel = order["shipments"][0]
    assert (parcel["carrier"], parcel["trackingId"], parcel["returnSlipTracking"]) == ("Posti", "JJFI1", "R1")
    assert parcel["shippedDate"] > "2026"
    shipment = centra("/shipment/1001-1").json()["shipments"][0]
    assert (shipment["trackingNumber"], shipment["paid"], shipment["packages"]) == ("JJFI1", 1, "1")


def test_completion_needs_payment_good_to_go_and_shipped(box: Sandbox, centra: Call) -> None:
    """The answer does not name what is missing; only the shipment shows it."""
    box.place_centra_order()
    for missing in ({"capture": False}, {"gtg": False}, {"shipped": False}, {"shipped": None}):
        given = {k: v for k, v in completion(**missing).items() if v is not None}
        assert centra("/shipment", "PUT", given).json()["status"] == "ok"
        assert ids(centra("/shipments", status="completed")) == []
    assert ids(centra("/shipments", status="inprogress")) == []
    box.switch("centra", unfit_completion="no")
    assert centra("/shipment", "PUT", completion(gtg=False)).json()["status"] == "no"
    box.switch("centra", shipped_when_omitted=True)
    assert centra("/shipment", "PUT", {"order": 1001, "shipment": "1001-1", "gtg": 1}).json()["status"] == "ok"
    assert ids(centra("/shipments", status="completed")) == ["1001-1"]


def test_refused_completions(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    box.place_centra_order()
    assert centra("/shipment", "PUT", completion(gtg="perhaps")).json()["msg"] == {"gtg": "invalid value"}
    box.change_centra_shipment("1001-1", capture_fails=True)
    assert centra("/shipment", "PUT", completion()).json()["msg"] == "capture failed"
    assert centra("/shipment", "PUT", completion(order="1002")).json()["msg"] == "order does not exist"
    assert centra("/shipment", "PUT", completion("1001-7")).json()["msg"] == "shipment does not exist"
    assert stock(box) == (10, 5)


def test_second_completion(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    centra("/shipment", "PUT", completion())
    answer = centra("/shipment", "PUT", completion(tracking="OTHER")).json()
    assert (answer["status"], answer["msg"]) == ("no", "shipment is already completed")
    box.switch("centra", second_completion="ok")
    assert centra("/shipment", "PUT", completion(tracking="OTHER")).json()["status"] == "ok"
    assert stock(box) == (8, 3)
    assert centra("/shipment/1001-1").json()["shipments"][0]["trackingNumber"] == "JJFI1"


@pytest.mark.parametrize("status", [200, 403, 404, 405])
@pytest.mark.parametrize(("verb", "other"), [("POST", "PUT"), ("PUT", "POST")])
def test_completion_may_accept_one_method_only(box: Sandbox, centra: Call, verb: str, other: str, status: int) -> None:
    box.place_centra_order()
    box.switch("centra", completion_verb=verb, wrong_verb=status)
    refused = centra("/shipment", other, completion())
    assert (refused.status_code, refused.json()["status"]) == (status, "no")
    assert centra("/shipment", verb, completion()).json()["status"] == "ok"


def test_order_is_completed_with_its_last_shipment(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO, shipment=False)
    for _ in range(2):
        assert centra("/shipments", "POST", {"order": 1001, "products": {"5001": 1}, "gtg": 1}).json()["status"] == "ok"
    centra("/shipment", "PUT", completion("1001-1"))
    assert box.centra_order(1001)["status"] == "3"
    assert stock(box) == (9, 4)
    centra("/shipment", "PUT", completion("1001-2"))
    assert box.centra_order(1001)["status"] == "4"
    assert stock(box) == (8, 3)


def test_shipments_can_be_created_from_orders(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO, shipment=False)
    box.place_centra_order(status="1", shipment=False)
    new: dict[str, Any] = {"order": "1001", "products": {"5001": 1}}
    assert centra("/shipments", "POST", new | {"order": 9}).json()["msg"] == "order does not exist"
    assert centra("/shipments", "POST", new | {"order": 1002, "products": {"5002": 1}}).json()["status"] == "no"
    for products in ({"5001": 3}, {"9": 1}, {"5001": "x"}, [1]):
        assert centra("/shipments", "POST", new | {"products": products}).json()["msg"] == {"products": "invalid value"}
    assert centra("/shipments", "POST", {"order": 1001}).json()["msg"] == {"products": "required"}
    box.change_centra_order(1001, capture_fails=True)
    assert centra("/shipments", "POST", new).json()["msg"] == "can not capture order"
    assert centra("/shipments", "POST", new | {"capture": False}).json() == {
        "status": "ok", "order": "1001", "shipment": "1001-1",
    }  # fmt: skip
    assert ids(centra("/shipments", status="inprogress")) == ["1001-1"]
    assert box.centra_order(1001)["status"] == "3"
    box.change_centra_order(1001, capture_fails=False)
    shipped = new | {"gtg": True, "shipped": True, "tracking": "T", "carrier": "Posti"}
    assert centra("/shipments", "POST", shipped).json()["shipment"] == "1001-2"
    assert ids(centra("/shipments", status="completed")) == ["1001-2"]


def test_an_unpaid_shipment_can_be_reduced(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    answer = centra("/shipments/1001-1", "PUT", {"products": {"5001": 1}}).json()
    assert answer["shipment"]["products"][0]["qty"] == 1
    assert centra("/shipments/1001-1", "PUT", {"products": {"5001": 3}}).json()["msg"] == {"products": "invalid value"}
    for flag, state in (("refunded", "has refunds"), ("paid", "is paid"), ("captured", "is captured")):
        box.change_centra_shipment("1001-1", **{flag: 1})
        answer = centra("/shipments/1001-1", "PUT", {"products": {"5001": {"qty": 2}}}).json()
        assert answer["msg"] == f"shipment {state} and can not be updated"
    centra("/shipment", "PUT", completion())
    answer = centra("/shipments/1001-1", "PUT", {"products": {"5001": 2}}).json()
    assert answer["msg"] == "shipment is sent and can not be updated"
    allowed = {"gtg": False, "products": {"5001": {"serialNumber": "SN1"}}}
    assert centra("/shipments/1001-1", "PUT", allowed).json()["status"] == "ok"


def test_good_to_go_can_be_unset(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    centra("/shipments/1001-1", "PUT", {"gtg": False})
    assert (ids(centra("/shipments")), ids(centra("/shipments", status="inprogress"))) == ([], ["1001-1"])


def test_comments_and_attributes(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(internalComment="one", marketId=2)
    change = {"order": 1001, "internalComment": "two", "comment": "hej", "extraAttributes": {"gift_wrap": "yes"}}
    assert centra("/orders", "PUT", change).json() == {"status": "ok", "order": 1001}
    order = box.centra_order(1001)
    assert (order["internalComment"], order["otherComment"], order["gift_wrap"]) == ("one\ntwo", "hej", "yes")
    change = {
        "order": 1001,
        "internalComment": "x",
        "replaceInternalComment": True,
        "extraAttributes": {"gift_wrap": ""},
    }
    centra("/orders", "PUT", change)
    assert box.centra_order(1001)["internalComment"] == "x"
    assert "gift_wrap" not in box.centra_order(1001)
    invalid = centra("/orders", "PUT", {"order": 1001, "extraAttributes": ["x"]}).json()
    assert invalid["msg"] == {"extraAttributes": "invalid value"}
    assert centra("/orders", "PUT", {"order": 7}).json() == {"status": "no", "msg": "order does not exist", "order": 7}
    box.switch("centra", markets=["1"])
    assert centra("/orders", "PUT", change).json()["msg"] == "order in wrong market"


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        ("only_items", [("JKT100", 200, 100, False), ("JKT100", 100, 50, False)]),
        ("items_in_bundles", [("BNDL-1", 300, 150, True)]),
        ("only_bundles", [("BNDL-1", 150, 0, True)]),
        ("bundles_and_items", [("BNDL-1", 150, 0, True), ("JKT100", 200, 100, False), ("JKT100", 100, 50, False)]),
    ],
)
def test_bundle_modes(box: Sandbox, centra: Call, mode: str, rows: list[Any]) -> None:
    box.place_centra_order(bundle=SET)
    box.switch("centra", bundle_mode=mode)
    for path, name in (("/orders", "orders"), ("/shipments", "shipments")):
        products = centra(path).json()[name][0]["products"]
        assert [(p["sku"], p["originalPrice"], p["price"], p["isBundle"]) for p in products] == rows
        assert [p.get("isPartOfBundle") for p in products] == ["5001" if not row[3] else None for row in rows]
    inside = products[0].get("bundle", [])
    assert [item["sizeSku"] for item in inside] == (["-S", "-M"] if mode == "items_in_bundles" else [])
    assert centra("/orders").json()["orders"][0]["totalItemsPrice"] == 150


def test_a_bundle_changes_the_stock_of_its_items(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(bundle=SET | {"qty": 2}, shipment=False)
    assert (stock(box, 7001), stock(box, 7002)) == ((10, 5), (10, 5))
    centra("/shipments", "POST", {"order": 1001, "products": {"5001": 1}, "gtg": True})
    centra("/shipment", "PUT", completion())
    assert (stock(box, 7001), stock(box, 7002)) == ((9, 4), (9, 4))


def test_cancelled_by_shop_staff(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    assert box.change_centra_order("1001", status="cancelled")["status"] == "6"
    assert stock(box) == (10, 3)
    assert (ids(centra("/shipments")), numbers(centra("/orders"))) == ([], [])
    assert centra("/shipments", "POST", {"order": 1001, "products": {"5001": 1}}).json()["status"] == "no"


def test_control(control: Call, centra: Call) -> None:
    placed = control(
        "centra/orders", "POST", {"lines": TWO, "paid": 1, "should_capture": 0, "shippingList": "x"}
    ).json()
    assert (placed["orderId"], placed["shipmentIds"], placed["status"]) == ("1001", ["1001-1"], "3")
    shipment = centra("/shipments").json()["shipments"][0]
    assert (shipment["paid"], shipment["shouldCapture"], shipment["shippingList"]) == (1, 0, "x")
    assert control("centra/orders", "POST").json()["orderId"] == "1002"
    assert len(control("centra/orders").json()) == 2
    changed = control("centra/orders/1001", "PATCH", {"lines": [{"stock_item_id": 7002, "qty": 1}], "hold": 1}).json()
    assert (changed["hold"], [line["stock_item_id"] for line in changed["lines"]]) == (1, [7002])
    assert changed["shipmentIds"] == []
    flags = control("centra/shipments/1002-1", "PATCH", {"gtg": 0, "capture_fails": True}).json()
    assert (flags["gtg"], flags["capture_fails"], flags["completed"]) == (0, True, False)
    assert [one["shipmentId"] for one in control("centra/shipments").json()] == ["1002-1"]
    assert control("centra/orders/1001").json()["orderId"] == "1001"


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("centra/orders", "POST", {"colour": "red"}, 400),
        ("centra/orders", "POST", {"lines": [{"stock_item_id": 1}]}, 404),
        ("centra/orders", "POST", {"lines": [{"code": "none"}]}, 404),
        ("centra/orders", "POST", {"lines": [{"stock_item_id": 7001, "qty": 0}]}, 400),
        ("centra/orders", "POST", {"lines": [{"stock_item_id": 7001, "line_id": "x"}]}, 400),
        ("centra/orders", "POST", {"status": "Lost"}, 400),
        ("centra/orders/9", "GET", None, 404),
        ("centra/orders/x", "PATCH", {}, 404),
        ("centra/shipments/9-1", "PATCH", {"paid": 1}, 404),
        ("centra/nothing", "GET", None, 404),
    ],
    ids=str,
)
def test_control_refuses_invalid_requests(control: Call, path: str, method: str, body: Any, status: int) -> None:
    answer = control(path, method, body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_refused_order_changes_nothing(box: Sandbox, control: Call) -> None:
    control("centra/orders", "POST", {"lines": [{"stock_item_id": 7001, "qty": 1}, {"stock_item_id": 1}]})
    assert (box.centra_orders(), stock(box)) == ([], (10, 3))
    assert box.place_centra_order()["orderId"] == "1001"


def test_orders_are_not_created_over_the_api(centra: Call) -> None:
    for path in ("/order", "/orders"):
        answer = centra(path, "POST", {})
        assert (answer.status_code, answer.json()) == (403, {"status": "Not Allowed"})
    assert centra("/orders/1001", "DELETE").status_code == 404
    assert centra("/products/1").status_code == 404


def test_unticked_groups(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    box.switch("centra", allow={"shipments": False})
    paths = (("/shipment", "PUT"), ("/shipments/1001-1", "PUT"), ("/capture", "PUT"), ("/shipment/1001-1", "GET"))
    assert {centra(path, method, {}).text for path, method in paths} == {'{"status":"Not Allowed"}'}
    assert centra("/orders").ok
    box.switch("centra", allow={"orders": False, "shipments": True})
    assert centra("/orders", "PUT", {"order": 1001}).status_code == 403
    assert centra("/shipment", "PUT", completion()).ok


def test_bodies_must_be_json(box: Sandbox) -> None:
    headers = {"API-Authorization": box.credentials.centra_token}
    for body, msg in (("{", "The body is not JSON"), ("[]", "The body is not an object")):
        answer = requests.put(f"{box.centra_url}/capture", body, headers=headers, timeout=LONG_S)
        assert answer.json() == {"status": "no", "msg": msg}


def test_faults_hit_orders(box: Sandbox, centra: Call) -> None:
    for _ in range(5):
        box.place_centra_order()
    box.add_fault(side="centra", path="/shipment?$", kind="drop_after")
    with pytest.raises(requests.ConnectionError):
        centra("/shipment", "PUT", completion())
    assert box.requests("centra")[-1]["applied"] is True
    assert ids(centra("/shipments", status="completed")) == ["1001-1"]
    box.add_fault(side="centra", path="/orders", kind="repeat_page")
    assert numbers(centra("/orders", limit=2, offset=2)) == ["1005", "1004"]
    box.add_fault(side="centra", path="/orders", kind="empty_page")
    assert numbers(centra("/orders", limit=2)) == []
    box.add_fault(side="centra", path="/shipments", kind="endless", times=2)
    pages = [ids(centra("/shipments", limit=2, offset=offset)) for offset in (0, 2)]
    assert len({shipment for page in pages for shipment in page}) == 4
    box.add_fault(side="centra", path="/orders", kind="huge_field", megabytes=1)
    assert len(centra("/orders").content) > 1 << 20


def test_an_order_is_cancelled_right_before_its_completion(box: Sandbox, centra: Call) -> None:
    box.place_centra_order()
    box.add_fault(side="centra", path="/shipment?", kind="edit", edits=[{"order": 1001, "status": "6"}])
    assert centra("/shipment", "PUT", completion()).json()["msg"] == "shipment does not exist"


def test_reset_forgets_orders(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    box.reset()
    assert (box.centra_orders(), box.centra_shipments(), stock(box)) == ([], [], (10, 3))
    assert box.place_centra_order()["orderId"] == "1001"
    assert json.loads(centra("/orders").text)["orders"][0]["products"][0]["lineId"] == "5001"


def test_a_shipment_can_be_held_and_suspect(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=TWO)
    box.place_centra_order(lines=TWO, suspect=1)
    box.change_centra_shipment("1001-1", hold=1, suspect=1)
    flags = [(row["hold"], row["suspect"]) for row in centra("/shipments").json()["shipments"]]
    assert flags == [(1, 1), (0, 1)]
    box.change_centra_shipment("1001-1", hold=0)
    assert centra("/shipment/1001-1").json()["shipments"][0]["hold"] == 0
    assert [order["hold"] for order in centra("/orders").json()["orders"]] == [0, 0]


def test_a_line_names_its_warehouse(box: Sandbox, centra: Call) -> None:
    box.place_centra_order(lines=[TWO[0], {"stock_item_id": 7002, "warehouse": "Store"}])
    (order,), (shipment,) = centra("/orders").json()["orders"], centra("/shipments").json()["shipments"]
    assert [line["warehouses"] for line in order["products"]] == [
        [{"name": "Default", "itemQty": 2}], [{"name": "Store", "itemQty": 1}],
    ]  # fmt: skip
    assert [line["warehouses"] for line in shipment["products"]] == [
        [{"name": "Default", "itemQty": "2"}], [{"name": "Store", "itemQty": "1"}],
    ]  # fmt: skip


def test_prices_can_be_without_tax(box: Sandbox, centra: Call) -> None:
    """The totals are with tax in any case."""
    box.place_centra_order(lines=[{"stock_item_id": 7001, "qty": 2, "price": 100}], deliveryCountry="SE")
    for prices, price, added in (("with_tax", 100, 0), ("without_tax", 80, 41)):
        box.switch("centra", prices=prices)
        (order,) = centra("/orders").json()["orders"]
        (line,) = order["products"]
        assert (line["price"], line["originalPrice"], line["totalPriceWithTax"]) == (price, price, 200)
        assert (order["grandTotalValue"], order["taxAdded"]) == (205, added)
        assert centra("/shipments").json()["shipments"][0]["products"][0]["price"] == price


def test_a_shipment_can_have_the_total_of_its_order(box: Sandbox, centra: Call) -> None:
    """Also one that has a part of the order."""
    order = box.place_centra_order(lines=[{"stock_item_id": 7001, "qty": 2, "price": 100}], shipment=False)
    body = {"order": 1001, "gtg": True, "products": {order["lines"][0]["line_id"]: 1}}
    centra("/shipments", "POST", body)
    for total, expected in (("shipment", 100), ("order", 205)):
        box.switch("centra", shipment_totals=total)
        assert centra("/shipments").json()["shipments"][0]["grandTotalValue"] == expected
