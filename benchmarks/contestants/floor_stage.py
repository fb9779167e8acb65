"""The floor of staging: requests, orjson and Arrow columns into DuckDB. No checks, no retry, no history."""

from __future__ import annotations

import gc
from itertools import chain
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import requests

PRODUCT = (
    "sku", "productId", "variantSku", "variantId", "sizeSku", "stockItemId", "brand", "collection", "product", "name",
    "variant", "size", "sizeComment", "ean", "upc", "weight", "weightUnit", "countryOfOrigin", "harmCode",
    "harmDescription", "active", "createdAt", "folder", "description", "shortDescription", "comment", "metaTitle",
    "metaDescription", "metaKeywords", "categoryName", "store",
)  # fmt: skip
LISTS = ("categories", "images")
PRICE = ("id", "pricelist", "currency", "price")
STOCK = ("stockItemId", "physicalStock", "allocatedStock", "availableStock")
PAGES_AT_ONCE = 20


def work(job: dict[str, Any]) -> dict[str, int]:
    gc.disable()  # as fast as it gets
    with duckdb.connect(f"{job['folder']}/floor.duckdb") as db, requests.Session() as http:
        http.headers["API-Authorization"] = job["centra_token"]
        for rows in _batches(http, f"{job['centra_url']}/products"):
            _insert(db, "products", _products(rows))
            _insert(db, "prices", _prices(rows))
        for rows in _batches(http, f"{job['centra_url']}/stock"):
            _insert(db, "stock", _stock(rows))
        return {
            name: db.execute(f"select count(*) from {name}").fetchone()[0] for name in ("products", "prices", "stock")
        }


def _batches(http: requests.Session, url: str) -> Any:
    page: str | None = "1"
    batch: list[dict[str, Any]] = []
    number = 0
    while page:
        document = orjson.loads(http.get(url, params={"limit": 100, "page": page}).content)
        batch += document["products"]
        number += 1
        page = (document.get("next") or "").rpartition("page=")[2].partition("&")[0]
        if number % PAGES_AT_ONCE == 0:
            yield batch
            batch = []
    if batch:
        yield batch


def _products(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: pa.array([row[name] for row in rows]) for name in PRODUCT}
    columns |= {name: pa.array([orjson.dumps(row[name]).decode() for row in rows]) for name in LISTS}
    return _texts(columns)


def _prices(rows: list[dict[str, Any]]) -> pa.Table:
    entries = list(chain.from_iterable(row["prices"] for row in rows))
    stock_item_ids = [row["stockItemId"] for row in rows for _ in row["prices"]]
    columns = {"stockItemId": pa.array(stock_item_ids)} | {
        name: pa.array([entry[name] for entry in entries]) for name in PRICE
    }
    columns["campaigns"] = pa.array([orjson.dumps(entry["campaigns"]).decode() for entry in entries])
    return _texts(columns)


def _stock(rows: list[dict[str, Any]]) -> pa.Table:
    return _texts({name: pa.array([row[name] for row in rows]) for name in STOCK})


def _texts(columns: dict[str, pa.Array]) -> pa.Table:
    """The columns as Arrow typed them; a column of nulls becomes text."""
    return pa.table({n: c.cast(pa.string()) if pa.types.is_null(c.type) else c for n, c in columns.items()})


def _insert(db: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    db.register("batch", table)
    db.execute(f"create table if not exists {name} as select * from batch limit 0")
    db.execute(f"insert into {name} select * from batch")
    db.unregister("batch")
