"""Names, prices and countries for the generated products of a Nordic fashion shop."""

from typing import NamedTuple


class Garment(NamedTuple):
    """A kind of product: its name, folder and category, its sizes, its weight in kg, its customs data."""

    name: str
    folder: str
    category: str
    sizes: tuple[str, ...]
    weight: str
    harm_code: str
    harm_description: str


LETTERS = ("XS", "S", "M", "L", "XL", "XXL")
WAISTS = ("28", "29", "30", "31", "32", "33", "34", "36")
SHOES = ("36", "37", "37½", "38", "39", "40", "41", "42", "43", "44")
KIDS = ("86/92", "98/104", "110/116", "122/128")
ONE = ("One Size",)

GARMENTS = (
    Garment("Parkas", "Outerwear / Parkas", "Shop / Jackor/Ytterkläder", LETTERS, "1.25", "62014000", "Överrockar"),
    Garment("Regnjacka", "Outerwear / Rain", "Shop / Jackor/Ytterkläder", LETTERS, "0.6", "62014000", "Rainwear"),
    Garment("Villapaita", "Knitwear", "Shop / Stickat", LETTERS, "0.55", "61101130", "Jerseys, wool"),
    Garment("Lopapeysa", "Knitwear", "Shop / Stickat", LETTERS, "0.7", "61101130", "Jerseys, wool"),
    Garment("T-shirt", "Tops / T-shirts", "Shop / Toppar", LETTERS, "0.17", "61091000", "T-shirts, cotton"),
    Garment("Skjorta", "Tops / Shirts", "Shop / Skjortor", LETTERS, "0.25", "62052000", "Shirts, cotton"),
    Garment("Jeans", "Bottoms / Denim", "Shop / Byxor", WAISTS, "0.65", "62034231", "Trousers, denim"),
    Garment("Kjole", "Dresses", "Shop / Klänningar", LETTERS, "0.4", "62044200", "Dresses, cotton"),
    Garment("Sneaker", "Shoes", "Shop / Skor", SHOES, "0.9", "64039990", "Footwear, leather"),
    Garment("Barnoverall", "Kids", "Shop / Barn", KIDS, "0.8", "6211430000", "Overalls, kids"),
    Garment("Pipo", "Accessories / Hats", "Shop / Accessoarer", ONE, "0.08", "65050090", "Hats, knitted"),
    Garment("Halsduk", "Accessories", "Shop / Accessoarer", ONE, "0.15", "62142000", "Scarves, wool"),
)
FIRST_WORDS = (
    "Björk",
    "Fjäll",
    "Sävel",
    "Ísafold",
    "Ørn",
    "Grön",
    "Mäki",
    "Dalur",
    "Storm",
    "Lumi",
    "Åska",
    "Tjärn",
)
LAST_WORDS = ("Classic", "Light", "Pro", "Vinter", "Kesä", "Hav", "Skog", "Vuono", "Sjó", "Original")
COLOURS = (
    ("-BLK", "Svart"), ("-WHT", "Vit"), ("-BLU", "Blå"), ("-GRN", "Grön"), ("-RED", "Röd"), ("-GRY", "Grå"),
    ("-SND", "Sand"), ("-NVY", "Navy"),
)  # fmt: skip
BRANDS = ("Norrvind", "Kaamos & Co", "Fjordlys", "Sólstafir Wear", "Tuuli")
COLLECTIONS = ("AW25", "SS26", "AW26", "Basics")
COUNTRIES = ("PT", "LT", "EE", "IT", "TR", "CN", "SE", "FI")
# List id, list name, currency, and the price of one euro in that currency.
PRICE_LISTS = (
    ("19", "SEK", "SEK", 11.5), ("20", "USD", "USD", 1.1), ("35", "GBP", "GBP", 0.86),
    ("36", "EUR Europe", "EUR", 1.0),
)  # fmt: skip
EURO_PRICES = (
    9,
    12,
    15,
    19,
    25,
    29,
    35,
    39,
    49,
    59,
    69,
    79,
    89,
    99,
    119,
    129,
    149,
    169,
    199,
    229,
    249,
    299,
    349,
)
