"""The products of both sides when a sandbox starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.sandbox.centra.product_rows import Item, Variant, item_of
from pipelines.sandbox.common.json_formats import parse_json
from pipelines.sandbox.myogo.product import Product, values_of
from pipelines.sandbox.myogo.product_state import InitialProducts

_PACKED = Path(__file__).resolve().parents[1] / "sample"  # of an installed package; else the repository has it
SAMPLE = _PACKED if _PACKED.is_dir() else Path(__file__).resolve().parents[3] / "data" / "sample"
# When the first products of myOGO were last edited (2026-01-01 UTC): before any request.
INITIAL_EDIT_S = 1_767_225_600.0


@dataclass(frozen=True)
class Catalogue:
    """Centra's rows by `stockItemId` and myOGO's first products; sandboxes share them and never change them."""

    items: Mapping[int, Item]
    initial_products: InitialProducts

    @classmethod
    def sample(cls) -> "Catalogue":
        """The sample shop in SAMPLE; every kind of planted fault occurs in it."""
        return _loaded(SAMPLE)

    @classmethod
    def generate(cls, skus: int, seed: int = 1, faults: float = 0.0, prefill: float = 0.0) -> "Catalogue":
        """A made-up shop of that many sizes, the same for the same arguments; `faults` and `prefill` are shares."""
        from pipelines.sandbox.seed.generate import generated

        items, products = generated(skus, seed, faults, prefill)
        return cls(items, InitialProducts.of(products))

    @classmethod
    def of(cls, centra: Mapping[str, Any], myogo: Mapping[str, Any] | None = None) -> "Catalogue":
        """The catalogue from values in the form of the two sample files."""
        products = (_product(n, p) for n, p in enumerate((myogo or {"products": []})["products"], 1))
        return cls(_items(centra), InitialProducts.of(products))


@lru_cache(maxsize=2)
def _loaded(folder: Path) -> Catalogue:
    centra, myogo = (parse_json((folder / f"{side}.json").read_bytes()) for side in ("centra", "myogo"))
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
    stock, reserved, stock_update = (int(given.get(name, 0)) for name in ("stock", "reserved", "stockUpdate"))
    return Product(serial, values_of(given), stock, reserved, stock_update, INITIAL_EDIT_S, INITIAL_EDIT_S)
