"""The orders flow, Centra's shipments to myOGO's orders, in complete runs over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from pipelines.flows.order_flow import recorded_destinations
from pipelines.sandbox import Sandbox
from pipelines.state.store import Folder, Store
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders
from schemas.fields.centra_orders import PERSONAL
from tests.support.declared import SCHEMA
from tests.support.shop import Shop, catalogue, size
from tests.support.shop_helpers import FOREVER, journal, myogo_of, withheld_rows_of
from tests.support.waiting import LONG_S

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
    """The total has the shipping of 5 in it. The second order is paid on delivery. A second push sends nothing."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncash_on_delivery = ["postnord_cod"]')
    order(
        shop, lines=[{"code": "SKU1", "qty": 2, "price": 329}, {"code": "SKU3", "qty": 1, "price": "10.50"}],
        deliveryName="Aino Mäkelä", deliveryCompany="Oy", deliveryCell="", deliveryTele="+358 1", deliveryState="CA",
        deliveryCoaddress="c/o Väinö", deliveryCountry="FI", shipwallet_pickup="PP77", deliveryAddress="Hämeentie 12",
        deliveryZipcode="00500", deliveryCity="Helsinki", deliveryEmail="a@example.test", shipwallet_doorcode="4321",
    )  # fmt: skip
    order(shop, paymentPlugin="postnord_cod")
    report = orders(shop)
    assert (report.exit_code, report.message) == (0, "")
    assert {n: report.flows["orders"][n] for n in ("read", "create", "applied", "withheld")} == {
        "read": 2, "create": 2, "applied": 2, "withheld": 0,
    }  # fmt: skip
    one, paid_on_delivery = sent(shop)
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
    assert (one["priceTotal"], one["priceCurrency"], one["cashOnDelivery"]) == (Decimal("673.50"), "EUR", None)
    amount_due = paid_on_delivery["cashOnDelivery"]
    assert (amount_due["amount"], amount_due["currencyCode"], amount_due["reference"]) == (
        Decimal(663), "EUR", "1002-1",
    )  # fmt: skip
    again = orders(shop)
    assert (again.exit_code, again.flows["orders"]["unchanged"]) == (0, 2)
    assert len(sent(shop)) == 2


def test_personal_data_is_neither_stored_nor_printed(
    shop_of: ShopOf, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Except in the staged rows of the source of the orders, where it is deleted after some days: not in plans,
    journal, reports, logs or exports."""
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
    assert shop.sql("select distinct name from raw_centra.orders") == [(None,)]
    shop.command("export", str(shop.file), "--parquet", str(tmp_path / "out"), "--data", str(shop.data))
    columns = duckdb.sql(f"from '{tmp_path}/out/raw_centra.shipments.parquet'").columns
    assert "shipment_id" in columns
    assert set(columns) & set(PERSONAL) == set()
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\npersonal_days = 0")
    orders(shop, "plan")
    assert shop.sql("select distinct name, address, email, cell from raw_centra.shipments") == [(None,) * 4]
    assert shop.sql("select distinct name from raw_centra.orders") == [(None,)]


SHARED_CODE, NOT_IN_MYOGO, BUNDLE = (
    [{"stock_item_id": 5}],
    [{"code": "SKU4"}],
    {"sku": "SET", "name": "Set", "qty": 1, "price": 150, "lines": [{"code": "SKU1", "qty": 3}]},
)


def test_each_rule_withholds_its_orders_in_a_run(shop_of: ShopOf) -> None:
    """The messages name the shop's values. The other orders are sent, and an order is sent after its cause is fixed."""
    shop = shop_with_orders(
        shop_of, size(1, physical=100), size(4, prices=[]), size(5, sku="TWICE"), size(6, sku="TWICE"),
        myogo=[{"code": "SKU1", "stock": 100}, {"code": "TWICE", "stock": 5}],
    )  # fmt: skip
    shop.box.switch("centra", bundle_mode="items_in_bundles")
    shop.box.switch("myogo", duplicate_order="accept")
    for _ in range(14):
        order(shop)  # 1001 to 1014
    assert shop.run("push", flows=("products", "orders")).flows["orders"]["applied"] == 14
    before = sent(shop)
    order(shop)  # 1015
    order(shop, shippingList="dhl-express")
    order(shop, lines=[], bundle=BUNDLE | {"qty": 2})
    order(shop, lines=NOT_IN_MYOGO)
    order(shop, deliveryCity="", deliveryCountry="Finland")
    order(shop, paid=0, should_capture=1)  # 1020
    order(shop, lines=SHARED_CODE)
    order(shop)  # 1022
    order(shop, orderCurrency={"code": "EUR"})
    order(shop, deliveryCell="", deliveryTele="")  # 1024
    order(shop, lines=[], bundle=BUNDLE)
    order(shop, shipment=False)  # 1026
    order(shop, shipment=False, status="1")
    order(shop, shipment=False, orderDate="2025-12-31 10:00:00")
    shop.box.change_centra_order(1001, status="6")
    shop.box.change_centra_order(1002, lines=[{"code": "SKU1", "qty": 1}])  # Centra drops the shipment
    shop.box.change_myogo_order("demo-1003-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    shop.box.change_centra_order(1004, deliveryCity="Espoo")
    fields = ("reference", "customer", "orderLines", "shippingCode")
    copy = {name: value for name, value in before[4].items() if name in fields} | {"status": "Draft"}
    with myogo_of(shop) as client:
        MyOgoOrders(MyOgoClient(client.config, ("read:order", "write:order"))).create(copy)
    shop.box.cancel("demo-1006-1")
    shop.box.change_myogo_order("demo-1007-1", status="Reserved")
    shop.box.change_myogo_order("demo-1008-1", status="Locked")
    shop.box.change_myogo_order("demo-1009-1", test=True)
    # What the sandbox does not hold: an unknown status, unreadable lines, and orders that are not ours.
    other: dict[str, dict[str, Any]] = {"demo-1010-1": {"status": "Delivered"}}
    unreadable: list[Any] = [[{"code": "SKU1", "quantity": "two"}], [{"code": "SKU1", "quantity": True}], 5, [None]]
    other |= {f"demo-{number}-1": {"orderLines": lines} for number, lines in enumerate(unreadable, start=1011)}
    listed = [row | other.get(row["reference"], {}) for row in shop.box.myogo_orders()]
    listed += [
        {"id": "1", "reference": None, "status": "New"},
        {"id": "2", "reference": "manual", "status": None, "trackingNumber": ["A"], "orderLines": "?"},
        {"id": "3", "reference": "demo_web-1001-1", "status": "New"},
        {"id": "4", "reference": "demo-1022", "status": "New"},  # the same order, for all of its shipments
    ]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=listed, times=FOREVER)

    report = orders(shop)
    assert report.exit_code == 3
    assert withheld(shop) == [
        ("demo-1001-1", "ORDER-007"),
        ("demo-1002-1", "ORDER-007"),
        ("demo-1003-1", "ORDER-006"),
        ("demo-1004-1", "ORDER-006"),
        ("demo-1005-1", "ORDER-009"),
        ("demo-1006-1", "ORDER-011"),
        ("demo-1007-1", "ORDER-012"),
        ("demo-1008-1", "ORDER-012"),
        ("demo-1009-1", "ORDER-014"),
        ("demo-1010-1", "ORDER-017"),
        ("demo-1016-1", "ORDER-001"),
        ("demo-1017-1", "ORDER-002"),
        ("demo-1018-1", "ORDER-003"),
        ("demo-1019-1", "ORDER-004"),
        ("demo-1020-1", "ORDER-005"),
        ("demo-1021-1", "ORDER-008"),
        ("demo-1022", "ORDER-007"),
        ("demo-1022-1", "ORDER-016"),
        ("demo-1023-1", "ORDER-013"),
    ]
    counts = report.flows["orders"]
    assert (counts["withheld"], counts["applied"], counts["unchanged"]) == (19, 3, 4)
    messages = dict(shop.sql("select rule, message from sync.withheld where flow = 'orders'"))
    assert messages["ORDER-001"] == "The shipping method 'dhl-express' is not mapped. Mapped: standard = HOME."
    assert messages["ORDER-003"] == "myOGO is not known to hold 'SKU4'."
    assert messages["ORDER-004"] == "The delivery address lacks: city, two-letter country."
    assert messages["ORDER-016"] == "myOGO has the same order as 'demo-1022'."
    assert shop.sql("select code, rule from out_myogo.warnings where flow = 'orders' order by 1") == [
        ("1026", "ORDER-015"), ("demo-1024-1", "ORDER-010"),
    ]  # fmt: skip
    new = {row["reference"]: row for row in sent(shop) if row["reference"] > "demo-1015"}
    assert [*new] == ["demo-1015-1", "demo-1024-1", "demo-1025-1"]
    assert [(one["code"], one["quantity"]) for one in new["demo-1025-1"]["orderLines"]] == [("SKU1", 3)]

    shop.box.clear_faults()
    shop.box.change_myogo_order("demo-1003-1", orderLines=before[2]["orderLines"])
    shop.edit('standard = "HOME"', 'standard = "HOME"\nDHL-Express = "PICKUP"')
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\ncontents_are = "total"')
    orders(shop)
    sent_now = {row["reference"]: row for row in sent(shop)}
    assert {*sent_now} - {*new} - {row["reference"] for row in before} == {
        "demo-1016-1", "demo-1017-1", "demo-1022-1",
    }  # fmt: skip
    assert sent_now["demo-1016-1"]["shippingCode"] == "PICKUP"
    assert [line["quantity"] for line in sent_now["demo-1017-1"]["orderLines"]] == [6]
    assert sent_now["demo-1004-1"]["customer"] == before[3]["customer"]
    closed = shop.sql("select distinct closed_reason from sync.issues where flow = 'orders' and code = 'demo-1003-1'")
    assert closed == [("fixed",)]


def test_orders_before_the_starting_day_are_skipped(shop_of: ShopOf) -> None:
    """In any order of the list. With a later starting day, what has been sent stays ours."""
    shop = shop_with_orders(shop_of)
    order(shop, orderDate="2025-12-31 23:59:59")
    order(shop, orderDate="2026-01-01 00:00:00")
    report = orders(shop)
    assert (report.flows["orders"]["skipped"], report.flows["orders"]["applied"]) == (1, 1)
    assert [one["reference"] for one in sent(shop)] == ["demo-1002-1"]
    shop.edit("starting = 2026-01-01", "starting = 2099-01-01")
    report = orders(shop)
    counts = report.flows["orders"]
    assert (report.exit_code, counts["skipped"], counts["unchanged"], withheld(shop)) == (0, 1, 1, [])
    shop.box.change_myogo_order("demo-1002-1", orderLines=[{"code": "SKU2", "quantity": 1}])
    assert orders(shop).exit_code == 3
    assert withheld(shop) == [("demo-1002-1", "ORDER-006")]


def test_an_order_from_before_the_starting_day_that_is_good_to_go_is_named(shop_of: ShopOf) -> None:
    """Until myOGO has it or Centra has completed it. Not one that is held, and not one in myOGO."""
    shop = shop_with_orders(shop_of)
    before = {"orderDate": "2025-12-31 23:59:59", "lines": [{"code": "SKU1", "qty": 1}]}
    for fields in ({}, {}, {"hold": 1}, {"orderDate": "2026-01-01 00:00:00"}, {"paid": 0}):
        order(shop, **(before | fields))
    report = orders(shop)
    warned = "select code, source_id, message from out_myogo.warnings where rule = 'ORDER-023' order by 1"
    assert [row[:2] for row in shop.sql(warned)] == [
        (f"demo-{number}-1", f"{number}-1") for number in (1001, 1002, 1005)
    ]  # fmt: skip
    assert shop.sql(warned)[0][2] == (
        "It was placed on 2025-12-31, before the starting day, and is good to go now; myOGO has no order 'demo-1001-1'."
    )
    assert [one["reference"] for one in sent(shop)] == ["demo-1004-1"]
    assert report.flows["orders"]["skipped"] == 4
    (other,) = sent(shop)
    by_hand = {"reference": "demo-1001-1"} | {name: other[name] for name in ("status", "customer", "orderLines")}
    with closing(MyOgoClient(shop.channel().systems["myogo"], ("read:order", "write:order"))) as client:
        MyOgoOrders(client).create(by_hand)
    shop.box.change_centra_shipment("1002-1", gtg=0)
    orders(shop)
    assert [code for code, *_ in shop.sql(warned)] == ["demo-1005-1"]


def test_an_order_that_myogo_holds_back_needs_somebody_at_once(shop_of: ShopOf) -> None:
    """With myOGO's reason, in the push that sent it and in each run until it is released."""
    shop = shop_with_orders(shop_of)
    shop.edit('standard = "HOME"', 'standard = "HOME"\nexpress = "NOT-THERE"')
    order(shop, lines=[{"code": "SKU1", "qty": 500}])
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    order(shop, lines=[{"code": "SKU3", "qty": 1}], shippingList="express")
    printed = shop.command("push", str(shop.file), "--data", str(shop.data), "--flow", "orders")
    assert printed.exit_code == 3
    assert "applied create demo-1001-1: myOGO put it into Pending: Waiting for stock." in printed.stdout
    assert "Held back by the target, which needs somebody: demo-1001-1, demo-1003-1." in printed.stdout
    assert shop.sql("select key, outcome, reason from sync.journal order by key") == [
        ("demo-1001-1", "applied", "held_back"), ("demo-1002-1", "applied", None),
        ("demo-1003-1", "applied", "held_back"),
    ]  # fmt: skip
    since = []
    for _ in range(2):
        assert orders(shop).exit_code == 3
        assert withheld(shop) == [("demo-1001-1", "ORDER-024"), ("demo-1003-1", "ORDER-012")]
        run = "where run_id = (select max(run_id) from sync.withheld)"
        since.append(shop.sql(f"select since from sync.withheld {run} order by code"))
        messages = [message for (message,) in shop.sql(f"select message from sync.withheld {run} order by code")]
        assert messages[0].endswith(": Waiting for stock.")
        assert messages[1].endswith(": Shipping method NOT-THERE is not known.")
    assert since[0] == since[1]
    shop.box.change_myogo_product("SKU1", stock=500)
    shop.box.change_myogo_order("demo-1001-1", status="New")
    shop.box.change_myogo_order("demo-1003-1", status="New", shippingCode="HOME")
    assert orders(shop).exit_code == 0


def test_the_history_of_an_order_is_found_by_its_number(shop_of: ShopOf) -> None:
    """As reference, shipment or order; a product whose code ends with the same digits is not shown."""
    shop = shop_with_orders(shop_of, size(1, sku="CAP-1001"), size(2), myogo=[{"code": "CAP-1001", "stock": 10}])
    order(shop, lines=[{"code": "CAP-1001", "qty": 1}])
    order(shop, lines=[{"code": "SKU2", "qty": 1}], shippingList="other")
    shop.run("push", flows=("products", "orders"))

    def lines(code: str) -> list[str]:
        return shop.command("history", str(shop.file), code, "--data", str(shop.data)).stdout.splitlines()[1:]

    for number in ("1001", "1001-1"):
        assert [line.split("  ")[2:4] for line in lines(number)] == [
            ["demo-1001-1", "planned create"], ["demo-1001-1", "create applied"],
        ]  # fmt: skip
    assert [line.split("  ")[2] for line in lines("demo-1001-1")] == ["planned create", "create applied"]
    assert "1 line, 1 unit, " in lines("1001")[0]
    assert not {"destination", "read as", "read_as", "{"} & {*lines("1001")[0].replace(":", " ").split()}
    (opened,) = lines("1002")
    assert "demo-1002-1  opened ORDER-001 (order 1002-1)" in opened
    for unknown in ("100", "1001-2", "001", "1001.1", "CAP-1010"):
        result = shop.command("history", str(shop.file), unknown, "--data", str(shop.data))
        assert (result.exit_code, f"No run has met {unknown!r}" in result.stderr) == (2, True)
    assert "The closest codes: 'CAP-1001'" in result.stderr.replace("\n", " ")


def test_what_counts_orders_names_the_first_five(shop_of: ShopOf) -> None:
    """On the terminal, in the summary for a CI job and in the refusal of a limit."""
    shop = shop_with_orders(shop_of)
    for _ in range(7):
        order(shop, lines=[{"code": "SKU1", "qty": 1}], shippingList="other")
    named = [f"demo-{number}-1" for number in range(1001, 1006)]
    where = (str(shop.file), "--data", str(shop.data))
    printed = shop.command("push", *where, "--flow", "orders").stdout
    assert ", ".join(named) + " and 2 more" in printed
    shop.command("report", *where, "--markdown", str(shop.folder / "report.md"))
    first = ", ".join(f"`{reference}`" for reference in named) + " and 2 more"
    assert first in (shop.folder / "report.md").read_text("utf-8")
    shop.edit('standard = "HOME"', 'other = "HOME"\n[flows.orders.limits]\nmax_creates = 6')
    assert "7 orders would be created (" + ", ".join(named) + " and 2 more), more than" in orders(shop).message


def test_the_starting_day_is_required(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01\n", "")
    document = shop.json("plan")
    assert (document["exit_code"], "missing key flows.orders.params.starting" in document["error"]["message"]) == (
        2,
        True,
    )


def test_drafts_and_tests_are_withheld_after_a_shop_goes_live(shop_of: ShopOf) -> None:
    """Orders are test drafts by default. A cancelled order is reported as cancelled, as the messages said to cancel
    test orders and orders with changed lines."""
    shop = shop_with_orders(shop_of)
    settings = 'status   = "New"\ntest     = false\n'
    shop.edit(settings, "")
    for _ in range(5):
        order(shop, lines=[{"code": "SKU1", "qty": 1}])
    assert orders(shop).exit_code == 0
    assert [(one["status"], one["test"]) for one in sent(shop)] == [("Draft", True)] * 5
    shop.edit("starting = 2026-01-01\n", f"starting = 2026-01-01\n{settings}")
    shop.box.change_myogo_order("demo-1002-1", status="New")
    shop.box.change_myogo_order("demo-1003-1", status="New", test=False)
    shop.box.cancel("demo-1004-1")
    shop.box.change_myogo_order("demo-1005-1", orderLines=[{"code": "SKU1", "quantity": 2}])
    shop.box.cancel("demo-1005-1")
    assert (orders(shop).exit_code, withheld(shop)) == (
        3,
        [("demo-1001-1", "ORDER-014"), ("demo-1002-1", "ORDER-014"), ("demo-1004-1", "ORDER-011"),
         ("demo-1005-1", "ORDER-011")],
    )  # fmt: skip


def test_a_payment_is_captured_once_before_the_order_is_sent(shop_of: ShopOf) -> None:
    """If the channel allows it. If the capture fails, the order is not sent and the next run tries again. A lost answer
    is looked up. The message of a refused order states that its payment has been captured."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    for fails in (False, True, False, False):
        order(shop, paid=0, should_capture=1, capture_fails=fails)
    shop.box.add_fault(side="centra", kind="drop_after", method="PUT", path="/capture", contains="1003-1")
    shop.box.add_fault(
        side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, contains="demo-1004-1"
    )
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"], report.flows["orders"]["refused"]) == (3, 2, 2)
    assert [one["reference"] for one in sent(shop)] == ["demo-1001-1", "demo-1003-1"]
    captured = {one["shipmentId"]: one["captured"] for one in shop.box.centra_shipments()}
    assert captured == {"1001-1": True, "1002-1": False, "1003-1": True, "1004-1": True}
    messages = dict(shop.sql("select key, message from sync.journal where outcome = 'refused'"))
    assert messages["demo-1002-1"].startswith("Not sent: its payment could not be captured")
    assert messages["demo-1004-1"].startswith("Its payment has been captured. ")
    shop.box.change_centra_order(1002, capture_fails=False)
    assert orders(shop).exit_code == 0
    assert len(sent(shop)) == 4
    captures = [e["body"]["shipment"] for e in shop.box.requests("centra") if e["path"].endswith("/capture")]
    assert sorted(captures) == ["1001-1", "1002-1", "1002-1", "1003-1", "1004-1"]


SANDBOX_FIELDS = (
    "captured",
    "capture_fails",
    "completed",
    "quantities",
)  # fields of a shipment that only the sandbox has


def test_an_order_is_not_sent_again_under_another_reference(shop_of: ShopOf) -> None:
    """Two parcels would be sent. Not with another prefix, from the other source, or as a replaced shipment; and not if
    the order is open, shipped while Centra has no tracking yet, or no longer listed by myOGO. A later shipment with the
    rest of an order is sent, and a replaced shipment after the old order is cancelled.
    """
    shop = shop_with_orders(shop_of)
    for _ in range(4):
        order(shop)
    assert orders(shop).exit_code == 0
    for shipped in ("demo-1002-1", "demo-1004-1"):
        shop.box.ship(shipped, ["A"], None)
    listed = [row for row in sent(shop) if row["reference"] != "demo-1003-1"]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=listed, times=FOREVER)
    sent_before = {f"'demo-{number}-1'" for number in (1001, 1002, 1003, 1004)}
    for cause, code in (('prefix = "other"', "other-{}-1"), ('source = "orders"', "demo-{}")):
        shop.edit("starting = 2026-01-01", f"starting = 2026-01-01\n{cause}")
        report = orders(shop)
        assert (report.exit_code, report.flows["orders"]["create"], len(sent(shop))) == (3, 0, 4)
        assert _same_as(shop) == {code.format(one[6:10]): one for one in sent_before}
        shop.edit(f"starting = 2026-01-01\n{cause}", "starting = 2026-01-01")

    _list_shipments(shop, "1001-2", "1002-2", "1003-2", "1004-1", "1004-2")
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["create"]) == (3, 1)
    assert withheld(shop) == [
        ("demo-1001-1", "ORDER-007"), ("demo-1001-2", "ORDER-016"), ("demo-1002-2", "ORDER-016"),
        ("demo-1003-1", "ORDER-007"), ("demo-1003-2", "ORDER-016"),
    ]  # fmt: skip
    assert sent(shop)[-1]["reference"] == "demo-1004-2"
    shop.box.clear_faults()
    _list_shipments(shop, "1001-2")
    shop.box.cancel("demo-1001-1")
    orders(shop)
    assert "demo-1001-2" in [one["reference"] for one in sent(shop)]


def test_a_shipment_that_was_deleted_and_created_again_is_sent_once(shop_of: ShopOf) -> None:
    """Shop staff take a shipment back and make another one for the same lines. Until the first order is cancelled in
    myOGO, the second would ship the goods twice."""
    shop = shop_with_orders(shop_of)
    placed = order(shop)
    number = placed["orderId"]
    assert orders(shop).flows["orders"]["create"] == 1
    shop.box.delete_centra_shipment(f"{number}-1")
    orders(shop)
    assert withheld(shop) == [(f"demo-{number}-1", "ORDER-007")]
    lines = {line["line_id"]: line["qty"] for line in placed["lines"]}
    made = requests.post(
        f"{shop.box.centra_url}/shipments",
        json={"order": number, "gtg": True, "products": lines},
        headers={"API-Authorization": shop.box.credentials.centra_token},
        timeout=LONG_S,
    )
    assert made.json()["shipment"] == f"{number}-2", made.text
    assert orders(shop).flows["orders"]["create"] == 0
    assert withheld(shop) == [(f"demo-{number}-1", "ORDER-007"), (f"demo-{number}-2", "ORDER-016")]
    shop.box.cancel(f"demo-{number}-1")
    assert orders(shop).flows["orders"]["create"] == 1
    assert withheld(shop) == []


def _same_as(shop: Shop) -> dict[str, str]:
    """By order: the quoted reference that the message of ORDER-016 names."""
    rows = shop.sql(
        "select code, message from sync.withheld where rule = 'ORDER-016' and run_id = "
        "(select run_id from sync.runs order by started_at desc limit 1)"
    )
    return {code: message.removeprefix("myOGO has the same order as ").rstrip(".") for code, message in rows}


def _list_shipments(shop: Shop, *shipment_ids: str) -> None:
    """Makes Centra list these shipments as good to go from now on, each with the fields of its order's shipment."""
    rows = {
        row["orderId"]: {name: value for name, value in row.items() if name not in SANDBOX_FIELDS}
        for row in shop.box.centra_shipments()
    }
    listed = [rows[one.partition("-")[0]] | {"shipmentId": one} for one in shipment_ids]
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="status=goodtogo&limit=100&offset=0",
        body={"status": "ok", "shipments": listed}, times=FOREVER,
    )  # fmt: skip


def test_a_changed_destination_is_withheld_until_it_is_changed_back_or_shipped(shop_of: ShopOf) -> None:
    """It is detected by a digest, and the message does not contain the address. The last order is unchanged: its
    shipping method is mapped after it was sent."""
    shop = shop_with_orders(shop_of)
    shop.edit('standard = "HOME"', 'standard = "HOME"\nups-standard = "UPS"')
    changes: dict[int, dict[str, Any]] = {
        1001: {"deliveryAddress": "Mannerheimintie 1"}, 1002: {"deliveryCity": "Espoo"},
        1003: {"shippingList": "ups-standard"}, 1004: {"deliveryCell": "+358 50 1"},
    }  # fmt: skip
    placed = {number: order(shop) for number in changes}
    order(shop, shipwallet_method="ingrid-home", shippingList="standard")
    assert (orders(shop).exit_code, orders(shop).exit_code) == (0, 0)
    shop.edit('standard = "HOME"', 'standard = "HOME"\ningrid-home = "HOME"')
    for number, change in changes.items():
        shop.box.change_centra_order(number, **change)
    assert (orders(shop).exit_code, withheld(shop)) == (3, [(f"demo-{number}-1", "ORDER-006") for number in changes])
    assert shop.sql("select distinct message from sync.withheld") == [
        ("Its address, pick-up point or shipping method differs from the one in myOGO.",)
    ]
    for number, change in changes.items():
        shop.box.change_centra_order(number, **{name: placed[number][name] for name in change})
    assert orders(shop).exit_code == 0
    for number, change in changes.items():
        shop.box.change_centra_order(number, **change)
    by_hand = {one["reference"]: one["customer"] for one in sent(shop)}
    shop.box.change_myogo_order("demo-1001-1", customer=by_hand["demo-1001-1"] | {"address1": "Mannerheimintie 1"})
    shop.box.change_myogo_order("demo-1002-1", customer=by_hand["demo-1002-1"] | {"city": "ESPOO"})
    shop.box.change_myogo_order("demo-1003-1", shippingCode="UPS")
    assert (orders(shop).exit_code, withheld(shop)) == (3, [("demo-1004-1", "ORDER-006")])
    shop.box.ship("demo-1004-1", ["A"], None)
    assert orders(shop).exit_code == 0


def test_an_order_that_myogo_has_does_not_wait_for_a_shipment(shop_of: ShopOf) -> None:
    """Its shipment is gone in Centra: it is open in myOGO (reported once, as that), shipped, or cancelled there."""
    shop = shop_with_orders(shop_of)
    for _ in range(4):
        order(shop)
    assert orders(shop).exit_code == 0
    shop.box.ship("demo-1002-1", ["A"], None)
    shop.box.cancel("demo-1003-1")
    for number in (1001, 1002, 1003):
        shop.box.change_centra_order(number, lines=[{"code": "SKU1", "qty": 1}])  # Centra drops the shipment
    orders(shop)
    assert shop.sql("select code, rule from out_myogo.warnings order by 1") == [("1003", "ORDER-015")]
    assert withheld(shop) == [("demo-1001-1", "ORDER-007")]


def test_a_destination_is_stored_as_a_digest_for_some_time(shop_of: ShopOf) -> None:
    """A digest must not reveal that two orders have the same address. Old digests are deleted."""
    shop = shop_with_orders(shop_of)
    placed = order(shop)
    order(shop, **{name: value for name, value in placed.items() if name.startswith("delivery")})
    assert orders(shop).exit_code == 0
    query = "select key, json_extract_string(after, '$.destination'), json_extract_string(after, '$.status') "
    query += "from sync.changes where flow = 'orders' order by 1"
    digests = {key: digest for key, digest, _ in shop.sql(query)}
    assert [*digests] == ["demo-1001-1", "demo-1002-1"]
    assert len(set(digests.values())) == 2
    assert all(re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", digest) for digest in digests.values())
    with closing(Store(Folder(shop.data, "demo"), SCHEMA)) as store:
        assert recorded_destinations(store) == digests
    ((columns,),) = shop.sql("select string_agg(column_name) from duckdb_columns() where table_name = 'orders'")
    assert "destination" not in columns
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("update sync.changes set run_id = '20200101T000000-000000'")
    assert orders(shop).exit_code == 0
    assert [row[1:] for row in shop.sql(query)] == [(None, "New")] * 2


def test_orders_can_be_the_source_instead_of_shipments(shop_of: ShopOf) -> None:
    """Selected by their status; orders on hold are withheld. One that is cancelled or put on hold after it was sent is
    withheld too, although the plugin still lists it. Orders in myOGO that are older than Centra's list, which covers
    recent orders only, are not withheld: lower order numbers are older."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.box.switch("centra", on_hold=True, order_statuses=["1", "2", "3", "4", "6"])
    order(shop, shipment=False, orderDate="2026-01-05 10:00:00")
    order(shop)
    order(shop, shipment=False, status="1")
    order(shop, shipment=False, hold=1)
    order(shop, shipment=False)
    order(shop, shipment=False)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["skipped"], withheld(shop)) == (3, 1, [("demo-1004", "ORDER-018")])
    assert [one["reference"] for one in sent(shop)] == ["demo-1002", "demo-1005", "demo-1006"]

    shop.box.change_centra_order(1005, status="6")
    shop.box.change_centra_order(1006, hold=1)
    rows = [{name: row[name] for name in ("reference", "status", "orderLines")} for row in sent(shop)]
    older = rows[0] | {"reference": "demo-1001"}
    shop.box.add_fault(
        side="myogo", kind="body", method="GET", path="modifiedafter", times=FOREVER, body=[older, *rows]
    )
    report = orders(shop)
    assert (report.exit_code, withheld(shop)) == (
        3, [("demo-1004", "ORDER-018"), ("demo-1005", "ORDER-007"), ("demo-1006", "ORDER-007")]
    )  # fmt: skip
    assert (report.flows["orders"]["read"], report.flows["orders"]["skipped"]) == (5, 1)


def test_a_product_created_by_the_products_flow_is_known_to_the_orders_flow(shop_of: ShopOf) -> None:
    """It was created after the products were read; the orders flow does not read them again. A failed products run
    later does not make it unknown."""
    shop = shop_with_orders(shop_of, size(1, physical=10), size(2, physical=10), myogo=[{"code": "SKU1", "stock": 10}])
    shop.run("push", flows=("products",))
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (3, 1)  # its goods are not there yet
    shop.box.change_myogo_product("SKU2", stock=10)
    shop.box.change_myogo_order("demo-1001-1", status="New")
    shop.box.add_fault(side="myogo", kind="status", status=503, method="GET", path="/products?", times=FOREVER)
    assert shop.run("plan", flows=("products",)).exit_code == 5
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    assert (orders(shop).exit_code, len(sent(shop))) == (0, 2)


UNCLEAR: list[tuple[dict[str, Any], str]] = [
    ({"kind": "drop_after"}, "applied"),  # made, answer lost
    ({"kind": "drop"}, "unknown"),  # never arrived
    ({"kind": "status", "status": 500}, "applied"),  # not served, sent again
    ({"kind": "status_after", "status": 502}, "applied"),  # made, a gateway failed
    ({"kind": "truncated"}, "applied"),  # made, answer cut off
]


def test_an_order_is_created_once(shop_of: ShopOf) -> None:
    """It is looked up before the POST and after each unclear answer; the next run finds it."""
    shop = shop_with_orders(shop_of)
    where = {"side": "myogo", "method": "POST", "path": "/api/v1/orders"}
    outcomes: dict[str, str] = {}
    for number, (fault, outcome) in enumerate(UNCLEAR, start=1001):
        order(shop, lines=[{"code": "SKU1", "qty": 1}])
        shop.box.add_fault(**where, **fault, contains=f"demo-{number}-1")
        outcomes[f"demo-{number}-1"] = outcome
    assert orders(shop).exit_code == 3
    assert {key: outcome for key, _, outcome in journal(shop)} == outcomes
    order(shop, lines=[{"code": "SKU1", "qty": 1}])
    shop.box.add_fault(**where, kind="status", status=403, contains="demo-1006-1")  # a scope is missing
    assert orders(shop).exit_code == 2
    assert orders(shop).exit_code == 0
    assert [one["reference"] for one in sent(shop)] == [*outcomes, "demo-1006-1"]


def test_personal_data_in_a_refusal_is_masked(shop_of: ShopOf) -> None:
    """Word by word, in any case, comments included, and before the message is cut."""
    shop = shop_with_orders(shop_of)
    order(shop, deliveryName="Aino Mäkelä")
    order(shop, deliveryName="Aino Mäkelä", deliveryEmail="aino.makela@example.test", shipwallet_doorcode="4321#")
    long = "x" * 290 + " AINO MÄKELÄ aino.makela@example.test, door code: 4321#"
    for key, text in (("demo-1001-1", "The customer Aino Mäkelä is not welcome."), ("demo-1002-1", long)):
        shop.box.add_fault(
            side="myogo", kind="status", method="POST", path="/api/v1/orders", status=400, times=9, contains=key,
            body={"statusCode": 400, "message": text},
        )  # fmt: skip
    assert orders(shop).exit_code == 3
    messages = dict(shop.sql("select key, message from sync.journal"))
    assert messages["demo-1001-1"] == "HTTP 400: The customer … is not welcome."
    assert messages["demo-1002-1"].startswith("HTTP 400: xxx")
    assert [word for word in ("AINO", "MÄKELÄ", "aino", "4321") if word in messages["demo-1002-1"]] == []


def test_a_plan_beyond_max_creates_is_refused(shop_of: ShopOf) -> None:
    shop = shop_with_orders(shop_of)
    shop.edit("[flows.orders.params]", "[flows.orders.limits]\nmax_creates = 1\n\n[flows.orders.params]")
    order(shop)
    order(shop)
    report = orders(shop)
    assert (report.exit_code, sent(shop)) == (4, [])
    assert "2 orders would be created (demo-1001-1, demo-1002-1), more than max_creates = 1" in report.message


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
    first = shop.json("plan", "--flow", "orders")["fingerprint"]
    shop.box.change_centra_order(1001, deliveryCity="Turku")
    document = shop.json("push", "--flow", "orders", "--expect", first)
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


def test_an_order_missing_from_the_list_of_myogo_is_looked_up(shop_of: ShopOf) -> None:
    """The list covers recently changed orders only; an older order is still compared."""
    shop = shop_with_orders(shop_of)
    order(shop)
    order(shop)
    assert orders(shop).exit_code == 0
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders?modifiedafter", body=[], times=9)
    shop.box.change_myogo_order("demo-1002-1", orderLines=[{"code": "SKU1", "quantity": 1}])
    report = orders(shop)
    assert (report.exit_code, withheld(shop)) == (3, [("demo-1002-1", "ORDER-006")])
    assert (report.flows["orders"]["unchanged"], report.flows["orders"]["create"]) == (1, 0)


def test_orders_of_another_merchant_do_not_count_as_sent(shop_of: ShopOf) -> None:
    """After the switch from a demo merchant to the real one, only the orders in myOGO count."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    with Sandbox.start(catalogue(myogo=[{"code": "SKU1", "stock": 10}])) as other:
        shop.edit(shop.box.myogo_url, other.myogo_url)
        assert orders(shop).flows["orders"]["applied"] == 1
        assert [one["reference"] for one in other.myogo_orders()] == ["demo-1001-1"]


@pytest.mark.parametrize(
    ("side", "path", "fault"),
    [
        ("centra", "/shipments", {"kind": "status", "status": 500}),
        ("centra", "/orders", {"kind": "html"}),
        ("myogo", "/api/v1/orders", {"kind": "body"}),
    ],
    ids=["status", "html", "body"],
)
def test_a_failed_answer_is_not_quoted(
    shop_of: ShopOf, capfd: pytest.CaptureFixture[str], side: str, path: str, fault: dict[str, Any]
) -> None:
    """It may contain personal data. Each list with each kind of answer: tests/systems/test_order_clients.py."""
    shop = shop_with_orders(shop_of)
    order(shop)
    body = {"name": "Aino Mäkelä", "address1": "Hämeentie 12"}
    answer = f"<html>{body}</html>" if fault["kind"] == "html" else body
    shop.edit("backoff_s           = 0.001", "attempts            = 1\nbackoff_s           = 0.001")
    shop.box.add_fault(side=side, method="GET", path=path, times=9, body=answer, **fault)
    report = orders(shop)
    assert report.exit_code in (2, 5)
    output = report.message + capfd.readouterr().err + str(shop.sql("select message from sync.runs"))
    assert "Mäkelä" not in output
    assert "Hämeentie" not in output


def test_an_empty_list_of_shipments_is_read_again(shop_of: ShopOf) -> None:
    """Otherwise a run would report that all open orders in myOGO must be cancelled."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert orders(shop).exit_code == 0
    order(shop)
    shop.box.add_fault(side="centra", kind="empty_page", method="GET", path="status=goodtogo", times=1)
    report = orders(shop)
    assert (report.exit_code, report.flows["orders"]["applied"]) == (0, 1)
