"""Converts myOGO's products to the types of our contract, so that both sides can be compared."""

from __future__ import annotations

import pandas as pd

from transforms.price import money
from transforms.text import capitals


def live_products(staged: pd.DataFrame) -> pd.DataFrame:
    """The staged columns with blanks as null, `sales_price` as decimal, country codes in capitals and language codes in
    small letters.

    Products that share a code all stay.
    """
    texts = {
        column: staged[column].mask(staged[column].fillna("") == "")
        for column in staged.columns
        if column not in ("code", "sales_price")
    }
    live = staged.assign(**texts, sales_price=money(staged["sales_price"]))
    return live.assign(
        country_of_origin=capitals(live["country_of_origin"]),
        language_code=live["language_code"].str.lower(),
    ).reset_index(drop=True)
