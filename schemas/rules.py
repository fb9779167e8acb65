"""The catalogue of row rules: one line each, and the only place that knows what a rule is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Owner = Literal["Centra", "myOGO", "channel file"]


@dataclass(frozen=True)
class Rule:
    """`withholds`: the row is not sent. `meaning` completes "rows where ..."; `fix` says where to do what."""

    id: str
    withholds: bool
    meaning: str
    cause: str
    fix: str
    owner: Owner
    flow: str = "products"


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


RULES = _rules(
    Rule(
        "SKU-001",
        True,
        "the combined code is empty",
        "A product was made in Centra without a product number, variant number or size number.",
        "In Centra, give the product, the variant or the size a SKU.",
        "Centra",
    ),
    Rule(
        "SKU-002",
        True,
        "the combined code is made by more than one size",
        "Sizes without a size SKU, a copied product, or parts that join to the same text (A + BC and AB + C).",
        "In Centra, change sku, variantSku or sizeSku so that each size makes a code of its own.",
        "Centra",
    ),
    Rule(
        "SKU-003",
        True,
        "the code has a slash, a backslash, a control or invisible character, or a blank at either end",
        "A code typed or pasted with more than letters, digits and dashes; myOGO addresses products by it.",
        "In Centra, take that character out of sku, variantSku or sizeSku.",
        "Centra",
    ),
    Rule(
        "PRICE-001",
        True,
        "there is no price in the channel's currency",
        "The product is missing from the price list of that currency, or its amount there is empty.",
        "In Centra, give the product a price in a price list of that currency.",
        "Centra",
    ),
    Rule(
        "PRICE-002",
        True,
        "the price is zero, negative, or no plain number with at most 4 decimals",
        "A placeholder amount, a comma for a point, or words where a number belongs.",
        "In Centra, correct the price in that price list.",
        "Centra",
    ),
    Rule(
        "NAME-001",
        True,
        "neither name nor product is filled in",
        "The product was saved in Centra before it was named.",
        "In Centra, give the product a name.",
        "Centra",
    ),
    Rule(
        "LANG-001",
        True,
        "the language is not two letters, which myOGO requires",
        "The channel file gives a language of another length, for all stores or for one of them.",
        "In the channel file, set language (or language_by_store) to an ISO 639-1 code such as en.",
        "channel file",
    ),
    Rule(
        "COO-001",
        True,
        "the country of origin is not two letters, which myOGO requires",
        "The country was typed as a word or as three letters.",
        "In Centra, set the country of origin to an ISO 3166-1 alpha-2 code such as PT, or leave it empty.",
        "Centra",
    ),
    Rule(
        "TYPE-001",
        True,
        "a field that the product is made of holds another type than ever, or two values at once",
        "A plugin or an import that writes true, a list or an object where a text belongs.",
        "In Centra, save that field of the product anew; if it looks right there, show Centra's support the message.",
        "Centra",
    ),
    Rule(
        "TGT-001",
        True,
        "myOGO holds that code more than once",
        "Somebody created the product twice in myOGO, by hand or through two integrations.",
        "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
        "myOGO",
    ),
    Rule(
        "SKU-004",
        False,
        "the code differs from another only by case, blanks or letters that look alike",
        "The same code was typed twice in different ways, or the codes really are that close.",
        "Check that they really are two sizes; if so, give them codes that cannot be confused.",
        "Centra",
    ),
    Rule(
        "PRICE-003",
        False,
        "several price lists carry the channel's currency and none is chosen, or the only one is not the chosen one",
        "A regular and a VIP list, for example: nothing in Centra's answer says which is the one for myOGO.",
        "In the channel file, set pricelist_id to the price list that myOGO should follow.",
        "channel file",
    ),
    Rule(
        "EAN-001",
        False,
        "there is no EAN",
        "The supplier has not given it yet, or nobody typed it in.",
        "In Centra, fill in the EAN before the goods travel: the warehouse charges for labelling.",
        "Centra",
    ),
    Rule(
        "EAN-002",
        False,
        "the EAN is no GTIN of 8, 12, 13 or 14 digits with a right check digit (7.35E+12 is not sent)",
        "A typing error, an own number in the field for the EAN, or a spreadsheet that took it for a number.",
        "In Centra, compare the EAN with the one printed on the goods.",
        "Centra",
    ),
    Rule(
        "EAN-003",
        False,
        "the EAN is shared by several sizes",
        "A value copied from one size to the next.",
        "In Centra, give each size the EAN printed on its own goods.",
        "Centra",
    ),
    Rule(
        "EAN-004",
        False,
        "the EAN differs from the one myOGO keeps (it is never overwritten)",
        "The EAN was changed in Centra after the product had come to myOGO, whose warehouses keep the first.",
        "Decide which is right; in myOGO only OGOship's support can change it.",
        "myOGO",
    ),
    Rule(
        "HS-001",
        False,
        "the customs tariff number is not 6 to 10 digits, so it is not sent",
        "A tariff number with words or too few digits.",
        "In Centra, set the harmonised code, 8 digits if you can.",
        "Centra",
    ),
    Rule(
        "TEXT-001",
        False,
        "a text is longer than myOGO is known to take",
        "A marketing text in a field that ends up on a label or a customs form.",
        "In Centra, shorten it; it is sent whole.",
        "Centra",
    ),
    Rule(
        "TGT-002",
        False,
        "the warehouse made this XX- product because it could not identify goods",
        "Goods arrived without a barcode or announcement that the warehouse could match.",
        "In myOGO, find out what it is, then rename it or have OGOship merge it.",
        "myOGO",
    ),
    Rule(
        "TGT-003",
        False,
        "the product is in myOGO only",
        "Packaging and other goods that are not sold, or a product that was removed or renamed in Centra.",
        "Nothing, if it is kept on purpose; it is never deleted or changed from here.",
        "myOGO",
    ),
    Rule(
        "STOCK-001",
        True,
        "myOGO's stock list has the code more than once",
        "The product was created twice in myOGO, by hand or through two integrations.",
        "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
        "myOGO",
        "stock",
    ),
    Rule(
        "STOCK-002",
        True,
        "several sizes of Centra make the code, and no EAN tells which of them myOGO means",
        "Sizes without a size SKU, or a copied product.",
        "In Centra, give each size a code of its own, or at least the EAN that myOGO keeps to one of them.",
        "Centra",
        "stock",
    ),
    Rule(
        "STOCK-003",
        True,
        "the size is withheld from myOGO by a rule of the products flow",
        "Until that is fixed it is not certain that both systems mean the same goods.",
        "Fix what the message names; the amount is written by the run after.",
        "Centra",
        "stock",
    ),
    Rule(
        "STOCK-004",
        True,
        "neither the code nor the EAN means this size alone in Centra",
        "One size's EAN is another's code: Centra takes either, and which wins is not documented.",
        "In Centra, correct the EAN that is another size's code.",
        "Centra",
        "stock",
    ),
    Rule(
        "STOCK-005",
        False,
        "myOGO's own amount is below zero, so 0 is written",
        "More is reserved in myOGO than is there: orders wait for goods.",
        "In myOGO, look at the pending orders of that product.",
        "myOGO",
        "stock",
    ),
    Rule(
        "STOCK-006",
        False,
        "Centra keeps more than myOGO has, because orders have it allocated",
        "Goods are missing in the warehouse, or orders were shipped outside of myOGO.",
        "In Centra, look at the open orders of that size: some cannot be delivered from what is there.",
        "Centra",
        "stock",
    ),
    Rule(
        "STOCK-007",
        False,
        "the warehouse holds goods under an XX- code, because it could not identify them",
        "Goods arrived without a barcode or announcement that the warehouse could match; nobody can buy them.",
        "In myOGO, find out what it is, then rename it or have OGOship merge it.",
        "myOGO",
        "stock",
    ),
)
