"""Centra's orders: their lines, their status, and the stock that is allocated to them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.sandbox.centra.product_rows import MISSING, Item
from pipelines.sandbox.centra.product_state import Shop
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.seed.order_sample import sample_order

FIRST_ORDER = 1001
STATUSES = ("Incomplete", "Pending", "Confirmed", "Processing", "Completed", "Archived", "Cancelled")
CONFIRMED, PROCESSING, COMPLETED, CANCELLED = "2", "3", "4", "6"
# The fields of the size that a line copies when the order is placed.
SIZE_FIELDS = (
    "sku", "variantSku", "sizeSku", "ean", "upc", "name", "variant", "brand", "size", "weight", "weightUnit",
    "countryOfOrigin", "harmCode",
)  # fmt: skip
# Names that `place` and `change` take and that are not fields of the order.
NOT_FIELDS = ("lines", "bundle", "status", "capture_fails")

Notify = Callable[[str, str, Any], None]


class Rejected(Exception):
    """An answer with status "no": its `msg`, its other fields in `more`, and its HTTP status."""

    def __init__(self, msg: Any, *, http: int = 200, **more: Any) -> None:
        super().__init__(msg)
        self.msg = msg
        self.http = http
        self.more = more


@dataclass(frozen=True)
class Line:
    """A quantity of one size; `price` is for one piece, tax included; `bundle` is the line id of its bundle.
    `warehouse` is the name of the warehouse that it is allocated in."""

    line_id: str
    stock_item_id: int
    qty: int
    allocated: int
    price: Decimal
    size: Mapping[str, Any]
    bundle: str | None = None
    shipped: int = 0
    warehouse: str = "Default"


@dataclass(frozen=True)
class Bundle:
    """A quantity of sets of items; `price` is for one set."""

    line_id: str
    sku: str
    name: str
    qty: int
    price: Decimal


@dataclass(frozen=True)
class Order:
    """`fields` have the names of the Order API; `bundles` are those that the lines belong to."""

    number: int
    status: str
    fields: Mapping[str, Any]
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...] = ()
    capture_fails: bool = False

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)


class Orders:
    """Orders by number. A new order allocates the free stock of its sizes; the rest is demand."""

    def __init__(self, shop: Shop, clock: Clock, notify: Notify) -> None:
        self._shop = shop
        self._clock = clock
        self._notify = notify
        self._orders: dict[int, Order] = {}
        self._next, self._next_line = FIRST_ORDER, 5001

    def get(self, number: Any) -> Order | None:
        """The order of that number, given as text or int; None if there is none."""
        text = str(number)
        return self._orders.get(int(text)) if text.isdecimal() else None

    def all(self) -> list[Order]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def place(self, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The new order. The sample fills in missing fields; without lines it is for one of the first free size."""
        number, moment = self._next, self._clock.local(switches.timezone)
        fields = sample_order(number, moment, _fields_of(given, sample_order(number, moment, {})))
        lines, bundles = self._lines_of(given, str(fields["orderCurrency"]))
        status = status_of(given.get("status", CONFIRMED))
        order = Order(number, status, fields, lines, bundles, bool(given.get("capture_fails", False)))
        self._next += 1
        self._orders[number] = order
        self._notify("order", "insert", str(number))
        return self.allocate(order, switches)

    def change(self, number: int, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The order with its fields, status or all lines replaced; KeyError if there is no such order."""
        order = self._orders[number]
        known = sample_order(number, "", {}) | dict(order.fields)
        fields = {k: v for k, v in (dict(order.fields) | _fields_of(given, known)).items() if v != MISSING}
        lines, bundles = order.lines, order.bundles
        if "lines" in given or "bundle" in given:
            lines, bundles = self._lines_of(given, str(fields.get("orderCurrency")))
        status = status_of(given.get("status", order.status))
        if lines is not order.lines:
            self._release(order, switches)
        fails = bool(given.get("capture_fails", order.capture_fails))
        order = self.put(
            replace(order, status=status, fields=fields, lines=lines, bundles=bundles, capture_fails=fails)
        )
        if status == CANCELLED:
            self._release(order, switches)
            order = self.put(replace(order, lines=tuple(replace(line, allocated=0) for line in order.lines)))
        self._notify("order", "update", str(number))
        return order if status == CANCELLED else self.allocate(order, switches)

    def put(self, order: Order) -> Order:
        """Stores the order in the place of its former version, and returns it."""
        self._orders[order.number] = order
        return order

    def comment(self, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The order with a comment added or replaced and attributes set; Rejected if there is no such order."""
        order = self.get(given.get("order"))
        if order is None:
            raise Rejected("order does not exist", order=given.get("order"))
        if not in_market(order, switches):
            raise Rejected("order in wrong market", order=order.number)
        fields = dict(order.fields)
        for name, field, flag in (
            ("internalComment", "internalComment", "replaceInternalComment"),
            ("comment", "otherComment", "replaceComment"),
        ):
            if name in given:
                before = "" if given.get(flag) else str(fields.get(field, ""))
                fields[field] = "\n".join(text for text in (before, str(given[name])) if text)
        attributes = given.get("extraAttributes") or {}
        if not isinstance(attributes, Mapping):
            raise Rejected({"extraAttributes": "invalid value"})
        fields |= {name: value for name, value in attributes.items() if value != ""}
        cleared = [name for name, value in attributes.items() if value == ""]
        order = self.put(replace(order, fields={k: v for k, v in fields.items() if k not in cleared}))
        self._notify("order", "update", str(order.number))
        return order

    def allocate(self, order: Order, switches: CentraSwitches) -> Order:
        """The order after it allocated the free stock that it still needs."""
        if order.status in (COMPLETED, CANCELLED):
            return order
        lines = (
            replace(line, allocated=line.allocated + self._shop.allocate(*self._missing(line), switches))
            for line in order.lines
        )
        return self.put(replace(order, lines=tuple(lines)))

    def fill_demand(self, switches: CentraSwitches) -> None:
        """Must be called when stock came in: the oldest orders allocate first."""
        for order in self.all():
            self.allocate(order, switches)

    def _missing(self, line: Line) -> tuple[int, int]:
        return line.stock_item_id, line.qty - line.allocated - line.shipped

    def _release(self, order: Order, switches: CentraSwitches) -> None:
        for line in order.lines:
            self._shop.move(line.stock_item_id, switches, allocated=-line.allocated)

    def _lines_of(self, given: Mapping[str, Any], currency: str) -> tuple[tuple[Line, ...], tuple[Bundle, ...]]:
        lines, bundle = given.get("lines"), given.get("bundle")
        if lines is None and bundle is None:
            free = (item for item in self._shop.listing("asc") if item.physical > item.allocated)
            first = next(free, None)
            if first is None:
                raise ValueError("no size is free; give lines")
            lines = [{"stock_item_id": first.stock_item_id}]
        order_lines = [self._line(line, currency) for line in lines or ()]
        if bundle is None:
            return tuple(order_lines), ()
        sold = Bundle(
            self._line_id(), str(bundle.get("sku", "BNDL-1")), str(bundle.get("name", "Set")),
            _quantity(bundle), Decimal(str(bundle.get("price", 0))),
        )  # fmt: skip
        order_lines += [self._line(line, currency, sold) for line in bundle["lines"]]
        return tuple(order_lines), (sold,)

    def _line(self, given: Mapping[str, Any], currency: str, bundle: Bundle | None = None) -> Line:
        key = given.get("stock_item_id")
        key = self._shop.stock_item_id_of(str(given.get("code")), CentraSwitches()) if key is None else int(key)
        if key is None:
            raise LookupError(f"Centra holds no size {given.get('code')!r}")
        item = self._shop.item(key)
        row = item.row()
        quantity = _quantity(given) * (bundle.qty if bundle else 1)
        price = Decimal(str(given["price"])) if "price" in given else _price(item, currency)
        size = {name: row.get(name, "") for name in SIZE_FIELDS}
        line_id = str(given.get("line_id") or self._line_id())
        if not line_id.isdecimal():
            raise ValueError(f"line_id must be digits, not {line_id!r}")
        part_of, warehouse = bundle.line_id if bundle else None, str(given.get("warehouse", "Default"))
        return Line(line_id, key, quantity, 0, price, size, part_of, warehouse=warehouse)

    def _line_id(self) -> str:
        self._next_line += 1
        return str(self._next_line - 1)


def status_of(given: Any) -> str:
    """The status as digits in text, from a number, digits or a name; ValueError if there is no such status."""
    text = str(given)
    known = {str(number): str(number) for number in range(len(STATUSES))}
    known |= {name.lower(): str(number) for number, name in enumerate(STATUSES)}
    if text.lower() not in known:
        raise ValueError(f"no order status {text!r}; there are {', '.join(STATUSES)} and their numbers from 0")
    return known[text.lower()]


def in_market(order: Order, switches: CentraSwitches) -> bool:
    """Whether the plugin's markets include the order."""
    return not switches.markets or str(order.fields.get("marketId")) in switches.markets


def visible(orders: Iterable[Order], switches: CentraSwitches) -> list[Order]:
    """The orders that the plugin's settings include, sorted as they set."""
    included = [
        order
        for order in orders
        if order.status in switches.order_statuses
        and in_market(order, switches)
        and (switches.on_hold or not _is_set(order, "hold"))
        and (switches.waiting_for_payment or not _is_set(order, "waitingForPayment"))
    ]
    newest = switches.orders_starting_with == "newest"
    return sorted(included, key=lambda order: (order_date(order), order.number), reverse=newest)


def order_date(order: Order) -> str:
    """The local date and time of the order, as Centra writes it."""
    return str(order.fields.get("orderDate", ""))


def _is_set(order: Order, flag: str) -> bool:
    return str(order.fields.get(flag, 0)).lower() in ("1", "true")


def _fields_of(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The given values that are fields of an order; ValueError for a name that no order has."""
    fields = {name: value for name, value in given.items() if name not in NOT_FIELDS}
    if unknown := [name for name in fields if name not in known and not name.startswith("shipwallet_")]:
        raise ValueError(f"an order has no field {', '.join(sorted(unknown))}")
    return fields


def _quantity(given: Mapping[str, Any]) -> int:
    quantity = given.get("qty", 1)
    if type(quantity) is not int or quantity < 1:
        raise ValueError(f"qty must be a whole number from 1, not {quantity!r}")
    return quantity


def _price(item: Item, currency: str) -> Decimal:
    prices = item.row().get("prices")
    listed = [entry for entry in prices if isinstance(entry, dict)] if isinstance(prices, list) else []
    amounts = (entry.get("price") for entry in listed if entry.get("currency") == currency)
    first = next((price for price in amounts if price not in (None, "", MISSING)), 0)
    return Decimal(str(first))
