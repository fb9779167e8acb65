"""The words of the sample shop: what it sells, under which names, in which languages. Brands: invented."""

from typing import NamedTuple

LANGUAGES = ("sv", "fi", "nb", "da", "is", "en")
LANGUAGE_WEIGHTS = (30, 18, 13, 15, 9, 15)


class Brand(NamedTuple):
    """A brand and the seven digits its barcodes begin with."""

    name: str
    ean_prefix: str


BRANDS = (
    Brand("Ullörn", "7350941"),
    Brand("Skärgårdsvind", "7350942"),
    Brand("Lumikko Ateljee", "6438131"),
    Brand("Fjordhage", "7090571"),
    Brand("Kvistlyng", "5745021"),
    Brand("Hrafnsull", "5694361"),
)

PRICELISTS = (
    ("19", "SEK", "SEK"),
    ("20", "USD", "USD"),
    ("35", "GBP", "GBP"),
    ("36", "EUR Europe", "EUR"),
    ("37", "DKK", "DKK"),
    ("41", "EUR VIP", "EUR"),
    ("44", "NOK", "NOK"),
)

COLLECTIONS = ("AW24", "SS25", "AW25", "SS26", "AW26", "Never Out Of Stock")
COUNTRIES = ("PT", "PT", "LT", "LT", "EE", "IT", "TR", "CN", "SE", "FI")

# fmt: off
SCALES: dict[str, tuple[tuple[str, str], ...]] = {
    "letters": (("-XS", "XS"), ("-S", "S"), ("-M", "M"), ("-L", "L"), ("-XL", "XL")),
    "shoes": (
        ("-36", "36"), ("-37", "37"), ("-375", "37½"), ("-38", "38"), ("-39", "39"), ("-395", "39½"),
        ("-40", "40"),
    ),
    "kids": (("-86", "86/92"), ("-98", "98/104"), ("-110", "110/116"), ("-122", "122/128")),
    "jeans": (
        ("-2730", "27/30"), ("-2830", "28/30"), ("-2932", "29/32"), ("-3032", "30/32"), ("-3132", "31/32"),
    ),
    "socks": (("-3639", "36/39"), ("-4043", "40/43"), ("-4446", "44/46")),
    "belts": (("-85", "85"), ("-95", "95"), ("-105", "105")),
    "one": (("", "One Size"),),
}
# fmt: on


class Kind(NamedTuple):
    """A sort of goods: its place in the shop, its sizes, its customs data and its price in euros without cents."""

    prefix: str
    share: int
    folder: str
    category: str
    scale: str
    harm_code: str
    harm_description: str
    weight: float
    low: int
    high: int
    nouns: tuple[str, str, str, str, str, str]


# fmt: off
KINDS = (
    Kind("PK", 9, "Outerwear / Parkas", "Jackor/Ytterkläder / Parkas", "letters", "62014000",
         "Parkas of man-made fibres", 1.25, 219, 449,
         ("Parkas", "Parkatakki", "Parkas", "Parkacoat", "Kuldaúlpa", "Parka")),
    Kind("RJ", 7, "Outerwear / Rainwear", "Jackor/Ytterkläder / Regnkläder", "letters", "6210400000",
         "Rain jackets, coated fabric", 0.62, 99, 199,
         ("Regnjacka", "Sadetakki", "Regnjakke", "Regnfrakke", "Regnkápa", "Rain Jacket")),
    Kind("DJ", 6, "Outerwear / Down", "Jackor/Ytterkläder / Dunjackor", "letters", "62024010",
         "Quilted jackets, down filling", 0.78, 179, 349,
         ("Dunjacka", "Untuvatakki", "Dunjakke", "Dunjakke", "Dúnúlpa", "Down Jacket")),
    Kind("CO", 5, "Outerwear / Coats", "Jackor/Ytterkläder / Kappor", "letters", "62022000",
         "Coats of wool", 1.4, 249, 499,
         ("Yllekappa", "Villakangastakki", "Ullkåpe", "Uldfrakke", "Ullarkápa", "Wool Coat")),
    Kind("KN", 10, "Knitwear / Sweaters", "Stickat / Tröjor", "letters", "61101130",
         "Knitted sweaters of wool", 0.48, 79, 189,
         ("Stickad tröja", "Villapaita", "Strikkegenser", "Striktrøje", "Lopapeysa", "Sweater")),
    Kind("CA", 6, "Knitwear / Cardigans", "Stickat / Koftor", "letters", "61101190",
         "Knitted cardigans of wool", 0.52, 89, 199,
         ("Kofta", "Neuletakki", "Kofte", "Cardigan", "Hneppt peysa", "Cardigan")),
    Kind("TS", 9, "Tops / T-shirts", "Toppar / T-shirts", "letters", "61091000",
         "T-shirts of cotton, knitted", 0.17, 29, 49,
         ("T-shirt", "T-paita", "T-skjorte", "T-shirt", "Bolur", "Tee")),
    Kind("SH", 6, "Tops / Shirts", "Toppar / Skjortor & blusar", "letters", "62063000",
         "Shirts of cotton, woven", 0.24, 69, 129,
         ("Skjorta", "Kauluspaita", "Skjorte", "Skjorte", "Skyrta", "Shirt")),
    Kind("HD", 5, "Tops / Hoodies", "Toppar / Huvtröjor", "letters", "6110209100",
         "Hooded sweatshirts of cotton", 0.56, 69, 119,
         ("Huvtröja", "Huppari", "Hettegenser", "Hættetrøje", "Hettupeysa", "Hoodie")),
    Kind("DR", 6, "Dresses", "Klänningar", "letters", "62044300",
         "Dresses of synthetic fibres", 0.35, 89, 219,
         ("Klänning", "Mekko", "Kjole", "Kjole", "Kjóll", "Dress")),
    Kind("TR", 5, "Bottoms / Trousers", "Byxor/Kjolar / Byxor", "letters", "62046239",
         "Trousers of cotton", 0.45, 79, 149, ("Byxa", "Housut", "Bukse", "Bukser", "Buxur", "Trousers")),
    Kind("JN", 5, "Bottoms / Jeans", "Byxor/Kjolar / Jeans", "jeans", "6203423100",
         "Denim trousers of cotton", 0.66, 99, 159,
         ("Jeans", "Farkut", "Jeans", "Jeans", "Gallabuxur", "Jeans")),
    Kind("BO", 4, "Shoes / Boots", "Skor / Kängor", "shoes", "64039113",
         "Boots, leather uppers", 1.3, 169, 289,
         ("Känga", "Nilkkuri", "Støvlett", "Støvle", "Stígvél", "Boot")),
    Kind("SN", 4, "Shoes / Sneakers", "Skor / Sneakers", "shoes", "64041100",
         "Sports footwear, textile uppers", 0.8, 89, 149,
         ("Sneaker", "Tennari", "Joggesko", "Sneaker", "Strigaskór", "Sneaker")),
    Kind("KJ", 7, "Kids / Overalls", "Barn / Overaller", "kids", "62099000",
         "Babies' garments", 0.7, 69, 139,
         ("Overall", "Haalari", "Dress til barn", "Flyverdragt", "Snjógalli", "Kids Overall")),
    Kind("BN", 7, "Accessories / Hats", "Accessoarer / Mössor/Hattar", "one", "65050030",
         "Knitted hats", 0.08, 25, 49, ("Mössa", "Pipo", "Lue", "Hue", "Ullarhúfa", "Beanie")),
    Kind("SC", 6, "Accessories / Scarves", "Accessoarer / Halsdukar", "one", "6214200000",
         "Scarves of wool", 0.2, 39, 89,
         ("Halsduk", "Kaulahuivi", "Skjerf", "Halstørklæde", "Trefill", "Scarf")),
    Kind("BG", 5, "Accessories / Bags", "Accessoarer / Väskor", "one", "42022290",
         "Bags, textile outer surface", 0.9, 59, 179,
         ("Väska", "Laukku", "Veske", "Taske", "Taska", "Tote Bag")),
    Kind("SO", 9, "Accessories / Socks", "Accessoarer / Strumpor", "socks", "61159400",
         "Socks of wool", 0.09, 15, 29,
         ("Ullstrumpor", "Villasukat", "Ullsokker", "Uldstrømper", "Ullarsokkar", "Wool Socks")),
    Kind("BL", 3, "Accessories / Belts", "Accessoarer / Bälten", "belts", "42033000",
         "Belts of leather", 0.22, 39, 79,
         ("Läderbälte", "Nahkavyö", "Lærbelte", "Læderbælte", "Leðurbelti", "Leather Belt")),
)

MODELS: dict[str, tuple[str, ...]] = {
    "sv": (
        "Åsa", "Älvdal", "Öland", "Hjärtö", "Björk", "Sjövik", "Räv", "Måne", "Gräshöjd", "Tärna", "Ljungå",
        "Söder", "Allé",
    ),
    "fi": (
        "Järvi", "Käpylä", "Hämärä", "Yöttömyys", "Mäntylä", "Sääski", "Kesäyö", "Pyry", "Tähti", "Metsä",
    ),
    "nb": ("Fjære", "Bjørk", "Ås", "Sæter", "Lyng", "Nordfjæra", "Tråd", "Vår", "Skjær"),
    "da": ("Ærø", "Læsø", "Søby", "Blåvand", "Sønderhø", "Åkande", "Rågsø", "Fanø", "Tørvemose"),
    "is": ("Þoka", "Vík", "Ísafjörður", "Þingey", "Fífa", "Æðey", "Hvönn", "Breiðdalur", "Flétta"),
    "en": (
        "Harbour", "Sandbank", "Northlight", "Driftwood", "Heather", "Moorland", "Pebble", "Saltmarsh",
        "Longshore",
    ),
}

COLOURS: dict[str, tuple[str, ...]] = {
    "BLK": ("Svart", "Musta", "Svart", "Sort", "Svartur", "Black"),
    "WHT": ("Benvit", "Luonnonvalkoinen", "Hvit", "Råhvid", "Hvítur", "Off White"),
    "NVY": ("Marinblå", "Tummansininen", "Marineblå", "Marineblå", "Dökkblár", "Navy"),
    "GRY": ("Grå", "Harmaa", "Grå", "Grå", "Grár", "Grey"),
    "MOS": ("Mossgrön", "Sammalenvihreä", "Mosegrønn", "Mosgrøn", "Mosagrænn", "Moss Green"),
    "RST": ("Rost", "Ruoste", "Rust", "Rust", "Ryðrauður", "Rust"),
    "SKY": ("Ljusblå", "Vaaleansininen", "Lyseblå", "Lyseblå", "Ljósblár", "Sky Blue"),
    "BER": ("Lingonröd", "Puolukanpunainen", "Tyttebærrød", "Tyttebærrød", "Rauður", "Lingonberry"),
    "SND": ("Sand", "Hiekka", "Sand", "Sand", "Sandur", "Sand"),
    "YLW": ("Solgul", "Auringonkeltainen", "Solgul", "Solgul", "Gulur", "Sun Yellow"),
}

INTROS: dict[str, tuple[str, ...]] = {
    "sv": (
        "{n} {m} är gjord för blåsiga dagar vid havet.",
        "En favorit sedan många år: {n} {m} i ny passform.",
        "{n} {m} håller värmen, även när det är rått ute.",
    ),
    "fi": (
        "{n} {m} on tehty kylmiin päiviin ja pitkiin iltoihin.", "Suosikkimme vuodesta toiseen: {n} {m}.",
        "{n} {m} lämmittää syksystä kevääseen.",
    ),
    "nb": (
        "{n} {m} er laget for vær og vind langs kysten.", "En favoritt gjennom mange år: {n} {m}.",
        "{n} {m} holder deg varm, også når det blåser fra nord.",
    ),
    "da": (
        "{n} {m} er skabt til blæsende dage ved havet.", "En trofast følgesvend året rundt: {n} {m}.",
        "{n} {m} holder på varmen, også når det øser ned.",
    ),
    "is": (
        "{n} {m} er gerð fyrir íslenskt veður.", "Hlý og þægileg flík: {n} {m}.",
        "{n} {m} hentar jafnt í bæ og á fjöllum.",
    ),
    "en": (
        "{n} {m} is made for windy days by the sea.",
        "A favourite for many years: {n} {m}, now in a new fit.",
        "{n} {m} keeps you warm when the weather does not.",
    ),
}

FEATURES: dict[str, tuple[str, ...]] = {
    "sv": ("Tål maskintvätt 30°", "Färgäkta", "Dolda fickor", "Sydd i små serier", "Återvunnet material"),
    "fi": (
        "Konepesu 30°", "Värinpitävä", "Piilotaskut", "Ommeltu pienissä erissä", "Kierrätettyä materiaalia",
    ),
    "nb": ("Vaskes på 30°", "Fargeekte", "Skjulte lommer", "Sydd i små serier", "Resirkulert materiale"),
    "da": ("Maskinvask 30°", "Farveægte", "Skjulte lommer", "Syet i små serier", "Genanvendt materiale"),
    "is": ("Má þvo við 30°", "Litekta", "Faldir vasar", "Saumað í litlu upplagi", "Endurunnið efni"),
    "en": (
        "Machine wash 30°", "Colour-fast", "Hidden pockets", "Sewn in small batches", "Recycled material",
    ),
}

CARE = {
    "sv": "Skölj varsamt &amp; plantorka.&nbsp;Tvätta mindre, vädra mer.",
    "fi": "Huuhtele hellävaraisesti &amp; kuivaa tasossa.",
    "nb": "Skyll forsiktig &amp; tørk flatt.&nbsp;Luft heller enn å vaske.",
    "da": "Skyl nænsomt &amp; tør liggende.",
    "is": "Skolið varlega &amp; þurrkið flatt.&nbsp;Þolir ekki þurrkara.",
    "en": "Rinse gently &amp; dry flat.&nbsp;Air it more, wash it less.",
}
# fmt: on
