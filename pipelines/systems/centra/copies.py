"""Sizes that Centra lists more than once: in two stores, or because the list moved while it was read.

Equal copies are one. Copies that differ in their store and their prices alone are merged: a size has the prices of all
its price lists. Of copies that differ otherwise, no value is taken; the row then has all of them in `extra`, as a row
has that gives a key twice, and is withheld.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from pipelines.core.json_codec import encode
from pipelines.state.staging import Interruptible
from pipelines.state.store import Store
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.client import CentraClient
from schemas.fields.centra import CODE_PARTS, PRICES, PRODUCTS, STOCK
from schemas.fields.spec import FieldSpec

MAX_EXAMPLES = 10
MAX_REREAD = 25  # more sizes differ because of their stores, not because the list moved
_COMPARED = tuple(field for field in PRODUCTS if field.on_type_mismatch == "withhold" and field.column != "store")
_AMOUNTS = tuple(field for field in STOCK if field.on_type_mismatch == "withhold")
_LIST = ["stock_item_id", "pricelist_id", "currency"]


def merge_copies(store: Store, client: CentraClient, reading: Interruptible) -> dict[str, Any]:
    """Leaves one row per size in `raw_centra.products` and `raw_centra.stock`; `copies` counts those that Centra sent.

    Sizes whose copies differ are read again by their id, if they are few: one that was edited while the list was read
    has one row then. Returns the number of merged and of differing sizes, for the report.
    """
    from pipelines.systems.centra.source import price_table, product_table

    stock = _copies(store, "stock", STOCK)
    _replace(store, "stock", STOCK, [_merged(rows, _AMOUNTS, len(rows)) for rows in stock.values()])
    copies = _copies(store, "products", PRODUCTS)
    if not copies:
        return {}
    sent = {item: len(rows) for item, rows in copies.items()}
    differing = [item for item, rows in copies.items() if _different(rows, _COMPARED)]
    entries = _entries(store, copies)
    if 0 < len(differing) <= MAX_REREAD:
        with reading():
            fresh = [row for item in differing for row in client.size(item)]
        again = _by_size(product_table(fresh, Findings()).to_pandas())
        entries = pd.concat(
            [
                entries[~entries["stock_item_id"].isin(again)],
                price_table(fresh, Findings()).to_pandas()[entries.columns],
            ]
        )
        copies |= again
        differing = [item for item, rows in copies.items() if _different(rows, _COMPARED)]
    rows = {item: _merged(rows, _COMPARED, sent[item]) for item, rows in copies.items()}
    _replace(store, "products", PRODUCTS, [*rows.values()])
    store.replace_rows("raw_centra.prices", "stock_item_id", _merged_entries(entries))
    named = sorted(differing, key=lambda item: (len(item), item))
    return {"copies": {"merged": len(copies) - len(named), "differing": len(named), "first": named[:MAX_EXAMPLES]}}


def _copies(store: Store, table: str, fields: Sequence[FieldSpec]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each size that has several."""
    columns = [*(field.column for field in fields), "extra"]
    twice = f"select stock_item_id from raw_centra.{table} group by 1 having count(*) > 1"
    return _by_size(store.frame(f"raw_centra.{table}", columns, f"where stock_item_id in ({twice}) order by rowid"))


def _by_size(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    by_size: dict[str, list[dict[str, Any]]] = {}
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        by_size.setdefault(str(row["stock_item_id"]), []).append({str(name): value for name, value in row.items()})
    return by_size


def _entries(store: Store, sizes: Collection[str]) -> pd.DataFrame:
    columns = ["stock_item_id", "position", *(field.column for field in PRICES), "extra"]
    with store.keys(pd.Series([*sizes], dtype="str")) as keys:
        return store.frame("raw_centra.prices", columns, f"where stock_item_id in (from {keys}) order by rowid")


def _different(rows: Sequence[Mapping[str, Any]], fields: Sequence[FieldSpec]) -> list[FieldSpec]:
    """The fields in which the copies differ."""
    raw = [_extra(row) for row in rows]
    return [
        field
        for field in fields
        if len({(row[field.column], encode(extra.get(field.vendor))) for row, extra in zip(rows, raw, strict=True)}) > 1
    ]


def _merged(rows: Sequence[Mapping[str, Any]], fields: Sequence[FieldSpec], copies: int) -> dict[str, Any]:
    """One row for the copies. A field in which they differ is null and has all values in `extra`."""
    first = min(rows, key=lambda row: str(row.get("store") or "")) if "store" in rows[0] else rows[0]
    extra: dict[str, Any] = {}
    for row in reversed(rows):
        extra |= _extra(row)
    merged = dict(first) | {"copies": copies}
    for field in _different(rows, fields):
        values = [_extra(row).get(field.vendor, row[field.column]) for row in rows]
        if field.kind == "texts":
            values = [json.loads(value) if isinstance(value, str) else value for value in values]
        distinct = [value for number, value in enumerate(values) if value not in values[:number]]
        extra[field.vendor] = {"given_more_than_once": distinct}
        merged |= dict.fromkeys(CODE_PARTS if field.column in CODE_PARTS else (field.column,))
        if field.kind == "texts":
            merged[field.column] = "[]"
    return merged | {"extra": encode(dict(sorted(extra.items()))).decode() if extra else None}


def _extra(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(row["extra"])) if row["extra"] else {}


def _replace(store: Store, table: str, fields: Sequence[FieldSpec], rows: Sequence[Mapping[str, Any]]) -> None:
    types = {"integer": "Int64", "flag": "boolean"}
    columns = {field.column: types.get(field.kind, "str") for field in fields} | {"extra": "str", "copies": "Int64"}
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in columns.items()})
    store.replace_rows(f"raw_centra.{table}", "stock_item_id", frame)


def _merged_entries(entries: pd.DataFrame) -> pd.DataFrame:
    """Each entry once, and one without an amount only where its list has none. Two amounts in one list both stay: a
    rule of the products flow withholds the size."""
    has_amount = entries["price"].fillna("").str.strip() != ""
    of_list = [entries[name].fillna("") for name in _LIST]
    kept = entries[has_amount | ~has_amount.groupby(of_list).transform("any")]
    kept = kept.drop_duplicates([*_LIST, "price", "extra"])
    return kept.assign(position=kept.groupby("stock_item_id").cumcount()).reset_index(drop=True)


def describe_copies(findings: Mapping[str, Any]) -> list[str]:
    """The findings about copies as sentences."""
    copies = findings.get("copies")
    if not copies:
        return []
    lines = []
    if copies["merged"]:
        lines.append(
            f"{copies['merged']} sizes are in Centra's product list more than once; their copies agree, so that their "
            "prices were taken together."
        )
    if copies["differing"]:
        lines.append(
            f"{copies['differing']} sizes are in Centra's product list more than once with different values and are "
            f"withheld, the first: {', '.join(copies['first'])}."
        )
    return lines
