"""The page of one order, and that no other page has its name and address."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.config.serve import Serve
from pipelines.web.access.passwords import PasswordHash
from tests.support.served import Visitor, served_pages, text_of
from tests.support.shop import Shop, size
from tests.web.pages import OPERATOR_PASSWORD, VIEWER_PASSWORD
from tests.web.test_pages import project_of

PERSON = {
    "deliveryName": "Aino <b>Canary",
    "deliveryAddress": "Hiddenstreet 12",
    "deliveryCity": "Secrettown",
    "deliveryEmail": "aino@canary.test",
    "deliveryCell": "+358401000001",
}
TRACES = ("Canary", "Hiddenstreet", "Secrettown", "canary.test", "+358401000001")
START = datetime.now(UTC) - timedelta(days=3)
FLOWS = f"""
[flows.orders.params]
starting = {START:%Y-%m-%d}
status   = "New"
test     = false

[flows.orders.params.shipping]
standard = "HOME"

[flows.tracking.params]
starting = {START:%Y-%m-%d}
"""


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """The orders 1001 and 1002, of which the second cannot be sent."""
    made = shop_of(size(1, physical=10, allocated=0), myogo=[{"code": "SKU1", "stock": 10}])
    made.text += FLOWS
    made.file.write_text(made.text, "utf-8")
    ordered = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    for shipping in ("standard", "other"):
        lines = [{"code": "SKU1", "qty": 2, "price": 329}]
        made.box.place_centra_order(lines=lines, paid=1, shippingList=shipping, orderDate=ordered, **PERSON)
    return made


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    with served_pages(project_of(shop), shop.data) as found:
        yield found


@contextlib.contextmanager
def as_viewer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    users = {}
    for name, role, password in (("vera", "viewer", VIEWER_PASSWORD), ("olga", "operator", OPERATOR_PASSWORD)):
        monkeypatch.setenv(name.upper(), PasswordHash.of(password, 16).text)
        users[name] = {"role": role, "password_hash": {"env": name.upper()}}
    with served_pages(project_of(shop), shop.data, Serve.model_validate({"users": users})) as visitor:
        visitor.get("/login")
        visitor.post("/login", {"name": "vera", "password": VIEWER_PASSWORD})
        yield visitor


def traces(page: str) -> list[str]:
    return [trace for trace in TRACES if trace in page]


def test_it_has_the_state_the_lines_the_parcels_and_the_address(visitor: Visitor, shop: Shop) -> None:
    shop.run("push")
    assert '<a href="/channels/demo/orders/demo-1001-1">' in visitor.get("/channels/demo/flows/orders")
    text = text_of(visitor.get("/channels/demo/orders/demo-1001-1"))
    for expected in (
        "equal",
        "2 x SKU1, 329.00 each",
        "create applied",
        "name Aino <b>Canary",
        "address Hiddenstreet 12",
    ):
        assert expected in text
    until = datetime.now(UTC) - timedelta(days=1) + timedelta(days=14)
    assert f"Kept until {until:%Y-%m-%d} (personal_days = 14)" in text
    assert 'href="/channels/demo/orders/1001">All about' in visitor.get("/channels/demo/history?code=1001")
    withheld = text_of(visitor.get("/channels/demo/orders/1002"))
    assert "withheld" in withheld
    assert "ORDER-001" in withheld
    assert "did not find this order in the warehouse" in withheld

    shop.box.ship("demo-1001-1", ["JJFI1", "JJFI2"])
    shop.run("push")
    assert '<a href="/channels/demo/orders/1001-1">' in visitor.get("/channels/demo/flows/tracking")
    text = text_of(visitor.get("/channels/demo/orders/1001-1"))
    for expected in ("Shipped", "JJFI1", "JJFI2", "update applied", "Tracking 1001-1 equal"):
        assert expected in text


def test_nobody_but_an_operator_sees_name_and_address(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run("push")
    with as_viewer(shop, monkeypatch) as visitor:
        page = visitor.get("/channels/demo/orders/demo-1001-1")
        assert traces(page) == []
        assert "Only an operator sees names and addresses." in page
        assert "2 x SKU1" in page


def test_no_other_page_has_name_and_address(visitor: Visitor, shop: Shop) -> None:
    """All pages that these pages lead to, for an operator, after a plan and a push."""
    visitor.get("/")
    visitor.ended(visitor.post("/channels/demo/refresh"))
    shop.run("push")
    seen, left = dict[str, str](), ["/", "/metrics", "/channels/demo/history?code=1001-1", "/channels/demo/jobs/1"]
    while left:
        path = left.pop()
        answer = visitor.session.get(f"{visitor.address}{path}")
        seen[path] = answer.text if "text" in answer.headers["Content-Type"] else ""
        found = {link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"]*)"', seen[path])}
        left += sorted(link for link in found if link not in seen and link not in left and "?" not in link)
    assert {path for path in seen if "/orders/" in path} >= {"/channels/demo/orders/demo-1001-1"}
    assert {path for path, text in seen.items() if traces(text)} == {p for p in seen if "/channels/demo/orders/" in p}
    assert len(seen) > 8


@pytest.mark.parametrize("days", [0, 1])
def test_what_may_not_be_kept_is_not_shown_though_no_run_has_removed_it(
    visitor: Visitor, shop: Shop, days: int
) -> None:
    shop.run("push")
    assert traces(visitor.get("/channels/demo/orders/demo-1001-1")) == list(TRACES)
    starting = f"starting = {START:%Y-%m-%d}\nstatus"
    shop.edit(starting, f"personal_days = {days}\n{starting}")
    project_of(shop)
    page = visitor.get("/channels/demo/orders/demo-1001-1")
    assert traces(page) == []
    assert "These tables keep no name or address of this order" in page


@pytest.mark.parametrize("name", ["nope", "9999", "demo-9999-1", "..%2f..", "1001-1;drop", "SKU1"])
def test_an_order_that_does_not_exist_is_not_found(visitor: Visitor, shop: Shop, name: str) -> None:
    assert "Press Refresh" in visitor.get("/channels/demo/orders/1001")
    shop.run("plan")
    visitor.get(f"/channels/demo/orders/{name}", status=404)
