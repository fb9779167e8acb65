"""Both stand-ins send signed webhooks while they answer requests, to this machine only."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.common.webhook_signing import centra_signature, ogoship_signature
from tests.sandbox.conftest import Receiver
from tests.support.waiting import HANG_S, wait_for

Call = Callable[..., requests.Response]
SHIPPED = {
    "reference": "1001", "shippingCode": "HOME", "orderLines": [{"code": "XX-1", "quantity": 2}],
    "customer": {"name": "Test Person", "address1": "Storgatan 1", "city": "Göteborg", "countryCode": "SE"},
}  # fmt: skip


def events(message: tuple[dict[str, str], bytes]) -> list[tuple[str, str, Any]]:
    payload = json.loads(parse_qs(message[1].decode())["payload"][0])
    return [(event["type"], event["action"], event["id"]) for event in payload["events"]]


def finished(box: Sandbox) -> list[dict[str, Any]]:
    """The attempts that have ended."""
    return [entry for entry in box.webhooks() if entry["status"] or entry["error"]]


def test_published_signature_of_centra() -> None:
    assert centra_signature("test123", 12345678, b"payload=%7B%22x%22%3A%22test%22%7D") == (
        "0b9cd84f5d583e5e1aadfb9f160aa8080b51d5b85ff85808d6b75bdac356c549"
    )


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"reference":"1001","status":"Shipped"}', "RyAf/qvEDxIZrPBViyX6av+7kZDXwteHKeniO7mARek="),
        ('{"name":"Tröja Ä"}', "C4XzH3tMMiLov9bzWkBuP6Ksm7Gi9F1IS0ClLJoDAfs="),
    ],
)
def test_signature_of_ogoship_by_the_documented_recipe(body: str, value: str) -> None:
    assert ogoship_signature("testKey", body.encode()) == value


def test_centra_sends_events_of_a_new_order_and_its_shipment(box: Sandbox, receiver: Receiver) -> None:
    box.set_centra_webhook(receiver.url, "test123")
    box.place_centra_order()
    headers, body = receiver.wait(1)[0]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    moment, _, signature = headers["x-centra-signature"].partition(",v1=")
    assert signature == centra_signature("test123", int(moment.removeprefix("t=")), body)
    assert events((headers, body)) == [
        ("order", "insert", "1001"), ("shipment", "create", 1902), ("shipment", "good_to_go", 1902),
        ("order", "update", "1001"),
    ]  # fmt: skip
    wait_for(lambda: finished(box) != [])
    (entry,) = finished(box)
    assert (entry["side"], entry["url"], entry["status"], entry["error"]) == ("centra", receiver.url, 200, None)
    assert entry["event"] == "order insert, shipment create, shipment good_to_go, order update"


def test_centra_sends_events_of_later_changes(box: Sandbox, centra: Call, receiver: Receiver) -> None:
    box.place_centra_order()
    box.set_centra_webhook(receiver.url, "s")
    centra("/shipments/1001-1", "PUT", {"gtg": 0})
    centra("/shipments/1001-1", "PUT", {"gtg": 1})
    centra("/shipment", "PUT", {"order": 1001, "shipment": "1001-1", "gtg": 1, "shipped": 1})
    received = [event for message in receiver.wait(3) for event in events(message)]
    assert received[:2] == [("shipment", "update", 1902), ("shipment", "good_to_go", 1902)]
    assert received[-2:] == [("shipment", "complete", 1902), ("order", "update", "1001")]
    box.set_centra_webhook(None)
    box.change_centra_order(1001, hold=1)
    time.sleep(0.05)
    assert len(receiver.calls) == 3


def test_centra_can_send_single_events_twice_and_backwards(box: Sandbox, receiver: Receiver) -> None:
    box.switch("centra", webhook_batch=1, webhook_copies=2, webhook_order="reversed", webhook_header="spaced")
    box.set_centra_webhook(receiver.url, "s")
    box.place_centra_order(shipment=False)
    box.change_centra_order(1001, hold=1)
    messages = receiver.wait(4)
    assert ", v1=" in messages[0][0]["x-centra-signature"]
    assert all(len(events(message)) == 1 for message in messages)
    assert messages[0] == messages[1]


def test_gathered_events_are_sent_in_one_call(box: Sandbox, receiver: Receiver) -> None:
    box.switch("centra", webhook_delay_ms=100, webhook_order="reversed")
    box.set_centra_webhook(receiver.url, "s")
    box.place_centra_order(shipment=False)
    box.place_centra_order(shipment=False)
    assert [event[2] for event in events(receiver.wait(1)[0])] == ["1002", "1001"]


def hook(url: str, type: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "key": "testKey", "type": type} | more


def test_myogo_sends_events_to_subscribers(box: Sandbox, myogo: Call, receiver: Receiver) -> None:
    myogo("/webhooks", "POST", hook(receiver.url, "OrderShipped", customHeaders={"X-Shop": "north"}))
    myogo("/webhooks", "POST", hook(receiver.url, "ProductStockLevelChanged"))
    box.receive("XX-1", 5)
    headers, body = receiver.wait(1)[0]
    assert json.loads(body) == myogo("/Stock", productCode="XX-1").json()[0]
    assert headers["x-ogoship-hmac-sha256"] == ogoship_signature("testKey", body)
    myogo("/Orders", "POST", SHIPPED)
    box.ship("1001", ["JJFI1"])
    messages = receiver.wait(4)[1:]
    levels = [(row["stock"], row["reserved"]) for row in (json.loads(body) for _, body in messages) if "stock" in row]
    assert levels == [(5, 2), (3, 0)]
    (order,) = [(headers, json.loads(body)) for headers, body in messages if b"reference" in body]
    assert order[0]["x-shop"] == "north"
    assert order[1] == myogo("/Orders").json()[0]
    wait_for(lambda: len(finished(box)) == 4)
    assert {entry["event"] for entry in finished(box)} == {"OrderShipped", "ProductStockLevelChanged"}


def test_order_shipped_is_sent_once(box: Sandbox, myogo: Call, receiver: Receiver) -> None:
    """And not again when its tracking number is corrected."""
    box.receive("XX-1", 5)
    myogo("/webhooks", "POST", hook(receiver.url, "OrderShipped"))
    myogo("/Orders", "POST", SHIPPED)
    box.ship("1001")
    box.change_myogo_order("1001", trackingNumber="JJFI1")
    box.change_myogo_order("1001", status="locked")
    box.change_myogo_order("1001", status="SHIPPED")
    orders = [json.loads(body) for _, body in receiver.wait(2)]
    assert [order["trackingNumber"] for order in orders] == [None, "JJFI1"]
    time.sleep(0.05)
    assert len(receiver.calls) == 2


def test_myogo_can_send_copies(box: Sandbox, myogo: Call, receiver: Receiver) -> None:
    box.switch("myogo", webhook_copies=2)
    myogo("/webhooks", "POST", hook(receiver.url, "ProductStockLevelChanged"))
    box.receive("XX-1", 5)
    first, second = receiver.wait(2)
    assert first == second


def test_subscriptions(box: Sandbox, myogo: Call) -> None:
    assert myogo("/webhooks").text == "null"
    box.switch("myogo", empty_webhooks="list")
    assert myogo("/Webhooks").json() == []
    created = myogo("/webhooks", "POST", hook("https://shop.test/hook", "ordershipped"))
    assert (created.status_code, created.json()["type"], created.json()["customHeaders"]) == (200, "OrderShipped", {})
    path = f"/webhooks/{created.json()['id']}"
    assert myogo(path).json() == created.json()
    changed = myogo(path, "PUT", hook("http://127.0.0.1:9/x", "2", key="other"))
    assert (changed.json()["type"], changed.json()["key"]) == ("ProductStockLevelChanged", "other")
    assert myogo("/webhooks").json() == [changed.json()]
    assert myogo(path, "DELETE").status_code == 204
    assert (myogo(path, "DELETE").status_code, myogo(path, "PUT", hook("https://a.test", "1")).status_code) == (
        404,
        404,
    )
    assert myogo(path).text == "null"
    box.switch("myogo", unknown_webhook=404)
    assert myogo(path).status_code == 404


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "The Url field is required."),
        ({"key": ""}, "The Key field is required."),
        ({"type": None}, "The Type field is required."),
        ({"type": "OrderLost"}, "is not valid for Type"),
        ({"url": "ftp://shop.test"}, "Url"),
        ({"url": "http://localhost:8000/hook"}, "Url"),
        ({"url": "http://shop.test:99999/"}, "Url"),
        ({"key": 5}, "Key"),
        ({"customHeaders": {"X": "a\r\nY: b"}}, "CustomHeaders"),
        ({"customHeaders": ["X"]}, "CustomHeaders"),
    ],
    ids=str,
)
def test_bad_subscription_is_refused(myogo: Call, fields: dict[str, Any], message: str) -> None:
    answer = myogo("/webhooks", "POST", hook("https://shop.test/", "OrderShipped") | fields)
    assert (answer.status_code, message in answer.json()["message"]) == (400, True)
    assert myogo("/webhooks").text == "null"


def test_hosts_without_a_dot_can_be_allowed(box: Sandbox, myogo: Call, receiver: Receiver) -> None:
    box.switch("myogo", webhook_hosts="any")
    url = receiver.url.replace("127.0.0.1", "localhost")
    assert myogo("/webhooks", "POST", hook(url, "ProductStockLevelChanged")).ok
    box.receive("XX-1", 1)
    assert receiver.wait(1)


def test_the_key_of_a_subscription_is_not_in_the_request_log(box: Sandbox, myogo: Call, control: Call) -> None:
    myogo("/webhooks", "POST", hook("https://shop.test/", "OrderShipped"))
    assert box.requests("myogo")[-1]["body"] == {"url": "https://shop.test/", "type": "OrderShipped"}
    assert "testKey" not in control("requests").text


def test_a_receiver_that_does_not_answer_does_not_slow_requests(box: Sandbox, control: Call) -> None:
    box.add_fault(side="centra", kind="hang", seconds=HANG_S, times=-1)
    box.switch("centra", webhook_timeout_s=int(HANG_S))
    box.set_centra_webhook(box.centra_url, "s")
    for _ in range(3):
        assert control("centra/orders", "POST").ok
    assert finished(box) == []


def test_an_unreachable_receiver_is_recorded(box: Sandbox, control: Call) -> None:
    """A port without a listener, one that never answers, and a host that is not this machine."""
    box.add_fault(side="centra", kind="hang", seconds=HANG_S, times=-1)
    box.switch("centra", webhook_timeout_s=1)
    urls = ("http://127.0.0.1:9/", box.centra_url, "https://shop.example.test/hook")
    for url in urls:
        box.set_centra_webhook(url, "s")
        assert control("centra/orders", "POST").ok
        wait_for(partial(_sent_to, box, url))
    wait_for(lambda: len(finished(box)) == 3)
    errors = {entry["url"]: entry["error"] for entry in box.webhooks()}
    assert "refused" in errors[urls[0]].lower() or "connect" in errors[urls[0]].lower()
    assert errors[urls[1]] == "no answer in 1 s"
    assert errors[urls[2]] == "the sandbox sends to this machine only, not to shop.example.test"


def _sent_to(box: Sandbox, url: str) -> bool:
    return url in {entry["url"] for entry in box.webhooks()}


def test_failed_deliveries_can_be_retried(box: Sandbox, receiver: Receiver) -> None:
    receiver.status = 500
    box.switch("centra", webhook_retries=1)
    box.set_centra_webhook(receiver.url, "s")
    box.place_centra_order()
    assert receiver.wait(2)
    wait_for(lambda: len(finished(box)) == 2)
    assert [(entry["attempt"], entry["status"]) for entry in finished(box)] == [(1, 500), (2, 500)]


def test_control(box: Sandbox, control: Call, receiver: Receiver) -> None:
    answer = control("centra/webhook", "PUT", {"url": receiver.url, "secret": "hush"})
    assert answer.json() == {"url": receiver.url}
    control("centra/orders", "POST")
    wait_for(lambda: [entry["status"] for entry in control("webhooks").json()] == [200])
    assert control("webhooks").json()[0].keys() == {"side", "event", "url", "attempt", "at", "status", "error"}
    assert control("webhooks", "DELETE").json() == []
    assert control("centra/webhook", "PUT", {"url": "shop.test"}).status_code == 400
    assert control("centra/webhook", "PUT", {}).status_code == 404


def test_reset_ends_all_webhooks(box: Sandbox, myogo: Call, receiver: Receiver) -> None:
    box.switch("centra", webhook_delay_ms=100)
    box.set_centra_webhook(receiver.url, "s")
    myogo("/webhooks", "POST", hook(receiver.url, "ProductStockLevelChanged"))
    box.place_centra_order()
    box.reset()
    box.place_centra_order()
    box.receive("XX-1", 1)
    time.sleep(0.2)
    assert (receiver.calls, box.webhooks()) == ([], [])


def test_sandbox_stops_at_once_while_a_receiver_hangs(shop: Catalogue, box: Sandbox) -> None:
    box.add_fault(side="centra", kind="hang", seconds=HANG_S)
    with Sandbox.start(shop) as other:
        other.switch("centra", webhook_timeout_s=int(HANG_S))
        other.set_centra_webhook(box.centra_url, "s")
        for _ in range(3):
            other.place_centra_order()
        wait_for(lambda: len(box.requests()) == 1)
        other.stop()
        other.place_centra_order()
    assert len(other.webhooks()) == 0
