"""The stand-in for myOGO handles orders as documented, or as a switch sets; stock follows each status."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from tests.support.waiting import LONG_S, wait_for

Call = Callable[..., requests.Response]
CUSTOMER = {"name": "Test Person", "address1": "Storgatan 1", "zip": "41101", "city": "Göteborg", "countryCode": "SE"}
LINES = [{"code": "XX-1", "quantity": 2, "unitPrice": 49.9, "vatPercentage": 25}]


def b64(reference: str) -> str:
    return base64.urlsafe_b64encode(reference.encode()).decode().rstrip("=")


def request(reference: str = "1001", **fields: Any) -> dict[str, Any]:
    order = {"reference": reference, "status": "New", "shippingCode": "HOME", "customer": CUSTOMER, "orderLines": LINES}
    return {name: value for name, value in (order | fields).items() if value is not None}


def references(answer: requests.Response) -> list[str]:
    return [order["reference"] for order in answer.json()]


def statuses(box: Sandbox) -> list[str]:
    return [order["status"] for order in box.myogo_orders()]


def stock(box: Sandbox, code: str = "XX-1") -> tuple[int, int]:
    product = next(product for product in box.myogo_products() if product["code"] == code)
    return product["stock"], product["reserved"]


@pytest.fixture(autouse=True)
def goods(box: Sandbox) -> None:
    box.receive("XX-1", 10)


def test_order_response(myogo: Call) -> None:
    answer = myogo("/Orders", "POST", request(comments="Tack", priceTotal=99.8, priceCurrency="EUR", test=True))
    assert answer.status_code == 200
    order = answer.json()
    assert ",".join(order) == (
        "id,reference,status,shippingCode,pickUpPointCode,orderLines,customer,comments,priceTotal,priceCurrency,"
        "cashOnDelivery,test,documents,trackingNumber,trackingUrl,warehouseComments,editTime"
    )
    assert (order["reference"], order["status"], order["test"], order["priceTotal"]) == ("1001", "New", True, 99.8)
    assert (order["customer"], order["orderLines"]) == (CUSTOMER, LINES)
    assert (order["trackingNumber"], order["trackingUrl"], order["warehouseComments"]) == (None, None, None)
    assert order["documents"] == []
    assert myogo("/Orders", reference="1001").json() == [order]


def test_names_ignore_case_and_documents_come_back_without_content(myogo: Call) -> None:
    documents = [{"Type": "receipt", "url": "https://shop.test/r.pdf", "base64Content": "QQ=="}]
    given = {name.upper(): value for name, value in request(documents=documents, status="new").items()}
    order = myogo("/orders", "POST", given).json()
    assert order["status"] == "New"
    assert order["documents"] == [{"type": "receipt", "url": "https://shop.test/r.pdf"}]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reference": None}, "The Reference field is required."),
        ({"reference": ""}, "The Reference field is required."),
        ({"customer": None}, "The Customer field is required."),
        ({"customer": CUSTOMER | {"address1": ""}}, "The Customer.Address1 field is required."),
        ({"customer": CUSTOMER | {"countryCode": "SWE"}}, "Customer.CountryCode"),
        ({"customer": "Test"}, "The field Customer must be an object."),
        ({"orderLines": None}, "The OrderLines field is required."),
        ({"orderLines": []}, "The OrderLines field is required."),
        ({"orderLines": [{"code": "A"}]}, "The OrderLines[0].Quantity field is required."),
        ({"orderLines": [{"quantity": 1}]}, "The OrderLines[0].Code field is required."),
        ({"orderLines": [{"code": "A", "quantity": 0}]}, "OrderLines[0].Quantity"),
        ({"orderLines": [{"code": "A", "quantity": 1.5}]}, "OrderLines[0].Quantity"),
        ({"orderLines": [{"code": "A", "quantity": 1, "unitPrice": "9"}]}, "OrderLines[0].UnitPrice"),
        ({"priceCurrency": "EU"}, "PriceCurrency"),
        ({"priceTotal": True}, "PriceTotal"),
        ({"test": "yes"}, "Test"),
        ({"cashOnDelivery": {"currencyCode": "EUR"}}, "The CashOnDelivery.Amount field is required."),
        ({"documents": [{"url": "https://x.test"}]}, "The Documents[0].Type field is required."),
        ({"status": "Lost"}, "is not valid for Status"),
        ({"status": "Shipped"}, "cannot be created"),
    ],
    ids=str,
)
def test_bad_order_is_refused_and_not_stored(box: Sandbox, myogo: Call, fields: dict[str, Any], message: str) -> None:
    answer = myogo("/Orders", "POST", request(**fields))
    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)
    assert message in answer.json()["message"]
    assert (box.myogo_orders(), stock(box)) == ([], (10, 0))


def test_no_status_is_new(myogo: Call) -> None:
    """And the warehouse may ship it."""
    assert myogo("/Orders", "POST", request(status=None)).json()["status"] == "New"


@pytest.mark.parametrize(
    ("status", "reserved"),
    [("New", 2), ("Pending", 2), ("Reserved", 2), ("Locked", 2), ("Draft", 0), ("Cancelled", 0)],
)
def test_what_each_status_reserves(box: Sandbox, myogo: Call, status: str, reserved: int) -> None:
    assert myogo("/Orders", "POST", request(status=status)).json()["status"] == status
    assert stock(box) == (10, reserved)
    assert myogo("/Stock", productCode="XX-1").json()[0]["stockAvailable"] == 10 - reserved


@pytest.mark.parametrize(
    ("fields", "comment"),
    [
        ({"orderLines": [{"code": "NONE", "quantity": 1}]}, "Product NONE is not known."),
        ({"shippingCode": None}, "The shipping method is missing."),
        ({"shippingCode": "ROCKET"}, "Shipping method ROCKET is not known."),
    ],
    ids=str,
)
def test_an_order_with_a_problem_is_reserved(box: Sandbox, myogo: Call, fields: dict[str, Any], comment: str) -> None:
    order = myogo("/Orders", "POST", request(**fields)).json()
    assert (order["status"], order["warehouseComments"]) == ("Reserved", comment)
    box.switch("myogo", bad_order=400)
    refused = myogo("/Orders", "POST", request("1002", **fields))
    assert (refused.status_code, refused.json()["message"]) == (400, comment)
    assert len(box.myogo_orders()) == 1


def test_other_checks(box: Sandbox, myogo: Call) -> None:
    box.switch("myogo", shipping_codes=["ONLY"], phone_required=True)
    order = myogo("/Orders", "POST", request(shippingCode=None)).json()
    assert (order["status"], order["warehouseComments"]) == ("Reserved", "The phone number is missing.")
    valid = request("1002", shippingCode=None, customer=CUSTOMER | {"phone": "+46700000000"})
    assert myogo("/Orders", "POST", valid).json()["status"] == "New"


def test_orders_wait_for_stock_and_goods_release_them(box: Sandbox, myogo: Call) -> None:
    many = [{"code": "XX-1", "quantity": 8}]
    statuses_of_new = [myogo("/Orders", "POST", request(str(n), orderLines=many)).json()["status"] for n in (1, 2, 3)]
    assert statuses_of_new == ["New", "Pending", "Pending"]
    assert stock(box) == (10, 24)
    box.receive("XX-1", 6)
    assert statuses(box) == ["New", "New", "Pending"]
    box.cancel("1")
    assert statuses(box) == ["Cancelled", "New", "New"]
    assert stock(box) == (16, 16)


def test_smaller_orders_may_overtake_but_stock_is_reserved_once(box: Sandbox, myogo: Call) -> None:
    for reference, quantity in (("1", 10), ("2", 9), ("3", 4), ("4", 4)):
        myogo("/Orders", "POST", request(reference, orderLines=[{"code": "XX-1", "quantity": quantity}]))
    box.receive("XX-1", 5)
    assert statuses(box) == ["New", "Pending", "New", "Pending"]


@pytest.mark.parametrize("status", [400, 409])
def test_duplicate_reference_is_refused(box: Sandbox, myogo: Call, status: int) -> None:
    box.switch("myogo", duplicate_order=status)
    myogo("/Orders", "POST", request())
    answer = myogo("/Orders", "POST", request())
    assert answer.status_code == status
    assert "Trying to add new order but order with same reference" in answer.json()["message"]
    assert stock(box) == (10, 2)


@pytest.mark.parametrize(("choice", "second"), [("reserved", "Reserved"), ("accept", "New")])
def test_duplicate_reference_is_accepted(box: Sandbox, myogo: Call, choice: str, second: str) -> None:
    box.switch("myogo", duplicate_order=choice)
    assert [myogo("/Orders", "POST", request()).json()["status"] for _ in range(2)] == ["New", second]
    assert references(myogo("/Orders", reference="1001")) == ["1001", "1001"]
    assert stock(box) == (10, 4)


@pytest.mark.parametrize(("choice", "reserved"), [(True, 2), (False, 0)])
def test_orders_with_the_test_flag(box: Sandbox, myogo: Call, choice: bool, reserved: int) -> None:
    box.switch("myogo", test_orders_reserve=choice)
    myogo("/Orders", "POST", request(test=True))
    assert stock(box) == (10, reserved)
    box.ship("1001")
    assert stock(box) == (10 - reserved, 0)


def test_search(box: Sandbox, myogo: Call) -> None:
    for number in range(60):
        myogo("/Orders", "POST", request(f"R{number}", status="Draft"))
    assert len(references(myogo("/Orders"))) == 50
    assert references(myogo("/Orders", limit=2, page=2)) == ["R2", "R3"]
    assert references(myogo("/Orders", Reference="R7")) == ["R7"]
    assert references(myogo("/Orders", reference="R")) == []
    moment = myogo("/Orders", reference="R58").json()[0]["editTime"]
    assert references(myogo("/Orders", modifiedAfter=moment)) == ["R58", "R59"]
    box.switch("myogo", modified_inclusive=False, sort="desc")
    assert references(myogo("/Orders", modifiedAfter=moment)) == ["R59"]
    assert references(myogo("/Orders", limit=1)) == ["R59"]
    box.change_myogo_order("R3", comments="x")
    box.switch("myogo", sort="edited")
    assert references(myogo("/Orders", limit=10, page=6))[-1] == "R3"
    box.switch("myogo", sort="shuffled")
    assert references(myogo("/Orders", limit=3)) != ["R0", "R1", "R2"]
    assert myogo("/Orders", modifiedAfter="soon").status_code == 400
    box.switch("myogo", limit_out_of_range="reject")
    assert myogo("/Orders", limit=251).status_code == 400


def test_put_changes_a_new_order_and_its_reservation(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request(comments="one"))
    lines = [{"code": "XX-1", "quantity": 5}, {"code": "OLD-1", "quantity": 1}]
    order = myogo("/Orders/1001", "PUT", request(orderLines=lines)).json()
    assert (order["status"], order["comments"]) == ("Pending", "one")  # OLD-1 is sold out
    assert (stock(box), stock(box, "OLD-1")) == ((10, 5), (9, 12))
    box.switch("myogo", editable_statuses=["New", "Pending"])
    order = myogo(f"/Orders/{b64('1001')}", "PUT", request(orderLines=LINES), base64url="true").json()
    assert (order["status"], order["orderLines"], stock(box, "OLD-1")) == ("New", LINES, (9, 11))
    kept = myogo("/Orders/1001", "PUT", request(orderLines=None)).json()
    assert kept["orderLines"] == LINES
    cancelled = myogo("/Orders/1001", "PUT", request(status="Cancelled")).json()
    assert (cancelled["status"], stock(box)) == ("Cancelled", (10, 0))


def test_put_can_clear_what_is_omitted_but_never_lines(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request(comments="one"))
    box.switch("myogo", omitted_on_put="clear")
    order = myogo("/Orders/1001", "PUT", request(orderLines=None)).json()
    assert (order["comments"], order["orderLines"]) == (None, LINES)


@pytest.mark.parametrize(
    ("switch", "status"),
    [({"orders_editable": False}, "New"), ({}, "Draft"), ({}, "Reserved"), ({}, "Pending"), ({}, "Collecting")],
    ids=str,
)
def test_put_refuses_what_cannot_be_changed(box: Sandbox, myogo: Call, switch: dict[str, Any], status: str) -> None:
    myogo("/Orders", "POST", request())
    box.change_myogo_order("1001", status=status)
    box.switch("myogo", **switch)
    before = stock(box)
    answer = myogo("/Orders/1001", "PUT", request(orderLines=[{"code": "XX-1", "quantity": 1}]))
    assert (answer.status_code, stock(box)) == (400, before)
    box.switch("myogo", orders_editable=True, editable_statuses=[status])
    assert myogo("/Orders/1001", "PUT", request()).status_code == 200


def test_a_refused_put_leaves_stock_as_it_was(box: Sandbox, myogo: Call) -> None:
    box.switch("myogo", bad_order=400)
    myogo("/Orders", "POST", request())
    assert myogo("/Orders/1001", "PUT", request(shippingCode="ROCKET")).status_code == 400
    assert (stock(box), statuses(box)) == ((10, 2), ["New"])
    assert myogo("/Orders/1001", "PUT", request(status="Shipped")).status_code == 400


def test_reference_is_changed_in_draft_only(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request())
    myogo("/Orders", "POST", request("1002"))
    assert myogo("/Orders/1001", "PUT", request("1003")).status_code == 400
    box.change_myogo_order("1001", status="Draft")
    box.switch("myogo", editable_statuses=["Draft"])
    taken = myogo("/Orders/1001", "PUT", request("1002"))
    assert (taken.status_code, "order with same reference" in taken.json()["message"]) == (400, True)
    assert myogo("/Orders/1001", "PUT", request("1003")).json()["reference"] == "1003"


@pytest.mark.parametrize("reference", ["shop/1001", "10 20%", "Å-1001"])
def test_references_that_a_path_cannot_contain(myogo: Call, reference: str) -> None:
    myogo("/Orders", "POST", request(reference))
    answer = myogo(f"/Orders/{b64(reference)}", "PUT", request(reference, comments="x"), base64url="true")
    assert answer.json()["comments"] == "x"
    if "/" in reference:
        assert myogo(f"/Orders/{reference}", "PUT", request(reference)).status_code == 404
    assert myogo("/Orders/***", "PUT", request(), base64url="true").status_code == 400


def test_wrong_paths_and_methods(myogo: Call) -> None:
    assert myogo("/Orders/none", "PUT", request()).status_code == 404
    assert myogo("/Orders", "DELETE").status_code == 405
    assert myogo("/Orders/1001").status_code == 405
    assert myogo("/Orders", "POST", [request()]).status_code == 400


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        ("read:order", "GET", "/Orders", True),
        ("read:order", "POST", "/Orders", False),
        ("write:order", "POST", "/Orders", True),
        ("write:order", "GET", "/Orders", False),
        ("read:product write:product", "GET", "/Orders", False),
        ("read:webhook", "GET", "/webhooks", True),
        ("read:webhook", "POST", "/webhooks", False),
        ("write:webhook", "POST", "/webhooks", True),
    ],
)
def test_scopes(box: Sandbox, token: Call, scope: str, method: str, path: str, allowed: bool) -> None:
    headers = {"Authorization": f"Bearer {token(scope=scope).json()['access_token']}"}
    url, body = (
        f"{box.myogo_url}/api/v1{path}",
        request() | {"url": "http://a.test", "key": "k", "type": "OrderShipped"},
    )
    assert requests.request(method, url, json=body, headers=headers, timeout=LONG_S).status_code == (
        200 if allowed else 403
    )


@pytest.mark.parametrize(("shape", "word"), [("Pascal", "New"), ("lower", "new"), ("UPPER", "NEW")])
def test_formats(box: Sandbox, myogo: Call, shape: str, word: str) -> None:
    box.switch("myogo", enum_as=shape, emit_nulls="no", created_status=201)
    answer = myogo("/Orders", "POST", request())
    assert (answer.status_code, answer.json()["status"]) == (201, word)
    assert not answer.json().keys() & {"trackingNumber", "comments"}


def test_an_order_is_collected_and_shipped(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request())
    assert (box.collect("1001")["status"], stock(box)) == ("Collecting", (8, 0))
    box.ship("1001", ["JJFI1", "JJFI2"], "https://track.test/JJFI1")
    order = myogo("/Orders", reference="1001").json()[0]
    assert (order["status"], order["trackingNumber"]) == ("Shipped", "JJFI1,JJFI2")
    assert order["trackingUrl"] == "https://track.test/JJFI1"
    assert stock(box) == (8, 0)
    for action in (box.collect, box.ship, box.cancel):
        with pytest.raises(ValueError, match="1001 is Shipped"):
            action("1001")


@pytest.mark.parametrize(("restocks", "stock_after"), [(False, 8), (True, 10)])
def test_returned_goods(box: Sandbox, myogo: Call, restocks: bool, stock_after: int) -> None:
    box.switch("myogo", returned_restocks=restocks)
    myogo("/Orders", "POST", request())
    with pytest.raises(ValueError, match="cannot come back"):
        box.take_back("1001")
    box.ship("1001")
    assert (box.take_back("1001")["status"], stock(box)) == ("Returned", (stock_after, 0))
    assert (box.change_myogo_order("1001", status="Draft")["status"], stock(box)) == ("Draft", (10, 0))


@pytest.mark.parametrize("collected", [False, True])
def test_cancelled_stock_is_free_again(box: Sandbox, myogo: Call, collected: bool) -> None:
    myogo("/Orders", "POST", request())
    if collected:
        box.collect("1001")
    assert (box.cancel("1001")["status"], stock(box)) == ("Cancelled", (10, 0))


def test_goods_that_are_not_in_stock_cannot_be_collected(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request(orderLines=[{"code": "XX-1", "quantity": 99}]))
    with pytest.raises(ValueError, match=r"1001 is Pending \(Waiting for stock.\)"):
        box.ship("1001")
    for status in ("Collecting", "Shipped", "Returned"):
        with pytest.raises(ValueError, match="holds 10 of XX-1, order 1001 needs 99"):
            box.change_myogo_order("1001", status=status)
    assert (stock(box), statuses(box)) == ((10, 99), ["Pending"])


@pytest.mark.parametrize("moves", [True, False])
def test_reservations_and_the_modified_of_stock(box: Sandbox, myogo: Call, moves: bool) -> None:
    box.switch("myogo", reservations_move_modified=moves)
    before = myogo("/Stock", productCode="XX-1").json()[0]["modified"]
    myogo("/Orders", "POST", request())
    assert (myogo("/Stock", productCode="XX-1").json()[0]["modified"] > before) is moves


def test_a_refused_change_leaves_everything_as_it_was(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request())
    box.collect("1001")
    with pytest.raises(ValueError, match="needs 99"):
        box.change_myogo_order("1001", orderLines=[{"code": "XX-1", "quantity": 99}])
    assert (stock(box), statuses(box)) == ((8, 0), ["Collecting"])
    assert myogo("/Orders").json()[0]["orderLines"] == LINES


def test_control(control: Call, myogo: Call) -> None:
    for reference in ("1001", "1002", "1003"):
        myogo("/Orders", "POST", request(reference))
    shipped = control("myogo/ship", "POST", {"reference": "1001", "tracking": ["A", "B"], "url": None}).json()
    assert (shipped["status"], shipped["trackingNumber"], shipped["trackingUrl"]) == ("Shipped", "A,B", None)
    assert control("myogo/return", "POST", {"reference": "1001"}).json()["status"] == "Returned"
    assert control("myogo/collect", "POST", {"reference": "1002"}).json()["status"] == "Collecting"
    assert control("myogo/cancel", "POST", {"reference": "1002"}).json()["status"] == "Cancelled"
    changed = control(f"myogo/orders/{b64('1003')}", "PATCH", {"status": "Locked", "trackingNumber": "C"}).json()
    assert (changed["status"], changed["trackingNumber"]) == ("Locked", "C")
    assert [order["reference"] for order in control("myogo/orders").json()] == ["1001", "1002", "1003"]


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("myogo/ship", "POST", {"reference": "none"}, 404),
        ("myogo/ship", "POST", {}, 404),
        ("myogo/ship", "POST", {"reference": "1001", "tracking": "A"}, 400),
        ("myogo/orders/MTAwMQ", "PATCH", {"colour": "red"}, 400),
        ("myogo/orders/MTAwMQ", "PATCH", {"status": "Lost"}, 400),
        ("myogo/orders/***", "PATCH", {}, 400),
    ],
    ids=str,
)
def test_control_refuses_invalid_requests(
    control: Call, myogo: Call, path: str, method: str, body: Any, status: int
) -> None:
    myogo("/Orders", "POST", request())
    answer = control(path, method, body)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


def test_faults_hit_orders(box: Sandbox, myogo: Call) -> None:
    box.add_fault(side="myogo", method="POST", path="/orders", kind="drop_after")
    with pytest.raises(requests.ConnectionError):
        myogo("/Orders", "POST", request())
    assert statuses(box) == ["New"]
    box.add_fault(side="myogo", method="POST", path="/orders", kind="drop_late", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        myogo("/Orders", "POST", request("1002"))
    wait_for(lambda: len(box.myogo_orders()) == 2)
    box.add_fault(side="myogo", path="/orders", kind="endless", times=2)
    pages = [references(myogo("/Orders", limit=2, page=page)) for page in (1, 2)]
    assert len({reference for page in pages for reference in page}) == 4
    box.add_fault(side="myogo", path="/orders", kind="edit", edits=[{"order": "1001", "status": "Cancelled"}])
    assert myogo("/Orders/1001", "PUT", request()).status_code == 400


def test_reset_forgets_orders(box: Sandbox, myogo: Call) -> None:
    myogo("/Orders", "POST", request())
    box.reset()
    assert (box.myogo_orders(), stock(box)) == ([], (0, 0))
