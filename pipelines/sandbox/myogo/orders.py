"""myOGO's orders: their status, and the stock that they reserve or take."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.api_common import Failure, enum_text
from pipelines.sandbox.myogo.order_schema import ORDER, STATUSES
from pipelines.sandbox.myogo.product import Product
from pipelines.sandbox.myogo.product_state import Warehouse

DUPLICATE = "Trying to add new order but order with same reference"
RESERVING = frozenset(("New", "Pending", "Reserved", "Locked"))
RESPONSE = ("id", *ORDER, "trackingNumber", "trackingUrl", "warehouseComments", "editTime")


@dataclass(frozen=True)
class Order:
    """`fields` are those of the request without the status; moments are seconds since the epoch."""

    serial: int
    fields: Mapping[str, Any]
    status: str
    edited: float
    tracking_number: str | None = None
    tracking_url: str | None = None
    warehouse_comments: str | None = None

    @property
    def id(self) -> str:
        return f"{self.serial:08x}-0000-4000-9000-{self.serial:012x}"

    @property
    def reference(self) -> str:
        reference: str = self.fields["reference"]
        return reference

    def needs(self) -> dict[str, int]:
        """How many of each product code are ordered."""
        needs: dict[str, int] = {}
        for line in self.fields.get("orderLines") or ():
            needs[line["code"]] = needs.get(line["code"], 0) + line["quantity"]
        return needs


class Orders:
    """Orders by serial number; every change of a status changes the stock accordingly."""

    def __init__(self, warehouse: Warehouse, clock: Clock, notify_shipped: Callable[[Order], None]) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._notify_shipped = notify_shipped
        self._orders: dict[int, Order] = {}
        self._by_reference: dict[str, tuple[int, ...]] = {}
        self._waiting: set[int] = set()

    def all(self) -> list[Order]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def find(self, reference: str) -> list[Order]:
        """The orders of that reference, oldest first."""
        return [self._orders[serial] for serial in self._by_reference.get(reference, ())]

    def add(self, fields: Mapping[str, Any], switches: MyogoSwitches) -> Order:
        """The new order, in its own status or in the one that the checks give it; Failure if it is refused."""
        comments = None
        if self.find(fields["reference"]) and switches.duplicate_order != "accept":
            comments = f"{DUPLICATE} already exists: {fields['reference']}"
            if switches.duplicate_order != "reserved":
                raise Failure(switches.duplicate_order, comments)
        without_status = {name: value for name, value in fields.items() if name != "status"}
        order = Order(len(self._orders) + 1, without_status, "Draft", self._clock.now(), warehouse_comments=comments)
        wanted = "Reserved" if comments else fields["status"]
        return self._check_and_place(order, wanted, switches)

    def update(self, order: Order, fields: Mapping[str, Any], switches: MyogoSwitches) -> Order:
        """The order after a PUT; omitted lines and documents stay. Failure if it is refused."""
        if not switches.orders_editable or order.status not in switches.editable_statuses:
            raise Failure(400, f"Order {order.reference} cannot be modified in status {order.status}.")
        if fields["reference"] != order.reference and order.status != "Draft":
            raise Failure(400, "The reference can be changed in status Draft only.")
        if fields["reference"] != order.reference and self.find(fields["reference"]):
            raise Failure(400, f"{DUPLICATE} already exists: {fields['reference']}")
        kept = ("orderLines", "documents") if switches.omitted_on_put == "clear" else tuple(ORDER)
        new_fields = {name: order.fields[name] for name in kept if name in order.fields}
        new_fields |= {name: value for name, value in fields.items() if name != "status"}
        new = replace(order, fields=new_fields, status="Draft", warehouse_comments=None)
        order = self._redo(order, lambda: self._check_and_place(new, fields["status"], switches), switches)
        self.release(switches)
        return order

    def set(self, order: Order, changes: Mapping[str, Any], switches: MyogoSwitches) -> Order:
        """The order with fields, tracking or status set directly, as only myOGO can."""
        columns = {"trackingNumber": "tracking_number", "trackingUrl": "tracking_url"}
        columns["warehouseComments"] = "warehouse_comments"
        if unknown := sorted(set(changes) - set(ORDER) - set(columns)):
            raise ValueError(f"an order has no {', '.join(unknown)} to set")
        named = {name.lower(): name for name in STATUSES}
        status = named.get(str(changes.get("status", order.status)).lower())
        if status is None:
            raise ValueError(f"no status {changes['status']!r}; there are {', '.join(STATUSES)}")
        fields = dict(order.fields) | {k: v for k, v in changes.items() if k in ORDER and k != "status"}
        values: dict[str, Any] = {columns[name]: value for name, value in changes.items() if name in columns}
        new = replace(order, status="Draft", fields=fields, **values)
        return self._redo(order, lambda: self._set_status(new, status, switches), switches)

    def collect(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order in status Collecting; ValueError if it is not New."""
        if order.status != "New":
            why = f" ({order.warehouse_comments})" if order.warehouse_comments else ""
            raise ValueError(f"order {order.reference} is {order.status}{why}, a warehouse collects what is New")
        return self._set_status(order, "Collecting", switches)

    def ship(self, order: Order, tracking: Sequence[str], url: str | None, switches: MyogoSwitches) -> Order:
        """The order in status Shipped, its tracking numbers joined by commas; ValueError if it cannot be collected."""
        if order.status != "Collecting":
            order = self.collect(order, switches)
        order = replace(order, tracking_number=",".join(tracking) or None, tracking_url=url)
        return self._set_status(order, "Shipped", switches)

    def cancel(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order in status Cancelled, its stock free again; ValueError if it was shipped."""
        if order.status in ("Shipped", "Returned"):
            raise ValueError(f"order {order.reference} is {order.status} and cannot be cancelled")
        return self._set_status(order, "Cancelled", switches)

    def take_back(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order in status Returned; ValueError if it is not Shipped."""
        if order.status != "Shipped":
            raise ValueError(f"order {order.reference} is {order.status} and cannot come back")
        return self._set_status(order, "Returned", switches)

    def release(self, switches: MyogoSwitches) -> None:
        """Must be called after stock came in or became free: pending orders that it covers become New, oldest first."""
        waiting = [self._orders[serial] for serial in sorted(self._waiting)]
        reserved_by_waiting = Counter[str]()
        for order in waiting:
            reserved_by_waiting.update(dict(self._stock_needs(order, switches)))
        for order in waiting:
            needs = self._stock_needs(order, switches)
            # Stock that only waiting orders reserve is still available.
            if all(self._available(code, switches) + reserved_by_waiting[code] >= quantity for code, quantity in needs):
                self._put(replace(order, status="New", warehouse_comments=None))
                reserved_by_waiting.subtract(dict(needs))

    def _redo(self, order: Order, change: Callable[[], Order], switches: MyogoSwitches) -> Order:
        """Puts the order's stock back, makes the change and returns its result; if it fails, takes the stock again."""
        self._move(order, "Draft", switches)
        try:
            return change()
        except (Failure, ValueError):
            self._move(replace(order, status="Draft"), order.status, switches)
            raise

    def _check_and_place(self, order: Order, wanted: str, switches: MyogoSwitches) -> Order:
        """The order in the wanted status. For New, the checks may choose Reserved or Pending, or raise Failure."""
        if wanted != "New":
            return self._set_status(order, wanted, switches)
        problems = self._problems(order, switches)
        if problems and switches.bad_order == 400:
            raise Failure(400, " ".join(problems))
        if problems:
            return self._set_status(replace(order, warehouse_comments=" ".join(problems)), "Reserved", switches)
        short = any(self._available(code, switches) < quantity for code, quantity in self._stock_needs(order, switches))
        comments = "Waiting for stock." if short else order.warehouse_comments
        return self._set_status(replace(order, warehouse_comments=comments), "Pending" if short else "New", switches)

    def _problems(self, order: Order, switches: MyogoSwitches) -> list[str]:
        problems = [f"Product {code} is not known." for code in order.needs() if not self._product(code, switches)]
        method = order.fields.get("shippingCode")
        if method not in switches.shipping_codes and (method or len(switches.shipping_codes) > 1):
            problems.append(f"Shipping method {method} is not known." if method else "The shipping method is missing.")
        if switches.phone_required and not order.fields["customer"].get("phone"):
            problems.append("The phone number is missing.")
        return problems

    def _set_status(self, order: Order, status: str, switches: MyogoSwitches) -> Order:
        """The order in the status, its stock changed; releases pending orders if that freed stock."""
        self._check_stock(order, status, switches)
        self._move(order, status, switches)
        before = self._orders.get(order.serial)
        order = self._put(replace(order, status=status))
        if status == "Shipped" and (before is None or before.status != "Shipped"):
            self._notify_shipped(order)
        if status not in RESERVING:
            self.release(switches)
        return self._orders[order.serial]

    def _check_stock(self, order: Order, status: str, switches: MyogoSwitches) -> None:
        if _is_off_shelf(status, switches) and not _is_off_shelf(order.status, switches):
            for code, quantity in self._stock_needs(order, switches):
                product = self._product(code, switches)
                if product and product.stock < quantity:
                    raise ValueError(f"myOGO holds {product.stock} of {code}, order {order.reference} needs {quantity}")

    def _move(self, order: Order, status: str, switches: MyogoSwitches) -> None:
        """Changes stock from the effect of the order's status to the effect of the new one."""
        reserved = (status in RESERVING) - (order.status in RESERVING)
        taken = _is_off_shelf(status, switches) - _is_off_shelf(order.status, switches)
        if not (reserved or taken):
            return
        for code, quantity in self._stock_needs(order, switches):
            product = self._product(code, switches)
            if product:
                self._warehouse.move(product, switches, stock=-taken * quantity, reserved=reserved * quantity)

    def _stock_needs(self, order: Order, switches: MyogoSwitches) -> list[tuple[str, int]]:
        """The quantities by code that the order reserves or takes."""
        exempt = order.fields.get("test") and not switches.test_orders_reserve
        return [] if exempt else list(order.needs().items())

    def _available(self, code: str, switches: MyogoSwitches) -> int:
        product = self._product(code, switches)
        return product.stock - product.reserved if product else 0

    def _product(self, code: str, switches: MyogoSwitches) -> Product | None:
        return next(iter(self._warehouse.find(code, ignore_case=switches.codes_ignore_case)), None)

    def _put(self, order: Order) -> Order:
        before = self._orders.get(order.serial)
        order = self._orders[order.serial] = replace(order, edited=self._clock.now())
        if before is None or before.reference != order.reference:
            if before is not None:
                rest = tuple(serial for serial in self._by_reference[before.reference] if serial != order.serial)
                self._by_reference[before.reference] = rest
            self._by_reference[order.reference] = (*self._by_reference.get(order.reference, ()), order.serial)
        if order.status == "Pending":
            self._waiting.add(order.serial)
        else:
            self._waiting.discard(order.serial)
        return order


def _is_off_shelf(status: str, switches: MyogoSwitches) -> bool:
    """Whether the goods of an order in that status are off the shelf."""
    return status in ("Collecting", "Shipped") or (status == "Returned" and not switches.returned_restocks)


def order_row(order: Order, switches: MyogoSwitches) -> dict[str, Any]:
    """The order response; the switch `emit_nulls` decides about fields without a value."""
    current = {
        "id": order.id, "status": enum_text(order.status, switches),
        "trackingNumber": order.tracking_number, "trackingUrl": order.tracking_url,
        "warehouseComments": order.warehouse_comments, "editTime": utc(order.edited),
    }  # fmt: skip
    fields = dict.fromkeys(ORDER) | dict(order.fields) | current
    fields["test"] = bool(fields["test"])
    documents = fields["documents"] or []
    fields["documents"] = [{"type": one["type"], "url": one.get("url")} for one in documents]
    row = {name: fields[name] for name in RESPONSE}
    return {k: v for k, v in row.items() if v is not None} if switches.emit_nulls == "no" else row
