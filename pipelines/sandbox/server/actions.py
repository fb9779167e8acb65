"""What customers, the shop's staff and the warehouse do to orders while a test watches."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sandbox.centra.api import Centra
from pipelines.sandbox.centra.order_rows import order_row, shipment_row
from pipelines.sandbox.centra.orders import Order
from pipelines.sandbox.centra.shipments import Shipment, whole_order
from pipelines.sandbox.centra.webhook import CentraHook
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.common.webhook_delivery import Deliveries
from pipelines.sandbox.myogo.api import Myogo
from pipelines.sandbox.myogo.orders import Order as MyogoOrder
from pipelines.sandbox.myogo.orders import order_row as myogo_row

# As stored, whatever the switches make of it on its way out.
PLAIN = CentraSwitches(shipment_gtg=True)


class Play:
    """Acts on both sides as their own users would. LookupError for what is not there, ValueError for nonsense."""

    def __init__(self, centra: Centra, myogo: Myogo, hook: CentraHook, deliveries: Deliveries) -> None:
        self._centra = centra
        self._myogo = myogo
        self._hook = hook
        self._deliveries = deliveries

    def place_centra_order(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The new order with its shipment, which is good to go, unless `shipment` is false."""
        given = dict(given)
        shipment, paid, due = given.pop("shipment", True), given.pop("paid", 0), given.pop("should_capture", 1)
        order = self._centra.orders.place(given, self._centra.switches)
        if shipment:
            flags = {"gtg": True, "paid": bool(paid), "should_capture": bool(due)}
            self._centra.shipments.create(order, whole_order(order), self._centra.switches, **flags)
        return self.centra_order(order.number)

    def centra_orders(self) -> list[dict[str, Any]]:
        """Every order, oldest first, also those that the plugin's settings hide."""
        return [self._shown(order) for order in self._centra.orders.all()]

    def centra_order(self, number: int | str) -> dict[str, Any]:
        return self._shown(self._order(number))

    def change_centra_order(self, number: int | str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The order with fields, status or lines set outright; a field set to "__missing__" is gone."""
        order = self._centra.orders.change(self._order(number).number, fields, self._centra.switches)
        self._centra.shipments.follow(order)
        return self.centra_order(order.number)

    def centra_shipments(self) -> list[dict[str, Any]]:
        """Every shipment, oldest first."""
        return [self._sent(shipment) for shipment in self._centra.shipments.all()]

    def change_centra_shipment(self, shipment_id: str, flags: Mapping[str, Any]) -> dict[str, Any]:
        """The shipment with flags set outright."""
        return self._sent(self._centra.shipments.set(shipment_id, flags))

    def aim_centra_webhook(self, url: str | None, secret: str = "") -> dict[str, Any]:
        """Where Centra's webhooks go from now on; the secret is not told."""
        self._hook.aim(url, secret)
        return {"url": self._hook.url}

    def myogo_orders(self) -> list[dict[str, Any]]:
        """Every order, oldest first."""
        return [myogo_row(order, self._myogo.switches) for order in self._myogo.fulfilment.all()]

    def change_myogo_order(self, reference: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The order with fields, tracking or status set outright; stock follows the status."""
        return self._after(self._myogo.fulfilment.set(self._referred(reference), fields, self._myogo.switches))

    def collect(self, reference: str) -> dict[str, Any]:
        return self._after(self._myogo.fulfilment.collect(self._referred(reference), self._myogo.switches))

    def ship(self, reference: str, tracking: Sequence[str] = (), url: str | None = None) -> dict[str, Any]:
        """The order collected, if it was not, and shipped under those tracking numbers."""
        order = self._referred(reference)
        return self._after(self._myogo.fulfilment.ship(order, tracking, url, self._myogo.switches))

    def cancel(self, reference: str) -> dict[str, Any]:
        return self._after(self._myogo.fulfilment.cancel(self._referred(reference), self._myogo.switches))

    def take_back(self, reference: str) -> dict[str, Any]:
        """The order returned."""
        return self._after(self._myogo.fulfilment.take_back(self._referred(reference), self._myogo.switches))

    def webhooks(self) -> list[dict[str, Any]]:
        """Every attempt at a webhook, oldest first."""
        return self._deliveries.entries()

    def clear_webhooks(self) -> None:
        """Forgets the attempts and gives up what is under way."""
        self._deliveries.clear()

    def _order(self, number: int | str) -> Order:
        order = self._centra.orders.get(number)
        if order is None:
            raise LookupError(f"Centra holds no order {number}")
        return order

    def _referred(self, reference: str) -> MyogoOrder:
        # Where a reference occurs twice, the newer is the one that still moves.
        found = self._myogo.fulfilment.find(reference)
        if not found:
            raise LookupError(f"myOGO holds no order {reference!r}")
        return found[-1]

    def _after(self, order: MyogoOrder) -> dict[str, Any]:
        return myogo_row(order, self._myogo.switches)

    def _shown(self, order: Order) -> dict[str, Any]:
        shipments = self._centra.shipments.of(order)
        lines = [
            {
                "line_id": line.line_id, "stock_item_id": line.stock_item_id, "qty": line.qty,
                "allocated": line.allocated, "shipped": line.shipped, "bundle": line.bundle,
            }
            for line in order.lines
        ]  # fmt: skip
        own = {"status": order.status, "lines": lines, "shipmentIds": [shipment.id for shipment in shipments]}
        return order_row(order, shipments, PLAIN) | own

    def _sent(self, shipment: Shipment) -> dict[str, Any]:
        row = shipment_row(shipment, self._order(shipment.order), PLAIN)
        names = ("captured", "capture_fails", "refunded", "completed")
        return row | {name: getattr(shipment, name) for name in names} | {"quantities": dict(shipment.quantities)}
