"""What both sides hold when a sandbox starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.sandbox.centra.product_rows import Item, Variant, item_of
from pipelines.sandbox.common.credentials import DATA
from pipelines.sandbox.common.json_formats import parsed
from pipelines.sandbox.myogo.product import Product, values_of
from pipelines.sandbox.myogo.product_state import Start

# Products a merchant had before anybody looked: older than any request.
EPOCH = 1_767_225_600.0


@dataclass(frozen=True)
class Catalogue:
    """Centra's rows by `stockItemId` and myOGO's first products; shared, never changed."""

    items: Mapping[int, Item]
    start: Start

    @classmethod
    def sample(cls) -> "Catalogue":
        """The small shop with some of every fault that comes with the project."""
        return _loaded(DATA / "sample")

    @classmethod
    def generate(cls, skus: int, seed: int = 1, faults: float = 0.0, prefill: float = 0.0) -> "Catalogue":
        """A made-up shop of that many sizes, the same one for the same arguments."""
        from pipelines.sandbox.seed.generate import generated

        items, products = generated(skus, seed, faults, prefill)
        return cls(items, Start.of(products))

    @classmethod
    def of(cls, centra: Mapping[str, Any], myogo: Mapping[str, Any] | None = None) -> "Catalogue":
        """The catalogue described in the form of the two sample files."""
        products = (_product(n, p) for n, p in enumerate((myogo or {"products": []})["products"], 1))
        return cls(_items(centra), Start.of(products))


@lru_cache(maxsize=2)
def _loaded(folder: Path) -> Catalogue:
    centra, myogo = (parsed((folder / f"{side}.json").read_bytes()) for side in ("centra", "myogo"))
    return Catalogue.of(centra, myogo)


def _items(centra: Mapping[str, Any]) -> dict[int, Item]:
    items: dict[int, Item] = {}
    for product in centra["products"]:
        for variant in product["variants"]:
            shared: Variant | None = None
            for size in variant["sizes"]:
                row = {k: v for k, v in (product | variant | size).items() if k not in ("variants", "sizes")}
                item = item_of(row, shared)
                shared = shared or item.variant
                key = int(row["stockItemId"])
                if key in items:
                    raise ValueError(f"stockItemId {key} occurs twice in the catalogue")
                items[key] = item
    return items


def _product(serial: int, given: Mapping[str, Any]) -> Product:
    stock, reserved, coming = (int(given.get(name, 0)) for name in ("stock", "reserved", "stockUpdate"))
    return Product(serial, values_of(given), stock, reserved, coming, EPOCH, EPOCH)
