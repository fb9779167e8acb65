"""Centra's product rows: one per size, compact in memory, written in the documented field order."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

from pipelines.sandbox.common.json_formats import php_json
from pipelines.sandbox.common.switches import CentraSwitches

MISSING = "__missing__"
Kind = Literal["products", "attributes", "stock"]

# The order of the example Centra published in November 2023; unknown fields follow.
ORDER = (
    "sku", "variantId", "variantSku", "sizeSku", "brand", "collection", "product", "productId", "variant",
    "size", "sizeComment", "stockItemId", "ean", "upc", "weight", "weightUnit", "countryOfOrigin",
    "harmCode", "harmDescription", "active", "createdAt", "name", "description", "shortDescription",
    "comment", "metaTitle", "metaDescription", "metaKeywords", "folder", "categories", "categoryName",
    "images", "prices", "store",
)  # fmt: skip
SIZE_FIELDS = ("sizeSku", "size", "sizeComment", "stockItemId", "ean", "upc")
BEFORE_SKU = ORDER[: ORDER.index("sizeSku")]
BEFORE_SIZE = ORDER[len(BEFORE_SKU) + 1 : ORDER.index("size")]
NOT_IN_STOCK = frozenset((
    "name", "description", "shortDescription", "comment", "metaTitle", "metaDescription", "metaKeywords",
    "folder", "categories", "images", "prices", "store",
))  # fmt: skip
NOT_SHARED = frozenset((*SIZE_FIELDS, "physical", "allocated"))
IDS = frozenset(("productId", "variantId", "stockItemId"))


class Dialect(NamedTuple):
    """How values are written where Centra's own examples disagree."""

    price_as: str
    ids_as: str
    flags_as: str
    empty_as: str | None

    @classmethod
    def of(cls, switches: CentraSwitches) -> "Dialect":
        return cls(switches.price_as, switches.ids_as, switches.flags_as, switches.empty_as)


AS_IS = Dialect("as_is", "as_is", "as_is", "as_is")


class Variant:
    """The fields that the sizes of a variant share, and their JSON text for each kind of row and dialect."""

    __slots__ = ("_texts", "fields")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        known = {key: fields[key] for key in ORDER if key in fields}
        self.fields = known | {key: value for key, value in fields.items() if key not in known}
        self._texts: dict[tuple[str, Dialect], tuple[str, str, str]] = {}

    def texts(self, kind: Kind, dialect: Dialect) -> tuple[str, str, str]:
        """The row's text before `sizeSku`, between `sizeSku` and the other fields of a size, and after those."""
        texts = self._texts.get((kind, dialect))
        if texts is None:
            texts = self._texts[kind, dialect] = _texts(self.fields, kind, dialect)
        return texts


class Item(NamedTuple):
    """One size. The first six are its own fields in the JSON."""

    size_sku: Any
    size: Any
    size_comment: Any
    stock_item_id: Any
    ean: Any
    upc: Any
    variant: Variant
    physical: int
    allocated: int
    modified: str
    stock_modified: str

    def row(self) -> dict[str, Any]:
        """Every field of the row as the catalogue writes it."""
        own = {name: value for name, value in zip(SIZE_FIELDS, self[:6], strict=True) if value != MISSING}
        return self.variant.fields | own

    def code(self) -> str:
        """The three SKU parts joined, as stock updates name a size."""
        parts = (self.variant.fields.get("sku"), self.variant.fields.get("variantSku"), self.size_sku)
        return "".join(str(part) for part in parts if part not in (None, MISSING))

    def text(self, name: str) -> str | None:
        """The size's `code`, `ean` or `upc`; None for a barcode that it does not have."""
        if name == "code":
            return self.code()
        barcode = self.ean if name == "ean" else self.upc
        return None if barcode in (None, "", MISSING) else str(barcode)


def item_of(row: Mapping[str, Any], variant: Variant | None = None, modified: str | None = None) -> Item:
    """The row as an Item; it shares `variant` when the fields that sizes share are the same."""
    fields = {k: v for k, v in row.items() if k not in NOT_SHARED and v != MISSING}
    if isinstance(fields.get("prices"), list):
        fields["prices"] = [_price(entry, AS_IS) for entry in fields["prices"]]
    if variant is None or variant.fields != fields:
        variant = Variant(fields)
    size_sku, size, comment, key, ean, upc = (row.get(name, MISSING) for name in SIZE_FIELDS)
    physical, allocated = int(row.get("physical", 0)), int(row.get("allocated", 0))
    moment = modified or str(fields.get("createdAt", "0000-00-00 00:00:00"))
    return Item(size_sku, size, comment, key, ean, upc, variant, physical, allocated, moment, moment)


def rows_json(items: Iterable[Item], kind: Kind, dialect: Dialect, *, physical: bool = True) -> str:
    """The rows as the content of a JSON list, without its brackets."""
    rows = []
    for item in items:
        head, middle, tail = item.variant.texts(kind, dialect)
        sku, rest = _size_texts(item, dialect)
        if kind == "stock":
            tail += f'"physicalStock":{item.physical},' if physical else ""
            tail += f'"allocatedStock":{item.allocated},"availableStock":{item.physical - item.allocated},'
        rows.append(f"{head}{sku}{middle}{rest}{tail}"[:-1])
    return "{" + "},{".join(rows) + "}" if rows else ""


def _size_texts(item: Item, dialect: Dialect) -> tuple[str, str]:
    sku, size, comment, key, ean, upc = item[:6]
    rest = {"size": size, "sizeComment": comment, "stockItemId": key, "ean": ean, "upc": upc}
    return _members({"sizeSku": sku}, dialect), _members(rest, dialect)


def _texts(fields: Mapping[str, Any], kind: Kind, dialect: Dialect) -> tuple[str, str, str]:
    included = {k: v for k, v in fields.items() if not (kind == "stock" and k in NOT_IN_STOCK)}
    attributes = included.pop("attributes", None) or {}
    if kind == "attributes":
        included |= attributes
    if kind == "stock" and "categoryName" in included:
        included["categoryName"] = None
    head = {name: included.pop(name) for name in BEFORE_SKU if name in included}
    middle = {name: included.pop(name) for name in BEFORE_SIZE if name in included}
    return _members(head, dialect), _members(middle, dialect), _members(included, dialect)


def _members(fields: dict[str, Any], dialect: Dialect) -> str:
    if dialect != AS_IS or MISSING in fields.values():
        fields = {name: _value(name, v, dialect) for name, v in fields.items() if v != MISSING}
        fields = {name: value for name, value in fields.items() if value != MISSING}
    return php_json(fields)[1:-1] + "," if fields else ""


def _value(name: str, value: Any, dialect: Dialect) -> Any:
    if value in ("", None) and dialect.empty_as != "as_is":
        return MISSING if dialect.empty_as == "missing" else dialect.empty_as
    if name in IDS:
        return identifier(value, dialect.ids_as)
    if name == "prices" and isinstance(value, list):
        return [_price(entry, dialect) for entry in value]
    if name == "active" and dialect.flags_as != "as_is" and value in (0, 1, "0", "1"):
        return bool(int(value)) if dialect.flags_as == "bool" else int(value)
    return value


def _price(entry: Any, dialect: Dialect) -> Any:
    if not isinstance(entry, dict):
        return entry
    new = {key: value for key, value in entry.items() if value != MISSING}
    if "id" in new:
        new["id"] = identifier(new["id"], dialect.ids_as)
    if "price" in new:
        new["price"] = amount(new["price"], dialect.price_as)
    if isinstance(new.get("campaigns"), list):
        new["campaigns"] = [_price(campaign, dialect) for campaign in new["campaigns"]]
    return new


def identifier(value: Any, shape: str) -> Any:
    """The id as a number or a string; unchanged for the shape `as_is`."""
    if shape == "number" and isinstance(value, str) and value.isdecimal():
        return int(value)
    return str(value) if shape == "string" and isinstance(value, int) else value


def amount(value: Any, shape: str) -> Any:
    """The amount as a number without trailing zeros or as a string with cents; unchanged for the shape `as_is`."""
    if shape == "as_is" or value is None or isinstance(value, bool):
        return value
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return value
    if not amount.is_finite():
        return value
    if shape == "number":
        # PHP writes 329.00 as 329 and 49.90 as 49.9.
        return int(amount) if amount == amount.to_integral_value() else amount.normalize()
    cents = amount.quantize(Decimal("0.01"))
    return str(cents if cents == amount else amount)
