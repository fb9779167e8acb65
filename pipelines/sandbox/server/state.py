"""Everything one sandbox remembers, and every way a test may look at it or change it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.centra.api import Centra
from pipelines.sandbox.centra.orders import Orders
from pipelines.sandbox.centra.product_state import Shop
from pipelines.sandbox.centra.shipments import Shipments
from pipelines.sandbox.centra.webhook import CentraHook
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.exchange import Request
from pipelines.sandbox.common.faults import EDITS, Fault, Script
from pipelines.sandbox.common.request_log import RequestLog
from pipelines.sandbox.common.switches import CentraSwitches, MyogoSwitches, as_json, changed
from pipelines.sandbox.common.webhook_delivery import Deliveries
from pipelines.sandbox.myogo.api import Myogo
from pipelines.sandbox.myogo.orders import Fulfilment, order_row
from pipelines.sandbox.myogo.product import FIELDS, Product
from pipelines.sandbox.myogo.product_state import Warehouse, as_row, stock_row
from pipelines.sandbox.myogo.tokens import Tokens
from pipelines.sandbox.myogo.webhooks import Subscriptions
from pipelines.sandbox.seed.catalogue import Catalogue
from pipelines.sandbox.server.actions import Play
from pipelines.sandbox.server.listener import Reach


class State:
    """Both sides, the fault script and the request log. To be used from the servers' own thread only."""

    def __init__(self, catalogue: Catalogue, credentials: Credentials, base_path: str) -> None:
        self._catalogue = catalogue
        self._credentials = credentials
        self.clock = Clock()
        self.script = Script()
        self.log = RequestLog(self.clock)
        self.reaches: dict[str, Reach] = {}
        self._late: list[asyncio.TimerHandle] = []
        self.deliveries = Deliveries(self.clock)
        self.hook = CentraHook(self.deliveries, self.clock, lambda: self.centra.switches)
        self.centra = Centra(*self._centra_start(), credentials, base_path)
        self.myogo = Myogo(*self._myogo_start(), credentials)
        self.play = Play(self.centra, self.myogo, self.hook, self.deliveries)

    def reset(self) -> None:
        """Catalogue, orders, switches, faults, webhooks, tokens and clock as at the start; the request log stays."""
        self.clock.offset_s = 0.0
        self.clear_faults()
        self.deliveries.clear()
        self.hook.aim(None, "")
        self.centra.shop, self.centra.orders, self.centra.shipments = self._centra_start()
        self.centra.switches = CentraSwitches()
        self.centra.forget_pages()
        myogo = self.myogo
        myogo.warehouse, myogo.fulfilment, myogo.subscriptions, myogo.tokens = self._myogo_start()
        self.myogo.switches = MyogoSwitches()

    def switches(self, side: str) -> dict[str, Any]:
        """Every switch of the side with its value."""
        return as_json(self._side(side).switches)

    def switch(self, side: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The side's switches after setting some."""
        vendor = self._side(side)
        if isinstance(vendor, Centra):
            vendor.switches = changed(vendor.switches, values)
        else:
            vendor.switches = changed(vendor.switches, values)
            vendor.warehouse.forget_written()
        return as_json(vendor.switches)

    def add_fault(self, given: Mapping[str, Any]) -> dict[str, Any]:
        fault = Fault.of(given)
        self.script.faults.append(fault)
        return fault.as_json()

    def faults(self) -> list[dict[str, Any]]:
        return [fault.as_json() for fault in self.script.faults]

    def clear_faults(self) -> None:
        """No fault waits any more, whoever left is back, and no write of a lost connection is on its way."""
        self.script.faults.clear()
        for reach in self.reaches.values():
            reach.serve()
        while self._late:
            self._late.pop().cancel()

    def befall(self, fault: Fault, request: Request, transport: asyncio.Transport) -> None:
        """What the fault does beside the answer to the request."""
        options = fault.options
        match fault.kind:
            case "refuse" | "silence":
                self.reaches[fault.side].leave(fault.kind, options["seconds"], but=transport)
            case "edit":
                for edit in options["edits"]:
                    self.edit(fault.side, edit)
            case "drop_late":
                loop = asyncio.get_running_loop()
                self._late.append(loop.call_later(options["seconds"], self._side(fault.side).answer, request))

    def edit(self, side: str, edit: Mapping[str, Any]) -> None:
        """One change of what the side holds: {"add": row}, {"change": key, ...fields}, {"remove": key} or
        {"order": number or reference, ...fields}."""
        fields = {name: value for name, value in edit.items() if name not in EDITS}
        centra = side == "centra"
        match next(iter(edit.keys() & EDITS)):
            case "add":
                self.add_centra_row(edit["add"]) if centra else self.put_myogo_product(edit["add"])
            case "change" if centra:
                self.change_centra_row(edit["change"], fields)
            case "order" if centra:
                self.play.change_centra_order(edit["order"], fields)
            case "order":
                self.play.change_myogo_order(edit["order"], fields)
            case "change":
                self.change_myogo_product(edit["change"], fields)
            case _:
                self.delete_centra_row(edit["remove"]) if centra else self.delete_myogo_product(edit["remove"])

    def myogo_products(self) -> list[dict[str, Any]]:
        """Every stored product with all its fields, duplicates included."""
        return [as_row(product, self.myogo.switches) for product in self.myogo.warehouse.products()]

    def put_myogo_product(self, product: Mapping[str, Any], allow_duplicate: bool = False) -> dict[str, Any]:
        """The product as stored, unchecked; it replaces those of its code unless a duplicate is allowed."""
        code = product.get("code")
        if not isinstance(code, str):
            raise ValueError("a product needs a code")
        warehouse = self.myogo.warehouse
        if not allow_duplicate:
            for old in warehouse.find(code):
                warehouse.remove(old)
        added = warehouse.add({name: product[name] for name in FIELDS if name in product})
        return self._shown(warehouse.set(added, product))

    def change_myogo_product(self, code: str, fields: Mapping[str, Any], id: str | None = None) -> list[dict[str, Any]]:
        """The products of that code (or the one with that id) after the change."""
        changed = [self.myogo.warehouse.set(product, fields) for product in self._coded(code, id)]
        if fields.keys() & {"stock", "reserved"}:
            self.myogo.fulfilment.release(self.myogo.switches)
        return [self._shown(product) for product in changed]

    def delete_myogo_product(self, code: str, id: str | None = None) -> None:
        """Forgets the products of that code, or the one with that id."""
        for product in self._coded(code, id):
            self.myogo.warehouse.remove(product)

    def receive(self, code: str, quantity: int) -> dict[str, Any]:
        """The product after goods arrived for it and the orders that waited for them were released."""
        product, moves = self._coded(code)[0], self.myogo.switches.stock_moves_edit_time
        received = self.myogo.warehouse.receive(product, quantity, moves_edit_time=moves)
        self.myogo.fulfilment.release(self.myogo.switches)
        return self._shown(received)

    def centra_row(self, stock_item_id: int) -> dict[str, Any]:
        return self.centra.shop.row(stock_item_id)

    def add_centra_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shop = self.centra.shop
        return shop.row(shop.add(row, self.centra.switches))

    def change_centra_row(self, stock_item_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        return self.centra.shop.change(stock_item_id, fields, self.centra.switches)

    def delete_centra_row(self, stock_item_id: int) -> None:
        self.centra.shop.remove(stock_item_id)

    def _side(self, name: str) -> Centra | Myogo:
        sides: dict[str, Centra | Myogo] = {"centra": self.centra, "myogo": self.myogo}
        if name not in sides:
            raise LookupError(f"no side {name!r}; there are centra and myogo")
        return sides[name]

    def _shown(self, product: Product) -> dict[str, Any]:
        return as_row(product, self.myogo.switches)

    def _coded(self, code: str, id: str | None = None) -> list[Product]:
        found = [product for product in self.myogo.warehouse.find(code) if id in (None, product.id)]
        if not found:
            raise LookupError(f"myOGO holds no product {code!r}")
        return found

    def _centra_start(self) -> tuple[Shop, Orders, Shipments]:
        shop = Shop(self._catalogue.items, self.clock)
        orders = Orders(shop, self.clock, self.hook.tell)
        return shop, orders, Shipments(orders, shop, self.clock, self.hook.tell)

    def _myogo_start(self) -> tuple[Warehouse, Fulfilment, Subscriptions, Tokens]:
        def switches() -> MyogoSwitches:
            return self.myogo.switches

        told = Subscriptions(self.deliveries, switches)
        warehouse = Warehouse(
            self._catalogue.start,
            self.clock,
            lambda product: told.tell("ProductStockLevelChanged", lambda: stock_row(product, switches())),
        )
        fulfilment = Fulfilment(
            warehouse, self.clock, lambda order: told.tell("OrderShipped", lambda: order_row(order, switches()))
        )
        return warehouse, fulfilment, told, Tokens(self._credentials, self.clock)
