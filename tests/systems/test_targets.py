"""A conformance test for targets: the behaviour that a push relies on. Every target takes it."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from pipelines.core.errors import ConfigError, CredentialsError, RemoteSystemError, TargetRefused, TargetUnknown
from pipelines.flows.order_target import CaptureThenCreate
from pipelines.sandbox import Sandbox
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.shipment_target import ShipmentTarget
from pipelines.systems.centra.stock_target import StockTarget
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.product_target import ProductTarget
from pipelines.systems.target import Difference, WrittenRow
from tests.support.shop import Shop, size
from transforms import stock, tracking

ShopOf = Callable[..., Shop]
Write = Callable[[str, dict[str, Any]], str]
Record = dict[str, Any]


class TargetConformance(ABC):
    """Subclasses define the fixture `write`, two keys, and the requests that write.

    `write` makes the change `values` under one of `keys`; `held` reads the record from the sandbox.
    """

    box: Sandbox
    keys: ClassVar[tuple[str, str]]
    values: ClassVar[Record]
    requests: ClassVar[list[Record]]  # side, method and path of the requests that write

    @abstractmethod
    def held(self, key: str) -> Record | None:
        """The columns of `values` as the target holds them, or None."""

    def add_faults(self, **fault: Any) -> None:
        for request in self.requests:
            self.box.add_fault(**request, **fault)

    def test_a_write_is_applied(self, write: Write) -> None:
        write(self.keys[0], self.values)
        assert self.held(self.keys[0]) == self.values

    def test_a_repeated_write_has_no_further_effect(self, write: Write) -> None:
        write(self.keys[0], self.values)
        with contextlib.suppress(TargetRefused):
            write(self.keys[0], self.values)
        assert self.held(self.keys[0]) == self.values

    def test_a_refusal_has_a_message_and_changes_nothing(self, write: Write) -> None:
        before = self.held(self.keys[0])
        self.add_faults(kind="status", status=400)
        with pytest.raises(TargetRefused) as caught:
            write(self.keys[0], self.values)
        assert caught.value.message
        assert self.held(self.keys[0]) == before
        self.box.clear_faults()
        write(self.keys[1], self.values)
        assert self.held(self.keys[1]) == self.values

    def test_a_write_with_a_lost_answer_is_applied_once(self, write: Write) -> None:
        self.add_faults(kind="drop_after")
        write(self.keys[0], self.values)
        assert self.held(self.keys[0]) == self.values

    def test_an_unavailable_target_is_reported_as_unavailable(self, write: Write) -> None:
        before = self.held(self.keys[1])
        for side in ("centra", "myogo"):
            self.box.add_fault(side=side, kind="status", status=503, times=10**6)
        with pytest.raises(RemoteSystemError) as caught:
            write(self.keys[1], self.values)
        assert caught.value.exit_code == 5
        assert self.held(self.keys[1]) == before

    def test_a_target_that_cannot_serve_the_write_is_reported_as_unavailable(self, write: Write) -> None:
        """Its lists can be read, so that every look-up succeeds."""
        before = self.held(self.keys[1])
        self.add_faults(kind="status", status=503, times=10**6)
        with pytest.raises(RemoteSystemError) as caught:
            write(self.keys[1], self.values)
        assert caught.value.exit_code == 5
        assert self.held(self.keys[1]) == before


class CreateConformance(TargetConformance):
    """For a target that creates records."""

    other: ClassVar[Record]  # values that differ from `values`

    def test_creating_an_existing_record_with_other_values_is_refused(self, write: Write) -> None:
        write(self.keys[0], self.values)
        with pytest.raises(TargetRefused):
            write(self.keys[0], self.values | self.other)
        assert self.held(self.keys[0]) == self.values


class UpdateConformance(TargetConformance):
    """For a target that updates records."""

    def test_updating_a_missing_record_is_refused(self, write: Write) -> None:
        with pytest.raises(TargetRefused):
            write("MISSING-1", self.values)
        assert self.held("MISSING-1") is None

    def test_an_update_changes_one_record(self, write: Write) -> None:
        before = self.held(self.keys[1])
        write(self.keys[0], self.values)
        assert self.held(self.keys[1]) == before


def _product(box: Sandbox, key: str) -> Record | None:
    names = {"name": "name", "sales_price": "salesPrice", "language_code": "languageCode", "ean_code": "eanCode"}
    rows = [row for row in box.myogo_products() if row["code"] == key]
    assert len(rows) <= 1
    return {column: rows[0][field] for column, field in names.items()} if rows else None


PRODUCT = {"name": "Parka", "sales_price": Decimal("49.90"), "language_code": "en", "ean_code": "7312345678909"}


class TestProductCreate(CreateConformance):
    """With both statuses that myOGO may use for a duplicate code; its behaviour is not documented."""

    keys = ("K", "L")
    values = PRODUCT
    other: ClassVar = {"name": "Parka II"}
    requests: ClassVar = [{"side": "myogo", "method": "POST", "path": "/Products"}]

    @pytest.fixture(params=[400, 409])
    def write(self, shop_of: ShopOf, request: pytest.FixtureRequest) -> Iterator[Write]:
        shop = shop_of()
        self.box = shop.box
        self.box.switch("myogo", duplicate_post=request.param)
        with closing(MyOgoClient(shop.channel().systems["myogo"])) as client:
            target = ProductTarget({"myogo": client})
            yield lambda key, row: target.create(key, row | {"code": key})

    def held(self, key: str) -> Record | None:
        return _product(self.box, key)


class TestProductUpdate(UpdateConformance):
    keys = ("K", "L")
    values = PRODUCT
    requests: ClassVar = [{"side": "myogo", "method": "PUT", "path": "/Products"}]

    @pytest.fixture
    def write(self, shop_of: ShopOf) -> Iterator[Write]:
        shop = shop_of(myogo=[{"code": "K", "name": "Coat"}, {"code": "L", "name": "Scarf"}])
        self.box = shop.box
        with closing(MyOgoClient(shop.channel().systems["myogo"])) as client:
            yield ProductTarget({"myogo": client}).update

    def held(self, key: str) -> Record | None:
        return _product(self.box, key)


class TestOrderCreate(CreateConformance):
    """The payment is captured first. Either request can fail; the order is held only if the payment was captured."""

    keys = ("demo-1001-1", "demo-1002-1")
    values: ClassVar = {"status": "New", "lines": [{"code": "SKU1", "quantity": 2}], "captured": True}
    other: ClassVar = {"lines": [{"code": "SKU1", "quantity": 3}]}
    requests: ClassVar = [{"side": "myogo", "method": "POST", "path": "/orders"}]

    @pytest.fixture
    def write(self, shop_of: ShopOf) -> Iterator[Write]:
        shop = shop_of(size(1, physical=10, allocated=0), myogo=[{"code": "SKU1", "stock": 10}])
        self.box = shop.box
        for _ in self.keys:
            shop.box.place_centra_order(lines=[{"code": "SKU1", "qty": 2, "price": 329}], paid=0, should_capture=1)
        systems = shop.channel().systems
        scopes = ("read:order", "write:order")
        with (
            closing(MyOgoClient(systems["myogo"], scopes)) as myogo,
            closing(CentraClient(systems["centra"])) as centra,
        ):
            target = CaptureThenCreate({"myogo": myogo, "centra": centra})
            yield lambda key, values: target.create(key, self._row(key, values))

    def _row(self, key: str, values: Record) -> Record:
        customer = {"name": "A", "address1": "B", "zip": "1", "city": "C", "countryCode": "FI"}
        return {
            "status": values["status"], "test": False, "shipping_code": "HOME", "lines": json.dumps(values["lines"]),
            "customer": json.dumps(customer), "shipment_id": key.removeprefix("demo-"), "capture": True,
        }  # fmt: skip

    def held(self, key: str) -> Record | None:
        orders = [row for row in self.box.myogo_orders() if row["reference"] == key]
        assert len(orders) <= 1
        if not orders:
            return None
        lines = [{"code": line["code"], "quantity": line["quantity"]} for line in orders[0]["orderLines"]]
        shipments = {row["shipmentId"]: row["captured"] for row in self.box.centra_shipments()}
        return {"status": orders[0]["status"], "lines": lines, "captured": shipments[key.removeprefix("demo-")]}


class TestOrderCapture(TestOrderCreate):
    """The same target, when the capture fails instead of the order."""

    requests: ClassVar = [{"side": "centra", "method": "PUT", "path": "/capture"}]


class TestStockUpdate(UpdateConformance):
    keys = ("SKU1", "SKU2")
    values: ClassVar = {"quantity": 7}
    requests: ClassVar = [{"side": "centra", "method": "POST", "path": "/stock"}]

    @pytest.fixture
    def write(self, shop_of: ShopOf) -> Iterator[Write]:
        shop = shop_of(size(1), size(2))
        self.box = shop.box
        with closing(CentraClient(shop.channel().systems["centra"])) as client:
            target = StockTarget({"centra": client}, stock.Params())

            def write(key: str, row: Record) -> str:
                result = target.update_batch({key: row})[key]
                if isinstance(result, Exception):
                    raise result
                return result

            yield write

    def held(self, key: str) -> Record | None:
        number = key.removeprefix("SKU")
        return {"quantity": int(self.box.centra_row(int(number))["physical"])} if number.isdigit() else None


class TestShipmentUpdate(UpdateConformance):
    keys = ("1001-1", "1002-1")
    values: ClassVar = {"carrier": "Posti", "tracking": "JJFI1"}
    requests: ClassVar = [{"side": "centra", "method": verb, "path": "/shipment"} for verb in ("POST", "PUT")]

    @pytest.fixture
    def write(self, shop_of: ShopOf) -> Iterator[Write]:
        shop = shop_of(size(1, physical=10, allocated=0))
        self.box = shop.box
        for _ in self.keys:
            shop.box.place_centra_order(lines=[{"code": "SKU1", "qty": 2, "price": 329}], paid=1)
        with closing(CentraClient(shop.channel().systems["centra"])) as client:
            yield ShipmentTarget({"centra": client}, tracking.Params(starting=date(2026, 1, 1))).update

    def held(self, key: str) -> Record | None:
        for row in self.box.centra_shipments():
            if row["shipmentId"] == key:
                return {"carrier": row["carrier"], "tracking": row["trackingNumber"]} if row["completed"] else {}
        return None


@contextlib.contextmanager
def shipment_target(shop: Shop) -> Iterator[ShipmentTarget]:
    """With two shipments that are paid and good to go."""
    for _ in range(2):
        shop.box.place_centra_order(lines=[{"code": "SKU1", "qty": 2, "price": 329}], paid=1)
    with closing(CentraClient(shop.channel().systems["centra"])) as client:
        yield ShipmentTarget({"centra": client}, tracking.Params(starting=date(2026, 1, 1)))


def completions(shop: Shop) -> list[str]:
    """The methods of the requests that complete shipments."""
    requests = [entry for entry in shop.box.requests("centra") if entry["path"].endswith("/shipment")]
    return [entry["method"] for entry in requests if entry["method"] != "GET"]


@pytest.mark.parametrize("refusal", [200, 403, 404, 405])
@pytest.mark.parametrize(("served", "sent"), [("PUT", ["PUT", "PUT"]), ("POST", ["PUT", "POST", "POST"])])
def test_a_refused_http_method_is_replaced_by_the_other(
    shop_of: ShopOf, served: str, sent: list[str], refusal: int
) -> None:
    """Once, in each form of a refusal; the shipments that follow use the method that completed the first."""
    shop = shop_of(size(1, physical=10, allocated=0))
    shop.box.switch("centra", completion_verb=served, wrong_verb=refusal)
    with shipment_target(shop) as target:
        for shipment in ("1001-1", "1002-1"):
            assert target.update(shipment, {"carrier": "Posti"}) == ""
    assert completions(shop) == sent
    assert [row["completed"] for row in shop.box.centra_shipments()] == [True, True]


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ({"kind": "no", "msg": "order in wrong market"}, TargetRefused, "order in wrong market"),
        ({"kind": "status", "status": 403}, CredentialsError, "HTTP 403"),
        ({"kind": "status", "status": 404}, ConfigError, "HTTP 404"),
    ],
)
def test_a_shipment_that_both_methods_refuse_is_refused(
    shop_of: ShopOf, fault: Record, error: type[Exception], message: str
) -> None:
    """With the first refusal; each method is tried once."""
    shop = shop_of(size(1, physical=10, allocated=0))
    shop.box.add_fault(side="centra", path="/shipment?$", method="PUT", **fault)
    shop.box.add_fault(side="centra", path="/shipment?$", method="POST", kind="no", msg="no such method")
    with shipment_target(shop) as target, pytest.raises(error, match=message):
        target.update("1001-1", {"carrier": "Posti"})
    assert completions(shop) == ["PUT", "POST"]


def test_a_refused_shipment_that_is_no_longer_open_is_not_tried_again(shop_of: ShopOf) -> None:
    shop = shop_of(size(1, physical=10, allocated=0))
    shop.box.add_fault(side="centra", path="/shipment?$", method="PUT", kind="no", msg="not good to go")
    with shipment_target(shop) as target:
        shop.box.change_centra_shipment("1001-1", gtg=0)
        with pytest.raises(TargetRefused, match="not good to go"):
            target.update("1001-1", {"carrier": "Posti"})
    assert completions(shop) == ["PUT"]


@contextlib.contextmanager
def stock_target(shop: Shop) -> Iterator[StockTarget]:
    with closing(CentraClient(shop.channel().systems["centra"])) as client:
        yield StockTarget({"centra": client}, stock.Params())


def test_the_http_method_of_a_stock_write_is_configurable(shop_of: ShopOf) -> None:
    shop = shop_of(size(1))
    shop.edit("[systems.centra]\n", '[systems.centra]\nstock_verb = "PUT"\n')
    with stock_target(shop) as target:
        assert target.update_batch({"SKU1": {"quantity": 7}}) == {"SKU1": ""}
    assert [e["method"] for e in shop.box.requests("centra") if e["method"] != "GET"] == ["PUT"]
    assert shop.box.centra_row(1)["physical"] == 7


@pytest.mark.parametrize(
    "errors",
    [
        {"productsNotFound": ["X1"], "invalidQuantity": ["SKU2"]},
        {"productsNotFound": [735000]},
        {"productsNotFound": ["sku1 "]},
        {"somethingElse": True},
    ],
    ids=["another error", "a number", "another spelling", "an unknown key"],
)
def test_a_refusal_that_does_not_name_its_products_is_unknown(shop_of: ShopOf, errors: Record) -> None:
    """No amount counts as written."""
    shop = shop_of(size(1), size(2))
    body = {"status": "no", "msg": "Some of the products were not updated", "errors": errors}
    shop.box.add_fault(side="centra", kind="body", method="POST", path="/stock", body=body)
    with stock_target(shop) as target:
        results = target.update_batch({key: {"quantity": 7} for key in ("SKU1", "SKU2")})
    assert {key: type(result) for key, result in results.items()} == dict.fromkeys(("SKU1", "SKU2"), TargetUnknown)


@pytest.mark.parametrize("moves", ["stock_modified", "neither"])
def test_reading_back_does_not_depend_on_the_modification_time(shop_of: ShopOf, moves: str) -> None:
    shop = shop_of(size(1, physical=9, allocated=4))
    shop.box.switch("centra", stock_moves=moves)
    began = datetime.now(UTC)
    with stock_target(shop) as target:
        target.update_batch({"SKU1": {"quantity": 3}})
        messages = target.read_back([WrittenRow("SKU1", "1", {"quantity": 3})], began)
    assert messages == {"SKU1": Difference("Centra raised 3 to 4, which its orders have allocated")}


def test_a_stock_write_with_a_lost_answer_is_repeated(shop_of: ShopOf) -> None:
    """Absolute amounts may be sent twice."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", kind="drop_after", method="POST", path="/stock")
    with stock_target(shop) as target:
        assert target.update_batch({"SKU1": {"quantity": 7}}) == {"SKU1": ""}
    bodies = [e["body"]["products"] for e in shop.box.requests("centra") if e["method"] == "POST"]
    assert [[(row["product"], row["quantity"]) for row in rows] for rows in bodies] == [[("SKU1", 7)]] * 2
