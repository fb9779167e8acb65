"""Converts myOGO's stock levels to amounts for Centra, and assigns each to a size of Centra."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from schemas.confusables import skeleton
from schemas.gtin import gtin14


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

    `levels` has `product_code`, `stock`, `stock_available` (texts and integers as staged). Columns:
    `code`, `quantity` (units, never below 0), `below_zero` (whether myOGO's amount is below 0) and `copies` (the number
    of rows that myOGO lists for the code; the amount is that of the first).
    """
    amount = levels["stock" if params.stock_update_type == "physical" else "stock_available"].astype("Int64")
    rows = pd.DataFrame(
        {
            "code": levels["product_code"],
            "quantity": amount.clip(lower=0),
            "below_zero": amount < 0,
            "copies": levels.groupby("product_code")["product_code"].transform("size"),
        }
    )
    return rows.drop_duplicates("code").reset_index(drop=True)


def address_sizes(
    levels: pd.DataFrame, sizes: pd.DataFrame, eans: pd.Series, codes_in_centra: pd.Series | None = None
) -> pd.DataFrame:
    """`levels` with the size of Centra that each belongs to, and the text that identifies this size in Centra.

    `sizes` has one row per size: `stock_item_id`, `code` (by which myOGO knows it), `ean` (null for none) and any
    further columns. `eans` are myOGO's EANs, by code. `codes_in_centra` are the codes by which Centra knows the sizes,
    by `stock_item_id`, if any differs. New columns: `size_count` (the number of sizes with the code), `stock_item_id`
    (null if no single size is identified) with the other columns of `sizes`, and `key` (null if no text identifies the
    size).

    Centra accepts an EAN or a full code. It does not document which wins if one size's code is another's EAN, so a text
    is used only if it identifies one size. If several sizes have the same code, the EAN that myOGO keeps identifies the
    size, if exactly one size has it. EANs are compared as GTINs, with 14 digits.
    """
    sizes = sizes.assign(gtin=gtin14(sizes["ean"]))
    coded = sizes[sizes["code"] != ""]
    with_own_ean = sizes[sizes["gtin"].notna() & ~sizes["gtin"].duplicated(keep=False)]
    size_count = levels["code"].map(coded["code"].value_counts()).fillna(0).astype(int)
    by_code = _only_size_of_code(levels["code"], coded)
    by_ean = _size_with_ean_of_myogo(levels["code"], eans, with_own_ean)
    rows = levels.assign(size_count=size_count, stock_item_id=by_code.where(size_count == 1, by_ean)).merge(
        sizes.drop(columns="code"), on="stock_item_id", how="left"
    )
    if codes_in_centra is not None:
        sizes = sizes.assign(code=sizes["stock_item_id"].map(codes_in_centra))
    code = rows["stock_item_id"].map(sizes.set_index("stock_item_id")["code"]).astype("str")
    code_as_ean = sizes.assign(code=gtin14(sizes["code"]))
    code_is_clear = (code != "") & _means_only(code, rows["stock_item_id"], sizes, "code")
    code_is_clear &= _means_only(gtin14(code), rows["stock_item_id"], sizes, "gtin")
    ean_is_clear = rows["gtin"].isin(with_own_ean["gtin"]) & _means_only(
        rows["gtin"], rows["stock_item_id"], code_as_ean, "code"
    )
    key = code.where(code_is_clear, rows["ean"].where(ean_is_clear))
    return rows.drop(columns="gtin").assign(key=key.where(rows["stock_item_id"].notna()).astype("str"))


def similar_sizes(rows: pd.DataFrame, sizes: pd.DataFrame, eans: pd.Series) -> pd.DataFrame:
    """The rows of `address_sizes` whose code no size has, but whose goods probably belong to a size, on a fresh index.

    That is the only one of `sizes` with the EAN that myOGO keeps, or else one whose code looks like the row's. A row
    without units counts only if myOGO does not list the code of that size. Columns: those of `rows`, `similar_code`,
    `has_same_ean`, and `stock_item_id` of the similar size.
    """
    unknown = rows[rows["size_count"] == 0].drop(columns="stock_item_id")
    if unknown.empty:
        return unknown.assign(similar_code="", has_same_ean=False, stock_item_id="")
    coded = sizes[sizes["code"] != ""]
    with_gtin = coded.assign(gtin=gtin14(coded["ean"])).dropna(subset="gtin").drop_duplicates("gtin", keep=False)
    by_gtin = with_gtin.set_index("gtin")["stock_item_id"]
    with_skeleton = coded.assign(skeleton=coded["code"].map(skeleton)).drop_duplicates("skeleton")
    by_skeleton = with_skeleton.set_index("skeleton")["stock_item_id"]
    with_same_ean = gtin14(unknown["code"].map(eans).astype("str")).map(by_gtin).astype("str")
    similar = with_same_ean.fillna(unknown["code"].map(skeleton).map(by_skeleton).astype("str"))
    code = similar.map(coded.set_index("stock_item_id")["code"]).astype("str")
    found = similar.notna() & ((unknown["quantity"] > 0) | ~code.isin(rows["code"]))
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


def compared(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """`rows` with `current`, the amount in Centra (null if it lists none), and `raised`.

    Centra silently raises a physical amount to its allocated amount. If it has done so, writing our amount again would
    change nothing: `raised` is true, and `current` is set to our amount.
    """
    if params.stock_update_type == "fta":
        return rows.assign(current=rows["available_stock"].astype("Int64"), raised=False)
    current, allocated = rows["physical_stock"].astype("Int64"), rows["allocated_stock"].astype("Int64")
    raised = ((rows["quantity"] < allocated) & (current == allocated)).fillna(False).astype(bool)
    return rows.assign(current=current.mask(raised, rows["quantity"]), raised=raised)


def _means_only(texts: pd.Series, own: pd.Series, sizes: pd.DataFrame, column: str) -> pd.Series:
    """Whether no size other than the row's size has the text in `column`."""
    pairs = sizes.loc[sizes[column].isin(texts), [column, "stock_item_id"]].dropna()
    matches = pd.DataFrame({"text": texts, "own": own}).reset_index().merge(pairs, left_on="text", right_on=column)
    ambiguous = matches.loc[matches["own"] != matches["stock_item_id"], "index"]
    return pd.Series(~texts.index.isin(ambiguous), texts.index)
