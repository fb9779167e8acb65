"""What myOGO holds before the first run: an earlier import by hand, and what grew there by itself."""

from decimal import Decimal
from typing import Any

from faults import CENTRA, keep_currencies
from planter import Planter
from shop import Json, Row, rows

MYOGO = "myogo"
FILLED_IN_BY_HAND: tuple[Json, ...] = (
    {"supplyPrice": 41.5, "currencyCode": "EUR"},
    {"supplyPrice": 380, "currencyCode": "SEK"},
    {"infoUrl": "https://shop.example.test/p/1"},
    {"supplierCode": "LT-88-1042"},
    {"supplyPrice": 12.25, "currencyCode": "EUR", "supplierCode": "PT 2291"},
    {"infoUrl": "https://shop.example.test/p/2", "supplierCode": "0042"},
    {"supplyPrice": 9.9, "currencyCode": "USD"},
    {"supplyPrice": 55, "currencyCode": "EUR", "infoUrl": "https://shop.example.test/p/3"},
)


class Warehouse:
    """The products of myOGO, in the order they were made."""

    def __init__(self, planter: Planter) -> None:
        self._planter = planter
        self._rng = planter.rng
        self.products: list[Json] = []

    def hold(self, row: Row, **changed: Any) -> str:
        """The code of a product put into myOGO as Centra tells it, but for what is `changed`."""
        stock = self._stock(row)
        product: Json = {
            "code": row.code,
            "languageCode": "en",
            "name": warehouse_name(row),
            "eanCode": row.value("ean"),
            "supplier": row.value("brand"),
            "group": row.value("categoryName"),
            "salesPrice": number(euro_price(row)),
            "countryOfOrigin": row.value("countryOfOrigin") or None,
            "hsCode": "".join(c for c in row.value("harmCode") if c.isdigit()) or None,
        }
        self.products.append({**product, **changed, **stock})
        return row.code

    def hold_only_here(self, code: str, name: str, stock: int, **more: Any) -> str:
        """The code of a product that Centra knows nothing of."""
        product: Json = {"code": code, "languageCode": "en", "name": name, "eanCode": None, **more}
        self.products.append({**product, "stock": stock, "reserved": 0, "stockUpdate": 0})
        return code

    def _stock(self, row: Row) -> Json:
        """Mostly what Centra has too; else the shop missed a delivery, a shipment or a reservation."""
        physical, allocated = row.value("physical"), row.value("allocated")
        if self._rng.random() < 0.4:
            physical = max(0, physical + self._rng.choice((-4, -2, -1, 1, 12, 24)))
            allocated = min(physical, allocated + self._rng.choice((0, 0, 1, 2)))
        incoming = self._rng.choice((0, 0, 0, 0, 24, 60))
        return {"stock": physical, "reserved": allocated, "stockUpdate": incoming}


def euro_price(row: Row) -> Decimal:
    """The row's price on the one euro list it is on."""
    (price,) = (entry["price"] for entry in row.value("prices") if entry["currency"] == "EUR")
    return Decimal(str(price))


def number(price: Decimal) -> int | float:
    """The price as a JSON number."""
    return int(price) if price == int(price) else float(price)


def warehouse_name(row: Row) -> str:
    """Name, colour and size, as somebody in a warehouse would look for it."""
    parts = [row.value("name") or row.value("product"), row.value("variant")]
    return " ".join(parts if row.value("size") == "One Size" else [*parts, row.value("size")])


def fill(planter: Planter) -> list[Json]:
    """What myOGO holds; what a run is to find there is noted with the planter."""
    house = Warehouse(planter)
    behind_centra(planter, house)
    at_odds_with_centra(planter, house)
    not_for_sale(planter, house)
    only_in_myogo(planter, house)
    return house.products


def picks(planter: Planter, count: int) -> list[Row]:
    """One size each of so many untouched products."""
    sorts = ("letters", "letters", "one", "letters", "shoes", "jeans", "letters")
    products = [planter.take(sorts[nth % len(sorts)]) for nth in range(count)]
    return [planter.rng.choice(list(rows(product))) for product in products]


def old_price(row: Row) -> int | float:
    """A tenth less than now, in euros without cents."""
    return number((euro_price(row) * Decimal("0.9")).quantize(Decimal(1)))


def behind_centra(planter: Planter, house: Warehouse) -> None:
    """Products that the next push brings up to date."""

    def note(held: list[Row], codes: list[str], story: str) -> None:
        fix = "Nothing; the next push brings it up to date."
        planter.note("UPDATE", "update", held, story, CENTRA, fix, codes)

    held = picks(planter, 18)
    codes = [house.hold(row, salesPrice=old_price(row)) for row in held]
    note(held, codes, "The price was raised in Centra after the import.")

    held = picks(planter, 10)
    codes = [house.hold(row, name=f"SAMPLE {row.value('product')}") for row in held]
    note(held, codes, "Imported under the working name of the sample.")

    held = picks(planter, 3)
    codes = [house.hold(row, eanCode=None, salesPrice=old_price(row)) for row in held]
    note(held, codes, "Imported before the labels came: no barcode in myOGO yet, and an old price.")

    held = picks(planter, len(FILLED_IN_BY_HAND))
    codes = [
        house.hold(row, salesPrice=old_price(row), **fields)
        for row, fields in zip(held, FILLED_IN_BY_HAND, strict=True)
    ]
    note(
        held,
        codes,
        "An old price; what was filled in by hand (purchase price, page, supplier's number) stays.",
    )


def at_odds_with_centra(planter: Planter, house: Warehouse) -> None:
    """Products on which the two systems disagree and a person has to decide."""
    held = picks(planter, 3)
    codes = [house.hold(row, eanCode=planter.fresh_ean(row), salesPrice=old_price(row)) for row in held]
    story = "Relabelled in Centra; myOGO keeps the barcode it had first. The price is old, too."
    fix = "Find out which barcode is on the goods; correct Centra, or have OGOship's support change myOGO."
    planter.note("EAN-004", "drift", held, story, MYOGO, fix, codes)
    planter.note("UPDATE", "update", held, story, CENTRA, "Nothing; a push changes all but the barcode.", codes)

    held = picks(planter, 3)
    codes = [house.hold(row) for row in held]
    for row in held:
        house.hold(row, name=f"{warehouse_name(row)} (2)")
    story = "Made by hand first and by an import later."
    fix = "Have OGOship's support merge the two products in myOGO."
    planter.note("TGT-001", "withheld", held, story, MYOGO, fix, codes)


def not_for_sale(planter: Planter, house: Warehouse) -> None:
    """Products that a push leaves alone because of Centra's row; neither is unmatched."""
    product = planter.take("kids", trim=True)
    held = list(rows(product))
    codes = [house.hold(row) for row in held]
    keep_currencies(product, "SEK", "NOK")
    story = "Taken off the euro list while its stock lies in the warehouse: withheld is not removed."
    planter.note("PRICE-001", "withheld", held, story, CENTRA, "Enter a price on EUR Europe.", codes)

    product = planter.take("one", 2, trim=True)
    held = list(rows(product))
    codes = [house.hold(row) for row in held]
    product["active"] = 0
    story = "Last season's rest: switched off in the shop, still in the warehouse."
    planter.note("INACTIVE", "skipped", held, story, CENTRA, "Nothing; nothing is ever deleted in myOGO.", codes)


def only_in_myogo(planter: Planter, house: Warehouse) -> None:
    """Products whose code no size in Centra has."""
    codes = [
        house.hold_only_here("XX-2344-S", "Unidentified knitwear, grey, S", 6),
        house.hold_only_here("XX-2351", "Unidentified beanie, no label", 11),
        house.hold_only_here("XX-2360-38", "Unidentified boot, 38, left foot only", 1),
    ]
    story = "The warehouse did not recognise what had arrived and created a product for it."
    fix = "Look at the goods; rename the product in myOGO to its code or have OGOship's support merge it."
    planter.note("TGT-002", "warning", (), story, MYOGO, fix, codes)

    codes = [
        house.hold_only_here("GIFTBOX-S", "Presentask liten", 240, supplyPrice=0.85, currencyCode="EUR"),
        house.hold_only_here("GIFTBOX-L", "Presentask stor", 118, supplyPrice=1.4, currencyCode="EUR"),
        house.hold_only_here("TISSUE-WHT", "Silkespapper vitt", 2500, supplierCode="7-1150"),
        house.hold_only_here("RETURNBAG", "Palautuspussi", 900, supplyPrice=0.12, currencyCode="EUR"),
        house.hold_only_here("CARD-TAKK", "Takkekort", 1400),
    ]
    story = "Gift packaging and leaflets that the warehouse packs with the orders; not sold in the shop."
    planter.note("UNMATCHED", "unmatched", (), story, MYOGO, "Nothing.", codes)
