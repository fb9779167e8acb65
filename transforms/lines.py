"""The goods of an order, whatever way Centra's plugin lists bundles: contents once, never twice, never left out."""

from __future__ import annotations

import pandas as pd

OWNER = "owner_id"


def goods(lines: pd.DataFrame, contents_are: str | None) -> tuple[pd.DataFrame, pd.Series]:
    """The lines to pick; and, by `owner_id`, what is wrong with those of an owner, where something is.

    `lines` has `owner_id` (shipment or order), `position`, `inside` (the bundle line that a line stands in, else null)
    and the staged columns of a line. The goods have `owner_id`, `line_id`, `code`, `quantity` (units), `price` and
    `tax_percent` (texts as sent), `is_bundle`.

    Of the plugin's four modes: contained items alone are lines like any other; a bundle that has its items inside, or
    beside it on the top level, gives way to them; a bundle without items stands for itself. Whether quantities
    inside of a bundle are of one bundle or of all is not documented: `contents_are` says "each" or "total", and where
    neither is said a bundle ordered more than once is a fault.
    """
    lines = lines.sort_values([OWNER, "position"], kind="stable").reset_index(drop=True)
    code = lines["sku"].fillna("") + lines["variant_sku"].fillna("") + lines["size_sku"].fillna("")
    bundle = is_on(lines["is_bundle"]) & lines["inside"].isna()
    part = lines["part_of_bundle"].fillna("").isin(["", "0"])
    lines = lines.assign(code=code, is_bundle=bundle, of=lines["part_of_bundle"].where(~part))
    own = pd.MultiIndex.from_frame(lines[[OWNER, "line_id"]])
    holders = pd.MultiIndex.from_frame(lines.loc[lines["inside"].notna(), [OWNER, "inside"]])
    beside = lines[lines["of"].notna() & lines["inside"].isna()]
    named = pd.MultiIndex.from_frame(beside[[OWNER, "of"]])
    # Which id a part names is not documented: where it is none of a line's, as many sets as bundles will do.
    sets, bundles = beside.groupby(OWNER)["of"].nunique(), lines[bundle].groupby(OWNER).size()
    as_many = lines[OWNER].map(sets).fillna(0) >= lines[OWNER].map(bundles).fillna(0)
    explained = bundle & (own.isin(holders) | own.isin(named) | (as_many & lines[OWNER].isin(beside[OWNER])))
    # Items that stand both inside and beside are told twice.
    twice = lines["inside"].notna() & lines[OWNER].isin(beside.loc[beside[OWNER].isin(lines.loc[bundle, OWNER]), OWNER])
    times = lines.loc[own.isin(holders) & bundle].set_index([OWNER, "line_id"])["quantity"]
    inside = pd.MultiIndex.from_frame(lines[[OWNER, "inside"]])
    of_set = pd.Series(times[~times.index.duplicated()].reindex(inside).to_numpy(), lines.index).fillna(1)
    quantity = lines["quantity"] * (of_set.astype("int64") if contents_are == "each" else 1)
    unclear = (of_set > 1) & lines["inside"].notna() & (contents_are is None)
    picked = lines.assign(quantity=quantity)[~explained & ~twice]
    faults = pd.concat(
        [
            _fault(lines[unclear], "a bundle ordered more than once lists its contents, and contents_are is not set"),
            _fault(picked[picked["quantity"] <= 0], "a line's quantity is not above zero"),
            _fault(picked[picked["code"] == ""], "a line has no code"),
        ]
    )
    columns = [OWNER, "line_id", "code", "quantity", "price", "tax_percent", "is_bundle"]
    return picked[columns].reset_index(drop=True), faults.groupby(level=0).agg("; ".join)


def _fault(lines: pd.DataFrame, words: str) -> pd.Series:
    return pd.Series(words, index=pd.Index(lines[OWNER].unique(), dtype="str"), dtype="str")


def is_on(flags: pd.Series) -> pd.Series:
    """Whether a flag, staged as JSON, is 1 or true, as a number, a word or a text of it."""
    return flags.fillna("").str.strip('" ').str.casefold().isin(["1", "true"])
