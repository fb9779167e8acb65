"""What tests do to a running sandbox: edit rows and products, and act as customers, shop staff and warehouse."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sandbox.centra.api import Centra
from pipelines.sandbox.centra.order_rows import order_row, shipment_row
from pipelines.sandbox.centra.orders import Order, Rejected
from pipelines.sandbox.centra.shipments import Shipment, all_lines
from pipelines.sandbox.centra.webhook import CentraWebhook
from pipelines.sandbox.common.faults import EDITS
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.common.webhook_delivery import Deliveries
from pipelines.sandbox.myogo.api import Myogo
from pipelines.sandbox.myogo.orders import Order as MyogoOrder
from pipelines.sandbox.myogo.orders import order_row as myogo_order_row
from pipelines.sandbox.myogo.product import FIELDS, Product
from pipelines.sandbox.myogo.product_state import product_row

# Actions return the stored values; the shop's switches do not change them.
AS_STORED = CentraSwitches(shipment_gtg=True)


class Actions:
    """Reads and changes both sides. LookupError for an object that does not exist, ValueError for invalid values."""

    def __init__(self, centra: Centra, myogo: Myogo, centra_webhook: CentraWebhook, deliveries: Deliveries) -> None:
        self._centra = centra
        self._myogo = myogo
        self._centra_webhook = centra_webhook
        self._deliveries = deliveries

    def centra_row(self, stock_item_id: int) -> dict[str, Any]:
        """The size with its fields, `physical` and `allocated`."""
        return self._centra.shop.row(stock_item_id)

    def add_centra_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The new size; its `stockItemId` must be given."""
        shop = self._centra.shop
        return shop.row(shop.add(row, self._centra.switches))

    def change_centra_row(self, stock_item_id: int, /, **fields: Any) -> dict[str, Any]:
        """The size after the change; "__missing__" removes a field."""
        return self._centra.shop.change(stock_item_id, fields, self._centra.switches)

    def delete_centra_row(self, stock_item_id: int) -> None:
        self._centra.shop.remove(stock_item_id)

    def myogo_products(self) -> list[dict[str, Any]]:
        """Every stored product with all its fields, duplicates included; money as Decimal."""
        return [self._product_row(product) for product in self._myogo.warehouse.products()]

    def put_myogo_product(self, product: Mapping[str, Any], allow_duplicate: bool = False) -> dict[str, Any]:
        """The product as stored, unchecked; it replaces those with its code unless a duplicate is allowed."""
        code = product.get("code")
        if not isinstance(code, str):
            raise ValueError("a product needs a code")
        warehouse = self._myogo.warehouse
        if not allow_duplicate:
            for old in warehouse.find(code):
                warehouse.remove(old)
        added = warehouse.add({name: product[name] for name in FIELDS if name in product})
        return self._product_row(warehouse.set(added, product))

    def change_myogo_product(self, code: str, only_id: str | None = None, /, **fields: Any) -> list[dict[str, Any]]:
        """The products with that code, or the one of them with that id, after the change."""
        changed = [self._myogo.warehouse.set(product, fields) for product in self._products(code, only_id)]
        if fields.keys() & {"stock", "reserved"}:
            self._myogo.orders.release(self._myogo.switches)
        return [self._product_row(product) for product in changed]

    def delete_myogo_product(self, code: str, only_id: str | None = None) -> None:
        """Removes the products with that code, or the one of them with that id."""
        for product in self._products(code, only_id):
            self._myogo.warehouse.remove(product)

    def receive(self, code: str, quantity: int) -> dict[str, Any]:
        """The product after goods arrived; releases the orders that waited for them."""
        product, moves = self._products(code)[0], self._myogo.switches.stock_moves_edit_time
        received = self._myogo.warehouse.receive(product, quantity, moves_edit_time=moves)
        self._myogo.orders.release(self._myogo.switches)
        return self._product_row(received)

    def place_centra_order(self, /, **given: Any) -> dict[str, Any]:
        """The new order as stored; with a shipment that is good to go, unless `shipment` is false. A sample order fills
        in what is not given."""
        shipment, paid = given.pop("shipment", True), given.pop("paid", 0)
        should_capture = given.pop("should_capture", 1)
        order = self._centra.orders.place(given, self._centra.switches)
        if shipment:
            flags = {"gtg": True, "paid": bool(paid), "should_capture": bool(should_capture)}
            self._centra.shipments.create(order, all_lines(order), self._centra.switches, **flags)
        return self.centra_order(order.number)

    def centra_orders(self) -> list[dict[str, Any]]:
        """Every order, oldest first, also those that the plugin's settings exclude."""
        return [self._order_row(order) for order in self._centra.orders.all()]

    def centra_order(self, number: int | str) -> dict[str, Any]:
        """The order as stored, with its lines and the ids of its shipments."""
        return self._order_row(self._order(number))

    def change_centra_order(self, number: int | str, /, **fields: Any) -> dict[str, Any]:
        """The order with fields, status or lines set directly; "__missing__" removes a field."""
        order = self._centra.orders.change(self._order(number).number, fields, self._centra.switches)
        self._centra.shipments.follow_order(order)
        return self.centra_order(order.number)

    def centra_shipments(self) -> list[dict[str, Any]]:
        """Every shipment, oldest first."""
        return [self._shipment_row(shipment) for shipment in self._centra.shipments.all()]

    def change_centra_shipment(self, shipment_id: str, /, **flags: Any) -> dict[str, Any]:
        """The shipment with flags set directly."""
        return self._shipment_row(self._centra.shipments.set(shipment_id, flags))

    def delete_centra_shipment(self, shipment_id: str) -> None:
        """LookupError if there is none; ValueError if it was paid or sent."""
        if shipment_id not in {shipment.id for shipment in self._centra.shipments.all()}:
            raise LookupError(f"Centra holds no shipment {shipment_id}")
        try:
            self._centra.shipments.delete(shipment_id)
        except Rejected as rejected:
            raise ValueError(rejected.msg) from None

    def set_centra_webhook(self, url: str | None, secret: str = "") -> dict[str, Any]:
        """Sends Centra's webhooks to the URL from now on, None ends them. Returns the URL without the secret."""
        self._centra_webhook.set_receiver(url, secret)
        return {"url": self._centra_webhook.url}

    def myogo_orders(self) -> list[dict[str, Any]]:
        """Every order, oldest first."""
        return [self._myogo_order_row(order) for order in self._myogo.orders.all()]

    def change_myogo_order(self, reference: str, /, **fields: Any) -> dict[str, Any]:
        """The order with fields, tracking or status set directly; stock follows the status."""
        order = self._myogo_order(reference)
        return self._myogo_order_row(self._myogo.orders.set(order, fields, self._myogo.switches))

    def collect(self, reference: str) -> dict[str, Any]:
        """The order after the warehouse took its goods from the shelf."""
        order = self._myogo_order(reference)
        return self._myogo_order_row(self._myogo.orders.collect(order, self._myogo.switches))

    def ship(self, reference: str, tracking: Sequence[str] = (), url: str | None = None) -> dict[str, Any]:
        """The order shipped under those tracking numbers; collected before, if it was not."""
        order = self._myogo_order(reference)
        return self._myogo_order_row(self._myogo.orders.ship(order, tracking, url, self._myogo.switches))

    def cancel(self, reference: str) -> dict[str, Any]:
        """The order cancelled."""
        order = self._myogo_order(reference)
        return self._myogo_order_row(self._myogo.orders.cancel(order, self._myogo.switches))

    def take_back(self, reference: str) -> dict[str, Any]:
        """The order returned."""
        order = self._myogo_order(reference)
        return self._myogo_order_row(self._myogo.orders.take_back(order, self._myogo.switches))

    def webhooks(self) -> list[dict[str, Any]]:
        """Every attempt to deliver a webhook and its result, oldest first."""
        return self._deliveries.entries()

    def clear_webhooks(self) -> None:
        """Forgets the attempts and cancels those under way."""
        self._deliveries.clear()

    def edit(self, side: str, edit: Mapping[str, Any]) -> None:
        """One edit of a fault of kind `edit`: {"add": row}, {"change": key, ...fields}, {"remove": key} or
        {"order": number or reference, ...fields}."""
        fields = {name: value for name, value in edit.items() if name not in EDITS}
        centra = side == "centra"
        match next(iter(edit.keys() & EDITS)):
            case "add":
                self.add_centra_row(edit["add"]) if centra else self.put_myogo_product(edit["add"])
            case "change" if centra:
                self.change_centra_row(edit["change"], **fields)
            case "order" if centra:
                self.change_centra_order(edit["order"], **fields)
            case "order":
                self.change_myogo_order(edit["order"], **fields)
            case "change":
                self.change_myogo_product(edit["change"], **fields)
            case _:
                self.delete_centra_row(edit["remove"]) if centra else self.delete_myogo_product(edit["remove"])

    def _products(self, code: str, only_id: str | None = None) -> list[Product]:
        products = [product for product in self._myogo.warehouse.find(code) if only_id in (None, product.id)]
        if not products:
            raise LookupError(f"myOGO holds no product {code!r}")
        return products

    def _order(self, number: int | str) -> Order:
        order = self._centra.orders.get(number)
        if order is None:
            raise LookupError(f"Centra holds no order {number}")
        return order

    def _myogo_order(self, reference: str) -> MyogoOrder:
        # Of several orders with one reference, the newest is the one that still changes.
        orders = self._myogo.orders.find(reference)
        if not orders:
            raise LookupError(f"myOGO holds no order {reference!r}")
        return orders[-1]

    def _product_row(self, product: Product) -> dict[str, Any]:
        return product_row(product, self._myogo.switches)

    def _myogo_order_row(self, order: MyogoOrder) -> dict[str, Any]:
        return myogo_order_row(order, self._myogo.switches)

    def _order_row(self, order: Order) -> dict[str, Any]:
        shipments = self._centra.shipments.of(order)
        lines = [
            {
                "line_id": line.line_id, "stock_item_id": line.stock_item_id, "qty": line.qty,
                "allocated": line.allocated, "shipped": line.shipped, "bundle": line.bundle,
            }
            for line in order.lines
        ]  # fmt: skip
        stored = {"status": order.status, "lines": lines, "shipmentIds": [shipment.id for shipment in shipments]}
        return order_row(order, shipments, AS_STORED) | stored

    def _shipment_row(self, shipment: Shipment) -> dict[str, Any]:
        row = shipment_row(shipment, self._order(shipment.order), AS_STORED)
        names = ("captured", "capture_fails", "refunded", "completed")
        return row | {name: getattr(shipment, name) for name in names} | {"quantities": dict(shipment.quantities)}
