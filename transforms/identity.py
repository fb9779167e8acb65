"""Finds out under which code myOGO holds each size: a code can change after the size was pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from schemas.gtin import gtin14
from schemas.membership import is_in
from transforms.select import matches


def identities(
    products: pd.DataFrame,
    links: pd.Series,
    live: pd.DataFrame,
    selected: pd.Series,
    accepted: Sequence[str],
    kept: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """How each product, by code, EAN and what was pushed, relates to those of myOGO; on the index of `products`.

    `links` are the codes under which sizes were pushed, by `stock_item_id`; `live` are myOGO's products; `kept` are
    old codes by the code in Centra. Columns, each null for most rows:

    `renamed_from`: the code under which the size was pushed and which myOGO still holds, if its code is now another.
    `taken_from`: the `stock_item_id` of the renamed size that was pushed under this row's code, unless myOGO's EAN
    shows that the code is this row's. Also that of another size that was pushed under the code, if `kept` is why both
    have it.
    `ean_held_as`: the code under which myOGO holds the EAN of a row that is not in myOGO, if no size has that code.
    `lost_code`: the old code that `kept` gives a row, if myOGO holds neither it nor the row's own.

    Rows that are not `selected` have none of them: a size that is not sold may give its code away. Neither have codes
    that match a pattern of `accepted`: these are new products.
    """
    code, gtin = products["code"], gtin14(products["ean_code"])
    of_interest = selected & ~matches([code], accepted)
    pushed_as = products["stock_item_id"].map(links).astype("str")
    renamed_from = pushed_as.where(of_interest & (pushed_as != code) & is_in(pushed_as, live["code"]))

    renamed = products["stock_item_id"].set_axis(renamed_from)[renamed_from.notna().to_numpy()]
    renamed = renamed[~renamed.index.duplicated()]
    with_gtin = live.assign(gtin=gtin14(live["ean_code"]))
    gtin_of_code = with_gtin.drop_duplicates("code", keep=False).set_index("code")["gtin"]
    proven = code.map(gtin_of_code).astype("str") == gtin
    in_centra = products.get("code_in_centra", code)
    shared = is_in(code, code[code != in_centra])
    owners = products["stock_item_id"].set_axis(code)[(of_interest & shared & (pushed_as == code)).to_numpy()]
    owners = pd.concat([renamed, owners[~owners.index.duplicated(keep=False)]])
    owner = code.map(owners[~owners.index.duplicated()]).astype("str")
    taken_from = owner.where(of_interest & ~proven & (owner != products["stock_item_id"]))

    has_size = is_in(with_gtin["code"], code) | is_in(with_gtin["code"], renamed.index)
    unknown = with_gtin[with_gtin["gtin"].notna() & ~has_size]
    code_of_gtin = unknown.drop_duplicates("gtin").set_index("gtin")["code"]
    would_be_created = of_interest & (code != "") & ~is_in(code, live["code"]) & renamed_from.isna()
    ean_held_as = gtin.map(code_of_gtin).astype("str").where(would_be_created)
    lost_code = in_centra.map(kept).astype("str").where(of_interest & (code == in_centra) & ~is_in(code, live["code"]))
    return pd.DataFrame(
        {
            "renamed_from": renamed_from,
            "taken_from": taken_from,
            "ean_held_as": ean_held_as,
            "lost_code": lost_code.mask(lost_code == code),
        }
    )
