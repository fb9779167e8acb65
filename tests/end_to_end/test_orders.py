"""Centra's shipments to myOGO as orders: the whole line, over HTTP."""

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
from tests.support.shop_helpers import FOREVER, myogo_of, withheld_of

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


def selling(shop_of: ShopOf, *sizes: dict[str, Any], **more: Any) -> Shop:
    """A shop whose channel has the orders flow; myOGO holds ten units of SKU1 to SKU3."""
    sizes = sizes or tuple(size(n, physical=10, allocated=0) for n in (1, 2, 3))
    myogo = more.get("myogo", [{"code": f"SKU{n}", "stock": 10} for n in (1, 2, 3)])
    shop = shop_of(*sizes, myogo=myogo)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    return shop


def order(shop: Shop, **given: Any) -> dict[str, Any]:
    """One that the shop sold; its shipment is good to go and paid."""
    return shop.box.place_centra_order(**({"lines": [{"code": "SKU1", "qty": 2, "price": 329}], "paid": 1} | given))


def orders(shop: Shop, verb: str = "push", **asked: Any) -> Any:
    return shop.run(verb, flows=("orders",), **asked)


def sent(shop: Shop) -> list[dict[str, Any]]:
    """The orders that myOGO holds, by reference."""
    return sorted(shop.box.myogo_orders(), key=lambda one: str(one["reference"]))


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return [row[:2] for row in withheld_of(shop, "orders")]


def test_a_shipment_becomes_an_order(shop_of: ShopOf) -> None:
    """With every field in its place; a second push sends nothing."""
    shop = selling(shop_of)
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


def test_nothing_of_a_person_is_kept_or_told(shop_of: ShopOf, capfd: pytest.CaptureFixture[str]) -> None:
    """Beyond the staged rows themselves, and there only for a while: not in plans, journal, reports or logs."""
    shop = selling(shop_of)
    order(shop, deliveryName="Aino Mäkelä", deliveryAddress="Hämeentie 12 A 4", shippingList="other")
    order(shop, deliveryName="Björn Öhman", deliveryAddress="Storgatan 1")
    words = ("--data", str(shop.data), "--flow", "orders")
    told = [shop.command(verb, str(shop.file), *words).stdout for verb in ("plan", "push")]
    told.append(shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).stdout)
    told.append(capfd.readouterr().err)
    for table in shop.sql("select table_schema || '.' || table_name from information_schema.tables"):
        if table[0] not in ("raw_centra.shipments", "raw_centra.orders"):
            told.append(str(shop.sql(f"select * from {table[0]}")))
    assert [word for word in PERSON for text in told if word in text] == []
    names = shop.sql("select name from raw_centra.shipments order by 1")
    assert names == [("Aino Mäkelä",), ("Björn Öhman",)]
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\npersonal_days = 0")
    orders(shop, "plan")
    assert shop.sql("select distinct name, address, email, cell from raw_centra.shipments") == [(None,) * 4]
    assert shop.sql("select distinct name from raw_centra.orders") == [(None,)]


def test_what_is_withheld_and_why(shop_of: ShopOf) -> None:
    """One rule each, with the shop's own words; the rest goes."""
    shop = selling(shop_of, *(size(n, physical=10, allocated=0) for n in (1, 2, 3, 4)),
                   size(5, sku="TWICE"), size(6, sku="TWICE"),
                   myogo=[{"code": "SKU1", "stock": 10}, {"code": "TWICE", "stock": 5}])  # fmt: skip
    shop.run("plan", flows=("products",))  # what myOGO holds, and which codes clash, is known of a reading
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
    said = dict(shop.sql("select rule, message from sync.withheld where flow = 'orders'"))
    assert said["ORDER-001"] == "The shipping method 'dhl-express' is not mapped. Mapped: standard = HOME."
    assert said["ORDER-003"] == "myOGO does not hold 'SKU4', as far as was last read."
    assert said["ORDER-004"] == "The delivery address lacks: city, two-letter country."
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]
    shop.edit('standard = "HOME"', 'standard = "HOME"\nDHL-Express = "PICKUP"')
    orders(shop)
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1", "demo-1002-1"]


def test_history_is_not_imported(shop_of: ShopOf) -> None:
    """Orders placed before the starting day are skipped, whatever order the plugin lists them in."""
    shop = selling(shop_of)
    order(shop, orderDate="2025-12-31 23:59:59")
    order(shop, orderDate="2026-01-01 00:00:00")
    report = orders(shop)
    assert (report.flows["orders"]["skipped"], report.flows["orders"]["applied"]) == (1, 1)
    assert [one["reference"] for one in sent(shop)] == ["demo-1002-1"]


def test_the_starting_day_must_be_said(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01\n", "")
    told = shop.json("plan")
    assert (told["exit_code"], "missing key flows.orders.params.starting" in told["error"]["message"]) == (2, True)


def test_drafts_and_tests_are_the_default(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit('status   = "New"\ntest     = false\n', "")
    order(shop)
    orders(shop)
    assert [(one["status"], one["test"]) for one in sent(shop)] == [("Draft", True)]


def test_a_payment_is_captured_before_the_order_is_sent(shop_of: ShopOf) -> None:
    """Where the channel allows it; where it fails the order is not sent, and the next run tries again."""
    shop = selling(shop_of)
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


def test_a_capture_whose_answer_is_lost_is_not_sent_twice(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    shop.box.add_fault(side="centra", kind="drop_after", method="PUT", path="/capture")
    assert orders(shop).exit_code == 0
    assert len(sent(shop)) == 1
    assert len([e for e in shop.box.requests("centra") if e["path"].endswith("/capture")]) == 1


@pytest.mark.parametrize("mode", ["only_items", "items_in_bundles", "bundles_and_items"])
def test_bundles_are_picked_once(shop_of: ShopOf, mode: str) -> None:
    """In whatever way the plugin lists them."""
    shop = selling(shop_of)
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


def test_a_bundle_alone_is_known_to_myogo_or_withheld(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.box.switch("centra", bundle_mode="only_bundles")
    shop.run("plan", flows=("products",))
    order(shop, lines=[], bundle={"sku": "SET", "name": "Set", "qty": 1, "price": 150, "lines": [{"code": "SKU1"}]})
    assert orders(shop).exit_code == 3
    assert withheld(shop) == [("demo-1001-1", "ORDER-003")]


def test_a_bundle_more_than_once_with_contents_inside_is_unclear(shop_of: ShopOf) -> None:
    """Whether the quantities inside are of one bundle or of all is not documented: somebody has to say."""
    shop = selling(shop_of)
    shop.box.switch("centra", bundle_mode="items_in_bundles")
    order(shop, lines=[], bundle={"sku": "SET", "name": "Set", "qty": 2, "price": 150, "lines": [{"code": "SKU1"}]})
    assert orders(shop).exit_code == 3
    assert withheld(shop) == [("demo-1001-1", "ORDER-002")]
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncontents_are = "total"')
    assert orders(shop).exit_code == 0
    assert [line["quantity"] for line in sent(shop)[0]["orderLines"]] == [2]


def test_what_happens_in_centra_after_the_import_needs_a_person(shop_of: ShopOf) -> None:
    """Never sent silently: changed lines, and a shipment that is no longer good to go."""
    shop = selling(shop_of)
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


def test_lines_changed_after_the_import(shop_of: ShopOf) -> None:
    """The order in myOGO stays as it is; a person is told until the two agree again."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    before = sent(shop)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])
    shop.box.change_myogo_order("demo-1001-1", orderLines=before[0]["orderLines"])
    assert orders(shop).exit_code == 0
    assert shop.sql("select closed_reason from sync.issues where flow = 'orders'") == [("fixed",)]


def test_a_reference_that_myogo_has_twice(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    order(shop)
    orders(shop)
    shop.box.switch("myogo", duplicate_order="accept")
    again = {k: v for k, v in sent(shop)[0].items() if k in ("reference", "customer", "orderLines", "shippingCode")}
    with myogo_of(shop) as client:
        MyOgoOrders(MyOgoClient(client.config, ("read:order", "write:order"))).create(again | {"status": "Draft"})
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-009")])


def test_what_is_worth_a_look(shop_of: ShopOf) -> None:
    """Sent without a phone number."""
    shop = selling(shop_of)
    order(shop, deliveryCell="", deliveryTele="")
    assert orders(shop, "plan").exit_code == 0
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders'") == [("demo-1001-1", "ORDER-010")]


def test_what_does_not_go_its_way_in_myogo_needs_a_person(shop_of: ShopOf) -> None:
    """Stopped there, held back there, or in a status that nobody has heard of."""
    shop = selling(shop_of)
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


OWN = ("captured", "capture_fails", "completed", "quantities")  # what is the sandbox's own in a shipment


def _made_anew(shop: Shop) -> None:
    """Centra lists 1001-2 in the place of 1001-1 from now on."""
    row = {name: value for name, value in shop.box.centra_shipments()[0].items() if name not in OWN}
    body = {"status": "ok", "shipments": [row | {"shipmentId": "1001-2"}]}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="status=goodtogo&limit=100&offset=0", body=body, times=FOREVER
    )


def test_a_shipment_that_was_made_anew_is_not_sent_beside_the_old_one(shop_of: ShopOf) -> None:
    """Two parcels would leave; the new one goes once the old one is cancelled."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    _made_anew(shop)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"]) == (3, 0)
    assert withheld(shop) == [("demo-1001-1", "ORDER-007"), ("demo-1001-2", "ORDER-016")]
    shop.box.cancel("demo-1001-1")
    assert (orders(shop).exit_code, [one["reference"] for one in sent(shop)]) == (0, ["demo-1001-1", "demo-1001-2"])


@pytest.mark.parametrize("what", ['prefix = "other"', 'source = "orders"'])
def test_another_prefix_or_source_sends_no_order_again(shop_of: ShopOf, what: str) -> None:
    shop = selling(shop_of)
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
def test_an_address_that_changes_after_the_import(shop_of: ShopOf, change: dict[str, Any]) -> None:
    """Known by a digest, told without saying what it is; until it is changed back, or the parcel has left."""
    shop = selling(shop_of)
    shop.edit('standard = "HOME"', 'standard = "HOME"\nups-standard = "UPS"')
    made = order(shop)
    assert (orders(shop).exit_code, orders(shop).exit_code) == (0, 0)
    shop.box.change_centra_order(1001, **change)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])
    assert shop.sql("select distinct message from sync.withheld") == [
        ("Its address, pick-up point or shipping method is not the one that myOGO has.",)
    ]
    shop.box.change_centra_order(1001, **{name: made[name] for name in change})
    assert orders(shop).exit_code == 0
    shop.box.change_centra_order(1001, **change)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert orders(shop).exit_code == 0


def test_another_secret_token_says_nothing_of_addresses(shop_of: ShopOf) -> None:
    """The digests of before cannot be compared, and none is taken for another address."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    (kept,) = shop.sql("select json_extract_string(after, '$.destination') from sync.changes")[0]
    assert re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", kept)
    with closing(Store(Folder(shop.data, "demo"), SCHEMA)) as store:
        assert recorded_destinations(store) == {"demo-1001-1": kept}
    changed = destination_digest(pd.DataFrame({"a": ["x"]}), "one") + destination_digest(
        pd.DataFrame({"a": ["x"]}), "two"
    )
    assert len({one.rpartition("-")[0] for one in changed}) == 2


def test_test_orders_do_not_stay_behind_when_a_shop_goes_live(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("test     = false", "test     = true")
    order(shop)
    assert (orders(shop).exit_code, orders(shop).exit_code) == (0, 0)
    shop.edit("test     = true", "test     = false")
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-014")])
    shop.box.change_myogo_order("demo-1001-1", test=False)
    assert orders(shop).exit_code == 0


def test_a_later_starting_day_does_not_call_for_cancelling(shop_of: ShopOf) -> None:
    """What is open and was sent before stays as it is."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("starting = 2026-01-01", "starting = 2099-01-01")
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["skipped"]) == (0, 1)


def test_orders_that_centra_no_longer_lists_are_not_gone(shop_of: ShopOf) -> None:
    """With source = "orders": its list reaches back some time only, and their numbers tell which are older."""
    shop = selling(shop_of)
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


def test_a_product_that_was_just_made_is_known(shop_of: ShopOf) -> None:
    """Pushed by the products flow after it had read; the orders flow does not read it again."""
    shop = selling(shop_of, size(1, physical=10), size(2, physical=10), myogo=[{"code": "SKU1", "stock": 10}])
    shop.run("push", flows=("products",))
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 1)


def test_a_payment_that_was_taken_in_vain_is_told(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=1)
    shop.box.add_fault(side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, times=1)
    assert orders(shop).exit_code == 3
    ((message,),) = shop.sql("select message from sync.journal")
    assert message.startswith("Its payment has been captured. ")


def test_confirmed_orders_that_nothing_has_become_of(shop_of: ShopOf) -> None:
    """Without a shipment that is good to go: told, because the warehouse will never hear of them."""
    shop = selling(shop_of)
    order(shop)
    order(shop, shipment=False)
    order(shop, shipment=False, status="1")
    order(shop, shipment=False, orderDate="2025-12-31 10:00:00")
    assert orders(shop).exit_code == 0
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders'") == [("1002", "ORDER-015")]


def test_cash_on_delivery(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncash_on_delivery = ["postnord_cod"]')
    order(shop, paymentPlugin="postnord_cod")
    orders(shop)
    (one,) = sent(shop)
    cash = one["cashOnDelivery"]
    assert (cash["amount"], cash["currencyCode"], cash["reference"]) == (Decimal(658), "EUR", "1001-1")


def test_orders_instead_of_shipments(shop_of: ShopOf) -> None:
    """By their status; those on hold are left."""
    shop = selling(shop_of)
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
        pytest.param("drop", {}, 3, id="never arrived, nobody knows"),
        pytest.param("status", {"status": 500}, 0, id="not served, sent again"),
        pytest.param("status_after", {"status": 502}, 0, id="made, a gateway failed"),
        pytest.param("truncated", {}, 0, id="made, answer cut off"),
        pytest.param("status", {"status": 403}, 2, id="a scope is missing"),
    ],
)
def test_an_order_is_made_once(shop_of: ShopOf, kind: str, options: dict[str, Any], code: int) -> None:
    """Looked up before, and after each unclear answer; the next run finds what there is."""
    shop = selling(shop_of)
    order(shop)
    shop.box.add_fault(side="myogo", kind=kind, method="POST", path="/api/v1/orders", **options)
    assert orders(shop).exit_code == code
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]


def test_what_myogo_says_of_a_person_is_masked(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    order(shop, deliveryName="Aino Mäkelä")
    body = {"statusCode": 400, "message": "The customer Aino Mäkelä is not welcome."}
    shop.box.add_fault(
        side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, body=body, times=9
    )
    assert orders(shop).exit_code == 3
    assert shop.sql("select message from sync.journal") == [("HTTP 400: The customer … is not welcome.",)]


def test_a_plan_beyond_the_limit(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit("[flows.orders.params]", "[flows.orders.limits]\nmax_creates = 1\n\n[flows.orders.params]")
    order(shop)
    order(shop)
    report = orders(shop)
    assert (report.exit_code, sent(shop)) == (4, [])
    assert "2 orders would be created, more than max_creates = 1" in report.message


def test_many_orders_over_several_pages(shop_of: ShopOf) -> None:
    """Each once, though a server gives fewer than it was asked for."""
    shop = selling(shop_of)
    shop.box.switch("centra", max_limit=7)
    for _ in range(20):
        order(shop, lines=[{"code": "SKU1", "qty": 1}])
    assert orders(shop).flows["orders"]["applied"] == 20
    assert len({one["reference"] for one in sent(shop)}) == 20


def test_a_changed_address_is_another_plan(shop_of: ShopOf) -> None:
    """Though nothing of it is shown: what was reviewed is what is sent."""
    shop = selling(shop_of)
    order(shop)
    first = json.loads(shop.command("plan", str(shop.file), "--json", "--data", str(shop.data)).stdout)["fingerprint"]
    shop.box.change_centra_order(1001, deliveryCity="Turku")
    told = shop.json("push", "--expect", first)
    assert (told["exit_code"], sent(shop)) == (4, [])


def test_check_shows_the_shipping_methods_that_were_seen(shop_of: ShopOf) -> None:
    """And which of them would be withheld; also that orders may be read on both sides."""
    shop = selling(shop_of)
    order(shop, shippingList="standard")
    order(shop, shippingList="dhl-express")
    told = {(one["system"], one["name"]): one for one in shop.json("check")["checks"]}
    assert told["centra", "shipping"]["message"] == (
        "shipping methods seen: 'dhl-express', 'standard'; not mapped: 'dhl-express'"
    )
    assert told["myogo", "orders"]["status"] == told["centra", "orders"]["status"] == "ok"
    shop.box.switch("centra", allow={"shipments": False})
    refused = shop.json("check")
    told = {(one["system"], one["name"]): one for one in refused["checks"]}
    assert (refused["exit_code"], told["centra", "shipments"]["status"]) == (2, "failed")
    assert "ORDER & SHIPMENT" in told["centra", "shipments"]["fix"]


@pytest.mark.parametrize("what", [{"status": "6"}, {"hold": 1}], ids=["cancelled", "on hold"])
def test_an_order_that_is_listed_and_no_longer_wanted_needs_a_person(shop_of: ShopOf, what: dict[str, Any]) -> None:
    """The plugin may list it all the same; myOGO has it open."""
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.box.switch("centra", on_hold=True, order_statuses=["1", "2", "3", "4", "6"])
    order(shop, shipment=False)
    assert orders(shop).flows["orders"]["applied"] == 1
    shop.box.change_centra_order(1001, **what)
    report = orders(shop)
    assert (report.exit_code, withheld(shop)) == (3, [("demo-1001", "ORDER-007")])
    assert (report.flows["orders"]["read"], report.flows["orders"]["skipped"]) == (1, 0)


def test_an_order_whose_status_is_not_told_is_not_passed_over(shop_of: ShopOf) -> None:
    """The published example leaves it out."""
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.box.switch("centra", order_status_as="absent")
    order(shop, shipment=False)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001", "ORDER-013")])


def test_drafts_do_not_stay_behind_when_a_shop_goes_live(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    shop.edit('status   = "New"\ntest     = false\n', "")
    order(shop)
    assert orders(shop).exit_code == 0
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nstatus = "New"\ntest = false')
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-014")])


def test_the_orders_of_a_channel_whose_name_goes_on_are_not_ours(shop_of: ShopOf) -> None:
    """Two shops of one merchant, `demo` and `demo-web`."""
    shop = selling(shop_of)
    order(shop)
    shop.edit('name = "demo"', 'name = "demo-web"')
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo_web-1001-1"]
    shop.edit('name = "demo-web"', 'name = "demo"')
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["read"]) == (0, 1)


def test_an_order_that_myogo_does_not_list_is_asked_for(shop_of: ShopOf) -> None:
    """One that it has not touched for long is no longer in the list that is read; what became of it counts as ever."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders?modifiedafter", body=[], times=9)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["unchanged"], report.flows["orders"]["create"]) == (0, 1, 0)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "ORDER-006")])


def test_what_one_merchant_was_sent_another_has_not(shop_of: ShopOf) -> None:
    """From a demo merchant to the real one: what counts is what myOGO holds now, not what we remember."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    with Sandbox.start(catalogue(myogo=[{"code": "SKU1", "stock": 10}])) as other:
        shop.edit(shop.box.myogo_url, other.myogo_url)
        assert orders(shop).flows["orders"]["applied"] == 1
        assert [one["reference"] for one in other.myogo_orders()] == ["demo-1001-1"]


def test_orders_of_others_do_not_stop_ours(shop_of: ShopOf) -> None:
    """Whatever myOGO holds beside them."""
    shop = selling(shop_of)
    order(shop)
    strange = [
        {"id": "1", "reference": None, "status": "New"},
        {"id": "2", "reference": "manual", "status": None, "trackingNumber": ["A"], "orderLines": "?"},
    ]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders", body=strange)
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1"]


@pytest.mark.parametrize(
    ("side", "path"), [("centra", "/shipments"), ("centra", "/orders"), ("myogo", "/api/v1/orders")]
)
@pytest.mark.parametrize("kind", ["status", "html", "body"])
def test_an_answer_that_fails_is_not_quoted(
    shop_of: ShopOf, capfd: pytest.CaptureFixture[str], side: str, path: str, kind: str
) -> None:
    """It may be about a person."""
    shop = selling(shop_of)
    order(shop)
    body = {"name": "Aino Mäkelä", "address1": "Hämeentie 12"}
    options: dict[str, Any] = {"status": {"status": 500}, "html": {}, "body": {}}[kind]
    given = f"<html>{body}</html>" if kind == "html" else body
    shop.edit("backoff_s           = 0.001", "attempts            = 1\nbackoff_s           = 0.001")
    shop.box.add_fault(side=side, kind=kind, method="GET", path=path, times=9, body=given, **options)
    report = orders(shop)
    assert report.exit_code in (2, 5)
    told = report.message + capfd.readouterr().err + str(shop.sql("select message from sync.runs"))
    assert "Mäkelä" not in told
    assert "Hämeentie" not in told


def test_what_myogo_says_is_masked_before_it_is_cut(shop_of: ShopOf) -> None:
    """In any case, word by word, and of the comments too."""
    shop = selling(shop_of)
    order(shop, deliveryName="Aino Mäkelä", deliveryEmail="aino.makela@example.test", shipwallet_doorcode="4321#")
    said = "x" * 290 + " AINO MÄKELÄ aino.makela@example.test, door code: 4321#"
    where = {"side": "myogo", "method": "POST", "path": "/api/v1/orders", "times": 9}
    shop.box.add_fault(**where, kind="status", status=400, body={"statusCode": 400, "message": said})
    orders(shop)
    ((message,),) = shop.sql("select message from sync.journal")
    assert [word for word in ("AINO", "MÄKELÄ", "aino", "4321") if word in message] == []


def test_people_are_staged_of_what_orders_are_made_of_only(shop_of: ShopOf, tmp_path: Path) -> None:
    """And they are not exported."""
    shop = selling(shop_of)
    order(shop)
    orders(shop)
    assert shop.sql("select count(*) filter (name is not null) from raw_centra.orders") == [(0,)]
    assert shop.sql("select count(*) filter (name is not null) from raw_centra.shipments") == [(1,)]
    shop.command("export", str(shop.file), "--parquet", str(tmp_path / "out"), "--data", str(shop.data))
    columns = duckdb.sql(f"from '{tmp_path}/out/raw_centra.shipments.parquet'").columns
    assert "shipment_id" in columns
    assert set(columns) & set(PERSONAL) == set()


def test_digests_of_addresses_are_not_kept_for_ever(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    told = "select json_extract_string(after, '$.destination') is null, json_extract_string(after, '$.status') "
    told += "from sync.changes where flow = 'orders'"
    assert shop.sql(told) == [(False, "New")]
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("update sync.changes set run_id = '20200101T000000-000000'")
    assert orders(shop).exit_code == 0
    assert shop.sql(told) == [(True, "New")]


def test_an_empty_list_of_shipments_is_asked_for_again(shop_of: ShopOf) -> None:
    """A person would be told to cancel whatever is open in myOGO."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    order(shop)
    shop.box.add_fault(side="centra", kind="empty_page", method="GET", path="status=goodtogo", times=1)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"]) == (0, 1)


SENT_ANEW = ['prefix = "other"', 'source = "orders"', "a shipment made anew"]


@pytest.mark.parametrize("how", ["shipped", "no longer listed"])
@pytest.mark.parametrize("what", SENT_ANEW)
def test_what_has_left_or_is_out_of_sight_is_not_sent_again(shop_of: ShopOf, what: str, how: str) -> None:
    """Shipped, and Centra does not know it yet; or open in myOGO, and not touched for long."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    if how == "shipped":
        shop.box.ship("demo-1001-1", ["A"], None)
    else:
        shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=[], times=FOREVER)
    if "=" in what:
        shop.edit("starting = 2026-01-01", f"starting = 2026-01-01\n{what}")
    else:
        _made_anew(shop)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"], len(sent(shop))) == (3, 0, 1)
    assert "ORDER-016" in [rule for _, rule in withheld(shop)]


def test_another_shipment_of_the_same_order_goes_its_way(shop_of: ShopOf) -> None:
    """The rest of it, sent later: whether the first is on its way, has left, or is completed."""
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    row = {name: value for name, value in shop.box.centra_shipments()[0].items() if name not in OWN}
    body = {"status": "ok", "shipments": [row, row | {"shipmentId": "1001-2"}]}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="status=goodtogo&limit=100&offset=0", body=body, times=FOREVER
    )
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 2)


@pytest.mark.parametrize(
    "lines", [[{"code": "SKU1", "quantity": "two"}], [{"code": "SKU1", "quantity": True}], 5, [None]]
)
def test_odd_lines_of_myogo_cost_nobody_else(shop_of: ShopOf, lines: Any) -> None:
    shop = selling(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    order(shop)
    body = [{"reference": "demo-1001-1", "status": "New", "orderLines": lines}]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=body, times=1)
    assert orders(shop).flows["orders"]["applied"] == 1


def test_a_method_that_is_mapped_later_is_no_other_method(shop_of: ShopOf) -> None:
    shop = selling(shop_of)
    order(shop, shipwallet_shippingMethod="ingrid-home", shippingList="standard")
    assert orders(shop).exit_code == 0
    shop.edit('standard = "HOME"', 'standard = "HOME"\ningrid-home = "HOME"')
    assert orders(shop).exit_code == 0


def test_what_was_cancelled_in_myogo_is_told_as_that(shop_of: ShopOf) -> None:
    """Also a test, and an order whose lines had been changed: that was the advice."""
    shop = selling(shop_of)
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


def test_an_outage_of_the_catalogue_does_not_make_products_unknown(shop_of: ShopOf) -> None:
    shop = selling(shop_of, size(1, physical=10), size(2, physical=10), myogo=[{"code": "SKU1", "stock": 10}])
    shop.run("push", flows=("products",))
    shop.box.add_fault(side="myogo", kind="status", status=503, method="GET", path="/products?", times=FOREVER)
    assert shop.run("plan", flows=("products",)).exit_code == 5
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 1)


def test_no_two_orders_have_the_same_digest(shop_of: ShopOf) -> None:
    """Who may not know where they go should not know either that they go to the same place."""
    shop = selling(shop_of)
    made = order(shop)
    order(shop, **{name: value for name, value in made.items() if name.startswith("delivery")})
    assert orders(shop).exit_code == 0
    told = shop.sql("select json_extract_string(after, '$.destination') from sync.changes where flow = 'orders'")
    assert len(set(told)) == 2
    assert (
        "destination"
        not in shop.sql("select string_agg(column_name) from duckdb_columns() where table_name = 'orders'")[0][0]
    )
