"""The tracking flow, myOGO's shipped orders to Centra's shipments, in complete runs over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from pipelines.engine import extract
from tests.end_to_end.test_orders import order, orders, shop_with_orders
from tests.support import child_process
from tests.support.shop import Shop
from tests.support.shop_helpers import FOREVER, withheld_rows_of

ShopOf = Callable[..., Shop]
TABLE = """
[flows.tracking.params]
starting = 2026-01-01

[flows.tracking.params.carriers]
HOME = { carrier = "Posti", service = "Home parcel" }
"""


def shop_with_sent_orders(shop_of: ShopOf, count: int = 1, **fields: Any) -> Shop:
    """A shop with `count` orders in myOGO, and a channel with the orders flow and the tracking flow."""
    shop = shop_with_orders(shop_of)
    shop.text += TABLE
    shop.file.write_text(shop.text)
    for _ in range(count):
        order(shop, lines=[{"code": "SKU1", "qty": 1}], **fields)
    assert orders(shop).flows["orders"]["applied"] == count
    return shop


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
    """Once, with carrier, service and all tracking numbers."""
    shop = shop_with_sent_orders(shop_of, 2)
    assert tracking(shop).flows["tracking"]["skipped"] == 2
    shop.box.ship("demo-1001-1", ["JJFI1", "JJFI2"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["applied"], report.flows["tracking"]["skipped"]) == (0, 1, 1)
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


def test_a_shipped_order_without_a_number_is_completed_with_a_warning(shop_of: ShopOf) -> None:
    """A shipping code without a configured carrier is used as the carrier."""
    shop = shop_with_sent_orders(shop_of)
    shop.edit('HOME = { carrier = "Posti", service = "Home parcel" }\n', "")
    shop.box.ship("demo-1001-1", [], None)
    assert tracking(shop).exit_code == 0
    (body,) = completions(shop)
    assert ("tracking" in body, body["carrier"], body["packages"]) == (False, "HOME", 1)
    assert shop.sql("select code, rule from out_centra.warnings") == [("demo-1001-1", "TRACK-003")]


def test_a_cancelled_or_returned_order_is_withheld(shop_of: ShopOf) -> None:
    shop = shop_with_sent_orders(shop_of, 3)
    shop.box.cancel("demo-1001-1")
    shop.box.ship("demo-1002-1", ["A"], None)
    shop.box.take_back("demo-1002-1")
    report = tracking(shop)
    assert (report.exit_code, completions(shop)) == (3, [])
    assert withheld(shop) == [("demo-1001-1", "TRACK-001"), ("demo-1002-1", "TRACK-001")]


def test_a_shipment_with_an_unpaid_order_is_withheld_unless_capture_is_on(shop_of: ShopOf) -> None:
    """With capture the completion request also captures the payment."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=1)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-002")])
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\ncapture = true\n")
    assert tracking(shop).exit_code == 0
    assert completions(shop)[0]["capture"] is True
    assert shipments(shop)["1001-1"]["completed"] is True


def test_an_ok_without_a_completed_shipment_is_refused(shop_of: ShopOf) -> None:
    """Centra answers ok and leaves an unpaid shipment open; the next run tries again."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.change_centra_shipment("1001-1", paid=0, should_capture=0)
    shop.box.ship("demo-1001-1", ["A"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["refused"]) == (3, 1)
    assert "left the shipment open" in shop.sql("select message from sync.journal where flow = 'tracking'")[0][0]
    shop.box.change_centra_shipment("1001-1", paid=1)
    assert tracking(shop).exit_code == 0


@pytest.mark.parametrize(("supported", "status_for_other"), [("PUT", 405), ("PUT", 404), ("POST", 405)])
def test_an_unsupported_http_method_is_tried_once(shop_of: ShopOf, supported: str, status_for_other: int) -> None:
    shop = shop_with_sent_orders(shop_of)
    shop.box.switch("centra", completion_verb=supported, wrong_verb=status_for_other)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    methods = [e["method"] for e in shop.box.requests("centra") if e["path"].endswith("/shipment")]
    writes = [method for method in methods if method != "GET"]
    assert writes == (["POST"] if supported == "POST" else ["POST", "PUT"])


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        pytest.param("drop_after", {}, 0, id="done, answer lost"),
        pytest.param("drop", {}, 3, id="never arrived, outcome unknown"),
        pytest.param("status_after", {"status": 502}, 0, id="done, a gateway failed"),
        pytest.param("status", {"status": 503}, 5, id="not served"),
        pytest.param("no", {"msg": "order in wrong market"}, 3, id="refused"),
        pytest.param("status", {"status": 403}, 2, id="not allowed"),
    ],
)
def test_a_shipment_is_completed_once(shop_of: ShopOf, kind: str, options: dict[str, Any], code: int) -> None:
    """After an unclear answer the shipment is looked up; the next run completes an open one."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(side="centra", kind=kind, method="POST", path="/shipment$", **options)
    shop.box.add_fault(side="centra", kind=kind, method="POST", path="/shipment?$", **options)
    assert tracking(shop).exit_code == code
    shop.box.clear_faults()
    assert tracking(shop).exit_code == 0
    assert shipments(shop)["1001-1"]["completed"] is True


def test_orders_of_another_shop_are_ignored(shop_of: ShopOf) -> None:
    shop = shop_with_sent_orders(shop_of)
    shop.edit("[flows.tracking.params]\n", '[flows.tracking.params]\nprefix = "other"\n')
    shop.box.ship("demo-1001-1", ["A"], None)
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["read"], completions(shop)) == (0, 0, [])


def test_all_shipments_of_an_order_are_completed(shop_of: ShopOf) -> None:
    """With source = "orders" an order in myOGO stands for all shipments of the order in Centra."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nsource = "orders"')
    shop.text += TABLE
    shop.file.write_text(shop.text)
    order(shop)
    assert orders(shop).flows["orders"]["applied"] == 1
    shop.box.ship("demo-1001", ["A"], None)
    assert tracking(shop).exit_code == 0
    assert shipments(shop)["1001-1"]["completed"] is True


def test_all_four_flows_in_one_run(shop_of: ShopOf) -> None:
    """Each flow has its counts; orders are checked against the products that the same run read."""
    shop = shop_with_sent_orders(shop_of)
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
def test_a_run_killed_during_a_write_is_completed_by_the_next_run(shop_of: ShopOf, flow: str) -> None:
    """The next run looks up the outcome; nothing is done twice."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    order(shop, lines=[{"code": "SKU2", "qty": 1}])
    place = "myOGO: after POST" if flow == "orders" else "Centra: after POST"
    finished = child_process.run(
        "push", str(shop.file), "--flow", flow, "--data", str(shop.data),
        folder=shop.folder, signal_at=child_process.SignalAt(place, 2 if flow == "orders" else 1, signal.SIGKILL),
    )  # fmt: skip
    assert finished.code == -signal.SIGKILL
    report = shop.run("push", flows=(flow,))
    assert (report.exit_code, report.flows[flow]["applied"]) == (0, 0)
    assert len(shop.box.myogo_orders()) == (2 if flow == "orders" else 1)
    assert len(completions(shop)) == (flow == "tracking")
    assert shop.sql("select count(*) from sync.journal where outcome = 'unknown'") == [(1,)]


def test_a_shipped_order_whose_shipment_is_on_hold_is_withheld(shop_of: ShopOf) -> None:
    """It was put on hold after the import; the next run completes it once it is good to go again."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.change_centra_shipment("1001-1", gtg=0)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-004")])
    shop.box.change_centra_shipment("1001-1", gtg=1)
    assert tracking(shop).flows["tracking"]["applied"] == 1
    assert tracking(shop).flows["tracking"]["unchanged"] == 1


def test_a_reference_that_myogo_holds_twice_is_withheld(shop_of: ShopOf) -> None:
    """One is shipped and one is new, so it is not known which one is meant."""
    shop = shop_with_sent_orders(shop_of)
    one = shop.box.myogo_orders()[0]
    twice = [one | {"id": "a", "status": "Shipped"}, one | {"id": "b", "status": "New"}]
    body = [{"id": o["id"], "reference": o["reference"], "status": o["status"], "orderLines": []} for o in twice]
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/orders?modifiedafter", body=body, times=9)
    assert (tracking(shop).exit_code, completions(shop)) == (3, [])
    assert withheld(shop) == [("demo-1001-1", "TRACK-005")]


def test_a_paid_shipment_is_not_captured_again(shop_of: ShopOf) -> None:
    shop = shop_with_sent_orders(shop_of)
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\ncapture = true\n")
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    assert completions(shop)[0]["capture"] is False


def test_a_shipment_completed_long_ago_is_looked_up(shop_of: ShopOf) -> None:
    """It is not in Centra's list of recent shipments; the look-up by its order finds it."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert tracking(shop).exit_code == 0
    body: dict[str, Any] = {"status": "ok", "shipments": []}
    shop.box.add_fault(
        side="centra", kind="body", method="GET", path="/shipments?status=completed&newer_than", body=body, times=9
    )
    report = tracking(shop)
    assert (report.exit_code, report.flows["tracking"]["unchanged"]) == (0, 1), withheld(shop)


def test_tracking_uses_the_prefix_of_the_orders_flow(shop_of: ShopOf) -> None:
    """The setting is given once."""
    shop = shop_with_orders(shop_of)
    shop.edit("starting = 2026-01-01", 'starting = 2026-01-01\nprefix = "shop"')
    shop.text += TABLE
    shop.file.write_text(shop.text)
    order(shop)
    orders(shop)
    shop.box.ship("shop-1001-1", ["A"], None)
    assert tracking(shop).flows["tracking"]["applied"] == 1


@pytest.mark.parametrize(("flow", "path"), [("tracking", "/shipment"), ("orders", "/capture")])
def test_a_redirect_of_a_write_is_not_followed_and_the_outcome_is_looked_up(
    shop_of: ShopOf, flow: str, path: str
) -> None:
    """The key is not sent to the other host."""
    shop = shop_with_sent_orders(shop_of)
    shop.edit("starting = 2026-01-01", "starting = 2026-01-01\ncapture = true")
    order(shop, paid=0, should_capture=1)
    shop.box.ship("demo-1001-1", ["A"], None)
    method = {"tracking": "POST", "orders": "PUT"}[flow]
    shop.box.add_fault(side="centra", kind="status_after", status=302, method=method, path=path,
                       headers={"Location": "http://127.0.0.1:9/"})  # fmt: skip
    report = shop.run("push", flows=(flow,))
    assert (report.exit_code, report.flows[flow]["applied"]) == (0, 1), report.message


def test_shipped_lines_must_match_the_shipment(shop_of: ShopOf) -> None:
    """An order that myOGO split or shortened is withheld, unless lines_must_match is false."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.change_myogo_order("demo-1001-1", orderLines=[{"code": "SKU2", "quantity": 1}])
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop)) == (3, [("demo-1001-1", "TRACK-007")])
    assert shop.sql("select message from sync.withheld") == [
        ("myOGO shipped 1 of 'SKU2'; shipment 1001-1 contains 1 of 'SKU1'.",)
    ]
    shop.edit("[flows.tracking.params]\n", "[flows.tracking.params]\nlines_must_match = false\n")
    assert tracking(shop).flows["tracking"]["applied"] == 1


def test_a_test_order_does_not_complete_a_real_shipment(shop_of: ShopOf) -> None:
    """A channel that sends test orders also completes their shipments."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.change_myogo_order("demo-1001-1", test=True)
    shop.box.ship("demo-1001-1", ["A"], None)
    assert (tracking(shop).exit_code, withheld(shop), completions(shop)) == (3, [("demo-1001-1", "TRACK-006")], [])
    shop.edit("test     = false", "test     = true")
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)


def test_a_tracking_number_added_after_the_completion_is_a_warning(shop_of: ShopOf) -> None:
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", [], None)
    assert tracking(shop).exit_code == 0
    assert tracking(shop).exit_code == 0
    assert shop.sql("select rule from out_centra.warnings") == []
    shop.box.change_myogo_order("demo-1001-1", trackingNumber="JJFI9")
    assert tracking(shop).exit_code == 0
    assert shop.sql("select code, rule, message from out_centra.warnings") == [
        ("demo-1001-1", "TRACK-008", "myOGO has JJFI9; Centra has none.")
    ]


def test_a_shipment_that_waited_for_long_is_completed(shop_of: ShopOf) -> None:
    """myOGO no longer lists its order; the look-up by its reference finds it."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="modifiedafter", body=[], times=FOREVER)
    assert (tracking(shop).exit_code, len(completions(shop))) == (0, 1)


def test_the_starting_day_applies_also_if_another_flow_reads_older_orders(shop_of: ShopOf) -> None:
    """The orders flow has an earlier starting day."""
    shop = shop_with_sent_orders(shop_of)
    shop.box.ship("demo-1001-1", ["A"], None)
    shop.edit("[flows.tracking.params]\nstarting = 2026-01-01", "[flows.tracking.params]\nstarting = 2099-01-01")
    report = shop.run("push", flows=("orders", "tracking"))
    assert (report.exit_code, completions(shop)) == (0, [])


def test_shipments_beyond_the_look_up_limit_are_skipped(shop_of: ShopOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Completed shipments outside Centra's list are looked up up to a limit per run."""
    shop = shop_with_sent_orders(shop_of, 3)
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
