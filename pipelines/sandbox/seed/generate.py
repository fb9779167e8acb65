"""A made-up shop of any size, the same for the same seed."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from pipelines.core.process_memory import gc_paused
from pipelines.sandbox.centra.product_rows import Item, Variant, item_of
from pipelines.sandbox.myogo.product import Product
from pipelines.sandbox.seed.vocabulary import (
    BRANDS,
    COLLECTIONS,
    COLOURS,
    COUNTRIES,
    EURO_PRICES,
    FIRST_WORDS,
    GARMENTS,
    LAST_WORDS,
    ONE,
    PRICE_LISTS,
)

FIRST_KEY = 7001
# When the products of myOGO were last edited: 2026-01-01 UTC.
INITIAL_EDIT_S = 1_767_225_600.0
# All variants of a price share one list: a million sizes need a few dozen lists, not a few hundred thousand.
PRICES: dict[int, list[dict[str, Any]]] = {
    euro: [
        {"id": key, "price": f"{euro * rate:.2f}", "pricelist": name, "currency": currency, "campaigns": []}
        for key, name, currency, rate in PRICE_LISTS
    ]
    for euro in EURO_PRICES
}
SIZE_SKUS = {size: "" if size in ONE else f"-{size.replace('/', '')}" for g in GARMENTS for size in g.sizes}


def generated(skus: int, seed: int, faults: float, prefill: float) -> tuple[dict[int, Item], list[Product]]:
    """The rows by `stockItemId`, and the products that myOGO already has."""
    random = Random(seed)
    items: dict[int, Item] = {}
    products: list[Product] = []
    with gc_paused():
        for item in _sizes(skus, random):
            if random.random() < faults:
                items[item.stock_item_id] = _with_fault(item, random, items)
                continue
            items[item.stock_item_id] = item
            if random.random() < prefill:
                products.append(_existing_product(len(products) + 1, item, random))
    return items, products


def _sizes(count: int, random: Random) -> Iterator[Item]:
    key, product_id, variant_id = FIRST_KEY, 500, 900
    last = FIRST_KEY + count
    while key < last:
        product_id += 1
        garment = GARMENTS[product_id % len(GARMENTS)]
        product = _product(product_id, random)
        for sku, colour in random.sample(COLOURS, random.randint(1, 4)):
            variant_id += 1
            euro = random.choice(EURO_PRICES)
            image = f"https://cdn.example.test/p/{product_id}/{variant_id}.jpg"
            fields = {"variantId": variant_id, "variantSku": sku, "variant": colour, "images": [image]}
            variant = Variant(product | fields | {"prices": PRICES[euro]})
            for size in garment.sizes:
                if key >= last:
                    return
                allocated = random.randrange(4)
                stock = allocated + random.randrange(60), allocated
                moment: str = product["createdAt"]
                own = SIZE_SKUS[size], size, "", key, _ean(key), None
                yield Item(*own, variant, *stock, moment, moment)
                key += 1


def _product(product_id: int, random: Random) -> dict[str, Any]:
    garment = GARMENTS[product_id % len(GARMENTS)]
    name = f"{random.choice(FIRST_WORDS)} {garment.name} {random.choice(LAST_WORDS)}"
    day = f"2025-{random.randint(1, 12):02}-{random.randint(1, 28):02} 08:00:00"
    return {
        "sku": f"NV{product_id}",
        "brand": random.choice(BRANDS),
        "collection": random.choice(COLLECTIONS),
        "product": f"{name} {product_id}",
        "productId": product_id,
        "weight": Decimal(garment.weight),
        "weightUnit": "kg",
        "countryOfOrigin": random.choice(COUNTRIES),
        "harmCode": garment.harm_code,
        "harmDescription": garment.harm_description,
        "active": 0 if random.random() < 0.03 else 1,
        "createdAt": day,
        "name": name,
        "description": f"<p>{name}.<br>Tvättas i 30&nbsp;°C &amp; lufttorkas.</p>",
        "shortDescription": name,
        "comment": "",
        "metaTitle": "",
        "metaDescription": "",
        "metaKeywords": "",
        "folder": garment.folder,
        "categories": [garment.category],
        "categoryName": garment.category.rpartition(" / ")[2],
        "store": "Retail",
    }


def _with_fault(item: Item, random: Random, items: dict[int, Item]) -> Item:
    row = item.row() | {"physical": item.physical, "allocated": item.allocated}
    other_currencies = [entry for entry in row["prices"] if entry["currency"] != "EUR"]
    euro = next(entry for entry in row["prices"] if entry["currency"] == "EUR")
    match random.randrange(8):
        case 0:
            row["prices"] = other_currencies
        case 1:
            row["prices"] = [*other_currencies, euro | {"price": None}]
        case 2:
            row["prices"] = [*other_currencies, euro | {"price": "0.00"}]
        case 3:
            row |= {"sku": "", "variantSku": "", "sizeSku": ""}
        case 4 if items:
            other = items[item.stock_item_id - 1].row()
            row |= {part: other[part] for part in ("sku", "variantSku", "sizeSku")}
        case 5:
            row["sizeSku"] = f"/{row['sizeSku']}"
        case 6:
            row |= {"name": "", "product": ""}
        case _:
            row["countryOfOrigin"] = "Portugal"
    return item_of(row)


def _existing_product(serial: int, item: Item, random: Random) -> Product:
    fields = item.variant.fields
    parts = [fields["name"], fields["variant"], *([] if item.size in ONE else [item.size])]
    price = Decimal(next(entry["price"] for entry in fields["prices"] if entry["currency"] == "EUR"))
    values = (
        item.code(), " ".join(parts), None, None, fields["brand"], None, item.ean, None,
        price - 1 if random.random() < 0.05 else price, None, None, fields["images"][0],
        fields["countryOfOrigin"], "en", fields["harmDescription"], fields["harmCode"],
    )  # fmt: skip
    return Product(serial, values, item.physical, item.allocated, 0, INITIAL_EDIT_S, INITIAL_EDIT_S)


def _ean(key: int) -> str:
    text = f"735{key:09}"
    digits = [int(digit) for digit in text]
    return f"{text}{-(sum(digits[::2]) + 3 * sum(digits[1::2])) % 10}"
