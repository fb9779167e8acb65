"""The tracking flow, myOGO's shipped orders to Centra's shipments, in complete runs over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from pipelines.engine import extract
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders
from tests.end_to_end.test_orders import order, orders, shop_with_orders
from tests.support import child_process
from tests.support.shop import Shop
from tests.support.shop_helpers import FOREVER, centra_of, journal, withheld_rows_of

ShopOf = Callable[..., Shop]
TABLE = """
[flows.tracking.params]
starting = 2026-01-01

[flows.tracking.params.carriers]
HOME = { carrier = "Posti", service = "Home parcel" }
"""


def shop_with_tracking(shop_of: ShopOf, count: int = 0, **fields: Any) -> Shop:
    """A shop with `count` orders in Centra, and a channel with the orders flow and the tracking flow."""
    shop = shop_with_orders(shop_of)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    for _ in range(count):
        order(shop, lines=[{"code": "SKU1", "qty": 1}], **fields)
    return shop


def shop_with_sent_orders(shop_of: ShopOf, count: int = 1, **fields: Any) -> Shop:
    """The same shop; myOGO has the orders too, as if another installation had sent them."""
    shop = shop_with_tracking(shop_of, count, **fields)
    create_in_myogo(shop, *(f"demo-{number}-1" for number in range(1001, 1001 + count)))
    return shop


def create_in_myogo(shop: Shop, *references: str, **fields: Any) -> None:
    """Creates orders in myOGO through its API, as the orders flow does, each for one unit of SKU1."""
    customer = {"name": "A", "address1": "B", "zip": "1", "city": "C", "countryCode": "FI"}
    body = {"status": "New", "test": False, "shippingCode": "HOME", "customer": customer}
    body |= {"orderLines": [{"code": "SKU1", "quantity": 1}]} | fields
    with closing(MyOgoClient(shop.channel().systems["myogo"], ("read:order", "write:order"))) as client:
        for reference in references:
            MyOgoOrders(client).create(body | {"reference": reference})


def tracking(shop: Shop, verb: str = "push", **options: Any) -> Any:
    return shop.run(verb, flows=("tracking",), **options)


def shipments(shop: Shop) -> dict[str, Any]:
    return {one["shipmentId"]: one for one in shop.box.centra_shipments()}


def completions(shop: Shop) -> list[dict[str, Any]]:
    """The bodies of the requests that complete a shipment in Centra."""
    return [e["body"] for e in shop.box.requests("centra") if e["method"] != "GET" and e["path"].endswith("/shipment")]


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return [row[:2] for row in withheld_rows_of(shop, "tracking")]


def test_a_shipped_order_completes_its_shipment(shop_of: ShopOf) -> None:
    """Once, with carrier, service and all tracking numbers. Orders of another shop are ignored."""
    shop = shop_with_sent_orders(shop_of, 2)
    create_in_myogo(shop, "other-1002-1")
    shop.box.ship("demo-1001-1", ["JJFI1", "JJFI2"], None)
    shop.box.ship("other-1002-1", ["X"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["applied"], report.flows["tracking"]["skipped"]) == (0, 1, 1)
    assert report.flows["tracking"]["read"] == 2
    assert completions(shop) == [
        {"order": "1001", "shipment": "1001-1", "gtg": True, "shipped": True, "capture": False, "carrier": "Posti",
         "service": "Home parcel", "packages": 2, "tracking": "JJFI1, JJFI2"},
    ]  # fmt: skip
    by_id = shipments(shop)
    assert (by_id["1001-1"]["completed"], by_id["1002-1"]["completed"]) == (True, False)
    assert (by_id["1001-1"]["trackingNumber"], by_id["1001-1"]["carrier"]) == ("JJFI1, JJFI2", "Posti")
    assert shop.box.centra_order(1001)["status"] == "4"
    again = tracking(shop)
    assert (again.exit_code, again.flows["tracking"]["unchanged"]) == (0, 1)
    assert len(completions(shop)) == 1
    assert shop.sql("select rule from out_centra.warnings") == []


def test_each_rule_withholds_its_orders_in_a_run(shop_of: ShopOf) -> None:
    """The other shipments are completed, and a shipment is completed after its cause is fixed."""
    shop = shop_with_sent_orders(shop_of, 9)
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\nwait_for_tracking_hours = 0\n")
    shop.box.change_myogo_order("demo-1004-1", shippingCode="PICKUP")  # a code without a configured carrier
    shop.box.change_myogo_order("demo-1007-1", test=True)
    shop.box.change_myogo_order("demo-1008-1", orderLines=[{"code": "SKU2", "quantity": 1}])
    shop.box.cancel("demo-1001-1")
    for number in range(1002, 1010):
        shop.box.ship(f"demo-{number}-1", ["A"] if number != 1004 else [], None)
    shop.box.take_back("demo-1002-1")
    shop.box.switch("myogo", duplicate_order="accept")
    create_in_myogo(shop, "demo-1006-1")  # one is shipped and one is new, so it is not known which one is meant
    shop.box.change_centra_shipment("1003-1", paid=0, should_capture=1)
    shop.box.change_centra_shipment("1005-1", gtg=0)
    shop.box.change_centra_shipment("1009-1", paid=0, should_capture=0)
    report = tracking(shop)
    assert report.exit_code == 3
    assert withheld(shop) == [
        ("demo-1001-1", "TRACK-001"),
        ("demo-1002-1", "TRACK-001"),
        ("demo-1003-1", "TRACK-002"),
        ("demo-1005-1", "TRACK-004"),
        ("demo-1006-1", "TRACK-005"),
        ("demo-1007-1", "TRACK-006"),
        ("demo-1008-1", "TRACK-007"),
    ]
    assert dict(shop.sql("select rule, message from sync.withheld"))["TRACK-007"] == (
        "myOGO shipped 1 of 'SKU2'; shipment 1008-1 contains 1 of 'SKU1'."
    )
    assert shop.sql("select code, rule from out_centra.warnings") == [("demo-1004-1", "TRACK-003")]
    by_id = {body["shipment"]: body for body in completions(shop)}
    assert [*by_id] == ["1004-1", "1009-1"]
    body = by_id["1004-1"]
    assert ("tracking" in body, body["carrier"], body["packages"]) == (False, "PICKUP", 1)
    # Centra answers ok and leaves an unpaid shipment open.
    assert (report.flows["tracking"]["applied"], report.flows["tracking"]["refused"]) == (1, 1)
    ((message,),) = shop.sql("select message from sync.journal where flow = 'tracking' and outcome = 'refused'")
    assert "left the shipment open" in message

    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\ncapture = true\nlines_must_match = false\n")
    shop.edit("test     = false", "test     = true")
    shop.box.change_centra_shipment("1005-1", gtg=1)
    shop.box.change_centra_shipment("1009-1", paid=1)
    shop.box.change_myogo_order("demo-1004-1", trackingNumber="JJFI9")
    report = tracking(shop)
    assert (report.flows["tracking"]["applied"], report.flows["tracking"]["unchanged"]) == (5, 1)
    assert [rule for _, rule in withheld(shop)] == ["TRACK-001", "TRACK-001", "TRACK-005"]
    # The completion also captures the payment; a paid shipment is not captured again.
    captures = {body["shipment"]: body["capture"] for body in completions(shop)}
    due = {"1003-1": True, "1005-1": False, "1007-1": False, "1008-1": False, "1009-1": False}
    assert captures == {"1004-1": False} | due
    assert [one for one, row in shipments(shop).items() if row["completed"]] == ["1003-1", "1004-1", *[*due][1:]]
    assert shop.sql("select code, rule, message from out_centra.warnings") == [
        ("demo-1004-1", "TRACK-008", "myOGO has JJFI9; Centra has none.")
    ]


def test_a_shipment_that_stays_unpaid_is_refused_once(shop_of: ShopOf) -> None:
    """Centra answers ok and leaves it open. It is completed once somebody has captured the payment."""
    shop = shop_with_sent_orders(shop_of, 2)
    shop.box.change_centra_shipment("1002-1", paid=0, should_capture=0)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.ship("demo-1002-1", ["B"], None)
    assert tracking(shop).flows["tracking"]["refused"] == 1
    for _ in range(2):
        report = tracking(shop)
        assert (report.flows["tracking"]["update"], withheld(shop)) == (0, [("demo-1002-1", "TRACK-002")])
    assert [body["shipment"] for body in completions(shop)] == ["1001-1", "1002-1"]
    assert shop.sql("select count(*) from sync.issues where rule = 'TRACK-002'") == [(1,)]
    shop.box.change_centra_shipment("1002-1", paid=1)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["applied"], withheld(shop)) == (0, 1, [])
    assert shop.sql("select closed_reason from sync.issues where rule = 'TRACK-002'") == [("fixed",)]


def test_a_shipment_is_completed_once_its_tracking_number_is_there(shop_of: ShopOf) -> None:
    """Until then it is skipped with a warning and stays open, except a method without tracking numbers. When the time
    is over it is completed without one."""
    shop = shop_with_sent_orders(shop_of, 3)
    shop.edit("[flows.tracking.params.carriers]\n", '[flows.tracking.params.carriers]\nPICKUP = { carrier = "Posti", '
              'service = "Letter", tracked = false }\n')  # fmt: skip
    shop.box.change_myogo_order("demo-1002-1", shippingCode="PICKUP")
    for number in (1001, 1002, 1003):
        shop.box.ship(f"demo-{number}-1", [], None)
    report = tracking(shop)
    counts = report.flows["tracking"]
    assert (report.exit_code, counts["read"], counts["skipped"], counts["applied"]) == (0, 3, 2, 1)
    assert [body["shipment"] for body in completions(shop)] == ["1002-1"]
    warned = "select code, rule from out_centra.warnings order by 1"
    assert shop.sql(warned) == [("demo-1001-1", "TRACK-009"), ("demo-1003-1", "TRACK-009")]
    shop.box.change_myogo_order("demo-1001-1", trackingNumber="JJFI1")
    assert tracking(shop).flows["tracking"]["applied"] == 1
    assert completions(shop)[-1]["tracking"] == "JJFI1"
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\nwait_for_tracking_hours = 0\n")
    assert tracking(shop).flows["tracking"]["applied"] == 1
    assert shop.sql(warned) == [("demo-1003-1", "TRACK-003")]
    assert [one for one, row in shipments(shop).items() if row["completed"]] == ["1001-1", "1002-1", "1003-1"]


def test_an_order_that_came_back_after_its_completion_is_named(shop_of: ShopOf) -> None:
    """Also one that was completed by hand. Not one whose shipment is open (TRACK-001), nor one that was cancelled."""
    shop = shop_with_sent_orders(shop_of, 4)
    for number in (1001, 1002, 1003):
        shop.box.ship(f"demo-{number}-1", ["A"], None)
    shop.box.change_centra_shipment("1003-1", gtg=0)
    shop.box.cancel("demo-1004-1")
    tracking(shop)
    shop.box.take_back("demo-1001-1")
    shop.box.take_back("demo-1003-1")
    tracking(shop)
    assert shop.sql("select code, source_id, rule from out_centra.warnings order by 1") == [
        ("demo-1001-1", "1001-1", "TRACK-010"), ("demo-1003-1", "1003-1", "TRACK-010"),
    ]  # fmt: skip


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_order_that_myogo_holds_twice_is_withheld_in_any_sequence(shop_of: ShopOf, newest_first: bool) -> None:
    """One is shipped and one is new: it is not known which one is meant, whichever myOGO lists first."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.switch("myogo", duplicate_order="accept")
    shop.box.ship("demo-1001-1", ["A"], None)
    create_in_myogo(shop, "demo-1001-1")
    listed = sorted(shop.box.myogo_orders(), key=lambda row: str(row["status"]).casefold() == "shipped")
    shop.box.add_fault(
        side="myogo", kind="body", method="GET", path="/api/v1/Orders", times=9,
        body=listed if newest_first else listed[::-1],
    )  # fmt: skip
    assert tracking(shop).exit_code == 3
    assert (withheld(shop), completions(shop)) == ([("demo-1001-1", "TRACK-005")], [])


UNCLEAR: list[tuple[dict[str, Any], str]] = [
    ({"kind": "drop_after"}, "applied"),  # done, answer lost
    ({"kind": "drop"}, "unknown"),  # never arrived
    ({"kind": "status_after", "status": 502}, "applied"),  # done, a gateway failed
    ({"kind": "no", "msg": "order in wrong market"}, "refused"),
]


def test_a_shipment_is_completed_once(shop_of: ShopOf) -> None:
    """After an unclear answer the shipment is looked up; the next run completes an open one."""
    shop = shop_with_sent_orders(shop_of, len(UNCLEAR))
    where = {"side": "centra", "method": "PUT", "path": "/shipment?$"}
    outcomes: dict[str, str] = {}
    for number, (fault, outcome) in enumerate(UNCLEAR, start=1001):
        shop.box.ship(f"demo-{number}-1", ["A"], None)
        shop.box.add_fault(**where, **fault, contains=f"{number}-1")
        outcomes[f"{number}-1"] = outcome
    assert tracking(shop).exit_code == 3
    assert {key: outcome for key, _, outcome in journal(shop)} == outcomes
    for status, code in ((503, 5), (403, 2)):  # not served, not allowed
        shop.box.add_fault(**where, kind="status", status=status, times=9)
        assert tracking(shop).exit_code == code
        shop.box.clear_faults()
    assert tracking(shop).exit_code == 0
    assert {one: row["completed"] for one, row in shipments(shop).items()} == dict.fromkeys(outcomes, True)


def test_all_shipments_of_an_order_are_completed(shop_of: ShopOf) -> None:
    """With source = "orders" an order in myOGO stands for all shipments of the order in Centra. The tracking flow uses
    the prefix of the orders flow: the setting is given once."""
    shop = shop_with_tracking(shop_of, 1)
    shop.edit("[flows.orders.params]\n", '[flows.orders.params]\nsource = "orders"\nprefix = "shop"\n')
    create_in_myogo(shop, "shop-1001")
    shop.box.ship("shop-1001", ["A"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["applied"]) == (0, 1)
    assert shipments(shop)["1001-1"]["completed"] is True


def test_all_four_flows_in_one_run(shop_of: ShopOf) -> None:
    """Each flow has its counts; orders are checked against the products that the same run read."""
    shop = shop_with_sent_orders(shop_of)
    shop.text += "\n[flows.stock.params]\ngoods_received = true\n"
    shop.file.write_text(shop.text)
    shop.box.ship("demo-1001-1", ["A"], None)
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    shop.box.change_myogo_product("SKU3", stock=7)  # the amounts of the other two follow from their orders
    report = shop.run("push")
    assert (report.exit_code, report.message) == (0, "")
    assert list(report.flows) == ["products", "orders", "tracking", "stock"]
    assert report.flows["orders"]["applied"] == 1
    assert report.flows["tracking"]["applied"] == 1
    assert report.flows["stock"]["applied"] == 1
    again = shop.run("push")
    assert again.exit_code == 0
    assert (again.flows["orders"]["unchanged"], again.flows["tracking"]["unchanged"]) == (1, 1)


def test_a_run_killed_during_a_write_is_completed_by_the_next_run(shop_of: ShopOf) -> None:
    """The next run looks up the outcome; nothing is done twice."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    # The first POST to myOGO is that for a token.
    for flow, place in (
        ("orders", child_process.SignalAt("myOGO: after POST", 2, signal.SIGKILL)),
        ("tracking", child_process.SignalAt("Centra: after PUT", 1, signal.SIGKILL)),
    ):
        arguments = ("push", str(shop.file), "--flow", flow, "--data", str(shop.data))
        finished = child_process.run(*arguments, folder=shop.folder, signal_at=place)
        assert finished.code == -signal.SIGKILL
    assert (len(shop.box.myogo_orders()), len(completions(shop))) == (2, 1)
    report = shop.run("push", flows=("orders", "tracking"))
    assert report.exit_code == 0
    assert {flow: report.flows[flow]["applied"] for flow in report.flows} == {"orders": 0, "tracking": 0}
    assert (len(shop.box.myogo_orders()), len(completions(shop))) == (2, 1)
    assert shop.sql("select flow, count(*) from sync.journal where outcome = 'unknown' group by 1 order by 1") == [
        ("orders", 1), ("tracking", 1),
    ]  # fmt: skip


def test_a_shipment_completed_long_ago_is_looked_up(shop_of: ShopOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not in Centra's list of recent shipments, and not completed from here; the look-up by its order finds it.
    Shipments beyond the limit of look-ups per run are skipped."""
    shop = shop_with_sent_orders(shop_of, 3)
    for number in (1001, 1002, 1003):
        shop.box.ship(f"demo-{number}-1", ["A"], None)
        with centra_of(shop) as client:
            body = {"order": f"{number}", "shipment": f"{number}-1", "gtg": True, "shipped": True, "capture": False}
            CentraOrders(client).complete("PUT", body | {"tracking": "A"})
    assert [row["completed"] for row in shipments(shop).values()] == [True] * 3
    empty: dict[str, Any] = {"status": "ok", "shipments": []}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="/shipments?status=completed&newer_than", body=empty, times=9
    )
    for limit, found in ((1, 1), (extract.MAX_LOOKUPS, 3)):
        monkeypatch.setattr(extract, "MAX_LOOKUPS", limit)
        report = tracking(shop)
        assert (report.exit_code, withheld(shop)) == (0, [])
        assert (report.flows["tracking"]["unchanged"], report.flows["tracking"]["skipped"]) == (found, 3 - found)
    assert len(completions(shop)) == 3


def test_a_redirect_of_a_write_is_not_followed_and_the_outcome_is_looked_up(shop_of: ShopOf) -> None:
    """The key is not sent to the other host."""
    shop = shop_with_sent_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    shop.box.ship("demo-1001-1", ["A"], None)
    for method, path in (("PUT", "/shipment"), ("PUT", "/capture")):
        shop.box.add_fault(side="centra", kind="status_after", status=302, method=method, path=path,
                           headers={"Location": "http://127.0.0.1:9/"})  # fmt: skip
    report = shop.run("push", flows=("orders", "tracking"))
    assert report.exit_code == 0, report.message
    assert {flow: report.flows[flow]["applied"] for flow in report.flows} == {"orders": 1, "tracking": 1}


def test_a_shipment_that_waited_for_long_is_completed(shop_of: ShopOf) -> None:
    """myOGO no longer lists its order; the look-up by its reference finds it. Later runs know that it was completed
    from here, without a look-up, also if Centra's list of recent shipments no longer has it."""
    shop = shop_with_tracking(shop_of, 1)
    assert orders(shop).flows["orders"]["applied"] == 1
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=[], times=FOREVER)
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)
    shop.box.clear_faults()
    empty: dict[str, Any] = {"status": "ok", "shipments": []}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="/shipments?status=completed&newer_than", body=empty, times=9
    )
    before = len(shop.box.requests("centra"))
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["unchanged"], len(completions(shop))) == (0, 1, 1)
    assert [e for e in shop.box.requests("centra")[before:] if "order=1001" in e["query"]] == []


def test_the_starting_day_applies_also_if_another_flow_reads_older_orders(shop_of: ShopOf) -> None:
    """The orders flow has an earlier starting day."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.edit("[flows.tracking.params]\nstarting = 2026-01-01", "[flows.tracking.params]\nstarting = 2099-01-01")
    report = shop.run("push", flows=("orders", "tracking"))
    assert (report.exit_code, completions(shop)) == (0, [])


def test_a_completion_that_cannot_be_verified_is_unknown(shop_of: ShopOf) -> None:
    """Centra answers ok and then fails: the outcome is not "not attempted", because the shipment may be completed."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(
        side="centra",
        kind="status",
        status=503,
        method="GET",
        path="order=1001&status=completed",
        skip=1,
        times=FOREVER,
    )
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["unknown"]) == (5, 1)
    assert shop.sql("select outcome from sync.journal where flow = 'tracking'") == [("unknown",)]
    shop.box.clear_faults()
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)
