"""What a run reads before it sends a shipment: its order, myOGO's products, and the shipment once more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pipelines.systems.http.session import Repeat
from tests.end_to_end.test_orders import order, orders, sent, shop_with_orders, withheld
from tests.end_to_end.test_tracking import TABLE as TRACKING
from tests.end_to_end.test_tracking import shipments, tracking
from tests.support.shop import Shop, size
from tests.support.shop_helpers import centra_of, journal

ShopOf = Callable[..., Shop]


def with_params(shop: Shop, *lines: str) -> Shop:
    """The shop with more keys in the table of the orders flow."""
    shop.edit("starting = 2026-01-01", "\n".join(["starting = 2026-01-01", *lines]))
    return shop


def create_shipment(shop: Shop, number: int, **units: int) -> None:
    """A shipment of Centra that is good to go, with units by code, made by somebody at the shop."""
    ids = {f"SKU{line['stock_item_id']}": line["line_id"] for line in shop.box.centra_order(number)["lines"]}
    body = {"order": number, "gtg": True, "products": {ids[code]: quantity for code, quantity in units.items()}}
    with centra_of(shop) as client:
        client.write("POST", "/shipments", body, Repeat.ONCE)


def cash(shop: Shop) -> dict[str, Decimal | None]:
    """What the carrier collects, by reference."""
    return {
        one["reference"]: one["cashOnDelivery"] and Decimal(str(one["cashOnDelivery"]["amount"])) for one in sent(shop)
    }


def test_the_parcels_of_an_order_collect_its_total_in_a_run(shop_of: ShopOf) -> None:
    """Sent one after the other, with an order total in the shipment's row and prices without tax. A voucher that is
    taken off afterwards is reported until myOGO has the new amount."""
    shop = with_params(shop_with_orders(shop_of), 'cash_on_delivery = ["cod"]')
    shop.box.switch("centra", shipment_totals="order", prices="without_tax")
    lines = [{"code": "SKU1", "qty": 1, "price": 60}, {"code": "SKU2", "qty": 3, "price": "13.33"}]
    order(shop, lines=lines, paymentPlugin="cod", shipment=False, deliveryCountry="FI", shippingValue=5)
    order(shop, lines=lines[:1], paymentPlugin="cod", voucherValue=20)
    create_shipment(shop, 1001, SKU1=1, SKU2=1)
    assert orders(shop).exit_code == 0
    create_shipment(shop, 1001, SKU2=2)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"]) == (0, 1)
    collected = cash(shop)
    assert collected["demo-1002-1"] == 45
    assert (collected["demo-1001-1"] or 0) + (collected["demo-1001-2"] or 0) == Decimal("104.99")
    assert [Decimal(str(one["orderLines"][0]["unitPrice"])) for one in sent(shop)] == [60, Decimal("13.33"), 60]
    assert orders(shop).exit_code == 0

    shop.box.change_centra_order(1002, voucherValue=30)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1002-1", "ORDER-006")])
    shop.box.change_myogo_order("demo-1002-1", cashOnDelivery={"amount": 35, "currencyCode": "EUR"}, priceTotal=35)
    assert (orders(shop).exit_code, withheld(shop)) == (0, [])


def test_a_held_shipment_is_not_sent_until_it_is_released(shop_of: ShopOf) -> None:
    """It may be held itself, or its order, which the plugin then hides or lists. A hold after it was sent is reported
    like a cancellation."""
    shop = shop_with_orders(shop_of)
    order(shop)
    order(shop, hold=1)
    order(shop, suspect=1)
    shop.box.change_centra_shipment("1001-1", suspect=1)
    expected = [("demo-1001-1", "ORDER-018"), ("demo-1002-1", "ORDER-018"), ("demo-1003-1", "ORDER-018")]
    for listed in (False, True):
        shop.box.switch("centra", on_hold=listed)
        assert (orders(shop).exit_code, withheld(shop), sent(shop)) == (3, expected, [])
    shop.box.change_centra_shipment("1001-1", suspect=0)
    shop.box.change_centra_order(1002, hold=0)
    shop.box.change_centra_order(1003, suspect=0)
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 3)
    shop.box.switch("centra", on_hold=False)
    shop.box.change_centra_shipment("1001-1", hold=1)
    shop.box.change_centra_order(1002, hold=1)
    shop.box.change_centra_order(1003, waitingForPayment=1)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [(code, "ORDER-007") for code, _ in expected])


def test_an_old_order_is_looked_up(shop_of: ShopOf) -> None:
    """The list of orders covers recent ones only, that of open shipments all."""
    shop = with_params(shop_with_orders(shop_of), "look_back_days = 30", 'cash_on_delivery = ["cod"]')
    order(shop, orderDate="2026-01-05 10:00:00", paymentPlugin="cod")
    shop.box.clear_requests()
    assert orders(shop).exit_code == 0
    assert cash(shop) == {"demo-1001-1": Decimal(663)}
    asked = [entry["query"] for entry in shop.box.requests("centra") if entry["path"].endswith("/orders")]
    assert sum("order=1001" in query for query in asked) == 1


def test_an_empty_merchant_gets_no_order(shop_of: ShopOf) -> None:
    """Neither before its products were ever read nor afterwards. A product that somebody adds is found at once."""
    shop = shop_with_orders(shop_of, size(1, physical=10), myogo=[])
    order(shop, lines=[{"code": "SKU1", "qty": 1}])
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-003")])
    shop.run("plan", flows=("products",))
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-003")])
    shop.box.put_myogo_product({"code": "SKU1", "name": "Parka", "languageCode": "en", "stock": 5})
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 1)


def test_lines_that_are_not_for_the_warehouse_are_left_out_in_both_flows(shop_of: ShopOf) -> None:
    """Gift cards, by their category, and lines in a store. The shipment is completed as it is in Centra."""
    shop = with_params(
        shop_with_orders(shop_of, size(1), size(2), size(3, categoryName="Gift cards", categories=[])),
        'not_goods = ["Gift*"]', 'warehouses = ["OGOship"]',
    )  # fmt: skip
    shop.text += TRACKING
    shop.file.write_text(shop.text)
    shop.run("plan", flows=("products",))
    ours, gift = {"code": "SKU1", "qty": 1, "warehouse": "OGOship"}, {"code": "SKU3", "warehouse": "OGOship"}
    in_store = {"code": "SKU2", "warehouse": "Store"}
    order(shop, lines=[ours, gift, in_store])
    order(shop, lines=[in_store])
    order(shop, lines=[gift])
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"], report.flows["orders"]["skipped"]) == (0, 1, 2)
    assert [line["code"] for line in sent(shop)[0]["orderLines"]] == ["SKU1"]
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders' order by 1") == [
        ("demo-1001-1", "ORDER-020"), ("demo-1003-1", "ORDER-020"),
    ]  # fmt: skip
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["unchanged"]) == (0, 1)
    shop.box.ship("demo-1001-1", ["JJFI1"], None)
    assert (tracking(shop).exit_code, shipments(shop)["1001-1"]["completed"]) == (0, True)


def test_an_order_that_has_left_does_not_stop_a_run_by_what_it_lacks_now(shop_of: ShopOf) -> None:
    """Its method is no longer mapped, its lines went to another warehouse, or they are gone."""
    shop = shop_with_orders(shop_of)
    for _ in range(3):
        order(shop, lines=[{"code": "SKU1", "qty": 1}])
    assert orders(shop).exit_code == 0
    for number in (1001, 1002):
        shop.box.ship(f"demo-{number}-1", ["A"], None)
    shop.edit('standard = "HOME"', 'express = "HOME"')
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["unchanged"]) == (0, 3)
    with_params(shop, 'warehouses = ["OGOship"]')
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["skipped"], withheld(shop)) == (
        3, 2, [("demo-1003-1", "ORDER-007")],
    )  # fmt: skip
    messages = shop.sql("select distinct message from sync.withheld where flow = 'orders'")
    assert messages == [
        ("It is new in myOGO, but no longer good to go in Centra: our warehouse has none of its lines.",)
    ]


LATE: dict[int, tuple[dict[str, Any], str]] = {
    1001: ({"status": "6"}, "no longer shows shipment 1001-1 as good to go"),
    1002: ({"deliveryCity": "Espoo"}, "shipment 1002-1 was changed in Centra"),
    1003: ({"suspect": 1}, "shipment 1003-1 was changed in Centra"),
    1004: ({"shippingList": "express"}, "shipment 1004-1 was changed in Centra"),
}


def test_a_shipment_that_changes_after_it_was_read_is_not_sent(shop_of: ShopOf) -> None:
    """It is read once more right before it is sent, and before its payment is captured."""
    shop = with_params(shop_with_orders(shop_of), "capture = true")
    for number, (change, _) in LATE.items():
        order(shop, lines=[{"code": "SKU1", "qty": 1}], paid=0, should_capture=1)
        shop.box.add_fault(
            side="centra", kind="edit", method="GET", path=f"/shipments?order={number}",
            edits=[{"order": number} | change],
        )  # fmt: skip
    order(shop, lines=[{"code": "SKU1", "qty": 1}], paid=0, should_capture=1)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"], report.flows["orders"]["refused"]) == (3, 1, 4)
    assert [one["reference"] for one in sent(shop)] == ["demo-1005-1"]
    messages = dict(shop.sql("select key, message from sync.journal where outcome = 'refused'"))
    for number, (_, words) in LATE.items():
        assert words in messages[f"demo-{number}-1"]
        assert "Espoo" not in messages[f"demo-{number}-1"]
    captured = [e["body"]["shipment"] for e in shop.box.requests("centra") if e["path"].endswith("/capture")]
    assert captured == ["1005-1"]
    report = orders(shop)
    assert journal(shop) == [("demo-1002-1", "create", "applied")]
    assert withheld(shop) == [("demo-1003-1", "ORDER-018"), ("demo-1004-1", "ORDER-001")]


def test_an_order_that_changes_after_it_was_read_is_not_sent(shop_of: ShopOf) -> None:
    """With orders as the source. A status that the channel also sends is no change."""
    shop = with_params(shop_with_orders(shop_of), 'source = "orders"')
    changes: dict[int, dict[str, Any]] = {
        1001: {"status": "6"}, 1002: {"deliveryCity": "Espoo"}, 1003: {"status": "3"}, 1004: {"hold": 1},
    }  # fmt: skip
    for number, change in changes.items():
        order(shop, lines=[{"code": "SKU1", "qty": 1}], shipment=False)
        edit = {"order": number} | change
        shop.box.add_fault(side="centra", kind="edit", method="GET", path=f"/orders?order={number}", edits=[edit])
    assert orders(shop).flows["orders"]["refused"] == 3
    assert [one["reference"] for one in sent(shop)] == ["demo-1003"]


def test_the_customers_note_is_read_only_if_it_is_passed_on(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    order(shop, otherComment="Please wrap it, for Aino")
    assert orders(shop).exit_code == 0
    assert shop.sql("select note from raw_centra.shipments") == [(None,)]
    with_params(shop, "customer_note = true")
    order(shop, otherComment="Please wrap it\nfor Aino")
    assert orders(shop).exit_code == 0
    assert [one["comments"] for one in sent(shop)] == [None, "Please wrap it for Aino"]
    of_shipments, of_orders = (
        shop.sql(f"select count(note) from raw_centra.{name}") for name in ("shipments", "orders")
    )
    assert (of_shipments, of_orders) == ([(2,)], [(0,)])
