"""The orders flow, Centra's shipments to myOGO's orders, in complete runs over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from pipelines.flows.order_flow import destination_digest, recorded_destinations
from pipelines.sandbox import Sandbox
from pipelines.state.store import Folder, Store
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders
from schemas.fields.centra_orders import PERSONAL
from tests.support.declared import SCHEMA
from tests.support.shop import Shop, catalogue, size
from tests.support.shop_helpers import FOREVER, myogo_of, withheld_rows_of

ShopOf = Callable[..., Shop]
TABLE = """
[flows.orders.params]
starting = 2026-01-01
status   = "New"
test     = false

[flows.orders.params.shipping]
standard = "HOME"
"""
PERSON = ("Aino Mäkelä", "aino.makela@example.test", "+358401000001", "Hämeentie 12 A 4", "Björn Öhman", "Storgatan 1")


def shop_with_orders(shop_of: ShopOf, *sizes: dict[str, Any], **more: Any) -> Shop:
    """A shop whose channel has the orders flow; myOGO holds ten units of SKU1 to SKU3."""
    sizes = sizes or tuple(size(n, physical=10, allocated=0) for n in (1, 2, 3))
    myogo = more.get("myogo", [{"code": f"SKU{n}", "stock": 10} for n in (1, 2, 3)])
    shop = shop_of(*sizes, myogo=myogo)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    return shop


def order(shop: Shop, **fields: Any) -> dict[str, Any]:
    """Places an order in Centra whose shipment is good to go and paid."""
    return shop.box.place_centra_order(**({"lines": [{"code": "SKU1", "qty": 2, "price": 329}], "paid": 1} | fields))


def orders(shop: Shop, verb: str = "push", **options: Any) -> Any:
    return shop.run(verb, flows=("orders",), **options)


def sent(shop: Shop) -> list[dict[str, Any]]:
    """The orders that myOGO holds, by reference."""
    return sorted(shop.box.myogo_orders(), key=lambda one: str(one["reference"]))


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return [row[:2] for row in withheld_rows_of(shop, "orders")]


def test_a_shipment_becomes_an_order_with_all_its_fields(shop_of: ShopOf) -> None:
    """A second push sends nothing."""
    shop = shop_with_orders(shop_of)
    order(
        shop, lines=[{"code": "SKU1", "qty": 2, "price": 329}, {"code": "SKU3", "qty": 1, "price": "10.50"}],
        deliveryName="Aino Mäkelä", deliveryCompany="Oy", deliveryCell="", deliveryTele="+358 1", deliveryState="CA",
        deliveryCoaddress="c/o Väinö", deliveryCountry="FI", shipwallet_pickup="PP77", deliveryAddress="Hämeentie 12",
        deliveryZipcode="00500", deliveryCity="Helsinki", deliveryEmail="a@example.test", shipwallet_doorcode="4321",
    )  # fmt: skip
    report = orders(shop)
    assert (report.exit_code, report.message) == (0, "")
    assert {n: report.flows["orders"][n] for n in ("read", "create", "applied", "withheld")} == {
        "read": 1, "create": 1, "applied": 1, "withheld": 0,
    }  # fmt: skip
    (one,) = sent(shop)
    assert one["reference"] == "demo-1001-1"
    assert (one["status"], one["test"], one["shippingCode"], one["pickUpPointCode"]) == ("New", False, "HOME", "PP77")
    assert one["customer"] == {
        "name": "Aino Mäkelä", "company": "Oy", "address1": "Hämeentie 12", "address2": "c/o Väinö, CA",
        "zip": "00500", "city": "Helsinki", "countryCode": "FI", "phone": "+358 1", "email": "a@example.test",
    }  # fmt: skip
    assert one["comments"] == "Door code: 4321"
    lines = [{k: v for k, v in line.items() if v is not None} for line in one["orderLines"]]
    assert lines == [
        {"code": "SKU1", "quantity": 2, "unitPrice": Decimal(329), "vatPercentage": Decimal("25.5")},
        {"code": "SKU3", "quantity": 1, "unitPrice": Decimal("10.50"), "vatPercentage": Decimal("25.5")},
    ]
    assert (one["priceTotal"], one["priceCurrency"]) == (Decimal("668.50"), "EUR")
    again = orders(shop)
    assert (again.exit_code, again.flows["orders"]["unchanged"]) == (0, 1)
    assert len(sent(shop)) == 1


def test_personal_data_is_neither_stored_nor_printed(shop_of: ShopOf, capfd: pytest.CaptureFixture[str]) -> None:
    """Except in the staged rows, where it is deleted after some days: not in plans, journal, reports or logs."""
    shop = shop_with_orders(shop_of)
    order(shop, deliveryName="Aino Mäkelä", deliveryAddress="Hämeentie 12 A 4", shippingList="other")
    order(shop, deliveryName="Björn Öhman", deliveryAddress="Storgatan 1")
    arguments = ("--data", str(shop.data), "--flow", "orders")
    texts = [shop.command(verb, str(shop.file), *arguments).stdout for verb in ("plan", "push")]
    texts.append(shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).stdout)
    texts.append(capfd.readouterr().err)
    for table in shop.sql("select table_schema || '.' || table_name from information_schema.tables"):
        if table[0] not in ("raw_centra.shipments", "raw_centra.orders"):
            texts.append(str(shop.sql(f"select * from {table[0]}")))
    assert [word for word in PERSON for text in texts if word in text] == []
    names = shop.sql("select name from raw_centra.shipments order by 1")
    assert names == [("Aino Mäkelä",), ("Björn Öhman",)]
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\npersonal_days = 0")
    orders(shop, "plan")
    assert shop.sql("select distinct name, address, email, cell from raw_centra.shipments") == [(None,) * 4]
    assert shop.sql("select distinct name from raw_centra.orders") == [(None,)]


def test_each_invalid_order_is_withheld_by_its_rule(shop_of: ShopOf) -> None:
    """The message names the shop's values; the other orders are sent."""
    shop = shop_with_orders(shop_of, *(size(n, physical=10, allocated=0) for n in (1, 2, 3, 4)),
                   size(5, sku="TWICE"), size(6, sku="TWICE"),
                   myogo=[{"code": "SKU1", "stock": 10}, {"code": "TWICE", "stock": 5}])  # fmt: skip
    shop.run("plan", flows=("products",))  # reads myOGO's products and the clashing codes
    order(shop)
    order(shop, shippingList="dhl-express")
    order(shop, lines=[{"code": "SKU4"}])
    order(shop, deliveryCity="", deliveryCountry="Finland")
    order(shop, paid=0, should_capture=1)
    order(shop, lines=[{"stock_item_id": 5}])
    report = orders(shop)
    assert report.exit_code == 3
    assert withheld(shop) == [
        ("demo-1002-1", "ORDER-001"),
        ("demo-1003-1", "ORDER-003"),
        ("demo-1004-1", "ORDER-004"),
        ("demo-1005-1", "ORDER-005"),
        ("demo-1006-1", "ORDER-008"),
    ]
    messages = dict(shop.sql("select rule, message from sync.withheld where flow = 'orders'"))
    assert messages["ORDER-001"] == "The shipping method 'dhl-express' is not mapped. Mapped: standard = HOME."
    assert messages["ORDER-003"] == "myOGO did not hold 'SKU4' when its products were last read."
    assert messages["ORDER-004"] == "The delivery address lacks: city, two-letter country."
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]
    shop.edit('standard = "HOME"', 'standard = "HOME"\nDHL-Express = "PICKUP"')
    orders(shop)
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1", "demo-1002-1"]


def test_orders_before_the_starting_day_are_skipped(shop_of: ShopOf) -> None:
    """In any order of the list."""
    shop = shop_with_orders(shop_of)
    order(shop, orderDate="2025-12-31 23:59:59")
    order(shop, orderDate="2026-01-01 00:00:00")
    report = orders(shop)
    assert (report.flows["orders"]["skipped"], report.flows["orders"]["applied"]) == (1, 1)
    assert [one["reference"] for one in sent(shop)] == ["demo-1002-1"]


def test_the_starting_day_is_required(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01\n", "")
    document = shop.json("plan")
    assert (document["exit_code"], "missing key flows.orders.params.starting" in document["error"]["message"]) == (
        2,
        True,
    )


def test_orders_are_test_drafts_by_default(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit('status   = "New"\ntest     = false\n', "")
    order(shop)
    orders(shop)
    assert [(one["status"], one["test"]) for one in sent(shop)] == [("Draft", True)]


def test_a_payment_is_captured_before_the_order_is_sent(shop_of: ShopOf) -> None:
    """If the channel allows it. If the capture fails, the order is not sent and the next run tries again."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    order(shop, paid=0, should_capture=1, capture_fails=True)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"], report.flows["orders"]["refused"]) == (3, 1, 1)
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]
    captured = {one["shipmentId"]: one["captured"] for one in shop.box.centra_shipments()}
    assert captured == {"1001-1": True, "1002-1": False}
    ((message,),) = shop.sql("select message from sync.journal where outcome = 'refused'")
    assert message.startswith("Not sent: its payment could not be captured")
    shop.box.change_centra_order(1002, capture_fails=False)
    assert orders(shop).exit_code == 0
    assert len(sent(shop)) == 2
    captures = [e for e in shop.box.requests("centra") if e["path"].endswith("/capture")]
    assert len(captures) == 3


def test_a_capture_with_a_lost_answer_is_not_sent_twice(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    shop.box.add_fault(side="centra", kind="drop_after", method="PUT", path="/capture")
    assert orders(shop).exit_code == 0
    assert len(sent(shop)) == 1
    assert len([e for e in shop.box.requests("centra") if e["path"].endswith("/capture")]) == 1


@pytest.mark.parametrize("mode", ["only_items", "items_in_bundles", "bundles_and_items"])
def test_bundle_contents_are_ordered_once(shop_of: ShopOf, mode: str) -> None:
    """In each form in which the plugin lists them."""
    shop = shop_with_orders(shop_of)
    shop.box.switch("centra", bundle_mode=mode)
    order(
        shop, lines=[{"code": "SKU3", "qty": 1}],
        bundle={"sku": "SET", "name": "Set", "qty": 1, "price": 150,
                "lines": [{"code": "SKU1", "qty": 1, "price": 200}, {"code": "SKU2", "qty": 2, "price": 100}]},
    )  # fmt: skip
    assert orders(shop).exit_code == 0
    (one,) = sent(shop)
    assert sorted((line["code"], line["quantity"]) for line in one["orderLines"]) == [
        ("SKU1", 1), ("SKU2", 2), ("SKU3", 1),
    ]  # fmt: skip


def test_a_bundle_without_contents_that_myogo_does_not_hold_is_withheld(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.box.switch("centra", bundle_mode="only_bundles")
    shop.run("plan", flows=("products",))
    order(shop, lines=[], bundle={"sku": "SET", "name": "Set", "qty": 1, "price": 150, "lines": [{"code": "SKU1"}]})
    assert orders(shop).exit_code == 3
    assert withheld(shop) == [("demo-1001-1", "ORDER-003")]


def test_nested_contents_of_several_bundles_need_a_setting(shop_of: ShopOf) -> None:
    """It is not documented whether the nested quantities are per bundle or in total."""
    shop = shop_with_orders(shop_of)
    shop.box.switch("centra", bundle_mode="items_in_bundles")
    order(shop, lines=[], bundle={"sku": "SET", "name": "Set", "qty": 2, "price": 150, "lines": [{"code": "SKU1"}]})
    assert orders(shop).exit_code == 3
    assert withheld(shop) == [("demo-1001-1", "ORDER-002")]
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncontents_are = "total"')
    assert orders(shop).exit_code == 0
    assert [line["quantity"] for line in sent(shop)[0]["orderLines"]] == [2]


def test_changes_in_centra_after_the_import_are_withheld(shop_of: ShopOf) -> None:
    """Changed lines and a shipment that is no longer good to go are not sent; the shop must act."""
    shop = shop_with_orders(shop_of)
    order(shop)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.box.change_centra_order(1001, status="6")
    shop.box.change_centra_order(1002, lines=[{"code": "SKU2", "qty": 1}])
    before = sent(shop)
    report = orders(shop)
    assert report.exit_code == 3
    assert ("demo-1001-1", "ORDER-007") in withheld(shop)
    assert report.flows["orders"]["withheld"] == len(withheld(shop))
    assert sent(shop) == before


def test_an_order_whose_lines_differ_is_withheld_until_they_agree(shop_of: ShopOf) -> None:
    """The order in myOGO stays as it is."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    before = sent(shop)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])
    shop.box.change_myogo_order("demo-1001-1", orderLines=before[0]["orderLines"])
    assert orders(shop).exit_code == 0
    assert shop.sql("select closed_reason from sync.issues where flow = 'orders'") == [("fixed",)]


def test_a_reference_that_myogo_holds_twice_is_withheld(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    order(shop)
    orders(shop)
    shop.box.switch("myogo", duplicate_order="accept")
    again = {k: v for k, v in sent(shop)[0].items() if k in ("reference", "customer", "orderLines", "shippingCode")}
    with myogo_of(shop) as client:
        MyOgoOrders(MyOgoClient(client.config, ("read:order", "write:order"))).create(again | {"status": "Draft"})
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-009")])


def test_an_order_without_a_phone_number_is_sent_with_a_warning(shop_of: ShopOf) -> None:
    """The plan creates it."""
    shop = shop_with_orders(shop_of)
    order(shop, deliveryCell="", deliveryTele="")
    assert orders(shop, "plan").exit_code == 0
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders'") == [("demo-1001-1", "ORDER-010")]


def test_an_order_stopped_in_myogo_is_withheld(shop_of: ShopOf) -> None:
    """Cancelled, on hold or in an unknown status."""
    shop = shop_with_orders(shop_of)
    for _ in range(4):
        order(shop)
    assert orders(shop).exit_code == 0
    shop.box.cancel("demo-1001-1")
    shop.box.change_myogo_order("demo-1002-1", status="Reserved")
    shop.box.change_myogo_order("demo-1003-1", status="Locked")
    assert (orders(shop).exit_code, withheld(shop)) == (
        3, [("demo-1001-1", "ORDER-011"), ("demo-1002-1", "ORDER-012"), ("demo-1003-1", "ORDER-012")],
    )  # fmt: skip
    shop.box.change_myogo_order("demo-1002-1", status="New")
    rows = [
        {"reference": one["reference"], "status": "Delivered", "orderLines": one["orderLines"]} for one in sent(shop)
    ]
    shop.box.add_fault(
        side="myogo",
        kind="body",
        method="GET",
        path="/api/v1/orders?modifiedafter",
        body=rows[3:],
        times=2,
        contains="",
    )
    orders(shop)
    assert ("demo-1004-1", "ORDER-017") in withheld(shop)


SANDBOX_FIELDS = (
    "captured",
    "capture_fails",
    "completed",
    "quantities",
)  # fields of a shipment that only the sandbox has


def _replace_shipment(shop: Shop) -> None:
    """Makes Centra list 1001-2 instead of 1001-1 from now on."""
    row = {name: value for name, value in shop.box.centra_shipments()[0].items() if name not in SANDBOX_FIELDS}
    body = {"status": "ok", "shipments": [row | {"shipmentId": "1001-2"}]}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="status=goodtogo&limit=100&offset=0", body=body, times=FOREVER
    )


def test_a_replaced_shipment_is_not_sent_while_the_old_order_is_open(shop_of: ShopOf) -> None:
    """Two parcels would be sent; the new order is sent after the old one is cancelled."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    _replace_shipment(shop)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"]) == (3, 0)
    assert withheld(shop) == [("demo-1001-1", "ORDER-007"), ("demo-1001-2", "ORDER-016")]
    shop.box.cancel("demo-1001-1")
    assert (orders(shop).exit_code, [one["reference"] for one in sent(shop)]) == (0, ["demo-1001-1", "demo-1001-2"])


@pytest.mark.parametrize("what", ['prefix = "other"', 'source = "orders"'])
def test_another_prefix_or_source_does_not_send_an_order_again(shop_of: ShopOf, what: str) -> None:
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("starting = 2026-01-01", f"starting = 2026-01-01\n{what}")
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"], len(sent(shop))) == (3, 0, 1)
    ((code, message),) = shop.sql("select code, message from sync.withheld where rule = 'ORDER-016'")
    assert code in ("other-1001-1", "demo-1001")
    assert "'demo-1001-1'" in message


@pytest.mark.parametrize(
    "change",
    [{"deliveryAddress": "Mannerheimintie 1"}, {"deliveryCity": "Espoo"}, {"shippingList": "ups-standard"},
     {"deliveryCell": "+358 50 1"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_changed_destination_is_withheld_until_it_is_changed_back_or_shipped(
    shop_of: ShopOf, change: dict[str, Any]
) -> None:
    """It is detected by a digest, and the message does not contain the address."""
    shop = shop_with_orders(shop_of)
    shop.edit('standard = "HOME"', 'standard = "HOME"\nups-standard = "UPS"')
    placed = order(shop)
    assert (orders(shop).exit_code, orders(shop).exit_code) == (0, 0)
    shop.box.change_centra_order(1001, **change)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])
    assert shop.sql("select distinct message from sync.withheld") == [
        ("Its address, pick-up point or shipping method differs from the one in myOGO.",)
    ]
    shop.box.change_centra_order(1001, **{name: placed[name] for name in change})
    assert orders(shop).exit_code == 0
    shop.box.change_centra_order(1001, **change)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert orders(shop).exit_code == 0


def test_digests_of_another_secret_token_are_not_compared(shop_of: ShopOf) -> None:
    """The prefix of a digest depends on the secret token; digests with another prefix do not mean a changed address."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    (digest,) = shop.sql("select json_extract_string(after, '$.destination') from sync.changes")[0]
    assert re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", digest)
    with closing(Store(Folder(shop.data, "demo"), SCHEMA)) as store:
        assert recorded_destinations(store) == {"demo-1001-1": digest}
    changed = destination_digest(pd.DataFrame({"a": ["x"]}), "one") + destination_digest(
        pd.DataFrame({"a": ["x"]}), "two"
    )
    assert len({one.rpartition("-")[0] for one in changed}) == 2


def test_test_orders_are_withheld_after_a_shop_goes_live(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("test     = false", "test     = true")
    order(shop)
    assert (orders(shop).exit_code, orders(shop).exit_code) == (0, 0)
    shop.edit("test     = true", "test     = false")
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-014")])
    shop.box.change_myogo_order("demo-1001-1", test=False)
    assert orders(shop).exit_code == 0


def test_a_later_starting_day_does_not_withhold_open_orders(shop_of: ShopOf) -> None:
    """Open orders that were sent before stay as they are."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("starting = 2026-01-01", "starting = 2099-01-01")
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["skipped"]) == (0, 1)


def test_orders_older_than_the_list_of_centra_are_not_withheld(shop_of: ShopOf) -> None:
    """With source = "orders": the list covers recent orders only, and lower order numbers are older."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    order(shop, orderDate="2026-01-05 10:00:00")
    order(shop)
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo-1002"]
    first = sent(shop)[0] | {"reference": "demo-1001"}
    shop.box.add_fault(
        side="myogo", kind="body", method="GET", path="page=1$", times=FOREVER,
        body=[{name: one[name] for name in ("reference", "status", "orderLines")} for one in (first, sent(shop)[0])],
    )  # fmt: skip
    assert (orders(shop).exit_code, withheld(shop)) == (0, [])


def test_a_product_created_by_the_products_flow_is_known_to_the_orders_flow(shop_of: ShopOf) -> None:
    """It was created after the products were read; the orders flow does not read them again."""
    shop = shop_with_orders(shop_of, size(1, physical=10), size(2, physical=10), myogo=[{"code": "SKU1", "stock": 10}])
    shop.run("push", flows=("products",))
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 1)


def test_a_captured_payment_of_a_refused_order_is_reported(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=1)
    shop.box.add_fault(side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, times=1)
    assert orders(shop).exit_code == 3
    ((message,),) = shop.sql("select message from sync.journal")
    assert message.startswith("Its payment has been captured. ")


def test_a_confirmed_order_without_a_shipment_is_a_warning(shop_of: ShopOf) -> None:
    """The warehouse never gets an order without a shipment that is good to go."""
    shop = shop_with_orders(shop_of)
    order(shop)
    order(shop, shipment=False)
    order(shop, shipment=False, status="1")
    order(shop, shipment=False, orderDate="2025-12-31 10:00:00")
    assert orders(shop).exit_code == 0
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders'") == [("1002", "ORDER-015")]


def test_cash_on_delivery_is_sent_with_the_amount_due(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncash_on_delivery = ["postnord_cod"]')
    order(shop, paymentPlugin="postnord_cod")
    orders(shop)
    (one,) = sent(shop)
    cash_on_delivery = one["cashOnDelivery"]
    assert (cash_on_delivery["amount"], cash_on_delivery["currencyCode"], cash_on_delivery["reference"]) == (
        Decimal(658),
        "EUR",
        "1001-1",
    )


def test_orders_can_be_the_source_instead_of_shipments(shop_of: ShopOf) -> None:
    """Selected by their status; orders on hold are skipped."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    order(shop, shipment=False)
    order(shop, shipment=False, status="1")
    order(shop, shipment=False, hold=1)
    shop.box.switch("centra", on_hold=True)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["skipped"]) == (0, 2)
    assert [one["reference"] for one in sent(shop)] == ["demo-1001"]


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        pytest.param("drop_after", {}, 0, id="made, answer lost"),
        pytest.param("drop", {}, 3, id="never arrived, outcome unknown"),
        pytest.param("status", {"status": 500}, 0, id="not served, sent again"),
        pytest.param("status_after", {"status": 502}, 0, id="made, a gateway failed"),
        pytest.param("truncated", {}, 0, id="made, answer cut off"),
        pytest.param("status", {"status": 403}, 2, id="a scope is missing"),
    ],
)
def test_an_order_is_created_once(shop_of: ShopOf, kind: str, options: dict[str, Any], code: int) -> None:
    """It is looked up before the POST and after each unclear answer; the next run finds it."""
    shop = shop_with_orders(shop_of)
    order(shop)
    shop.box.add_fault(side="myogo", kind=kind, method="POST", path="/api/v1/orders", **options)
    assert orders(shop).exit_code == code
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]


def test_personal_data_in_a_refusal_is_masked(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    order(shop, deliveryName="Aino Mäkelä")
    body = {"statusCode": 400, "message": "The customer Aino Mäkelä is not welcome."}
    shop.box.add_fault(
        side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, body=body, times=9
    )
    assert orders(shop).exit_code == 3
    assert shop.sql("select message from sync.journal") == [("HTTP 400: The customer … is not welcome.",)]


def test_a_plan_beyond_max_creates_is_refused(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("[flows.orders.params]", "[flows.orders.limits]\nmax_creates = 1\n\n[flows.orders.params]")
    order(shop)
    order(shop)
    report = orders(shop)
    assert (report.exit_code, sent(shop)) == (4, [])
    assert "2 orders would be created, more than max_creates = 1" in report.message


def test_orders_on_several_pages_are_sent_once(shop_of: ShopOf) -> None:
    """Also if a server returns fewer rows than requested."""
    shop = shop_with_orders(shop_of)
    shop.box.switch("centra", max_limit=7)
    for _ in range(20):
        order(shop, lines=[{"code": "SKU1", "qty": 1}])
    assert orders(shop).flows["orders"]["applied"] == 20
    assert len({one["reference"] for one in sent(shop)}) == 20


def test_a_changed_address_changes_the_fingerprint(shop_of: ShopOf) -> None:
    """Although the plan does not show the address: only the reviewed plan is sent."""
    shop = shop_with_orders(shop_of)
    order(shop)
    first = json.loads(shop.command("plan", str(shop.file), "--json", "--data", str(shop.data)).stdout)["fingerprint"]
    shop.box.change_centra_order(1001, deliveryCity="Turku")
    document = shop.json("push", "--expect", first)
    assert (document["exit_code"], sent(shop)) == (4, [])


def test_check_lists_the_shipping_methods_in_use(shop_of: ShopOf) -> None:
    """It names those that are not mapped, and checks that orders can be read on both sides."""
    shop = shop_with_orders(shop_of)
    order(shop, shippingList="standard")
    order(shop, shippingList="dhl-express")
    checks = {(one["system"], one["name"]): one for one in shop.json("check")["checks"]}
    assert checks["centra", "shipping"]["message"] == (
        "shipping methods seen: 'dhl-express', 'standard'; not mapped: 'dhl-express'"
    )
    assert checks["myogo", "orders"]["status"] == checks["centra", "orders"]["status"] == "ok"
    shop.box.switch("centra", allow={"shipments": False})
    refused = shop.json("check")
    checks = {(one["system"], one["name"]): one for one in refused["checks"]}
    assert (refused["exit_code"], checks["centra", "shipments"]["status"]) == (2, "failed")
    assert "ORDER & SHIPMENT" in checks["centra", "shipments"]["fix"]


@pytest.mark.parametrize("what", [{"status": "6"}, {"hold": 1}], ids=["cancelled", "on hold"])
def test_a_listed_order_that_is_cancelled_or_on_hold_is_withheld(shop_of: ShopOf, what: dict[str, Any]) -> None:
    """The plugin still lists it, and it is open in myOGO."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.box.switch("centra", on_hold=True, order_statuses=["1", "2", "3", "4", "6"])
    order(shop, shipment=False)
    assert orders(shop).flows["orders"]["applied"] == 1
    shop.box.change_centra_order(1001, **what)
    report = orders(shop)
    assert (report.exit_code, withheld(shop)) == (3, [("demo-1001", "ORDER-007")])
    assert (report.flows["orders"]["read"], report.flows["orders"]["skipped"]) == (1, 0)


def test_an_order_without_a_status_is_withheld(shop_of: ShopOf) -> None:
    """The published example leaves it out."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.box.switch("centra", order_status_as="absent")
    order(shop, shipment=False)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001", "ORDER-013")])


def test_draft_orders_are_withheld_after_a_shop_goes_live(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit('status   = "New"\ntest     = false\n', "")
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nstatus = "New"\ntest = false')
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-014")])


def test_orders_of_a_channel_with_a_longer_name_are_ignored(shop_of: ShopOf) -> None:
    """Two shops of one merchant, `demo` and `demo-web`."""
    shop = shop_with_orders(shop_of)
    order(shop)
    shop.edit('name = "demo"', 'name = "demo-web"')
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo_web-1001-1"]
    shop.edit('name = "demo-web"', 'name = "demo"')
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["read"]) == (0, 1)


def test_an_order_missing_from_the_list_of_myogo_is_looked_up(shop_of: ShopOf) -> None:
    """The list covers recently changed orders only; an older order is still compared."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders?modifiedafter", body=[], times=9)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["unchanged"], report.flows["orders"]["create"]) == (0, 1, 0)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])


def test_orders_of_another_merchant_do_not_count_as_sent(shop_of: ShopOf) -> None:
    """After the switch from a demo merchant to the real one, only the orders in myOGO count."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    with Sandbox.start(catalogue(myogo=[{"code": "SKU1", "stock": 10}])) as other:
        shop.edit(shop.box.myogo_url, other.myogo_url)
        assert orders(shop).flows["orders"]["applied"] == 1
        assert [one["reference"] for one in other.myogo_orders()] == ["demo-1001-1"]


def test_unusual_orders_of_others_do_not_stop_ours(shop_of: ShopOf) -> None:
    """Rows with null or invalid fields are ignored."""
    shop = shop_with_orders(shop_of)
    order(shop)
    unusual_rows = [
        {"id": "1", "reference": None, "status": "New"},
        {"id": "2", "reference": "manual", "status": None, "trackingNumber": ["A"], "orderLines": "?"},
    ]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders", body=unusual_rows)
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]


@pytest.mark.parametrize(
    ("side", "path"), [("centra", "/shipments"), ("centra", "/orders"), ("myogo", "/api/v1/orders")]
)
@pytest.mark.parametrize("kind", ["status", "html", "body"])
def test_a_failed_answer_is_not_quoted(
    shop_of: ShopOf, capfd: pytest.CaptureFixture[str], side: str, path: str, kind: str
) -> None:
    """It may contain personal data."""
    shop = shop_with_orders(shop_of)
    order(shop)
    body = {"name": "Aino Mäkelä", "address1": "Hämeentie 12"}
    options: dict[str, Any] = {"status": {"status": 500}, "html": {}, "body": {}}[kind]
    answer = f"<html>{body}</html>" if kind == "html" else body
    shop.edit("backoff_s           = 0.001", "attempts            = 1\nbackoff_s           = 0.001")
    shop.box.add_fault(side=side, kind=kind, method="GET", path=path, times=9, body=answer, **options)
    report = orders(shop)
    assert report.exit_code in (2, 5)
    output = report.message + capfd.readouterr().err + str(shop.sql("select message from sync.runs"))
    assert "Mäkelä" not in output
    assert "Hämeentie" not in output


def test_a_refusal_is_masked_before_it_is_cut(shop_of: ShopOf) -> None:
    """Word by word, in any case, comments included."""
    shop = shop_with_orders(shop_of)
    order(shop, deliveryName="Aino Mäkelä", deliveryEmail="aino.makela@example.test", shipwallet_doorcode="4321#")
    text = "x" * 290 + " AINO MÄKELÄ aino.makela@example.test, door code: 4321#"
    where = {"side": "myogo", "method": "POST", "path": "/api/v1/orders", "times": 9}
    shop.box.add_fault(**where, kind="status", status=400, body={"statusCode": 400, "message": text})
    orders(shop)
    ((message,),) = shop.sql("select message from sync.journal")
    assert [word for word in ("AINO", "MÄKELÄ", "aino", "4321") if word in message] == []


def test_personal_data_is_staged_only_for_the_source_of_the_orders(shop_of: ShopOf, tmp_path: Path) -> None:
    """And it is not exported."""
    shop = shop_with_orders(shop_of)
    order(shop)
    orders(shop)
    assert shop.sql("select count(*) filter (name is not null) from raw_centra.orders") == [(0,)]
    assert shop.sql("select count(*) filter (name is not null) from raw_centra.shipments") == [(1,)]
    shop.command("export", str(shop.file), "--parquet", str(tmp_path / "out"), "--data", str(shop.data))
    columns = duckdb.sql(f"from '{tmp_path}/out/raw_centra.shipments.parquet'").columns
    assert "shipment_id" in columns
    assert set(columns) & set(PERSONAL) == set()


def test_old_address_digests_are_deleted(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    query = "select json_extract_string(after, '$.destination') is null, json_extract_string(after, '$.status') "
    query += "from sync.changes where flow = 'orders'"
    assert shop.sql(query) == [(False, "New")]
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("update sync.changes set run_id = '20200101T000000-000000'")
    assert orders(shop).exit_code == 0
    assert shop.sql(query) == [(True, "New")]


def test_an_empty_list_of_shipments_is_read_again(shop_of: ShopOf) -> None:
    """Otherwise a run would report that all open orders in myOGO must be cancelled."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    order(shop)
    shop.box.add_fault(side="centra", kind="empty_page", method="GET", path="status=goodtogo", times=1)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"]) == (0, 1)


RESEND_CAUSES = ['prefix = "other"', 'source = "orders"', "a replaced shipment"]


@pytest.mark.parametrize("state", ["shipped", "no longer listed"])
@pytest.mark.parametrize("cause", RESEND_CAUSES)
def test_a_shipped_or_unlisted_order_is_not_sent_again(shop_of: ShopOf, cause: str, state: str) -> None:
    """It is shipped and Centra has no tracking yet, or it is open in myOGO and no longer listed."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    if state == "shipped":
        shop.box.ship("demo-1001-1", ["A"], None)
    else:
        shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=[], times=FOREVER)
    if "=" in cause:
        shop.edit("starting = 2026-01-01", f"starting = 2026-01-01\n{cause}")
    else:
        _replace_shipment(shop)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"], len(sent(shop))) == (3, 0, 1)
    assert "ORDER-016" in [rule for _, rule in withheld(shop)]


def test_another_shipment_of_the_same_order_is_sent(shop_of: ShopOf) -> None:
    """A later shipment with the rest of the order, after the first one was shipped."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    row = {name: value for name, value in shop.box.centra_shipments()[0].items() if name not in SANDBOX_FIELDS}
    body = {"status": "ok", "shipments": [row, row | {"shipmentId": "1001-2"}]}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="status=goodtogo&limit=100&offset=0", body=body, times=FOREVER
    )
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 2)


@pytest.mark.parametrize(
    "lines", [[{"code": "SKU1", "quantity": "two"}], [{"code": "SKU1", "quantity": True}], 5, [None]]
)
def test_invalid_order_lines_in_myogo_do_not_affect_other_orders(shop_of: ShopOf, lines: Any) -> None:
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    order(shop)
    body = [{"reference": "demo-1001-1", "status": "New", "orderLines": lines}]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=body, times=1)
    assert orders(shop).flows["orders"]["applied"] == 1


def test_a_shipping_method_mapped_later_is_not_a_changed_destination(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    order(shop, shipwallet_shippingMethod="ingrid-home", shippingList="standard")
    assert orders(shop).exit_code == 0
    shop.edit('standard = "HOME"', 'standard = "HOME"\ningrid-home = "HOME"')
    assert orders(shop).exit_code == 0


def test_an_order_cancelled_in_myogo_is_reported_as_cancelled(shop_of: ShopOf) -> None:
    """Also a test order and an order with changed lines, which earlier messages said to cancel."""
    shop = shop_with_orders(shop_of)
    shop.edit("test     = false", "test     = true")
    order(shop)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("test     = true", "test     = false")
    shop.box.change_myogo_order("demo-1002-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    for number in (1001, 1002):
        shop.box.cancel(f"demo-{number}-1")
    orders(shop)
    assert withheld(shop) == [("demo-1001-1", "ORDER-011"), ("demo-1002-1", "ORDER-011")]


def test_a_failed_products_run_does_not_make_products_unknown(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of, size(1, physical=10), size(2, physical=10), myogo=[{"code": "SKU1", "stock": 10}])
    shop.run("push", flows=("products",))
    shop.box.add_fault(side="myogo", kind="status", status=503, method="GET", path="/products?", times=FOREVER)
    assert shop.run("plan", flows=("products",)).exit_code == 5
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 1)


def test_two_orders_with_the_same_address_have_different_digests(shop_of: ShopOf) -> None:
    """A digest must not reveal that two orders have the same address."""
    shop = shop_with_orders(shop_of)
    placed = order(shop)
    order(shop, **{name: value for name, value in placed.items() if name.startswith("delivery")})
    assert orders(shop).exit_code == 0
    digests = shop.sql("select json_extract_string(after, '$.destination') from sync.changes where flow = 'orders'")
    assert len(set(digests)) == 2
    assert (
        "destination"
        not in shop.sql("select string_agg(column_name) from duckdb_columns() where table_name = 'orders'")[0][0]
    )
