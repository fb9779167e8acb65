"""Centra's orders: what was ordered, and how much stock is allocated to it."""

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
# What a line remembers of its size, whatever becomes of the size.
OF_THE_SIZE = (
    "sku", "variantSku", "sizeSku", "ean", "upc", "name", "variant", "brand", "size", "weight", "weightUnit",
    "countryOfOrigin", "harmCode",
)  # fmt: skip
# What is given for an order and is no field of it.
BESIDE = ("lines", "bundle", "status", "capture_fails")

Tell = Callable[[str, str, Any], None]


class No(Exception):
    """An answer with status "no": its `msg`, what stands beside that, and its status in HTTP."""

    def __init__(self, msg: Any, *, http: int = 200, **more: Any) -> None:
        super().__init__(msg)
        self.msg = msg
        self.http = http
        self.more = more


@dataclass(frozen=True)
class Line:
    """So many of one size; `price` is for one, tax included, and `bundle` the line id of the bundle it is part of."""

    line_id: str
    stock_item_id: int
    qty: int
    allocated: int
    price: Decimal
    size: Mapping[str, Any]
    bundle: str | None = None
    shipped: int = 0


@dataclass(frozen=True)
class Bundle:
    """So many sets of items, at a price of their own for each set."""

    line_id: str
    sku: str
    name: str
    qty: int
    price: Decimal


@dataclass(frozen=True)
class Order:
    """`fields` are its own, as the Order API names them; `bundles` are those that lines are part of."""

    number: int
    status: str
    fields: Mapping[str, Any]
    lines: tuple[Line, ...]
    bundles: tuple[Bundle, ...] = ()
    capture_fails: bool = False

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)


class Orders:
    """Orders by number. A new one allocates what is free of its sizes; the rest is demand."""

    def __init__(self, shop: Shop, clock: Clock, tell: Tell) -> None:
        self._shop = shop
        self._clock = clock
        self._tell = tell
        self._orders: dict[int, Order] = {}
        self._next, self._next_line = FIRST_ORDER, 5001

    def get(self, number: Any) -> Order | None:
        """The order of that number, given as text or as a number."""
        text = str(number)
        return self._orders.get(int(text)) if text.isdecimal() else None

    def all(self) -> list[Order]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def place(self, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The new order; what is not given comes from the sample, also one line of the first size that is free."""
        number, moment = self._next, self._clock.local(switches.timezone)
        fields = sample_order(number, moment, _own(given, sample_order(number, moment, {})))
        lines, bundles = self._wanted(given, str(fields["orderCurrency"]))
        status = status_of(given.get("status", CONFIRMED))
        order = Order(number, status, fields, lines, bundles, bool(given.get("capture_fails", False)))
        self._next += 1
        self._orders[number] = order
        self._tell("order", "insert", str(number))
        return self.allocate(order, switches)

    def change(self, number: int, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The order with fields, status or all its lines set outright; KeyError if there is none."""
        order = self._orders[number]
        known = sample_order(number, "", {}) | dict(order.fields)
        fields = {k: v for k, v in (dict(order.fields) | _own(given, known)).items() if v != MISSING}
        lines, bundles = order.lines, order.bundles
        if "lines" in given or "bundle" in given:
            lines, bundles = self._wanted(given, str(fields.get("orderCurrency")))
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
        self._tell("order", "update", str(number))
        return order if status == CANCELLED else self.allocate(order, switches)

    def put(self, order: Order) -> Order:
        """The order, kept in the place of what it was."""
        self._orders[order.number] = order
        return order

    def comment(self, given: Mapping[str, Any], switches: CentraSwitches) -> Order:
        """The order with a text added or put in the place of one, and attributes set; No if there is none."""
        order = self.get(given.get("order"))
        if order is None:
            raise No("order does not exist", order=given.get("order"))
        if not in_market(order, switches):
            raise No("order in wrong market", order=order.number)
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
            raise No({"extraAttributes": "invalid value"})
        fields |= {name: value for name, value in attributes.items() if value != ""}
        cleared = [name for name, value in attributes.items() if value == ""]
        order = self.put(replace(order, fields={k: v for k, v in fields.items() if k not in cleared}))
        self._tell("order", "update", str(order.number))
        return order

    def allocate(self, order: Order, switches: CentraSwitches) -> Order:
        """The order after it took what it still needs and is free."""
        if order.status in (COMPLETED, CANCELLED):
            return order
        taken = (
            replace(line, allocated=line.allocated + self._shop.allocate(*self._lack(line), switches))
            for line in order.lines
        )
        return self.put(replace(order, lines=tuple(taken)))

    def fill_demand(self, switches: CentraSwitches) -> None:
        """To be called when stock came in: the oldest orders take first."""
        for order in self.all():
            self.allocate(order, switches)

    def _lack(self, line: Line) -> tuple[int, int]:
        return line.stock_item_id, line.qty - line.allocated - line.shipped

    def _release(self, order: Order, switches: CentraSwitches) -> None:
        for line in order.lines:
            self._shop.move(line.stock_item_id, switches, allocated=-line.allocated)

    def _wanted(self, given: Mapping[str, Any], currency: str) -> tuple[tuple[Line, ...], tuple[Bundle, ...]]:
        lines, bundle = given.get("lines"), given.get("bundle")
        if lines is None and bundle is None:
            free = (item for item in self._shop.listing("asc") if item.physical > item.allocated)
            first = next(free, None)
            if first is None:
                raise ValueError("no size is free; give lines")
            lines = [{"stock_item_id": first.stock_item_id}]
        made = [self._line(line, currency) for line in lines or ()]
        if bundle is None:
            return tuple(made), ()
        whole = Bundle(
            self._line_id(), str(bundle.get("sku", "BNDL-1")), str(bundle.get("name", "Set")),
            _quantity(bundle), Decimal(str(bundle.get("price", 0))),
        )  # fmt: skip
        made += [self._line(line, currency, whole) for line in bundle["lines"]]
        return tuple(made), (whole,)

    def _line(self, given: Mapping[str, Any], currency: str, bundle: Bundle | None = None) -> Line:
        key = given.get("stock_item_id")
        key = self._shop.owner(str(given.get("code"))) if key is None else int(key)
        if key is None:
            raise LookupError(f"Centra holds no size {given.get('code')!r}")
        item = self._shop.item(key)
        row = item.row()
        quantity = _quantity(given) * (bundle.qty if bundle else 1)
        price = Decimal(str(given["price"])) if "price" in given else _price(item, currency)
        size = {name: row.get(name, "") for name in OF_THE_SIZE}
        line_id = str(given.get("line_id") or self._line_id())
        if not line_id.isdecimal():
            raise ValueError(f"line_id must be digits, not {line_id!r}")
        return Line(line_id, key, quantity, 0, price, size, bundle.line_id if bundle else None)

    def _line_id(self) -> str:
        self._next_line += 1
        return str(self._next_line - 1)


def status_of(given: Any) -> str:
    """The status as its number in text, given so, as a number, or by name; ValueError if there is none such."""
    text = str(given)
    known = {str(number): str(number) for number in range(len(STATUSES))}
    known |= {name.lower(): str(number) for number, name in enumerate(STATUSES)}
    if text.lower() not in known:
        raise ValueError(f"no order status {text!r}; there are {', '.join(STATUSES)} and their numbers from 0")
    return known[text.lower()]


def in_market(order: Order, switches: CentraSwitches) -> bool:
    """Whether the plugin's markets show the order."""
    return not switches.markets or str(order.fields.get("marketId")) in switches.markets


def visible(orders: Iterable[Order], switches: CentraSwitches) -> list[Order]:
    """The orders that the plugin's settings show, in the order they say."""
    shown = [
        order
        for order in orders
        if order.status in switches.order_statuses
        and in_market(order, switches)
        and (switches.on_hold or not _set(order, "hold"))
        and (switches.waiting_for_payment or not _set(order, "waitingForPayment"))
    ]
    newest = switches.orders_starting_with == "newest"
    return sorted(shown, key=lambda order: (ordered(order), order.number), reverse=newest)


def ordered(order: Order) -> str:
    """When it was ordered."""
    return str(order.fields.get("orderDate", ""))


def _set(order: Order, flag: str) -> bool:
    return str(order.fields.get(flag, 0)).lower() in ("1", "true")


def _own(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What is given for the order's own fields; ValueError for one that no order has."""
    own = {name: value for name, value in given.items() if name not in BESIDE}
    if unknown := [name for name in own if name not in known and not name.startswith("shipwallet_")]:
        raise ValueError(f"an order has no field {', '.join(sorted(unknown))}")
    return own


def _quantity(given: Mapping[str, Any]) -> int:
    quantity = given.get("qty", 1)
    if type(quantity) is not int or quantity < 1:
        raise ValueError(f"qty must be a whole number from 1, not {quantity!r}")
    return quantity


def _price(item: Item, currency: str) -> Decimal:
    prices = item.row().get("prices")
    listed = [entry for entry in prices if isinstance(entry, dict)] if isinstance(prices, list) else []
    said = (entry.get("price") for entry in listed if entry.get("currency") == currency)
    first = next((price for price in said if price not in (None, "", MISSING)), 0)
    return Decimal(str(first))
