"""Takes clean products out of the shop, one per fault, and keeps the list of what was planted where."""

import copy
import random
from collections.abc import Iterable

import words
from shop import Json, Row, rows, with_check_digit

SCALE_OF = {kind.prefix: kind.scale for kind in words.KINDS}


class Planter:
    """No product is handed out twice, so a row breaks the rules it is listed under and no others."""

    def __init__(self, rng: random.Random, products: list[Json]) -> None:
        self.rng = rng
        self.products = products
        self.planted: list[Json] = []
        self._free = rng.sample(products, k=len(products))
        self._next_id = max(row.id for row in rows(*products)) + 1000
        self._next_barcode = 90000

    def take(self, scale: str, colours: int = 1, *, trim: bool = False) -> Json:
        """An untouched product of that size scale, in at least (with `trim`: exactly) so many colours."""
        for product in self._free:
            if SCALE_OF[product["sku"][:2]] == scale and len(product["variants"]) >= colours:
                self._free.remove(product)
                if trim:
                    del product["variants"][colours:]
                return product
        raise LookupError(f"the shop has no untouched product left of scale {scale!r} in {colours} colours")

    def copy_of(self, product: Json) -> Json:
        """A second product with the same article numbers, its own ids and its own barcodes."""
        twin = copy.deepcopy(product)
        twin["productId"] = self._fresh_id()
        for variant in twin["variants"]:
            variant["variantId"] = self._fresh_id()
        for row in rows(twin):
            row.size["stockItemId"] = self._fresh_id()
            row.size["ean"] = self.fresh_ean(row)
        self.products.append(twin)
        return twin

    def fresh_ean(self, row: Row) -> str:
        """A right EAN-13 of the row's brand that no size has."""
        self._next_barcode += 1
        prefix = next(brand.ean_prefix for brand in words.BRANDS if brand.name == row.value("brand"))
        return with_check_digit(f"{prefix}{self._next_barcode}")

    def note(
        self,
        rule: str,
        kind: str,
        planted: Iterable[Row],
        story: str,
        owner: str,
        fix: str,
        codes: Iterable[str] = (),
    ) -> None:
        """Adds an entry to the list of planted faults; `codes` are those that myOGO is to hold, or holds."""
        entry: Json = {"rule": rule, "kind": kind}
        if ids := sorted(row.id for row in planted):
            entry["stock_item_ids"] = ids
        if names := list(codes):
            entry["codes"] = names
        self.planted.append(entry | {"story": story, "owner": owner, "fix": fix})

    def _fresh_id(self) -> int:
        self._next_id += 1
        return self._next_id
