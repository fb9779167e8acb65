"""The row rules of the stock flow: one line each."""

from __future__ import annotations

from schemas.rule import Rule

RULES = (
    Rule(
        "STOCK-001",
        True,
        "the amount would rise, and myOGO's stock list has the code more than once",
        "The product was created twice in myOGO, by hand or through two integrations. A fall to the sum of the amounts "
        "is written.",
        "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
        "myOGO",
    ),
    Rule(
        "STOCK-002",
        True,
        "several sizes of Centra have the code, and no EAN identifies the one that myOGO means",
        "Sizes without a size SKU, or a copied product.",
        "In Centra, give each size its own code, or give one of them the EAN that myOGO keeps.",
        "Centra",
    ),
    Rule(
        "STOCK-003",
        True,
        "the amount would rise, and a rule about the identity of the size withholds it from myOGO",
        "Until that is fixed it is not certain that both systems mean the same goods. A fall is written.",
        "Fix what the message names; the next run writes the amount.",
        "Centra",
    ),
    Rule(
        "STOCK-004",
        True,
        "neither the code nor the EAN nor the UPC identifies this size alone in Centra",
        "One size's EAN or UPC is another's code: Centra accepts each of them, and which wins is not documented.",
        "In Centra, correct the EAN or UPC that is another size's code.",
        "Centra",
    ),
    Rule(
        "TYPE-003",
        True,
        "the amount of the size in Centra is not known",
        "Centra's stock list shows null, no field, or something that is not a whole number for that size.",
        "In Centra, save the stock of that size again; if it looks right there, show Centra's support the message.",
        "Centra",
    ),
    Rule(
        "TYPE-004",
        True,
        "the amount of the code in myOGO is not known",
        "myOGO's stock list shows null, no field, or something that is not a whole number for that code.",
        "In myOGO, check the stock of that product; if it looks right there, show OGOship's support the message.",
        "myOGO",
    ),
    Rule(
        "STOCK-005",
        False,
        "myOGO's own amount is below zero, so 0 is written",
        "More is reserved in myOGO than is in stock: orders wait for goods.",
        "In myOGO, check the pending orders of that product.",
        "myOGO",
    ),
    Rule(
        "STOCK-006",
        False,
        "Centra keeps more than myOGO has, because orders have it allocated",
        "Goods are missing in the warehouse, or orders were shipped outside of myOGO.",
        "In Centra, check the open orders of that size: the stock does not suffice for all of them.",
        "Centra",
    ),
    Rule(
        "STOCK-020",
        False,
        "Centra refused this amount for good, so it is not sent again until it changes",
        "The code is a bundle in Centra: its stock follows from its contents.",
        "In the channel file, exclude the code in [flows.products.select]; if it is no bundle now, push it with --sku.",
        "channel file",
    ),
    Rule(
        "STOCK-007",
        False,
        "the warehouse holds goods under an XX- code, because it could not identify them",
        "Goods arrived without a barcode or announcement that the warehouse could match; they cannot be sold.",
        "In myOGO, find out what it is, then rename it or have OGOship merge it.",
        "myOGO",
    ),
    Rule(
        "STOCK-008",
        False,
        "myOGO has goods under a code that no size has, but that looks like the code of a size, or has its EAN",
        "The code was typed in another way, such as with small letters, or it was changed in one of the two systems.",
        "Give both the same code: rename the product in myOGO, or correct sku, variantSku or sizeSku in Centra.",
        "myOGO",
    ),
    Rule(
        "STOCK-009",
        True,
        "Centra has the size in stock, and myOGO shows no amount for its code",
        "The product was never created in myOGO, or was deleted or renamed there.",
        "In myOGO, find out under which code the goods are; if it does not have them, set the stock to 0 in Centra.",
        "myOGO",
    ),
    Rule(
        "STOCK-010",
        False,
        "what Centra has allocated may be taken off twice, because the channel has no orders flow",
        "Without the orders flow nobody can tell which orders of myOGO are Centra's.",
        "Turn the orders flow on, or accept that Centra shows too few until those orders have left.",
        "channel file",
    ),
    Rule(
        "STOCK-011",
        True,
        "Centra kept showing another amount after this one was written",
        "The plugin's Stock update type is not what stock_update_type says, or a virtual warehouse is connected to it.",
        "In Centra, compare the plugin's Stock update type with stock_update_type in the channel file, and disconnect "
        "virtual warehouses. The amount is tried again when it changes, or a day after the last attempt.",
        "Centra",
    ),
)
