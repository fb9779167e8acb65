"""The amounts of the stock flow while orders go through both systems, in complete runs over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from tests.end_to_end.test_stock import physical, stock, writes
from tests.end_to_end.test_tracking import create_in_myogo, shop_with_tracking
from tests.support.shop import Shop

ShopOf = Callable[..., Shop]
Stage = Callable[[], object]
TABLE = "\n[flows.stock.params]\ngoods_received = true\n"


@pytest.fixture
def shop(shop_of: ShopOf) -> Shop:
    """Ten units of SKU1 to SKU3 in both systems; a channel with orders, tracking and stock."""
    shop = shop_with_tracking(shop_of)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    return shop


def ordered(shop: Shop, units: int = 2, **fields: Any) -> str:
    """The id of the shipment of a new order for units of SKU1, paid and good to go."""
    placed = shop.box.place_centra_order(**({"lines": [{"code": "SKU1", "qty": units}], "paid": 1} | fields))
    return str(placed["shipmentIds"][0])


def free(shop: Shop) -> int:
    """The units of SKU1 that Centra has free."""
    row = shop.box.centra_row(1)
    return int(row["physical"]) - int(row["allocated"])


def available(shop: Shop) -> int:
    (product,) = [one for one in shop.box.myogo_products() if one["code"] == "SKU1"]
    return int(product["stockAvailable"])


def test_centra_has_free_what_myogo_has_available_at_every_stage_of_an_order(shop: Shop) -> None:
    """No stage but a delivery needs a write: the amounts stay right by themselves."""
    shipment = ordered(shop)
    for stage in (
        lambda: None, lambda: shop.box.collect(f"demo-{shipment}"), lambda: shop.box.ship(f"demo-{shipment}", ["JJFI1"])
    ):  # fmt: skip
        stage()
        assert stock(shop).exit_code == 0
        assert shop.run("push").exit_code == 0
        assert (free(shop), available(shop)) == (8, 8)
    assert shop.box.centra_shipments()[0]["completed"]
    assert (physical(shop, 1), writes(shop)) == ([8], [])
    shop.box.receive("SKU1", 5)
    assert (shop.run("push").exit_code, free(shop)) == (0, 13)


def test_somebody_elses_orders_in_the_merchant_are_taken_off(shop: Shop) -> None:
    """Of a second shop, shipped, and of a person, being picked; they are all ten units."""
    create_in_myogo(shop, "other-1001-1", orderLines=[{"code": "SKU1", "quantity": 4}])
    create_in_myogo(shop, "by-hand", orderLines=[{"code": "SKU1", "quantity": 6}])
    shop.box.collect("by-hand")
    shop.box.ship("other-1001-1", ["X"])
    assert (stock(shop).exit_code, free(shop)) == (0, 0)
    create_in_myogo(shop, "by-hand-2", orderLines=[{"code": "SKU1", "quantity": 3}])
    assert (stock(shop).exit_code, free(shop)) == (0, 0)


def test_an_order_that_was_cancelled_in_centra_and_is_open_in_myogo_is_taken_off(shop: Shop) -> None:
    """Until it is cancelled in myOGO too."""
    shipment = ordered(shop)
    assert shop.run("push").exit_code == 0
    shop.box.collect(f"demo-{shipment}")
    shop.box.change_centra_order(1001, status="Cancelled")
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 8, 8)
    shop.box.change_myogo_order(f"demo-{shipment}", status="Cancelled")
    assert (stock(shop).exit_code, free(shop)) == (0, 10)


def test_a_shipment_that_was_completed_by_hand_is_not_added(shop: Shop) -> None:
    """The warehouse has not shipped it yet."""
    shipment = ordered(shop)
    assert shop.run("push").exit_code == 0
    complete_by_hand(shop, shipment)
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 8, 8)


def complete_by_hand(shop: Shop, shipment: str) -> None:
    with closing(CentraClient(shop.channel().systems["centra"])) as client:
        CentraOrders(client).complete("PUT", {"order": "1001", "shipment": shipment, "gtg": True, "shipped": True})


def test_orders_that_myogo_does_not_have_yet_are_sold_in_centra(shop: Shop) -> None:
    """A draft, one that nobody has sent, and one that was cancelled in myOGO only."""
    draft, _, cancelled = (ordered(shop, units) for units in (1, 2, 3))
    create_in_myogo(shop, f"demo-{draft}", status="Draft", orderLines=[{"code": "SKU1", "quantity": 1}])
    create_in_myogo(shop, f"demo-{cancelled}", orderLines=[{"code": "SKU1", "quantity": 3}])
    shop.box.cancel(f"demo-{cancelled}")
    assert (stock(shop).exit_code, available(shop), free(shop)) == (0, 10, 4)


def test_a_completion_that_fails_leaves_no_wrong_amount(shop: Shop) -> None:
    """The amounts are planned for after the completion; they are right without it too."""
    shipment = ordered(shop)
    assert shop.run("push").exit_code == 0
    shop.box.ship(f"demo-{shipment}", ["JJFI1"])
    shop.box.add_fault(side="centra", kind="no", method="PUT", path="/shipment")
    shop.box.add_fault(side="centra", kind="no", method="POST", path="/shipment")
    shop.run("push")
    assert not shop.box.centra_shipments()[0]["completed"]
    assert free(shop) == 8
    assert (shop.run("push").exit_code, free(shop)) == (0, 8)


def test_free_amounts_are_right_while_goods_are_picked(shop: Shop) -> None:
    shop.edit("goods_received = true", 'goods_received = true\nstock_update_type = "fta"')
    shop.box.switch("centra", stock_update_type="fta")
    shipment = ordered(shop)
    assert shop.run("push").exit_code == 0
    shop.box.collect(f"demo-{shipment}")
    shop.box.receive("SKU1", 5)
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 13, 13)
    ordered(shop, 4)
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 9, 13)


def test_an_order_older_than_the_list_is_looked_up(shop: Shop) -> None:
    """It was sent long ago, and Centra still has its shipment open."""
    ordered(shop)
    assert shop.run("push").exit_code == 0
    shop.edit('status   = "New"', 'status   = "New"\nlook_back_days = 1')
    shop.box.advance_clock(40 * 86400)
    shop.box.receive("SKU1", 1)
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 9, 9)


def test_the_stock_flow_alone_reads_orders_but_no_personal_data(shop: Shop) -> None:
    ordered(shop, deliveryName="Aino Mäkelä")
    assert stock(shop).exit_code == 0
    assert shop.sql("select shipment_id, name from raw_centra.shipments") == [("1001-1", None)]


def test_orders_sent_by_their_status_count_too(shop: Shop) -> None:
    """`source = "orders"`: myOGO has the order under its own number."""
    shop.edit('status   = "New"', 'status   = "New"\nsource = "orders"')
    ordered(shop)
    assert shop.run("push", flows=("orders",)).exit_code == 0
    assert [one["reference"] for one in shop.box.myogo_orders()] == ["demo-1001"]
    shop.box.collect("demo-1001")
    assert (stock(shop).exit_code, free(shop), available(shop)) == (0, 8, 8)
    shop.box.ship("demo-1001", ["X"])
    assert (shop.run("push").exit_code, free(shop)) == (0, 8)
