"""Rows of Centra that are not to be sent, each with the story of how a shop comes by it."""

from typing import Any

from planter import Planter
from shop import Json, Row, rows

CENTRA, CHANNEL = "centra", "channel"


def plant_faults(planter: Planter) -> None:
    """Every rule that withholds a row of Centra, a few times over, and rows that are switched off."""
    for plant in (
        empty_codes,
        shared_codes,
        unusable_codes,
        missing_prices,
        unusable_prices,
        unusable_texts,
        two_rules_at_once,
        inactive_rows,
    ):
        plant(planter)


def set_eur(product: Json, price: Any) -> None:
    """Writes the price into the EUR Europe entry of every colour."""
    for variant in product["variants"]:
        for entry in variant["prices"]:
            if entry["currency"] == "EUR":
                entry["price"] = price
                entry["campaigns"] = []


def keep_currencies(product: Json, *currencies: str) -> None:
    """Drops the price entries of all other currencies."""
    for variant in product["variants"]:
        variant["prices"] = [entry for entry in variant["prices"] if entry["currency"] in currencies]


def empty_codes(planter: Planter) -> None:
    fix = "Give the product, the variant or the size an article number in Centra."
    for scale, empty, story in (
        ("socks", "", "The buyer saved the new socks before the supplier's article numbers had come."),
        ("one", None, "A photo sample was made a product so that it could be put on a look-book page."),
        ("kids", "", "An import from a spreadsheet filled every column but the three article numbers."),
    ):
        product = planter.take(scale, trim=True)
        product["sku"] = ""
        for row in rows(product):
            row.variant["variantSku"] = row.size["sizeSku"] = empty
        planter.note("SKU-001", "withheld", rows(product), story, CENTRA, fix)


def shared_codes(planter: Planter) -> None:
    fix = "Change one of the article numbers so that product + variant + size is different for every size."

    def note(story: str, *withheld: Row) -> None:
        planter.note("SKU-002", "withheld", withheld, story, CENTRA, fix)

    owner, intruder = planter.take("letters", 2), planter.take("letters", 1)
    intruder["sku"] = owner["sku"][:-1]
    intruder["variants"][0]["variantSku"] = owner["sku"][-1] + owner["variants"][0]["variantSku"]
    note(
        f"The old numbering began the variant number with a digit: {intruder['sku']} + "
        f"{intruder['variants'][0]['variantSku']} reads the same as {owner['sku']} + "
        f"{owner['variants'][0]['variantSku']} (A+BC = AB+C).",
        *(row for product in (owner, intruder) for row in rows(product) if row.variant is product["variants"][0]),
    )

    product = planter.take("letters", 2)
    unsized = [row for row in rows(product) if row.variant is product["variants"][0]]
    for row in unsized:
        row.size["sizeSku"] = ""
    note("The sizes of one colour were added without a size number, so all five share a code.", *unsized)

    product = planter.take("shoes", 2)
    half_sizes = [row for row in rows(product) if "37" in row.value("size")]
    for row in half_sizes:
        row.size["sizeSku"] = "-37"
    note("The system could not hold 37½, so it got the number of size 37, in every colour.", *half_sizes)

    product = planter.take("jeans", 1, trim=True)
    twin = planter.copy_of(product)
    twin["name"] = f"{product['name'] or product['product']} (kopia)"
    note("The product was copied to prepare the outlet and the copy kept its numbers.", *rows(product, twin))

    product = planter.take("socks", 1, trim=True)
    retired = planter.copy_of(product)
    retired["active"] = 0
    note("Last year's socks are switched off but still own the numbers of this year's.", *rows(product))
    planter.note(
        "INACTIVE", "skipped", rows(retired), "The switched-off half of a shared code.", CENTRA,
        "Nothing for this row; give the active size, which is withheld, a unique number.",
    )  # fmt: skip


def unusable_codes(planter: Planter) -> None:
    fix = "Correct the article number in Centra: no / or \\, no invisible character, no blank at either end."

    def note(story: str, product: Json, part: str, value: str, size: str | None = None) -> None:
        hit = [row for row in rows(product) if size is None or row.value("size") == size]
        for row in hit:
            level = {"sku": row.product, "variantSku": row.variant, "sizeSku": row.size}[part]
            level[part] = value
        planter.note("SKU-003", "withheld", hit, story, CENTRA, fix)

    kids = planter.take("kids", trim=True)
    for row in rows(kids):
        row.size["sizeSku"] = f"-{row.size['size']}"
    planter.note("SKU-003", "withheld", rows(kids), "The size label 86/92 was copied into the number.", CENTRA, fix)
    note(
        "Two colours in one number, divided by a backslash.",
        planter.take("one", trim=True),
        "variantSku",
        "-BLK\\WHT",
    )
    note("A tab came along from the spreadsheet.", planter.take("letters", trim=True), "sizeSku", "\t-M", "M")
    note(
        "A line end came along from an e-mail.",
        planter.take("socks", trim=True),
        "sizeSku",
        "-4043\n",
        "40/43",
    )
    note(
        "The number was typed with a barcode scanner, which added its group separator.",
        planter.take("one", trim=True), "variantSku", "-NVY\x1d01",
    )  # fmt: skip
    note("A blank behind the size.", planter.take("letters", trim=True), "sizeSku", "-L ", "L")
    note(
        "A no-break blank from a word processor behind the size.",
        planter.take("letters", trim=True), "sizeSku", "-XL\u00a0", "XL",
    )  # fmt: skip
    bag = planter.take("one", 2, trim=True)
    note("A blank in front of the product number.", bag, "sku", f" {bag['sku']}")


def missing_prices(planter: Planter) -> None:
    fix = "Enter a price on the list EUR Europe in Centra."

    def note(product: Json, story: str) -> None:
        planter.note("PRICE-001", "withheld", rows(product), story, CENTRA, fix)

    product = planter.take("one", 2, trim=True)
    keep_currencies(product, "SEK", "NOK")
    note(product, "Sold in Sweden and Norway only, so it is on no euro list.")
    product = planter.take("socks", trim=True)
    set_eur(product, None)
    note(product, "The line on the euro list was made, the amount was left for later: null.")
    product = planter.take("socks", trim=True)
    set_eur(product, "")
    note(product, "The amount on the euro list was deleted, the line stayed: empty text.")
    product = planter.take("letters", trim=True)
    keep_currencies(product, "SEK", "USD", "GBP", "DKK", "NOK")
    note(product, "A price round was imported by currency and the euro file was forgotten.")
    product = planter.take("kids", trim=True)
    product["variants"][0]["prices"] = []
    product["variants"][0]["images"] = []
    note(product, "Next season's product: no prices and no pictures yet.")


def unusable_prices(planter: Planter) -> None:
    fix = "Enter a price above zero, as digits with a point, on the list EUR Europe in Centra."
    for scale, price, story in (
        ("one", 0, "A giveaway that the campaign team priced at nothing."),
        ("socks", "0.00", "A new product saved with the form's preset price."),
        ("one", "-49.00", "A correction was booked as a negative price."),
        ("socks", "49,00", "Typed with a decimal comma and imported by a script."),
        ("one", "NaN", "A price tool divided by zero and sent on what came out."),
        ("one", "on request", "A made-to-order piece without a fixed price."),
    ):
        product = planter.take(scale, trim=True)
        set_eur(product, price)
        planter.note("PRICE-002", "withheld", rows(product), story, CENTRA, fix)


def unusable_texts(planter: Planter) -> None:
    for scale, name, internal, story in (
        ("one", "", "", "Saved from the copy-product dialogue with both names cleared."),
        ("socks", None, "", "Made over the interface by the supplier, who sends no names."),
        ("belts", "  ", " ", "The form asks for a name; somebody typed blanks to get past it."),
    ):
        product = planter.take(scale, trim=True)
        product["name"], product["product"] = name, internal
        planter.note("NAME-001", "withheld", rows(product), story, CENTRA, "Give the product a name in Centra.")
    for scale, country, story in (
        ("socks", "SWE", "The supplier's list has three-letter country codes."),
        ("belts", "Portugal", "Somebody wrote out the country."),
        ("one", "P1", "A slip of the finger: 1 for T."),
    ):
        product = planter.take(scale, trim=True)
        product["countryOfOrigin"] = country
        planter.note("COO-001", "withheld", rows(product), story, CENTRA, "Use the two-letter ISO code, such as PT.")
    product = planter.take("kids", trim=True)
    product["store"] = "Import"
    planter.note(
        "LANG-001", "withheld", rows(product),
        "The demo channel maps the store Import to the language swe, which is not two letters.", CHANNEL,
        "Map the store to a two-letter language, such as sv, in the channel file.",
    )  # fmt: skip


def two_rules_at_once(planter: Planter) -> None:
    product = planter.take("socks", trim=True)
    product["countryOfOrigin"] = "Sverige"
    keep_currencies(product, "SEK")
    story = "A local supplier's goods, entered for the Swedish shop only (COO-001 and PRICE-001)."
    planter.note("COO-001", "withheld", rows(product), story, CENTRA, "Use the two-letter ISO code, SE.")
    planter.note("PRICE-001", "withheld", rows(product), story, CENTRA, "Enter a price on EUR Europe.")

    product = planter.take("one", trim=True)
    product["sku"] = f"{product['sku'][:2]}/{product['sku'][2:]}"
    set_eur(product, "0")
    story = "A staff gift, numbered by hand and priced at nothing (SKU-003 and PRICE-002)."
    planter.note("SKU-003", "withheld", rows(product), story, CENTRA, "Take the / out of the number.")
    planter.note("PRICE-002", "withheld", rows(product), story, CENTRA, "Enter a price above zero.")

    product = planter.take("socks", trim=True)
    twin = planter.copy_of(product)
    keep_currencies(twin, "SEK", "DKK")
    story = "A copy that kept its numbers and never got its euro price (copy: SKU-002 and PRICE-001)."
    planter.note("SKU-002", "withheld", rows(product, twin), story, CENTRA, "Give the copy its own number.")
    planter.note("PRICE-001", "withheld", rows(twin), story, CENTRA, "Enter a price on EUR Europe.")


def inactive_rows(planter: Planter) -> None:
    fix = "Nothing; switch it on in Centra if it is to be sold."
    for nth in range(8):
        product = planter.take(("letters", "letters", "shoes", "one")[nth % 4])
        product["active"] = False if nth % 2 else 0
        story = "Sold out for good and switched off."
        if nth == 0:
            keep_currencies(product, "SEK")
            story = "Switched off, and without a euro price: a row that is not sent is not checked."
        elif nth == 1:
            for row in rows(product):
                row.size["ean"] = ""
            story = "Switched off, and without barcodes: a row that is not sent is not checked."
        planter.note("INACTIVE", "skipped", rows(product), story, CENTRA, fix)
    dropped = [row for _ in range(17) for row in rows(planter.take("letters")) if row.value("size") == "XL"]
    for row in dropped:
        row.size["active"] = planter.rng.choice((0, False))
    planter.note("INACTIVE", "skipped", dropped, "Only this size is switched off.", CENTRA, fix)
