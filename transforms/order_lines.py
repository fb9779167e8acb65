"""The goods of an order, whatever way Centra's plugin lists bundles: contents once, never twice, never left out."""

from __future__ import annotations

import pandas as pd

from transforms.sku import combined_code
from transforms.type_mismatch import mismatches_in

OWNER = "owner_id"
_FLAGS = ("", "0", "1", "true", "false")


def pickable_lines(lines: pd.DataFrame, contents_are: str | None) -> tuple[pd.DataFrame, pd.Series]:
    """The lines to pick; and, by `owner_id`, what is wrong with those of an owner, where something is.

    `lines` has `owner_id` (shipment or order), `position`, `inside` (the position of the line that a line stands in,
    else null) and the staged columns of a line. The goods have `owner_id`, `line_id`, `code`, `quantity` (units),
    `price` and `tax_percent` (texts as sent).

    Of the plugin's four modes: contained items alone are lines like any other; a bundle that has its items inside, or
    beside it on the top level, gives way to them; a bundle without items stands for itself. Which id an item beside its
    bundle names is not documented: where it is no line's, as many sets as bundles will do, and anything else is a
    fault. Whether quantities inside of a bundle are of one bundle or of all is not documented either: `contents_are`
    says "each" or "total", and where neither is said a bundle ordered more than once is a fault.
    """
    lines = lines.sort_values([OWNER, "position"], kind="stable").reset_index(drop=True)
    lines = lines.assign(quantity=lines["quantity"].astype("Int64"))
    places, parents = (pd.MultiIndex.from_frame(lines[[OWNER, name]]) for name in ("position", "inside"))
    top = lines["inside"].isna()
    holds = pd.Series(places.isin(parents[~top]), lines.index)
    bundle = top & (holds | is_true(lines["is_bundle"]))
    of = plain(lines["part_of_bundle"])
    strange = top & ~plain(lines["is_bundle"]).isin(_FLAGS)
    lines = lines.assign(code=combined_code(lines), is_bundle=bundle, of=of.mask(of.isin(["", "0", "false"])))
    beside = top & lines["of"].notna() & ~bundle
    ids = pd.MultiIndex.from_frame(lines[[OWNER, "line_id"]].fillna(""))
    named = pd.MultiIndex.from_frame(lines[[OWNER, "of"]].fillna(""))
    known = bundle & pd.Series(ids.isin(named[beside]), lines.index)
    loose = beside & ~pd.Series(named.isin(ids[bundle]), lines.index)
    bare = bundle & ~holds & ~known
    sets = lines[OWNER].map(lines[loose].groupby(OWNER)["of"].nunique()).fillna(0)
    bares = lines[OWNER].map(lines[bare].groupby(OWNER).size()).fillna(0)
    matched = bare & (sets == bares)
    mixed = lines[OWNER].isin(lines.loc[(bundle & ~bare) | loose, OWNER])
    doubtful = bare & ~matched & mixed
    explained = bundle & (holds | known | matched)
    # Items that stand both inside and beside are told twice.
    twice = ~top & lines[OWNER].isin(lines.loc[beside, OWNER])
    times = lines.loc[holds & top, "quantity"]
    times.index = places[holds & top]
    of_set = pd.Series(times.reindex(parents).to_numpy(), lines.index, dtype="Int64").fillna(1)
    quantity = lines["quantity"] * (of_set if contents_are == "each" else 1)
    unclear = ~top & (of_set > 1) & (contents_are is None)
    odd = mismatches_in(lines["extra"], ("lineId", "qty", "isPartOfBundle"))
    picked = lines.assign(quantity=quantity)[~explained & ~twice]
    faults = pd.concat(
        [
            _fault(lines[unclear], "a bundle ordered more than once lists its contents, and contents_are is not set"),
            _fault(lines[doubtful], "a bundle stands beside items that may or may not be its contents"),
            _fault(lines[odd.notna() | strange], "a field of a line holds another type than ever"),
            _fault(picked[~(picked["quantity"] > 0).fillna(False)], "a line's quantity is no number above zero"),
            _fault(picked[picked["code"] == ""], "a line has no code"),
        ]
    )
    columns = [OWNER, "line_id", "code", "quantity", "price", "tax_percent"]
    return picked[columns].reset_index(drop=True), faults.groupby(level=0).agg("; ".join)


def _fault(lines: pd.DataFrame, words: str) -> pd.Series:
    return pd.Series(words, index=pd.Index(lines[OWNER].unique(), dtype="str"), dtype="str")


def plain(flags: pd.Series) -> pd.Series:
    """Values staged as JSON without quotes and case; "" for none."""
    return flags.fillna("").str.strip('" ').str.casefold()


def is_true(flags: pd.Series) -> pd.Series:
    """Whether a flag, staged as JSON, is 1 or true, as a number, a word or a text of it."""
    return plain(flags).isin(["1", "true"])


def payment_due(shipments: pd.DataFrame) -> pd.Series:
    """Whether a shipment's payment is still to be taken: not paid, and Centra does not say that it need not be."""
    return ~is_true(shipments["paid"]) & ~plain(shipments["should_capture"]).isin(["0", "false"])
