"""Finds out under which code myOGO holds each size: a code can change after the size was pushed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from schemas.gtin import gtin14
from transforms.select import is_among, matches


def identities(
    products: pd.DataFrame, links: pd.Series, live: pd.DataFrame, selected: pd.Series, accepted: Sequence[str]
) -> pd.DataFrame:
    """How each product, by code, EAN and what was pushed, relates to those of myOGO; on the index of `products`.

    `links` are the codes under which sizes were pushed, by `stock_item_id`; `live` are myOGO's products. Columns, each
    null for most rows:

    `renamed_from`: the code under which the size was pushed and which myOGO still holds, if its code is now another.
    `taken_from`: the `stock_item_id` of the renamed size that was pushed under this row's code, unless myOGO's EAN
    shows that the code is this row's.
    `ean_held_as`: the code under which myOGO holds the EAN of a row that is not in myOGO, if no size has that code.

    Rows that are not `selected` have none of them: a size that is not sold may give its code away. Neither have codes
    that match a pattern of `accepted`: these are new products.
    """
    code, gtin = products["code"], gtin14(products["ean_code"])
    of_interest = selected & ~(matches([code], accepted) if accepted else False)
    pushed_as = products["stock_item_id"].map(links).astype("str")
    renamed_from = pushed_as.where(of_interest & (pushed_as != code) & is_among(pushed_as, live["code"]))

    renamed = products["stock_item_id"].set_axis(renamed_from)[renamed_from.notna().to_numpy()]
    renamed = renamed[~renamed.index.duplicated()]
    with_gtin = live.assign(gtin=gtin14(live["ean_code"]))
    gtin_of_code = with_gtin.drop_duplicates("code", keep=False).set_index("code")["gtin"]
    proven = (code.map(gtin_of_code).astype("str") == gtin).fillna(False).astype(bool)
    taken_from = code.map(renamed).astype("str").where(of_interest & ~proven)

    has_size = is_among(with_gtin["code"], code) | is_among(with_gtin["code"], renamed.index)
    unknown = with_gtin[with_gtin["gtin"].notna() & ~has_size]
    code_of_gtin = unknown.drop_duplicates("gtin").set_index("gtin")["code"]
    would_be_created = of_interest & (code != "") & ~is_among(code, live["code"]) & renamed_from.isna()
    ean_held_as = gtin.map(code_of_gtin).astype("str").where(would_be_created)
    return pd.DataFrame({"renamed_from": renamed_from, "taken_from": taken_from, "ean_held_as": ean_held_as})
