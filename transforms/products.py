"""Converts Centra's sizes to products for myOGO."""

from __future__ import annotations

import json
from dataclasses import field
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.fields.centra import PRICES, PRICES_KEY, PRODUCTS
from schemas.fields.spec import withholding
from schemas.gtin import has_wrong_check_digit, is_no_ean
from transforms.name import warehouse_name
from transforms.price import money, price_in, pricelist_of, without_float_residue
from transforms.select import matches
from transforms.sku import combined_code
from transforms.text import capitals, first_filled, plain_texts
from transforms.type_mismatch import mismatched_fields

SIZE_FIELDS, PRICE_FIELDS = ("stockItemId", *withholding(PRODUCTS), PRICES_KEY), withholding(PRICES)
_NOT_ASCII = "[^\x20-\x7e]"  # characters that a barcode cannot have
_FORMATTED_AS_NUMBER = r"[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+|[0-9]+[.,][0-9]*"

Code = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Params:
    """`[flows.products.params]` of a channel file."""

    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")] = "EUR"
    pricelist_id: str | None = None
    language: str = "en"
    language_by_store: dict[str, str] = field(default_factory=dict)
    include_inactive: bool = False
    allow_zero_price: bool = False
    accept_as_new: tuple[str, ...] = ()
    kept_codes: dict[Code, Code] = field(default_factory=dict)


def to_myogo(sizes: pd.DataFrame, prices: pd.DataFrame, params: Params) -> pd.DataFrame:
    """One row per size, in the given sequence, on a fresh index. No row is dropped.

    Without `params.pricelist_id`, all rows follow `pricelist_of(prices)`; a caller that has only a part of a catalogue
    must give the id.

    Columns of the product: `code`, `name`, `sales_price` (decimal, 4 places), `description`, `supplier`,
    `product_group`, `picture_url`, `country_of_origin`, `customs_description`, `hs_code`, `language_code`,
    `ean_code`. Further columns, for rules and reports: `stock_item_id`, `product_id`, `active`, `folder`,
    `category`, `store`, `price_text` and `ean_text` (as Centra sent them), `price_had_residue` (of a float),
    `second_price_text` (another amount in the same list), `pricelist_id` (the list that all rows follow), `pricelists`
    (see `price_in`), `harm_code`, and `mismatched` (fields of the product that have an unexpected type).
    """
    sizes = sizes.reset_index(drop=True)
    pricelist_id = params.pricelist_id or pricelist_of(prices, params.currency)
    price = price_in(prices, params.currency, pricelist_id).reindex(sizes["stock_item_id"])
    price_text = price["price_text"].reset_index(drop=True)
    decimal_text = without_float_residue(price_text)
    category = first_filled(sizes["category_name"], _first(sizes["categories"]), sizes["folder"])
    harm_code = first_filled(sizes["harm_code"])
    name = warehouse_name(sizes)
    ean_text = first_filled(sizes["ean"], sizes["upc"])
    return pd.DataFrame(
        {
            "stock_item_id": sizes["stock_item_id"],
            "product_id": sizes["product_id"],
            "code": combined_code(sizes),
            "name": name,
            "sales_price": money(decimal_text),
            "description": first_filled(plain_texts(sizes["short_description"]), plain_texts(sizes["description"])),
            "supplier": first_filled(sizes["brand"]),
            "product_group": category,
            "picture_url": first_filled(_first(sizes["images"])),
            "country_of_origin": capitals(first_filled(sizes["country_of_origin"])),
            "customs_description": plain_texts(first_filled(sizes["harm_description"])),
            "hs_code": customs_code(harm_code),
            "language_code": sizes["store"]
            .map(lambda store: params.language_by_store.get(store, params.language))
            .astype("str")
            .str.lower(),
            "ean_code": barcode(ean_text),
            # A size of which it is not known counts as active, so that it is withheld and not skipped.
            "active": sizes["active"].astype("boolean").fillna(True).astype(bool),
            "folder": sizes["folder"],
            "category": category,
            "store": sizes["store"],
            "price_text": price_text,
            "price_had_residue": (price_text != decimal_text) & price_text.notna(),
            "second_price_text": price["second_price_text"].reset_index(drop=True).astype("str"),
            "pricelist_id": pd.Series(pricelist_id, index=sizes.index, dtype="str"),
            "pricelists": price["pricelists"].reset_index(drop=True).fillna(0).astype(int),
            "harm_code": harm_code,
            "ean_text": ean_text,
            "mismatched": mismatched_fields(sizes, prices, SIZE_FIELDS, PRICE_FIELDS),
        }
    )


def barcode(text: pd.Series) -> pd.Series:
    """`text`; null if it cannot be right: zeros or words, digits of a GTIN's length with a wrong check digit, what a
    spreadsheet or a float made of it, or characters that a barcode cannot have.

    myOGO keeps the first EAN that it receives, so a wrong one must not be sent. Texts of other lengths are kept: goods
    may have internal numbers as barcodes.
    """
    altered = text.str.fullmatch(_FORMATTED_AS_NUMBER) | text.str.contains(_NOT_ASCII)
    return text.mask(altered | is_no_ean(text) | has_wrong_check_digit(text))


def customs_code(text: pd.Series) -> pd.Series:
    """The 6 to 10 digits of a tariff number without punctuation; null if the rest is not 6 to 10 digits."""
    digits = text.str.replace(r"[.\s-]", "", regex=True)
    return digits.where(digits.str.fullmatch("[0-9]{6,10}"))


def sort_by_id(products: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by `stock_item_id`; numeric ids are sorted as numbers."""
    ids = products["stock_item_id"]
    order = pd.DataFrame({"length": ids.str.len(), "id": ids}).sort_values(["length", "id"]).index
    return products if order.equals(products.index) else products.loc[order].reset_index(drop=True)


def selected(products: pd.DataFrame, include: tuple[str, ...], exclude: tuple[str, ...]) -> pd.Series:
    """Whether the channel selects the row, by patterns over code, brand, folder and category."""
    names = ("code", "code_in_centra", "supplier", "folder", "category")
    columns = [products[name] for name in names if name in products]
    return matches(columns, include) & ~matches(columns, exclude)


def _first(lists: pd.Series) -> pd.Series:
    """The first text of each JSON list of texts; null for an empty list. Each distinct list is parsed once."""
    first = {text: (json.loads(text) or [None])[0] for text in lists.dropna().unique()}
    return lists.map(first).astype("str")
