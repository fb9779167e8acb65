"""What myOGO has shipped to Centra's shipments: the whole line, over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from pipelines.engine import extract
from tests.end_to_end.test_orders import order, orders, selling
from tests.support import child_process
from tests.support.shop import Shop
from tests.support.shop_helpers import FOREVER, withheld_of

ShopOf = Callable[..., Shop]
TABLE = """
[flows.tracking.params]
starting = 2026-01-01

[flows.tracking.params.carriers]
HOME = { carrier = "Posti", service = "Home parcel" }
"""


def shipping(shop_of: ShopOf, count: int = 1, **given: Any) -> Shop:
    """A shop with so many orders in myOGO, and a channel with both flows."""
    shop = selling(shop_of)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    for _ in range(count):
        order(shop, lines=[{"code": "SKU1", "qty": 1}], **given)
    assert orders(shop).flows["orders"]["applied"] == count
    return shop


def tracking(shop: Shop, verb: str = "push", **asked: Any) -> Any:
    return shop.run(verb, flows=("tracking",), **asked)


def shipments(shop: Shop) -> dict[str, Any]:
    return {one["shipmentId"]: one for one in shop.box.centra_shipments()}


def completions(shop: Shop) -> list[dict[str, Any]]:
    """The bodies that Centra was sent to complete a shipment."""
    return [e["body"] for e in shop.box.requests("centra") if e["method"] != "GET" and e["path"].endswith("/shipment")]


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return [row[:2] for row in withheld_of(shop, "tracking")]


def test_a_shipped_order_completes_its_shipment(shop_of: ShopOf) -> None:
    """With carrier, service and all its numbers, everything said outright; once."""
    shop = shipping(shop_of, 2)
    assert tracking(shop).flows["tracking"]["skipped"] == 2
    shop.box.ship("demo-1001-1", ["JJFI1", "JJFI2"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["applied"], report.flows["tracking"]["skipped"]) == (0, 1, 1)
    assert completions(shop) == [
        {"order": "1001", "shipment": "1001-1", "gtg": True, "shipped": True, "capture": False, "carrier": "Posti",
         "service": "Home parcel", "packages": 2, "tracking": "JJFI1, JJFI2"},
    ]  # fmt: skip
    there = shipments(shop)
    assert (there["1001-1"]["completed"], there["1002-1"]["completed"]) == (True, False)
    assert (there["1001-1"]["trackingNumber"], there["1001-1"]["carrier"]) == ("JJFI1, JJFI2", "Posti")
    assert shop.box.centra_order(1001)["status"] == "4"
    again = tracking(shop)
    assert (again.exit_code, again.flows["tracking"]["unchanged"]) == (0, 1)
    assert len(completions(shop)) == 1


def test_no_number_and_no_carrier(shop_of: ShopOf) -> None:
    """It is completed all the same and told; a code that is not named stands for itself."""
    shop = shipping(shop_of)
    shop.edit('HOME = { carrier = "Posti", service = "Home parcel" }\n', "")
    shop.box.ship("demo-1001-1", [], None)
    assert tracking(shop).exit_code == 0
    (body,) = completions(shop)
    assert ("tracking" in body, body["carrier"], body["packages"]) == (False, "HOME", 1)
    assert shop.sql("select code, rule from out_centra.warnings") == [("demo-1001-1", "TRACK-003")]


def test_what_ended_otherwise_needs_a_person(shop_of: ShopOf) -> None:
    shop = shipping(shop_of, 3)
    shop.box.cancel("demo-1001-1")
    shop.box.ship("demo-1002-1", ["A"], None)
    shop.box.take_back("demo-1002-1")
    report = tracking(shop)
    assert (report.exit_code, completions(shop)) == (3, [])
    assert withheld(shop) == [("demo-1001-1", "TRACK-001"), ("demo-1002-1", "TRACK-001")]


def test_a_payment_that_is_still_owed(shop_of: ShopOf) -> None:
    """Without capture the shipment is left to a person; with it, completing takes the payment."""
    shop = shipping(shop_of)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=1)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-002")])
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\ncapture = true\n")
    assert tracking(shop).exit_code == 0
    assert completions(shop)[0]["capture"] is True
    assert shipments(shop)["1001-1"]["completed"] is True


def test_ok_is_not_taken_for_completed(shop_of: ShopOf) -> None:
    """Centra answers ok and leaves open what is not paid: told, and tried again by the next run."""
    shop = shipping(shop_of)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=0)
    shop.box.ship("demo-1001-1", ["A"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["refused"]) == (3, 1)
    assert "left the shipment open" in shop.sql("select message from sync.journal where flow = 'tracking'")[0][0]
    shop.box.change_centra_shipment("1001-1", paid=1)
    assert tracking(shop).exit_code == 0


@pytest.mark.parametrize(("served", "wrong"), [("PUT", 405), ("PUT", 404), ("POST", 405)])
def test_the_verb_that_is_not_served_is_tried_once(shop_of: ShopOf, served: str, wrong: int) -> None:
    shop = shipping(shop_of)
    shop.box.switch("centra", completion_verb=served, wrong_verb=wrong)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    asked = [e["method"] for e in shop.box.requests("centra") if e["path"].endswith("/shipment")]
    tried = [method for method in asked if method != "GET"]
    assert tried == (["POST"] if served == "POST" else ["POST", "PUT"])


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        pytest.param("drop_after", {}, 0, id="done, answer lost"),
        pytest.param("drop", {}, 3, id="never arrived, nobody knows"),
        pytest.param("status_after", {"status": 502}, 0, id="done, a gateway failed"),
        pytest.param("status", {"status": 503}, 5, id="not served"),
        pytest.param("no", {"msg": "order in wrong market"}, 3, id="refused"),
        pytest.param("status", {"status": 403}, 2, id="not allowed"),
    ],
)
def test_a_shipment_is_completed_once(shop_of: ShopOf, kind: str, options: dict[str, Any], code: int) -> None:
    """What came of an unclear answer is looked up; what is still open is completed by the next run."""
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(side="centra", kind=kind, method="POST", path="/shipment$", **options)
    shop.box.add_fault(side="centra", kind=kind, method="POST", path="/shipment?$", **options)
    assert tracking(shop).exit_code == code
    shop.box.clear_faults()
    assert tracking(shop).exit_code == 0
    assert shipments(shop)["1001-1"]["completed"] is True


def test_orders_of_another_shop_are_not_ours(shop_of: ShopOf) -> None:
    shop = shipping(shop_of)
    shop.edit("[flows.tracking.params]\n", '[flows.tracking.params]\nprefix = "other"\n')
    shop.box.ship("demo-1001-1", ["A"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["read"], completions(shop)) == (0, 0, [])


def test_all_shipments_of_an_order_that_was_sent_whole(shop_of: ShopOf) -> None:
    """Where orders, not shipments, become orders of myOGO."""
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.text += TABLE
    shop.file.write_text(shop.text)
    order(shop)
    assert orders(shop).flows["orders"]["applied"] == 1
    shop.box.ship("demo-1001", ["A"], None)
    assert tracking(shop).exit_code == 0
    assert shipments(shop)["1001-1"]["completed"] is True


def test_all_four_flows_in_one_run(shop_of: ShopOf) -> None:
    """Each counted for itself; orders are judged by what the same run read of the products."""
    shop = shipping(shop_of)
    shop.text += "\n[flows.stock.params]\ngoods_received = true\n"
    shop.file.write_text(shop.text)
    shop.box.ship("demo-1001-1", ["A"], None)
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    report = shop.run("push")
    assert (report.exit_code, report.message) == (0, "")
    assert list(report.flows) == ["products", "orders", "tracking", "stock"]
    assert report.flows["orders"]["applied"] == 1
    assert report.flows["tracking"]["applied"] == 1
    assert report.flows["stock"]["applied"] == 1
    again = shop.run("push")
    assert again.exit_code == 0
    assert (again.flows["orders"]["unchanged"], again.flows["tracking"]["unchanged"]) == (1, 1)


@pytest.mark.parametrize("flow", ["orders", "tracking"])
def test_a_run_killed_in_the_middle_of_a_write(shop_of: ShopOf, flow: str) -> None:
    """Whatever it was about to hear, the next run finds out; nothing is done twice."""
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    place = "myOGO: after POST" if flow == "orders" else "Centra: after POST"
    gone = child_process.run(
        "push", str(shop.file), "--flow", flow, "--data", str(shop.data),
        folder=shop.folder, blow=child_process.Blow(place, 2 if flow == "orders" else 1, signal.SIGKILL),
    )  # fmt: skip
    assert gone.code == -signal.SIGKILL
    report = shop.run("push", flows=(flow,))
    assert (report.exit_code, report.flows[flow]["applied"]) == (0, 0)
    assert len(shop.box.myogo_orders()) == (2 if flow == "orders" else 1)
    assert len(completions(shop)) == (flow == "tracking")
    assert shop.sql("select count(*) from sync.journal where outcome = 'unknown'") == [(1,)]


def test_what_has_left_and_is_not_known_as_completed(shop_of: ShopOf) -> None:
    """On hold in Centra after the import: nobody else would tell. It heals once it is good to go again."""
    shop = shipping(shop_of)
    shop.box.change_centra_shipment("1001-1", gtg=0)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-004")])
    shop.box.change_centra_shipment("1001-1", gtg=1)
    assert tracking(shop).flows["tracking"]["applied"] == 1
    assert tracking(shop).flows["tracking"]["unchanged"] == 1


def test_a_reference_that_myogo_has_twice(shop_of: ShopOf) -> None:
    """Shipped and new at once: which of them is meant nobody here can know."""
    shop = shipping(shop_of)
    one = shop.box.myogo_orders()[0]
    twice = [one | {"id": "a", "status": "Shipped"}, one | {"id": "b", "status": "New"}]
    body = [{"id": o["id"], "reference": o["reference"], "status": o["status"], "orderLines": []} for o in twice]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders?modifiedafter", body=body, times=9)
    assert (tracking(shop).exit_code, completions(shop)) == (3, [])
    assert withheld(shop) == [("demo-1001-1", "TRACK-005")]


def test_what_is_paid_is_not_captured_again(shop_of: ShopOf) -> None:
    shop = shipping(shop_of)
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\ncapture = true\n")
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    assert completions(shop)[0]["capture"] is False


def test_a_shipment_that_was_completed_long_ago_is_asked_for(shop_of: ShopOf) -> None:
    """It is not in Centra's recent list; by its order it is found."""
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    body: dict[str, Any] = {"status": "ok", "shipments": []}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="/shipments?status=completed&newer_than", body=body, times=9
    )
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["unchanged"]) == (0, 1), withheld(shop)


def test_the_prefix_of_the_orders_is_that_of_their_tracking(shop_of: ShopOf) -> None:
    """It is said once."""
    shop = selling(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nprefix = "shop"')
    shop.text += TABLE
    shop.file.write_text(shop.text)
    order(shop)
    orders(shop)
    shop.box.ship("shop-1001-1", ["A"], None)
    assert tracking(shop).flows["tracking"]["applied"] == 1


@pytest.mark.parametrize(("flow", "path"), [("tracking", "/shipment"), ("orders", "/capture")])
def test_a_redirect_proves_nothing(shop_of: ShopOf, flow: str, path: str) -> None:
    """It is not followed with our key, and what came of it is looked up."""
    shop = shipping(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    shop.box.ship("demo-1001-1", ["A"], None)
    method = {"tracking": "POST", "orders": "PUT"}[flow]
    shop.box.add_fault(side="centra", kind="status_after", status=302, method=method, path=path,
                       headers={"Location": "http://127.0.0.1:9/"})  # fmt: skip
    report = shop.run("push", flows=(flow,))
    assert (report.exit_code, report.flows[flow]["applied"]) == (0, 1), report.message


def test_what_was_shipped_must_be_what_the_shipment_holds(shop_of: ShopOf) -> None:
    """An order that myOGO has split or shortened; a person is told, unless the channel says that it does not matter."""
    shop = shipping(shop_of)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU2", "quantity": 1}])
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-007")])
    assert shop.sql("select message from sync.withheld") == [
        ("myOGO shipped 1 of 'SKU2'; shipment 1001-1 is 1 of 'SKU1'.",)
    ]
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\nlines_must_match = false\n")
    assert tracking(shop).flows["tracking"]["applied"] == 1


def test_a_test_order_completes_no_real_shipment(shop_of: ShopOf) -> None:
    """As long as the channel sends tests itself, theirs are the shipments of a test."""
    shop = shipping(shop_of)
    shop.box.change_myogo_order("demo-1001-1", test=True)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop), completions(shop)) == (3, [("demo-1001-1", "TRACK-006")], [])
    shop.edit("test     = false", "test     = true")
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)


def test_a_number_that_comes_after_the_completion_is_told(shop_of: ShopOf) -> None:
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", [], None)
    assert tracking(shop).exit_code == 0
    assert tracking(shop).exit_code == 0
    assert shop.sql("select rule from out_centra.warnings") == []
    shop.box.change_myogo_order("demo-1001-1", trackingNumber="JJFI9")
    assert tracking(shop).exit_code == 0
    assert shop.sql("select code, rule, message from out_centra.warnings") == [
        ("demo-1001-1", "TRACK-008", "myOGO has JJFI9; Centra has none.")
    ]


def test_a_shipment_that_has_waited_for_long_is_completed(shop_of: ShopOf) -> None:
    """myOGO no longer lists its order; by its reference it is found."""
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=[], times=FOREVER)
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)


def test_the_starting_day_holds_beside_another_flow(shop_of: ShopOf) -> None:
    """Which may have older orders read."""
    shop = shipping(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.edit("[flows.tracking.params]\nstarting = 2026-01-01", "[flows.tracking.params]\nstarting = 2099-01-01")
    report = shop.run("push", flows=("orders", "tracking"))
    assert (report.exit_code, completions(shop)) == (0, [])


def test_too_many_to_be_asked_for_are_not_said_to_be_lost(shop_of: ShopOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shipments that somebody else has completed, beyond Centra's list; asked for are as many as a run can."""
    shop = shipping(shop_of, 3)
    monkeypatch.setattr(extract, "MAX_LOOKUPS", 1)
    for number in (1001, 1002, 1003):
        shop.box.ship(f"demo-{number}-1", ["A"], None)
    assert tracking(shop).flows["tracking"]["applied"] == 3
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("delete from sync.journal where flow = 'tracking'")
    body: dict[str, Any] = {"status": "ok", "shipments": []}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="/shipments?status=completed&newer_than", body=body, times=9
    )
    report = tracking(shop)
    assert (report.exit_code, withheld(shop)) == (0, [])
    assert (report.flows["tracking"]["unchanged"], report.flows["tracking"]["skipped"]) == (1, 2)


def test_a_completion_that_cannot_be_proven_is_unknown(shop_of: ShopOf) -> None:
    """Centra said ok, and then nothing more: it is not told as not attempted, because it may well be done."""
    shop = shipping(shop_of)
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
