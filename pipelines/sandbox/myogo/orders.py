"""myOGO's orders: where each stands, and what stock it holds or has taken."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.api_common import Failure, spelt
from pipelines.sandbox.myogo.order_schema import ORDER, STATUSES
from pipelines.sandbox.myogo.product import Product
from pipelines.sandbox.myogo.product_state import Warehouse

DUPLICATE = "Trying to add new order but order with same reference"
HOLDING = frozenset(("New", "Pending", "Reserved", "Locked"))
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


class Fulfilment:
    """Orders by serial number; every change of a status moves the stock that goes with it."""

    def __init__(self, warehouse: Warehouse, clock: Clock, tell: Callable[[Order], None]) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._tell = tell
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
        """The new order, where its own status and the checks put it; Failure where it is refused."""
        comments = None
        if self.find(fields["reference"]) and switches.duplicate_order != "accept":
            comments = f"{DUPLICATE} already exists: {fields['reference']}"
            if switches.duplicate_order != "reserved":
                raise Failure(switches.duplicate_order, comments)
        own = {name: value for name, value in fields.items() if name != "status"}
        order = Order(len(self._orders) + 1, own, "Draft", self._clock.now(), warehouse_comments=comments)
        wanted = "Reserved" if comments else fields["status"]
        return self._checked(order, wanted, switches)

    def update(self, order: Order, fields: Mapping[str, Any], switches: MyogoSwitches) -> Order:
        """The order after a PUT; lines and documents that were left out stay. Failure where it is refused."""
        if not switches.orders_editable or order.status not in switches.editable_statuses:
            raise Failure(400, f"Order {order.reference} cannot be modified in status {order.status}.")
        if fields["reference"] != order.reference and order.status != "Draft":
            raise Failure(400, "The reference can be changed in status Draft only.")
        if fields["reference"] != order.reference and self.find(fields["reference"]):
            raise Failure(400, f"{DUPLICATE} already exists: {fields['reference']}")
        kept = ("orderLines", "documents") if switches.omitted_on_put == "clear" else tuple(ORDER)
        own = {name: order.fields[name] for name in kept if name in order.fields}
        own |= {name: value for name, value in fields.items() if name != "status"}
        new = replace(order, fields=own, status="Draft", warehouse_comments=None)
        order = self._anew(order, lambda: self._checked(new, fields["status"], switches), switches)
        self.release(switches)
        return order

    def set(self, order: Order, changes: Mapping[str, Any], switches: MyogoSwitches) -> Order:
        """The order with fields, tracking or status set outright, as only myOGO itself can."""
        own = {"trackingNumber": "tracking_number", "trackingUrl": "tracking_url"}
        own["warehouseComments"] = "warehouse_comments"
        if unknown := sorted(set(changes) - set(ORDER) - set(own)):
            raise ValueError(f"an order has no {', '.join(unknown)} to set")
        named = {name.lower(): name for name in STATUSES}
        status = named.get(str(changes.get("status", order.status)).lower())
        if status is None:
            raise ValueError(f"no status {changes['status']!r}; there are {', '.join(STATUSES)}")
        fields = dict(order.fields) | {k: v for k, v in changes.items() if k in ORDER and k != "status"}
        told: dict[str, Any] = {own[name]: value for name, value in changes.items() if name in own}
        new = replace(order, status="Draft", fields=fields, **told)
        return self._anew(order, lambda: self._reached(new, status, switches), switches)

    def collect(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order once the warehouse has taken it from the shelf; ValueError if it is not New."""
        if order.status != "New":
            why = f" ({order.warehouse_comments})" if order.warehouse_comments else ""
            raise ValueError(f"order {order.reference} is {order.status}{why}, a warehouse collects what is New")
        return self._reached(order, "Collecting", switches)

    def ship(self, order: Order, tracking: Sequence[str], url: str | None, switches: MyogoSwitches) -> Order:
        """The order handed over, its numbers joined by commas; ValueError where it cannot be."""
        if order.status != "Collecting":
            order = self.collect(order, switches)
        told = replace(order, tracking_number=",".join(tracking) or None, tracking_url=url)
        return self._reached(told, "Shipped", switches)

    def cancel(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order cancelled, its stock free again; ValueError once it has left."""
        if order.status in ("Shipped", "Returned"):
            raise ValueError(f"order {order.reference} is {order.status} and cannot be cancelled")
        return self._reached(order, "Cancelled", switches)

    def take_back(self, order: Order, switches: MyogoSwitches) -> Order:
        """The order returned; ValueError if it was never shipped."""
        if order.status != "Shipped":
            raise ValueError(f"order {order.reference} is {order.status} and cannot come back")
        return self._reached(order, "Returned", switches)

    def release(self, switches: MyogoSwitches) -> None:
        """To be called when stock came in or became free: what waited for it is New, the oldest first."""
        waiting = [self._orders[serial] for serial in sorted(self._waiting)]
        promised = Counter[str]()
        for order in waiting:
            promised.update(dict(self._moved(order, switches)))
        for order in waiting:
            needs = self._moved(order, switches)
            # What those reserve that wait themselves is nobody's yet.
            if all(self._available(code, switches) + promised[code] >= quantity for code, quantity in needs):
                self._put(replace(order, status="New", warehouse_comments=None))
                promised.subtract(dict(needs))

    def _anew(self, order: Order, act: Callable[[], Order], switches: MyogoSwitches) -> Order:
        """What the act makes of the order after its stock was put back, all as before where the act fails."""
        self._move(order, "Draft", switches)
        try:
            return act()
        except (Failure, ValueError):
            self._move(replace(order, status="Draft"), order.status, switches)
            raise

    def _checked(self, order: Order, wanted: str, switches: MyogoSwitches) -> Order:
        """The order in the status wanted, or where the checks of a New one put it."""
        if wanted != "New":
            return self._reached(order, wanted, switches)
        faults = self._faults(order, switches)
        if faults and switches.bad_order == 400:
            raise Failure(400, " ".join(faults))
        if faults:
            return self._reached(replace(order, warehouse_comments=" ".join(faults)), "Reserved", switches)
        short = any(self._available(code, switches) < quantity for code, quantity in self._moved(order, switches))
        comments = "Waiting for stock." if short else order.warehouse_comments
        return self._reached(replace(order, warehouse_comments=comments), "Pending" if short else "New", switches)

    def _faults(self, order: Order, switches: MyogoSwitches) -> list[str]:
        faults = [f"Product {code} is not known." for code in order.needs() if not self._product(code, switches)]
        method = order.fields.get("shippingCode")
        if method not in switches.shipping_codes and (method or len(switches.shipping_codes) > 1):
            faults.append(f"Shipping method {method} is not known." if method else "The shipping method is missing.")
        if switches.phone_required and not order.fields["customer"].get("phone"):
            faults.append("The phone number is missing.")
        return faults

    def _reached(self, order: Order, status: str, switches: MyogoSwitches) -> Order:
        """The order in the status, its stock moved and, where that freed some, given to who waits."""
        self._can(order, status, switches)
        self._move(order, status, switches)
        before = self._orders.get(order.serial)
        order = self._put(replace(order, status=status))
        if status == "Shipped" and (before is None or before.status != "Shipped"):
            self._tell(order)
        if status not in HOLDING:
            self.release(switches)
        return self._orders[order.serial]

    def _can(self, order: Order, status: str, switches: MyogoSwitches) -> None:
        if _takes(status, switches) and not _takes(order.status, switches):
            for code, quantity in self._moved(order, switches):
                product = self._product(code, switches)
                if product and product.stock < quantity:
                    raise ValueError(f"myOGO holds {product.stock} of {code}, order {order.reference} needs {quantity}")

    def _move(self, order: Order, status: str, switches: MyogoSwitches) -> None:
        """Undoes what the order's status does to stock, and does what the new one does."""
        held = (status in HOLDING) - (order.status in HOLDING)
        taken = _takes(status, switches) - _takes(order.status, switches)
        if not (held or taken):
            return
        for code, quantity in self._moved(order, switches):
            product = self._product(code, switches)
            if product:
                self._warehouse.move(product, switches, stock=-taken * quantity, reserved=held * quantity)

    def _moved(self, order: Order, switches: MyogoSwitches) -> list[tuple[str, int]]:
        """The quantities by code that the order moves in the warehouse."""
        still = order.fields.get("test") and not switches.test_orders_reserve
        return [] if still else list(order.needs().items())

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


def _takes(status: str, switches: MyogoSwitches) -> bool:
    """Whether an order in that status has its goods off the shelf."""
    return status in ("Collecting", "Shipped") or (status == "Returned" and not switches.returned_restocks)


def order_row(order: Order, switches: MyogoSwitches) -> dict[str, Any]:
    """The order response; null where there is nothing, or without it, as the switches say."""
    own = {
        "id": order.id, "status": spelt(order.status, switches),
        "trackingNumber": order.tracking_number, "trackingUrl": order.tracking_url,
        "warehouseComments": order.warehouse_comments, "editTime": utc(order.edited),
    }  # fmt: skip
    fields = dict.fromkeys(ORDER) | dict(order.fields) | own
    fields["test"] = bool(fields["test"])
    documents = fields["documents"] or []
    fields["documents"] = [{"type": one["type"], "url": one.get("url")} for one in documents]
    row = {name: fields[name] for name in RESPONSE}
    return {k: v for k, v in row.items() if v is not None} if switches.emit_nulls == "no" else row
