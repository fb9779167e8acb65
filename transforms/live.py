"""Converts myOGO's products to the types of our contract, so that both sides can be compared."""

from __future__ import annotations

import pandas as pd

from schemas.fields.myogo import PRODUCTS
from schemas.fields.spec import UNREADABLE, withholding
from transforms.price import money
from transforms.text import capitals
from transforms.type_mismatch import mismatches_in

_FIELDS = withholding(PRODUCTS)


def live_products(staged: pd.DataFrame) -> pd.DataFrame:
    """The staged columns with blanks as null, `sales_price` as decimal, country codes in capitals and language codes in
    small letters. `unreadable` takes the place of `extra`: the fields of the product that have an unexpected type, in
    words; null for none.

    Products that share a code all stay; those without a usable code are left out.
    """
    staged = staged[~staged["code"].str.startswith(UNREADABLE)]
    staged = staged.assign(unreadable=mismatches_in(staged["extra"], _FIELDS)).drop(columns="extra")
    texts = {
        column: staged[column].mask(staged[column] == "")
        for column in staged.columns
        if column not in ("code", "sales_price")
    }
    live = staged.assign(**texts, sales_price=money(staged["sales_price"]))
    return live.assign(
        country_of_origin=capitals(live["country_of_origin"]),
        language_code=live["language_code"].str.lower(),
    ).reset_index(drop=True)
