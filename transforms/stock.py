"""Converts myOGO's stock levels to amounts for Centra, and assigns each to a size of Centra."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from schemas.confusables import skeleton
from schemas.gtin import gtin14
from schemas.membership import is_in

_TEXTS = ["code", "ean", "upc"]  # by which Centra finds a size, in the order in which they are tried


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Params:
    """`[flows.stock.params]` of a channel file.

    `stock_update_type` is the setting of that name in Centra's Order API plugin: a written amount is the physical stock
    ("physical") or the stock that is free to allocate ("fta"). Set `goods_received` once the goods are in stock: until
    then nothing is written, because every amount would be zero.
    """

    stock_update_type: Literal["physical", "fta"] = "physical"
    goods_received: bool = False


def to_centra(levels: pd.DataFrame, params: Params) -> pd.DataFrame:
    """One row per code of myOGO's stock list, on a fresh index.

    `levels` has `product_code` and `stock_available` (units). Columns: `code`, `available` (units that can be ordered
    from myOGO; may be below 0, null if unknown) and `copies` (the number of rows that myOGO lists for the code; their
    amounts are added up).
    """
    return _added_up(levels["product_code"], levels["stock_available"])


def _added_up(codes: pd.Series, units: pd.Series) -> pd.DataFrame:
    """One row per code, on a fresh index: `code`, `available` and `copies` of `to_centra`."""
    grouped = pd.DataFrame({"code": codes, "available": units.astype("Int64")}).groupby("code", sort=False)["available"]
    return pd.DataFrame({"available": grouped.sum(min_count=1), "copies": grouped.size()}).reset_index()


def with_missing(levels: pd.DataFrame, sizes: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """`levels` of `to_centra`, and a row for each code of `sizes` that myOGO's stock list leaves out.

    Its amount is that of `products` (myOGO's products: `code`, `stock_available` as text). A code without a product, or
    with one whose amount is not a whole number, has a row with an unknown amount, but only if Centra has one of `sizes`
    in stock (`code`, `physical_stock`, `available_stock`).
    """
    missing = sizes[(sizes["code"] != "") & ~sizes["code"].isin(levels["code"])]
    units = products["stock_available"].astype("str").str.strip()
    is_whole = units.str.fullmatch(r"[+-]?[0-9]{1,15}(\.0*)?")
    held = _added_up(products.loc[is_whole, "code"], pd.to_numeric(units[is_whole]))
    held = held[held["code"].isin(missing["code"])]
    in_stock = (missing[["physical_stock", "available_stock"]] > 0).any(axis=1)
    unknown = missing.loc[in_stock & ~missing["code"].isin(held["code"]), ["code"]].drop_duplicates()
    return pd.concat([levels, held, unknown.assign(copies=1)], ignore_index=True)


def address_sizes(
    levels: pd.DataFrame, sizes: pd.DataFrame, eans: pd.Series, codes_in_centra: pd.Series | None = None
) -> pd.DataFrame:
    """`levels` with the size of Centra that each belongs to, and the text that identifies this size in Centra.

    `sizes` has one row per size: `stock_item_id`, `code` (by which myOGO knows it), `ean` and `upc` (null for none),
    `active`, and any further columns. `eans` are myOGO's EANs, by code. `codes_in_centra` are the codes by which Centra
    knows the sizes, by `stock_item_id`, if any differs. New columns: `size_count` (the number of sizes with the code,
    without inactive ones if one is active), `stock_item_id` (null if no single size is identified) with the other
    columns of `sizes`, and `key` (null if no text identifies the size).

    Centra accepts an EAN, a UPC or a full code. It does not document which wins if one size's code is another's
    barcode, so a text is used only if it identifies one size; if no text does, one that it shares only with inactive
    sizes, which cannot be sold. If several sizes have the same code, the EAN that myOGO keeps identifies the size, if
    exactly one size has it. Barcodes are compared as GTINs, with 14 digits.
    """
    sizes = sizes.assign(gtin=gtin14(sizes["ean"]))
    coded = sizes[sizes["code"] != ""]
    coded = coded[coded["active"] | ~coded["code"].isin(coded.loc[coded["active"], "code"])]
    inactive_copies = sizes["code"].isin(coded["code"]) & ~sizes["stock_item_id"].isin(coded["stock_item_id"])
    others = sizes[~inactive_copies]
    with_own_ean = others[others["gtin"].notna() & ~others["gtin"].duplicated(keep=False)]
    size_count = levels["code"].map(coded["code"].value_counts()).fillna(0).astype(int)
    by_code = _only_size_of_code(levels["code"], coded)
    by_ean = _size_with_ean_of_myogo(levels["code"], eans, with_own_ean)
    rows = levels.assign(size_count=size_count, stock_item_id=by_code.where(size_count == 1, by_ean)).merge(
        sizes.drop(columns="code"), on="stock_item_id", how="left"
    )
    sizes = sizes.drop(columns="gtin")
    if codes_in_centra is not None:
        sizes = sizes.assign(code=sizes["stock_item_id"].map(codes_in_centra).astype("str"))
    return rows.drop(columns="gtin").assign(key=_key(rows["stock_item_id"], sizes))


def similar_sizes(rows: pd.DataFrame, sizes: pd.DataFrame, eans: pd.Series) -> pd.DataFrame:
    """The rows of `address_sizes` whose code no size has, but whose goods probably belong to a size, on a fresh index.

    That is the only one of `sizes` with the EAN that myOGO keeps, or else one whose code looks like the row's. A row
    without units counts only if myOGO does not list the code of that size. Columns: those of `rows`, `similar_code`,
    `has_same_ean`, and `stock_item_id` of the similar size.
    """
    unknown = rows[rows["size_count"] == 0].drop(columns="stock_item_id")
    coded = sizes[sizes["code"] != ""]
    with_gtin = coded.assign(gtin=gtin14(coded["ean"])).dropna(subset="gtin").drop_duplicates("gtin", keep=False)
    by_gtin = with_gtin.set_index("gtin")["stock_item_id"]
    with_skeleton = coded.assign(skeleton=coded["code"].map(skeleton)).drop_duplicates("skeleton")
    by_skeleton = with_skeleton.set_index("skeleton")["stock_item_id"]
    with_same_ean = gtin14(unknown["code"].map(eans).astype("str")).map(by_gtin).astype("str")
    similar = with_same_ean.fillna(unknown["code"].map(skeleton).map(by_skeleton).astype("str"))
    code = similar.map(coded.set_index("stock_item_id")["code"]).astype("str")
    found = similar.notna() & ((unknown["available"] > 0) | ~code.isin(rows["code"]))
    unknown = unknown.assign(similar_code=code, has_same_ean=with_same_ean.notna(), stock_item_id=similar)
    return unknown.loc[found.fillna(False).astype(bool)].reset_index(drop=True)


def _only_size_of_code(codes: pd.Series, coded: pd.DataFrame) -> pd.Series:
    """The only size with each code; null if no size or several have it."""
    only_size = coded[~coded["code"].duplicated(keep=False)].set_index("code")["stock_item_id"]
    return codes.map(only_size).astype("str")


def _size_with_ean_of_myogo(codes: pd.Series, eans: pd.Series, with_own_ean: pd.DataFrame) -> pd.Series:
    """The size that has each code and is the only one with the EAN that myOGO keeps for it; null if there is none."""
    by_ean = with_own_ean.set_index("gtin")
    ean = gtin14(codes.map(eans).astype("str"))
    return ean.map(by_ean["stock_item_id"]).where(ean.map(by_ean["code"]) == codes).astype("str")


def _key(own: pd.Series, sizes: pd.DataFrame) -> pd.Series:
    """The first text of each size that means no other size, else no other active size; null if there is none. `own` are
    the ids of the sizes."""
    texts = sizes.set_index("stock_item_id")[["active", *_TEXTS]].reindex(own).set_index(own.index)
    owners = pd.concat([sizes[["stock_item_id", "active"]].assign(kind=name, text=sizes[name]) for name in _TEXTS])
    owners = owners[owners["text"].notna() & (owners["text"] != "")]
    owners = owners.assign(gtin=gtin14(owners["text"]))
    key = pd.Series(pd.NA, index=own.index, dtype="str")
    is_active = texts["active"].fillna(False).astype(bool)
    for rivals, may_use in ((owners, own.notna()), (owners[owners["active"]], is_active)):
        of_text, of_number = _Owners(rivals, "text"), _Owners(rivals, "gtin")
        of_barcode = _Owners(rivals[rivals["kind"] != "code"], "gtin")
        for name in _TEXTS:
            text, gtin = texts[name].astype("str"), gtin14(texts[name].astype("str"))
            usable = may_use & (text != "") & text.notna() & (gtin.notna() | (name == "code"))
            # Two codes are different though they are the same number; a barcode is always a number.
            others = of_text.has_others(text, own) | (of_barcode if name == "code" else of_number).has_others(gtin, own)
            key = key.where(key.notna() | ~usable | others, text)
    return key.astype("str")


class _Owners:
    """The sizes that have each text in a column of `rows`."""

    def __init__(self, rows: pd.DataFrame, column: str) -> None:
        pairs = rows[[column, "stock_item_id"]].dropna().drop_duplicates()
        is_shared = pairs[column].duplicated(keep=False)
        self._shared = pairs.loc[is_shared, column].drop_duplicates()
        self._only = pairs[~is_shared].set_index(column)["stock_item_id"]

    def has_others(self, texts: pd.Series, own: pd.Series) -> pd.Series:
        """Whether another size than the row's `own` has its text; false without a text."""
        only = texts.map(self._only).astype("str")
        return is_in(texts, self._shared) | (only.notna() & (only != own))


def with_amounts(rows: pd.DataFrame, units: pd.DataFrame, params: Params) -> pd.DataFrame:
    """`rows` of `address_sizes` with the amount that Centra should hold, and the amount that it holds.

    `units` has by code `taken` and `waiting` (see `transforms.taken_units`) and `leaving`: the units of shipments that
    are completed before the amounts are written, so that Centra will have neither in stock nor allocated. New columns,
    in units: `quantity` (never below 0, null if unknown), `below_zero` (whether myOGO's own amount is), `current` (null
    if Centra lists none), `raised`, and `rises` (whether `current` is below `quantity`, or unknown).

    Centra may have less allocated than it holds orders for; which orders have to wait is not known, so that what is
    allocated counts for `waiting` first. Centra silently raises a physical amount to its allocated amount. If it has
    done so, writing our amount again would change nothing: `raised` is true, and `current` is set to our amount.
    """
    of_rows = units.reindex(rows["code"]).fillna(0).astype("int64").set_index(rows.index)
    allocated = (rows["allocated_stock"].astype("Int64") - of_rows["leaving"]).clip(lower=0)
    free_for_taken = (allocated.fillna(0) - of_rows["waiting"]).clip(lower=0)
    taken = of_rows["taken"].where(of_rows["taken"] <= free_for_taken, free_for_taken)
    quantity = rows["available"] + taken
    current = rows["physical_stock"].astype("Int64")
    current = (current - of_rows["leaving"]).clip(lower=0)
    if params.stock_update_type == "fta":
        quantity, current = quantity - allocated.fillna(0), rows["available_stock"].astype("Int64")
    quantity = quantity.clip(lower=0)
    raised = (quantity < allocated) & (current == allocated) & (params.stock_update_type == "physical")
    raised = raised.fillna(False).astype(bool)
    current = current.mask(raised, quantity)
    return rows.assign(
        quantity=quantity,
        below_zero=(rows["available"] < 0).fillna(False).astype(bool),
        allocated_stock=allocated,
        current=current,
        raised=raised,
        rises=~(quantity <= current).fillna(False).astype(bool),
    )
