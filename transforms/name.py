"""The name of a size for the warehouse."""

from __future__ import annotations

import pandas as pd

from transforms.text import first_filled, plain_texts

# Size names without information.
_NO_SIZE = frozenset({"one size", "onesize", "one-size", "os", "o/s", "one", "no size", "-", "default"})


def warehouse_name(sizes: pd.DataFrame) -> pd.Series:
    """`name` (or `product`), then the variant and the size if they add information; null without name and product.

    A variant adds nothing if the name already contains its words; a size adds nothing if it is "One Size" or
    similar. Parts are joined by one blank.
    """
    base = first_filled(plain_texts(sizes["name"]), plain_texts(sizes["product"]))
    variant = plain_texts(sizes["variant"])
    size = plain_texts(sizes["size"])
    pairs = [*zip(base.tolist(), variant.tolist(), strict=True)]
    joined = {pair: _joined(*pair) for pair in set(pairs)}
    both = pd.Series([joined[pair] for pair in pairs], index=sizes.index, dtype="str")
    adds = size.notna() & ~size.str.casefold().isin(_NO_SIZE)
    return both.where(~adds, both + " " + size).rename("name")


def _joined(base: object, variant: object) -> str | None:
    if not isinstance(base, str):
        return None
    if not isinstance(variant, str) or f" {variant.casefold()} " in f" {base.casefold()} ":
        return base
    return f"{base} {variant}"
