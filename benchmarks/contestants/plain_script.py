"""The usual script: requests, `json_normalize`, and DuckDB over the data frames."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import requests


def work(job: dict[str, Any]) -> dict[str, int]:
    products, stock = (_rows(job, path) for path in ("products", "stock"))
    frames = {
        "products": pd.json_normalize(products).drop(columns="prices"),
        "prices": pd.json_normalize(products, "prices", ["stockItemId"]),
        "stock": pd.json_normalize(stock),
    }
    with duckdb.connect(f"{job['folder']}/plain.duckdb") as db:
        for name, frame in frames.items():
            db.register("frame", frame)
            db.execute(f"create table {name} as select * from frame")
            db.unregister("frame")
        return {name: db.execute(f"select count(*) from {name}").fetchone()[0] for name in frames}


def _rows(job: dict[str, Any], path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    query = "?limit=100"
    while query:
        headers = {"API-Authorization": job["centra_token"]}
        document = requests.get(f"{job['centra_url']}/{path}{query}", headers=headers).json()
        rows += document["products"]
        query = document.get("next")
        if query and "limit=" not in query:
            query += "&limit=100"
    return rows
