"""Maps the shop's shipping method to myOGO's code, by the table in the channel file."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

# Ingrid's method comes first. The fallbacks are used only if `shippingList` is empty; Centra has no standard for it.
METHODS = ("ingrid_method", "shipping_list")
FALLBACKS = ("default_carrier", "delivery_service", "terms_name")


def shipping_codes(rows: pd.DataFrame, methods: Mapping[str, str]) -> pd.DataFrame:
    """`shipping_method` (the method that was looked up) and `shipping_code` (null if it is not mapped), indexed as
    `rows`.

    The first method that is in the table counts, compared without case and outer blanks. If `shippingList` has a value
    that is not mapped, the fallbacks are not used: the order could be sent by another method than was paid for.
    """
    known = {_plain(method): code for method, code in methods.items()}
    terms = rows["shipping_terms"].map(_name_of, na_action="ignore")
    seen = rows.assign(terms_name=terms)[[*METHODS, *FALLBACKS]].astype("str")
    seen = seen.mask(seen.apply(lambda texts: texts.str.strip() == ""))
    listed = seen["shipping_list"].notna()
    seen[list(FALLBACKS)] = seen[list(FALLBACKS)].mask(listed)
    method = pd.Series(None, index=rows.index, dtype="str")
    code = pd.Series(None, index=rows.index, dtype="str")
    for name in seen.columns:
        mapped = seen[name].map(lambda text: known.get(_plain(text)), na_action="ignore").astype("str")
        new = code.isna() & mapped.notna()
        code, method = code.mask(new, mapped), method.mask(new, seen[name])
    for name in ("shipping_list", "ingrid_method", *FALLBACKS):
        method = method.fillna(seen[name])
    return pd.DataFrame({"shipping_method": method, "shipping_code": code})


def _plain(text: str) -> str:
    return text.strip().casefold()


def _name_of(terms: str) -> str | None:
    document = json.loads(terms)
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) else None
