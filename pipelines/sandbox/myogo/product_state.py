"""myOGO's state: the products of one merchant and their stock."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.json_formats import dotnet_json
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.product import FIELDS, Product, values_of

RESPONSE = (
    "id", *FIELDS, "stock", "stockAvailable", "reserved", "stockUpdate", "stockUpdateTime", "editTime",
)  # fmt: skip
EAN = FIELDS.index("eanCode")


class CodeTaken(ValueError):
    """Another product has that code."""


@dataclass(frozen=True)
class InitialProducts:
    """The products of a warehouse at its start; all warehouses of one catalogue share them."""

    products: dict[int, Product]
    by_code: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, products: Iterable[Product]) -> "InitialProducts":
        by_serial = {product.serial: product for product in products}
        by_code: dict[str, tuple[int, ...]] = {}
        for serial, product in by_serial.items():
            by_code[product.code] = (*by_code.get(product.code, ()), serial)
        return cls(by_serial, by_code)


class Warehouse:
    """Products by serial number, with an index of codes; two products may have one code. Calls `notify` with every
    product whose `stock` or `reserved` changed."""

    def __init__(self, initial: InitialProducts, clock: Clock, notify: Callable[[Product], None]) -> None:
        self._products = dict(initial.products)
        self._by_code = dict(initial.by_code)
        self._next = max(self._products, default=0) + 1
        self._clock = clock
        self._notify = notify
        self._json: dict[tuple[int, str], bytes] = {}
        self._sorted: tuple[str, list[int]] | None = None

    def find(self, code: str, *, ignore_case: bool = False) -> list[Product]:
        """The products with that code, oldest first."""
        if ignore_case:
            return [p for p in self._products.values() if p.code.casefold() == code.casefold()]
        return [self._products[serial] for serial in self._by_code.get(code, ())]

    def products(self, sort: str = "asc", start: int = 0, stop: int | None = None) -> list[Product]:
        """The products from start to stop in the given order; "asc" sorts by creation, "edited" by the last edit, the
        newest at the end."""
        if self._sorted is None or self._sorted[0] != sort:
            serials = sorted(self._products, reverse=sort == "desc")
            if sort == "shuffled":
                random.Random(1).shuffle(serials)
            if sort == "edited":
                serials.sort(key=lambda serial: (self._products[serial].edited, serial))
            self._sorted = sort, serials
        return [self._products[serial] for serial in self._sorted[1][start:stop]]

    def add(self, fields: Mapping[str, Any]) -> Product:
        """The new product, without stock; its code may be that of another product."""
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
        """The product after a PUT; a stored EAN stays. CodeTaken if another product has the new code."""
        code = fields["code"]
        owners = self.find(code, ignore_case=switches.codes_ignore_case) if code != product.code else []
        if any(owner.serial != product.serial for owner in owners):
            raise CodeTaken(code)
        new = fields if switches.omitted_on_put == "clear" else _fields_of(product) | dict(fields)
        values = values_of(new)
        if product.values[EAN]:
            values = (*values[:EAN], product.values[EAN], *values[EAN + 1 :])
        edited = self._clock.now() if switches.writes_move_edit_time else product.edited
        return self._replace(product, product._replace(values=values, edited=edited))

    def set(self, product: Product, changes: Mapping[str, Any]) -> Product:
        """The product with fields or stock quantities set directly, as only the warehouse can."""
        fields = _fields_of(product) | {k: v for k, v in changes.items() if k in FIELDS}
        quantities = {"stock": "stock", "reserved": "reserved", "stockUpdate": "stock_update"}
        stock = {field: int(changes[name]) for name, field in quantities.items() if name in changes}
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
        """The product after an order changed its stock or its reserved quantity."""
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
        self._drop_json(product)

    def row_json(self, product: Product, kind: str, switches: MyogoSwitches) -> bytes:
        """The product, or its stock, as JSON."""
        text = self._json.get((product.serial, kind))
        if text is None:
            row = stock_row(product, switches) if kind == "stock" else product_row(product, switches)
            if switches.emit_nulls == "no":
                row = {name: value for name, value in row.items() if value is not None}
            text = self._json[product.serial, kind] = dotnet_json(row)
        return text

    def clear_json_cache(self) -> None:
        """Must be called after switches changed, because they decide how products are written."""
        self._json.clear()

    def _replace(self, old: Product, new: Product) -> Product:
        self._products[old.serial] = new
        if self._sorted and self._sorted[0] == "edited":
            self._sorted = None
        if new.code != old.code:
            self._unlink(old)
            self._by_code[new.code] = (*self._by_code.get(new.code, ()), new.serial)
        self._drop_json(old)
        if (new.stock, new.reserved) != (old.stock, old.reserved):
            self._notify(new)
        return new

    def _unlink(self, product: Product) -> None:
        rest = tuple(serial for serial in self._by_code[product.code] if serial != product.serial)
        if rest:
            self._by_code[product.code] = rest
        else:
            del self._by_code[product.code]

    def _drop_json(self, product: Product) -> None:
        for kind in ("product", "stock"):
            self._json.pop((product.serial, kind), None)


def _fields_of(product: Product) -> dict[str, Any]:
    return dict(zip(FIELDS, product.values, strict=True))


def _available(product: Product, switches: MyogoSwitches) -> int:
    available = product.stock - product.reserved
    return max(0, available) if switches.stock_clamp else available


def product_row(product: Product, switches: MyogoSwitches) -> dict[str, Any]:
    """The product response; None for a field without a value."""
    quantities = product.stock, _available(product, switches), product.reserved, product.stock_update
    row = dict(zip(RESPONSE, (product.id, *product.values, *quantities, None, utc(product.edited)), strict=True))
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
