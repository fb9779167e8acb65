"""Rows of Centra that are sent with a warning, and rows that only look wrong."""

from faults import CENTRA, CHANNEL
from planter import Planter
from shop import Json, Row, rows, with_check_digit


def plant_oddities(planter: Planter) -> None:
    """Every warning about Centra's rows, a few times over, and then what deserves none."""
    missing_barcodes(planter)
    wrong_barcodes(planter)
    shared_barcodes(planter)
    two_euro_lists(planter)
    similar_codes(planter)
    customs_codes(planter)
    long_texts(planter)
    harmless(planter)


def first_colour(product: Json) -> list[Row]:
    """The sizes of the product's first colour."""
    return [row for row in rows(product) if row.variant is product["variants"][0]]


def wrong(digits: str) -> str:
    """The digits with a check digit that is one off."""
    right = with_check_digit(digits)
    return f"{right[:-1]}{(int(right[-1]) + 1) % 10}"


def missing_barcodes(planter: Planter) -> None:
    fix = "Enter the barcode in Centra before the goods are sent to the warehouse."
    for nth in range(19):
        bare = first_colour(planter.take("letters" if nth % 3 else "kids"))
        for row in bare:
            row.size["ean"] = ("", None, "__missing__")[nth % 3]
        story = ("The labels were not ordered yet.", "The barcode column of the import stayed empty.")[nth % 2]
        planter.note("EAN-001", "warning", bare, story, CENTRA, fix)


def wrong_barcodes(planter: Planter) -> None:
    fix = "Scan the label and correct the barcode in Centra."
    for scale, barcodes, story in (
        ("letters", (wrong("735094120001"), wrong("735094120002")), "A digit typed wrong."),
        (
            "letters",
            (wrong("04210000526"), wrong("04210000527")),
            "American labels of 12 digits, typed wrong.",
        ),
        ("one", (wrong("7350941"),), "A short label of 8 digits, typed wrong."),
        ("belts", (wrong("1735094120003"),), "The carton's 14 digits, typed wrong."),
        ("letters", ("StockTestEAN", "1233421127"), "Left over from the test of the stock connection."),
        ("jeans", ("7,35094E+12", "73509412000"), "What a spreadsheet makes of a barcode."),
    ):
        hit = list(rows(planter.take(scale)))[: len(barcodes)]
        for row, barcode in zip(hit, barcodes, strict=True):
            row.size["ean"] = barcode
        planter.note("EAN-002", "warning", hit, story, CENTRA, fix)


def shared_barcodes(planter: Planter) -> None:
    fix = "Find out whose label it is and correct the other one."
    line_above = first_colour(planter.take("letters"))[1:3]
    colours = [row for row in rows(planter.take("letters", 2, trim=True)) if row.value("size") == "L"]
    reused = [next(rows(planter.take("one"))), next(rows(planter.take("one")))]
    one_label = list(rows(planter.take("one", 2, trim=True)))
    for (first, second), story in (
        (line_above, "The line above was copied down in the spreadsheet."),
        (colours, "The supplier prints the same label for both colours."),
        (reused, "A label of last year was used again for another product."),
        (one_label, "The supplier has one label for all colours of this one."),
    ):
        second.size["ean"] = first.size["ean"]
        planter.note("EAN-003", "warning", (first, second), story, CENTRA, fix)


def two_euro_lists(planter: Planter) -> None:
    members: list[Row] = []
    for _ in range(4):
        product = planter.take("letters")
        for price in [p for p in product["variants"][0]["prices"] if p["currency"] == "EUR"]:
            member_price = {**price, "id": "41", "pricelist": "EUR VIP", "price": "19.00", "campaigns": []}
            product["variants"][0]["prices"].append(member_price)
        members += first_colour(product)
    planter.note(
        "PRICE-003", "warning", members,
        "Members have their own euro list, so these sizes have two euro prices.", CHANNEL,
        "Name the price list in the channel file: pricelist_id = \"36\".",
    )  # fmt: skip


def similar_codes(planter: Planter) -> None:
    fix = "Decide on one way of writing and give one of the two another number."
    product = planter.take("letters", 2, trim=True)
    upper, lower = product["variants"]
    lower["variantSku"] = upper["variantSku"].lower()
    planter.note(
        "SKU-004",
        "warning",
        rows(product),
        "A colour numbered in small letters, to tell it apart.",
        CENTRA,
        fix,
    )
    tight, spaced = planter.take("letters", 1, trim=True), planter.take("letters", 1, trim=True)
    spaced["sku"] = f"{tight['sku'][:2]} {tight['sku'][2:]}"
    spaced["variants"][0]["variantSku"] = tight["variants"][0]["variantSku"]
    planter.note(
        "SKU-004", "warning", rows(tight, spaced), "Two buyers, two habits: one writes a blank.",
        CENTRA, fix,
    )  # fmt: skip


def customs_codes(planter: Planter) -> None:
    for scale, harm_code, story in (
        ("belts", "420", "Only the beginning of the code was looked up."),
        ("one", "6505.00.30.00.12", "The code of a country's own tariff, 12 digits."),
        ("one", "n/a", "Somebody meant: not for customs."),
        ("jeans", "62O3 42 31", "The letter O for a nought."),
    ):
        product = planter.take(scale, trim=True)
        product["harmCode"] = harm_code
        planter.note("HS-001", "warning", rows(product), story, CENTRA, "Enter the customs code with 6 to 10 digits.")


def long_texts(planter: Planter) -> None:
    fix = "Shorten the text in Centra."

    product = planter.take("one", trim=True)
    words = "Handgjord, växtfärgad och numrerad"
    product["name"] = f"{product['name'] or product['product']} {' / '.join([words] * 8)}"
    planter.note(
        "TEXT-001",
        "warning",
        rows(product),
        "A name over 255 characters, for search engines.",
        CENTRA,
        fix,
    )

    product = planter.take("kids", trim=True)
    product["description"] = f"<p>{product['description']}</p>" + "".join(
        f"<p>Tvättråd {nth}: vänd plagget, stäng dragkedjan, tvätta med liknande färger och hängtorka.</p>"
        for nth in range(1, 31)
    )
    product["shortDescription"] = ""
    planter.note(
        "TEXT-001", "warning", rows(product), "The care leaflet as description, over 2000 characters.",
        CENTRA, fix,
    )  # fmt: skip

    product = planter.take("jeans", trim=True)
    product["harmDescription"] = (
        "Women's or girls' trousers of denim, of cotton, other than industrial and occupational"
    )
    planter.note(
        "TEXT-001", "warning", rows(product), "The tariff's own wording for customs, over 50 characters.",
        CENTRA, fix,
    )  # fmt: skip


def harmless(planter: Planter) -> None:
    """Peculiarities that need no fixing; README.md lists them."""
    for _ in range(5):
        for variant in planter.take("one")["variants"]:
            for price in list(variant["prices"]):
                if price["currency"] == "EUR":
                    variant["prices"].append({**price, "id": "41", "pricelist": "EUR VIP", "price": ""})

    first, second, third, *_ = rows(planter.take("letters"))
    first.size["ean"] = with_check_digit("7350940")
    second.size["ean"] = with_check_digit("04210000531")
    third.size["ean"] = with_check_digit("1735094000111")
    for row in rows(planter.take("shoes")):
        row.size["upc"] = with_check_digit(f"0421{row.id % 10_000_000:07d}")

    for row in rows(planter.take("shoes")):
        row.size["sizeSku"] = f"-{row.size['size']}"
    planter.take("one", trim=True)["variants"][0]["variantSku"] = "-10+20%"
    planter.take("one", trim=True)["variants"][0]["variantSku"] = "-RÖD"

    scripted = planter.take("letters")
    scripted["description"] += "<script>window.dataLayer.push({event: 'view'});</script>"
    styled = planter.take("letters")
    cell = '<td style="font-family:Arial,sans-serif;font-size:14px;color:#333333;padding:4px 8px 4px 8px">'
    lines = "".join(f"<tr>{cell}{size}</td>{cell}{nth * 4 + 82} cm</td></tr>" for nth, size in enumerate("XSMLXX"))
    styled["description"] += f"<table>{lines * 2}</table>"
    styled["shortDescription"] = ""
