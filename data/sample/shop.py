"""The sample shop before anything went wrong in it: every size in it deserves to be in myOGO."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import words

Json = dict[str, Any]

PRODUCTS = 334
EURO_RATES = {"SEK": 11.2, "USD": 1.1, "GBP": 0.86, "DKK": 7.46, "NOK": 11.6}
WASHABLE = {"letters", "kids", "jeans", "socks"}
WITH_POCKETS = {"letters", "kids", "jeans"}


class Row(NamedTuple):
    """One size with the variant and the product it hangs under."""

    product: Json
    variant: Json
    size: Json

    def value(self, key: str) -> Any:
        """What the row on the wire carries under this key, None where it carries none."""
        merged: Json = {**self.product, **self.variant, **self.size}
        return None if merged.get(key) == "__missing__" else merged.get(key)

    @property
    def id(self) -> int:
        """The stock item id, whichever way the row spells it."""
        return int(self.value("stockItemId"))

    @property
    def code(self) -> str:
        """The three parts of the article number, joined as they stand."""
        return "".join(self.value(part) or "" for part in ("sku", "variantSku", "sizeSku"))


def rows(*products: Json) -> Iterator[Row]:
    """Every size of the products, in order."""
    for product in products:
        for variant in product["variants"]:
            for size in variant["sizes"]:
                yield Row(product, variant, size)


def with_check_digit(digits: str) -> str:
    """The digits and the GS1 check digit that belongs behind them."""
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-weighted % 10}"


def converted(eur: str, currency: str) -> int:
    """A shop's price in that currency: an amount without cents that ends in 9."""
    return int(float(eur) * EURO_RATES[currency] // 10 * 10 + 9)


class Shopkeeper:
    """Makes clean products, one after the other, out of one seeded source of chance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._variant_id = 2100
        self._stock_item_id = 70400
        self._barcodes = dict.fromkeys((brand.name for brand in words.BRANDS), 10400)

    def product(self, number: int) -> Json:
        """A product with one to four colours, in one of the six languages."""
        rng = self._rng
        kind = rng.choices(words.KINDS, [kind.share for kind in words.KINDS])[0]
        language = rng.choices(words.LANGUAGES, words.LANGUAGE_WEIGHTS)[0]
        place = words.LANGUAGES.index(language)
        brand = rng.choice(words.BRANDS)
        noun, model = kind.nouns[place], rng.choice(words.MODELS[language])
        sku = f"{kind.prefix}{2000 + number}"
        collection = rng.choice(words.COLLECTIONS)
        category = kind.category.split(" / ")[-1]
        intro = rng.choice(words.INTROS[language]).format(n=noun, m=model)
        colours = rng.sample(sorted(words.COLOURS), k=rng.choice((1, 2, 2, 3, 3)))
        euros = rng.randrange(kind.low, kind.high + 1, 10 if kind.low > 50 else 5)
        cents = rng.choice(("00", "00", "00", "90", "95"))
        prices = self._prices(f"{euros}.{cents}")
        return {
            "sku": sku,
            "productId": 500 + number,
            "brand": brand.name,
            "collection": collection,
            "product": f"{kind.prefix.lower()}-{number:03d} {model.lower()} int",
            "name": f"{noun} {model}",
            "weight": kind.weight,
            "weightUnit": "kg",
            "countryOfOrigin": rng.choice(words.COUNTRIES),
            "harmCode": kind.harm_code,
            "harmDescription": kind.harm_description,
            "active": 1,
            "createdAt": f"202{rng.randint(4, 6)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)} "
            f"{rng.randint(7, 17):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}",
            "description": self._description(intro, language, kind.scale),
            "shortDescription": intro if rng.random() < 0.5 else "",
            "comment": "",
            "metaTitle": f"{noun} {model} | {brand.name}",
            "metaDescription": intro if rng.random() < 0.3 else "",
            "metaKeywords": "",
            "folder": kind.folder,
            "categories": [f"Shop / {kind.category}"] + (["Shop / Outlet"] if collection == "AW24" else []),
            "categoryName": category,
            "store": "Outlet" if collection == "AW24" else "Retail",
            "variants": [self._variant(sku, colour, place, brand, kind.scale, prices, number) for colour in colours],
        }

    def _variant(
        self,
        sku: str,
        colour: str,
        place: int,
        brand: words.Brand,
        scale: str,
        prices: list[Json],
        number: int,
    ) -> Json:
        self._variant_id += 1
        pictures = self._rng.choice((0, 1, 1, 1, 2))
        return {
            "variantId": self._variant_id,
            "variantSku": f"-{colour}",
            "variant": words.COLOURS[colour][place],
            "images": [
                f"https://cdn.example.test/p/{500 + number}/{colour.lower()}-{nth + 1}.jpg" for nth in range(pictures)
            ],
            "prices": [dict(price) for price in prices],
            "sizes": [self._size(brand, size_sku, label) for size_sku, label in words.SCALES[scale]],
        }

    def _size(self, brand: words.Brand, size_sku: str, label: str) -> Json:
        self._stock_item_id += 1
        self._barcodes[brand.name] += self._rng.choice((1, 1, 1, 2))
        physical = self._rng.choice(
            (0, 0, self._rng.randint(1, 9), self._rng.randint(5, 60), self._rng.randint(20, 180))
        )
        return {
            "stockItemId": self._stock_item_id,
            "sizeSku": size_sku,
            "size": label,
            "sizeComment": "",
            "ean": with_check_digit(f"{brand.ean_prefix}{self._barcodes[brand.name]:05d}"),
            "upc": None,
            "physical": physical,
            "allocated": min(physical, self._rng.choice((0, 0, 0, 1, 2, 3, 5))),
        }

    def _prices(self, eur: str) -> list[Json]:
        """An entry per list but the VIP one; numbers instead of text here, campaigns there."""
        numbers, campaign, few_lists = (self._rng.random() < share for share in (0.08, 0.15, 0.1))
        entries = []
        for list_id, name, currency in words.PRICELISTS:
            if name == "EUR VIP" or (few_lists and currency in {"USD", "GBP", "NOK"}):
                continue
            text = eur if currency == "EUR" else f"{converted(eur, currency)}.00"
            reduced = [{"id": "40", "campaign": "Outlet", "price": round(float(text) / 2, 2)}] if campaign else []
            entries.append(
                {
                    "id": int(list_id) if numbers else list_id,
                    "price": (int(text[:-3]) if text.endswith(".00") else float(text)) if numbers else text,
                    "pricelist": name,
                    "currency": currency,
                    "campaigns": reduced if currency in {"SEK", "EUR"} else [],
                }
            )
        return entries

    def _description(self, intro: str, language: str, scale: str) -> str:
        features = [
            text
            for place, text in enumerate(words.FEATURES[language])
            if (place != 0 or scale in WASHABLE) and (place != 2 or scale in WITH_POCKETS)
        ]
        first, second = self._rng.sample(features, k=2)
        care = words.CARE[language] if scale in WASHABLE else ""
        style = self._rng.randrange(4)
        if style == 0:
            return f"{intro} {first}. {second}."
        if style == 1:
            return f"<p>{intro}</p><ul><li>{first}</li><li>{second}</li></ul>" + (f"<p>{care}</p>" if care else "")
        if style == 2:
            return f"<p>{intro}<br>{first}.<br />{second}.</p>"
        return f"<p><strong>{intro}</strong></p>\n<p>{first}. {care}</p>"


def drift(rng: random.Random, products: list[Json]) -> None:
    """Spells harmless values the other ways Centra has: ids as text, flags as truth values, empty as null."""
    for product in products:
        chance = rng.random()
        if chance < 0.06:
            product["productId"] = str(product["productId"])
            for variant in product["variants"]:
                variant["variantId"] = str(variant["variantId"])
        elif chance < 0.12:
            product["active"] = True
        elif chance < 0.16:
            product["comment"] = product["metaDescription"] = product["metaKeywords"] = None
        elif chance < 0.19:
            product["collection"] = product["categoryName"] = None
            product["categories"] = []
        elif chance < 0.22:
            product["weight"] = 0
            product["countryOfOrigin"] = ""
        elif chance < 0.25:
            code = product["harmCode"]
            product["harmCode"] = rng.choice((f"{code[:4]}.{code[4:6]}.{code[6:]}", f"{code[:4]} {code[4:]}"))
        elif chance < 0.27:
            product["name"] = ""
            product["product"] = product["metaTitle"].split(" | ")[0]
        elif chance < 0.29:
            product["harmDescription"] = "__missing__"
        elif chance < 0.30:
            product["harmCode"] = ""
    for row in list(rows(*products[40:44])):
        row.size["stockItemId"] = str(row.size["stockItemId"])


def clean_shop(rng: random.Random) -> list[Json]:
    """The complete shop, without faults."""
    keeper = Shopkeeper(rng)
    products = [keeper.product(number) for number in range(1, PRODUCTS + 1)]
    drift(rng, products)
    return products
