"""The state of one sandbox: both sides, and what their servers share."""

import asyncio
from typing import Any

from pipelines.sandbox.centra.api import Centra
from pipelines.sandbox.centra.orders import Orders
from pipelines.sandbox.centra.product_state import Shop
from pipelines.sandbox.centra.shipments import Shipments
from pipelines.sandbox.centra.webhook import CentraWebhook
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.exchange import Request
from pipelines.sandbox.common.faults import Fault, Script
from pipelines.sandbox.common.request_log import RequestLog
from pipelines.sandbox.common.switches import CentraSwitches, MyogoSwitches, as_json, with_values
from pipelines.sandbox.common.webhook_delivery import Deliveries
from pipelines.sandbox.myogo.api import Myogo
from pipelines.sandbox.myogo.orders import Orders as MyogoOrders
from pipelines.sandbox.myogo.orders import order_row
from pipelines.sandbox.myogo.product_state import Warehouse, stock_row
from pipelines.sandbox.myogo.tokens import Tokens
from pipelines.sandbox.myogo.webhooks import Subscriptions
from pipelines.sandbox.seed.catalogue import Catalogue
from pipelines.sandbox.server.actions import Actions
from pipelines.sandbox.server.listener import Listener


class State:
    """Both sides, the fault script and the request log. To be used on the servers' own thread only."""

    def __init__(self, catalogue: Catalogue, credentials: Credentials, base_path: str) -> None:
        self._catalogue = catalogue
        self._credentials = credentials
        self.clock = Clock()
        self.script = Script()
        self.log = RequestLog(self.clock)
        self.listeners: dict[str, Listener] = {}
        self._late_requests: list[asyncio.TimerHandle] = []
        self.deliveries = Deliveries(self.clock)
        self.centra_webhook = CentraWebhook(self.deliveries, self.clock, lambda: self.centra.switches)
        self.centra = Centra(*self._new_centra_state(), credentials, base_path)
        self.myogo = Myogo(*self._new_myogo_state(), credentials)
        self.actions = Actions(self.centra, self.myogo, self.centra_webhook, self.deliveries)

    def reset(self) -> None:
        """Sets catalogue, orders, switches, faults, webhooks, tokens and clock back; the request log stays."""
        self.clock.offset_s = 0.0
        self.clear_faults()
        self.deliveries.clear()
        self.centra_webhook.set_receiver(None, "")
        self.centra.shop, self.centra.orders, self.centra.shipments = self._new_centra_state()
        self.centra.switches = CentraSwitches()
        self.centra.clear_page_cache()
        myogo = self.myogo
        myogo.warehouse, myogo.orders, myogo.subscriptions, myogo.tokens = self._new_myogo_state()
        self.myogo.switches = MyogoSwitches()

    def switches(self, side: str) -> dict[str, Any]:
        """Every switch of the side with its value."""
        return as_json(self._side(side).switches)

    def switch(self, side: str, /, **values: Any) -> dict[str, Any]:
        """Sets switches of the side and returns all of them."""
        vendor = self._side(side)
        if isinstance(vendor, Centra):
            vendor.switches = with_values(vendor.switches, values)
        else:
            vendor.switches = with_values(vendor.switches, values)
            vendor.warehouse.clear_json_cache()
        return as_json(vendor.switches)

    def add_fault(self, /, **fields: Any) -> dict[str, Any]:
        """The new fault with its defaults and counts; BadFault if the fields describe none."""
        fault = Fault.of(fields)
        self.script.faults.append(fault)
        return fault.as_json()

    def faults(self) -> list[dict[str, Any]]:
        """The scripted faults with their counts."""
        return [fault.as_json() for fault in self.script.faults]

    def clear_faults(self) -> None:
        """Removes all faults, makes both sides reachable and cancels the late requests of `drop_late`."""
        self.script.faults.clear()
        for listener in self.listeners.values():
            listener.accept()
        while self._late_requests:
            self._late_requests.pop().cancel()

    def apply_fault(self, fault: Fault, request: Request, transport: asyncio.Transport) -> None:
        """The effect of the fault besides the answer to the request."""
        options = fault.options
        match fault.kind:
            case "refuse" | "silence":
                self.listeners[fault.side].make_unreachable(fault.kind, options["seconds"], keep=transport)
            case "edit":
                for edit in options["edits"]:
                    self.actions.edit(fault.side, edit)
            case "drop_late":
                loop = asyncio.get_running_loop()
                late = loop.call_later(options["seconds"], self._side(fault.side).answer, request)
                self._late_requests.append(late)

    def _side(self, name: str) -> Centra | Myogo:
        sides: dict[str, Centra | Myogo] = {"centra": self.centra, "myogo": self.myogo}
        if name not in sides:
            raise LookupError(f"no side {name!r}; there are centra and myogo")
        return sides[name]

    def _new_centra_state(self) -> tuple[Shop, Orders, Shipments]:
        notify = self.centra_webhook.notify
        shop = Shop(self._catalogue.items, self.clock)
        orders = Orders(shop, self.clock, notify)
        return shop, orders, Shipments(orders, shop, self.clock, notify)

    def _new_myogo_state(self) -> tuple[Warehouse, MyogoOrders, Subscriptions, Tokens]:
        def switches() -> MyogoSwitches:
            return self.myogo.switches

        subscriptions = Subscriptions(self.deliveries, switches)
        warehouse = Warehouse(
            self._catalogue.initial_products,
            self.clock,
            lambda product: subscriptions.notify("ProductStockLevelChanged", lambda: stock_row(product, switches())),
        )
        orders = MyogoOrders(
            warehouse,
            self.clock,
            lambda order: subscriptions.notify("OrderShipped", lambda: order_row(order, switches())),
        )
        return warehouse, orders, subscriptions, Tokens(self._credentials, self.clock)
