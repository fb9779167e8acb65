"""Centra's shipments: their quantities, their payment, and the stock that leaves with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.sandbox.centra.orders import (
    CANCELLED,
    COMPLETED,
    CONFIRMED,
    PROCESSING,
    Notify,
    Order,
    Orders,
    Rejected,
    in_market,
)
from pipelines.sandbox.centra.product_state import Shop
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.seed.order_sample import NEVER

# Fields of a completion that describe the parcel: the name in the JSON, and in Shipment.
PARCEL = {
    "carrier": "carrier", "service": "service", "packages": "packages", "tracking": "tracking",
    "returnSlipTracking": "return_tracking",
}  # fmt: skip
FIRST_SERIAL = 1902


@dataclass(frozen=True)
class Shipment:
    """`quantities` are by line id; `serial` is the number that webhooks use."""

    order: int
    number: int
    serial: int
    created: str
    quantities: Mapping[str, int]
    serials: Mapping[str, str]
    gtg: bool = False
    paid: bool = False
    captured: bool = False
    should_capture: bool = True
    capture_fails: bool = False
    refunded: bool = False
    hold: bool = False
    suspect: bool = False
    completed: bool = False
    shipped_date: str = NEVER
    carrier: str = ""
    service: str = ""
    packages: str = ""
    tracking: str = ""
    return_tracking: str = ""

    @property
    def id(self) -> str:
        return f"{self.order}-{self.number}"


class Shipments:
    """Shipments by id; a call that changes a shipment also changes its order and its stock."""

    def __init__(self, orders: Orders, shop: Shop, clock: Clock, notify: Notify) -> None:
        self._orders = orders
        self._shop = shop
        self._clock = clock
        self._notify = notify
        self._shipments: dict[str, Shipment] = {}
        self._by_order: dict[int, list[str]] = {}
        self._numbers: dict[int, int] = {}
        self._next = FIRST_SERIAL

    def get(self, shipment_id: Any) -> Shipment:
        """The shipment; Rejected if there is none."""
        shipment = self._shipments.get(str(shipment_id))
        if shipment is None:
            raise Rejected("shipment does not exist", shipment=shipment_id)
        return shipment

    def of(self, order: Order) -> list[Shipment]:
        """The order's shipments, oldest first."""
        return [self._shipments[shipment_id] for shipment_id in self._by_order.get(order.number, ())]

    def listing(self, status: str, switches: CentraSwitches) -> list[tuple[Shipment, Order]]:
        """The shipments of that status in the plugin's markets, oldest first, each with its order."""
        tests: dict[str, Callable[[Shipment], bool]] = {
            "goodtogo": lambda s: s.gtg and not s.completed,
            "inprogress": lambda s: not s.completed and (switches.inprogress_has_goodtogo or not s.gtg),
            "completed": lambda s: s.completed,
        }
        all_pairs = ((shipment, self._order_of(shipment)) for shipment in self.all())
        return [(s, order) for s, order in all_pairs if tests[status](s) and in_market(order, switches)]

    def all(self) -> list[Shipment]:
        """Every shipment, oldest first."""
        return sorted(self._shipments.values(), key=lambda shipment: (shipment.created, shipment.serial))

    def create(self, order: Order, quantities: Mapping[str, int], switches: CentraSwitches, **flags: Any) -> Shipment:
        """The new shipment; its order becomes Processing and allocates the free stock that it needs."""
        number = self._numbers[order.number] = self._numbers.get(order.number, 0) + 1
        serial, self._next = self._next, self._next + 1
        now = self._clock.local(switches.timezone)
        shipment = self._put(Shipment(order.number, number, serial, now, dict(quantities), {}, **flags))
        self._by_order.setdefault(order.number, []).append(shipment.id)
        self._orders.put(replace(self._orders.allocate(order, switches), status=PROCESSING))
        self._notify("shipment", "create", serial)
        if shipment.gtg:
            self._notify("shipment", "good_to_go", serial)
        self._notify("order", "update", str(order.number))
        return shipment

    def unassigned(self, order: Order, without: Shipment | None = None) -> dict[str, int]:
        """The quantity of each line that is in no shipment; the shipment `without` does not count."""
        quantities = {line.line_id: line.qty for line in order.lines}
        for shipment in self.of(order):
            if without is None or shipment.id != without.id:
                for line_id, quantity in shipment.quantities.items():
                    quantities[line_id] = quantities.get(line_id, 0) - quantity
        return quantities

    def create_requested(self, given: Mapping[str, Any], switches: CentraSwitches) -> Shipment:
        """The new shipment that a POST requests; Rejected if the order, its status or the quantities forbid it."""
        order = self._orders.get(given.get("order"))
        if order is None:
            raise Rejected("order does not exist", order=given.get("order"))
        if order.status not in (CONFIRMED, PROCESSING):
            raise Rejected("only a confirmed order can be shipped", order=str(order.number))
        quantities, _ = self._quantities(order, given.get("products"))
        quantities = {line_id: quantity for line_id, quantity in quantities.items() if quantity}
        if not quantities:
            raise Rejected({"products": "required"})
        self._check_quantities(quantities, self.unassigned(order))
        capture = _flag(given, "capture", True)
        if capture and order.capture_fails:
            raise Rejected("can not capture order", order=str(order.number))
        shipped = _flag(given, "shipped", False)
        flags: dict[str, Any] = {"gtg": _flag(given, "gtg", False), "paid": capture, "captured": capture}
        shipment = self.create(order, quantities, switches, should_capture=not capture, **flags)
        return self._ship(shipment, given, switches) if shipped else shipment

    def change(self, shipment_id: str, given: Mapping[str, Any], switches: CentraSwitches) -> Shipment:
        """The shipment with new quantities, serial numbers or good-to-go flag; Rejected if its state forbids it."""
        shipment = self.get(shipment_id)
        order = self._order_of(shipment)
        quantities, serials = self._quantities(order, given.get("products") or {})
        wanted = dict(shipment.quantities) | quantities
        if wanted != shipment.quantities:
            states = (
                ("is sent", shipment.completed), ("is captured", shipment.captured), ("is paid", shipment.paid),
                ("has refunds", shipment.refunded),
            )  # fmt: skip
            for state, forbids in states:
                if forbids:
                    raise Rejected(f"shipment {state} and can not be updated", shipment=shipment.id)
            self._check_quantities(wanted, self.unassigned(order, without=shipment))
        wanted = {line_id: quantity for line_id, quantity in wanted.items() if quantity}
        gtg = _flag(given, "gtg", shipment.gtg)
        self._notify_update(shipment, gtg)
        return self._put(replace(shipment, quantities=wanted, serials=dict(shipment.serials) | serials, gtg=gtg))

    def delete(self, shipment_id: str) -> Shipment:
        """The shipment, which is gone; its order keeps its lines. Rejected if it was paid or sent."""
        shipment = self.get(shipment_id)
        if shipment.captured or shipment.completed or shipment.refunded:
            msg = "shipment has invoices or creditnotes and could not be deleted."
            raise Rejected(msg, order=str(shipment.order), shipment=shipment.id)
        del self._shipments[shipment.id]
        self._by_order[shipment.order].remove(shipment.id)
        self._notify("order", "update", str(shipment.order))
        return shipment

    def capture(self, shipment_id: Any, switches: CentraSwitches) -> Shipment:
        """The shipment, paid; Rejected if the capture fails."""
        shipment = self.get(shipment_id)
        if shipment.captured or shipment.paid:
            if switches.second_capture == "ok":
                return shipment
            raise Rejected("capture failed", order=str(shipment.order), shipment=shipment.id)
        return self._take_payment(shipment)

    def complete(self, given: Mapping[str, Any], switches: CentraSwitches) -> Shipment:
        """The shipment with the given flags and parcel; completed if it is paid, good to go and shipped."""
        shipment = self.get(given.get("shipment"))
        echo: dict[str, Any] = {"order": str(shipment.order), "shipment": shipment.id}
        if str(given.get("order")) != str(shipment.order):
            raise Rejected("order does not exist", **echo)
        if shipment.completed:
            if switches.second_completion == "ok":
                return shipment
            raise Rejected("shipment is already completed", **echo)
        defaults = {"capture": True, "gtg": shipment.gtg, "shipped": switches.shipped_when_omitted}
        capture, gtg, shipped = (_flag(given, name, default) for name, default in defaults.items())
        if capture and not (shipment.captured or shipment.paid):
            shipment = self._take_payment(shipment)
        self._notify_update(shipment, gtg)
        shipment = self._put(replace(shipment, gtg=gtg))
        if "internalComment" in given:
            comment = {"order": shipment.order, "internalComment": given["internalComment"]}
            self._orders.comment(comment, replace(switches, markets=()))
        if shipped:
            shipment = self._ship(shipment, given, switches)
        if not shipment.completed and switches.unfit_completion == "no":
            raise Rejected("shipment is not paid, good to go and shipped", **echo)
        return shipment

    def set(self, shipment_id: str, changes: Mapping[str, Any]) -> Shipment:
        """The shipment with flags set directly; ValueError if it has no such flag."""
        shipment = self._shipments[shipment_id]
        flags = {"gtg", "paid", "captured", "should_capture", "capture_fails", "refunded", "hold", "suspect"}
        if unknown := sorted(set(changes) - flags):
            raise ValueError(f"a shipment has no {', '.join(unknown)} to set; it has {', '.join(sorted(flags))}")
        values: dict[str, Any] = {name: bool(value) for name, value in changes.items()}
        self._notify_update(shipment, values.get("gtg", shipment.gtg))
        return self._put(replace(shipment, **values))

    def follow_order(self, order: Order) -> None:
        """Must be called after an order was edited: removes the lines it lost from its uncompleted shipments."""
        known = {line.line_id for line in order.lines}
        for shipment in self.of(order):
            if shipment.completed:
                continue
            kept = {line_id: quantity for line_id, quantity in shipment.quantities.items() if line_id in known}
            if order.status == CANCELLED or not kept:
                del self._shipments[shipment.id]
                self._by_order[order.number].remove(shipment.id)
            elif kept != shipment.quantities:
                self._put(replace(shipment, quantities=kept))

    def _take_payment(self, shipment: Shipment) -> Shipment:
        if shipment.capture_fails or self._order_of(shipment).capture_fails:
            raise Rejected("capture failed", order=str(shipment.order), shipment=shipment.id)
        return self._put(replace(shipment, paid=True, captured=True, should_capture=False))

    def _ship(self, shipment: Shipment, given: Mapping[str, Any], switches: CentraSwitches) -> Shipment:
        parcel: dict[str, Any] = {
            field: str(given[name]) for name, field in PARCEL.items() if given.get(name) is not None
        }
        shipment = self._put(replace(shipment, **parcel))
        if not (shipment.gtg and (shipment.paid or shipment.captured)):
            return shipment
        order = self._order_of(shipment)
        lines = []
        for line in order.lines:
            sent = shipment.quantities.get(line.line_id, 0)
            freed = min(sent, line.allocated)
            self._shop.move(line.stock_item_id, switches, physical=-sent, allocated=-freed)
            lines.append(replace(line, allocated=line.allocated - freed, shipped=line.shipped + sent))
        now = self._clock.local(switches.timezone)
        shipment = self._put(replace(shipment, completed=True, shipped_date=now))
        done = all(one.completed for one in self.of(order))
        self._orders.put(replace(order, lines=tuple(lines), status=COMPLETED if done else PROCESSING))
        self._notify("shipment", "complete", shipment.serial)
        self._notify("order", "update", str(order.number))
        return shipment

    def _quantities(self, order: Order, products: Any) -> tuple[dict[str, int], dict[str, str]]:
        """Quantities and serial numbers by line id; the line of a bundle means the items in it."""
        quantities: dict[str, int] = {}
        serials: dict[str, str] = {}
        if not isinstance(products, Mapping):
            raise Rejected({"products": "required" if products is None else "invalid value"})
        for line_id, value in products.items():
            if isinstance(value, Mapping):
                serials[line_id] = str(value.get("serialNumber", ""))
                if "qty" not in value:
                    continue
                value = value["qty"]
            if not str(value).isdecimal():
                raise Rejected({"products": "invalid value"})
            bundle = next((bundle for bundle in order.bundles if bundle.line_id == line_id), None)
            if bundle:
                parts = (line for line in order.lines if line.bundle == line_id)
                quantities |= {part.line_id: int(value) * part.qty // bundle.qty for part in parts}
            elif order.line(line_id):
                quantities[line_id] = int(value)
            else:
                raise Rejected({"products": "invalid value"})
        return quantities, serials

    def _check_quantities(self, quantities: Mapping[str, int], available: Mapping[str, int]) -> None:
        if any(quantity > available.get(line_id, 0) for line_id, quantity in quantities.items()):
            raise Rejected({"products": "invalid value"})

    def _notify_update(self, shipment: Shipment, gtg: bool) -> None:
        self._notify("shipment", "good_to_go" if gtg and not shipment.gtg else "update", shipment.serial)

    def _order_of(self, shipment: Shipment) -> Order:
        order = self._orders.get(shipment.order)
        assert order is not None
        return order

    def _put(self, shipment: Shipment) -> Shipment:
        self._shipments[shipment.id] = shipment
        return shipment


def _flag(given: Mapping[str, Any], name: str, default: bool) -> bool:
    value = given.get(name, default)
    if str(value).lower() not in ("0", "1", "true", "false"):
        raise Rejected({name: "invalid value"})
    return str(value).lower() in ("1", "true")


def all_lines(order: Order) -> dict[str, int]:
    """All ordered quantities by line id."""
    return {line.line_id: line.qty for line in order.lines}
