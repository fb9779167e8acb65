"""myOGO's state: the products of one merchant and their stock."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.json_formats import dotnet
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.product import FIELDS, Product, values_of

RESPONSE = (
    "id", *FIELDS, "stock", "stockAvailable", "reserved", "stockUpdate", "stockUpdateTime", "editTime",
)  # fmt: skip
EAN = FIELDS.index("eanCode")


class CodeTaken(ValueError):
    """Another product has that code."""


@dataclass(frozen=True)
class Start:
    """The products a warehouse begins with; made once, shared by every warehouse that starts from it."""

    products: dict[int, Product]
    by_code: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, products: Iterable[Product]) -> "Start":
        by_serial = {product.serial: product for product in products}
        by_code: dict[str, tuple[int, ...]] = {}
        for serial, product in by_serial.items():
            by_code[product.code] = (*by_code.get(product.code, ()), serial)
        return cls(by_serial, by_code)


class Warehouse:
    """Products by serial number; a code is found without a search, even when it occurs twice. `tell` hears of every
    product whose stock figures moved."""

    def __init__(self, start: Start, clock: Clock, tell: Callable[[Product], None] = lambda product: None) -> None:
        self._products = dict(start.products)
        self._by_code = dict(start.by_code)
        self._next = max(self._products, default=0) + 1
        self._clock = clock
        self._tell = tell
        self._written: dict[tuple[int, str], bytes] = {}
        self._sorted: tuple[str, list[int]] | None = None

    def find(self, code: str, *, ignore_case: bool = False) -> list[Product]:
        """The products with that code, oldest first."""
        if ignore_case:
            return [p for p in self._products.values() if p.code.casefold() == code.casefold()]
        return [self._products[serial] for serial in self._by_code.get(code, ())]

    def products(self, sort: str = "asc", start: int = 0, stop: int | None = None) -> list[Product]:
        """The products from start to stop in the given order; "asc" is the order they came in, "edited" that of
        their last edits, the newest at the end."""
        if self._sorted is None or self._sorted[0] != sort:
            serials = sorted(self._products, reverse=sort == "desc")
            if sort == "shuffled":
                random.Random(1).shuffle(serials)
            if sort == "edited":
                serials.sort(key=lambda serial: (self._products[serial].edited, serial))
            self._sorted = sort, serials
        return [self._products[serial] for serial in self._sorted[1][start:stop]]

    def add(self, fields: Mapping[str, Any]) -> Product:
        """The new product, without stock; it may have the code of another."""
        now = self._clock.now()
        product = Product(self._next, values_of(fields), 0, 0, 0, now, now)
        self._next += 1
        self._products[product.serial] = product
        self._by_code[product.code] = (*self._by_code.get(product.code, ()), product.serial)
        if self._sorted and self._sorted[0] == "asc":
            self._sorted[1].append(product.serial)
        else:
            self._sorted = None
        return product

    def update(self, product: Product, fields: Mapping[str, Any], switches: MyogoSwitches) -> Product:
        """The product after a PUT: the EAN it had stays; CodeTaken if a rename meets another product."""
        code = fields["code"]
        owners = self.find(code, ignore_case=switches.codes_ignore_case) if code != product.code else []
        if any(owner.serial != product.serial for owner in owners):
            raise CodeTaken(code)
        new = fields if switches.omitted_on_put == "clear" else _known(product) | dict(fields)
        values = values_of(new)
        if product.values[EAN]:
            values = (*values[:EAN], product.values[EAN], *values[EAN + 1 :])
        edited = self._clock.now() if switches.writes_move_edit_time else product.edited
        return self._replace(product, product._replace(values=values, edited=edited))

    def set(self, product: Product, changes: Mapping[str, Any]) -> Product:
        """The product with fields or stock figures set outright, as only the warehouse itself can."""
        fields = _known(product) | {k: v for k, v in changes.items() if k in FIELDS}
        figures = {"stock": "stock", "reserved": "reserved", "stockUpdate": "stock_update"}
        stock = {field: int(changes[name]) for name, field in figures.items() if name in changes}
        now = self._clock.now()
        new = product._replace(values=values_of(fields), edited=now, **stock)
        return self._replace(product, new._replace(stock_modified=now) if stock else new)

    def receive(self, product: Product, quantity: int, *, moves_edit_time: bool) -> Product:
        """The product after goods arrived."""
        now = self._clock.now()
        edited = now if moves_edit_time else product.edited
        new = product._replace(stock=product.stock + quantity, stock_modified=now, edited=edited)
        return self._replace(product, new)

    def move(self, product: Product, switches: MyogoSwitches, *, stock: int, reserved: int) -> Product:
        """The product after an order took or gave back some of it."""
        now = self._clock.now()
        dated = stock or switches.reservations_move_modified
        new = product._replace(
            stock=product.stock + stock, reserved=product.reserved + reserved,
            stock_modified=now if dated else product.stock_modified,
            edited=now if switches.stock_moves_edit_time else product.edited,
        )  # fmt: skip
        return self._replace(product, new)

    def remove(self, product: Product) -> None:
        """Forgets the product."""
        del self._products[product.serial]
        self._unlink(product)
        self._sorted = None
        self._forget(product)

    def written(self, product: Product, kind: str, switches: MyogoSwitches) -> bytes:
        """The product, or its stock, as JSON."""
        text = self._written.get((product.serial, kind))
        if text is None:
            row = stock_row(product, switches) if kind == "stock" else as_row(product, switches)
            if switches.emit_nulls == "no":
                row = {name: value for name, value in row.items() if value is not None}
            text = self._written[product.serial, kind] = dotnet(row)
        return text

    def forget_written(self) -> None:
        """To be called when switches change how products are written."""
        self._written.clear()

    def _replace(self, old: Product, new: Product) -> Product:
        self._products[old.serial] = new
        if self._sorted and self._sorted[0] == "edited":
            self._sorted = None
        if new.code != old.code:
            self._unlink(old)
            self._by_code[new.code] = (*self._by_code.get(new.code, ()), new.serial)
        self._forget(old)
        if (new.stock, new.reserved) != (old.stock, old.reserved):
            self._tell(new)
        return new

    def _unlink(self, product: Product) -> None:
        rest = tuple(serial for serial in self._by_code[product.code] if serial != product.serial)
        if rest:
            self._by_code[product.code] = rest
        else:
            del self._by_code[product.code]

    def _forget(self, product: Product) -> None:
        for kind in ("product", "stock"):
            self._written.pop((product.serial, kind), None)


def _known(product: Product) -> dict[str, Any]:
    return dict(zip(FIELDS, product.values, strict=True))


def _available(product: Product, switches: MyogoSwitches) -> int:
    available = product.stock - product.reserved
    return max(0, available) if switches.stock_clamp else available


def as_row(product: Product, switches: MyogoSwitches) -> dict[str, Any]:
    """The product response, with null where there is nothing."""
    figures = product.stock, _available(product, switches), product.reserved, product.stock_update
    row = dict(zip(RESPONSE, (product.id, *product.values, *figures, None, utc(product.edited)), strict=True))
    return row | {"batchTracked": False, "channels": []} if switches.extra_fields else row


def stock_row(product: Product, switches: MyogoSwitches) -> dict[str, Any]:
    """The stock response."""
    row: dict[str, Any] = {
        "productCode": product.code,
        "stock": product.stock,
        "stockAvailable": _available(product, switches),
        "reserved": product.reserved,
        "modified": utc(product.stock_modified),
    }
    return row | {"warehouses": []} if switches.extra_fields else row
