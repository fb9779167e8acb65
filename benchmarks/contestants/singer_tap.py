"""A tap written with singer-sdk, piped into target-duckdb.

Prices stay JSON inside the product: a child stream for them restarts for each size and takes minutes for 10,000.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseHATEOASPaginator

TEXT, NUMBER = th.StringType(nullable=True), th.NumberType(nullable=True)
PRICE = th.ObjectType(*(th.Property(name, TEXT) for name in ("id", "pricelist", "currency", "price")))
PRODUCT = {
    "stockItemId": NUMBER, "productId": NUMBER, "variantId": NUMBER, "active": NUMBER, "weight": NUMBER,
    "categories": th.ArrayType(th.StringType), "images": th.ArrayType(th.StringType), "prices": th.ArrayType(PRICE),
} | dict.fromkeys(
    (
        "sku", "variantSku", "sizeSku", "brand", "collection", "product", "name", "variant", "size", "sizeComment",
        "ean", "upc", "weightUnit", "countryOfOrigin", "harmCode", "harmDescription", "createdAt", "folder",
        "description", "shortDescription", "comment", "metaTitle", "metaDescription", "metaKeywords", "categoryName",
        "store",
    ),
    TEXT,
)  # fmt: skip
STOCK = dict.fromkeys(("stockItemId", "physicalStock", "allocatedStock", "availableStock"), NUMBER)


class Next(BaseHATEOASPaginator):
    def get_next_url(self, response: Any) -> str | None:
        return response.json().get("next") or None


class Centra(RESTStream):
    records_jsonpath = "$.products[*]"

    @property
    def url_base(self) -> str:
        return str(self.config["url"])

    @property
    def http_headers(self) -> dict[str, str]:
        return {"API-Authorization": self.config["token"]}

    def get_new_paginator(self) -> Next:
        return Next()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        page = next_page_token.query.rpartition("page=")[2].partition("&")[0] if next_page_token else "1"
        return {"limit": 100, "page": page}


def _schema(fields: dict[str, Any]) -> dict[str, Any]:
    return dict(th.PropertiesList(*(th.Property(name, kind) for name, kind in fields.items())).to_dict())


class Products(Centra):
    name, path, primary_keys, schema = "products", "/products", ("stockItemId",), _schema(PRODUCT)


class Stock(Centra):
    name, path, primary_keys, schema = "stock", "/stock", ("stockItemId",), _schema(STOCK)


class CentraTap(Tap):
    name = "tap-centra"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType), th.Property("token", th.StringType)
    ).to_dict()

    def discover_streams(self) -> list[Any]:
        return [Products(self), Stock(self)]


def work(job: dict[str, Any]) -> dict[str, int]:
    folder = Path(job["folder"])
    (folder / "tap.json").write_text(json.dumps({"url": job["centra_url"], "token": job["centra_token"]}))
    (folder / "target.json").write_text(
        json.dumps({"path": str(folder / "singer.duckdb"), "default_target_schema": "main"})
    )
    with (folder / "log.txt").open("wb") as log:
        tap = subprocess.Popen(
            [sys.executable, "-m", __name__, "--config", str(folder / "tap.json")], stdout=subprocess.PIPE, stderr=log
        )
        target = str(Path(sys.executable).with_name("target-duckdb"))
        subprocess.run(
            [target, "--config", str(folder / "target.json")], stdin=tap.stdout, stdout=log, stderr=log, check=True
        )
        if tap.wait():
            raise RuntimeError((folder / "log.txt").read_text()[-2000:])
    with duckdb.connect(str(folder / "singer.duckdb")) as db:
        return {name: db.execute(f"select count(*) from {name}").fetchone()[0] for name in ("products", "stock")}


if __name__ == "__main__":
    CentraTap.cli()
