"""dlt source of myOGO: the live products and stock, so that both sides stand next to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow as pa

from pipelines.clients.myogo import MyOgoClient
from pipelines.errors import ContractError
from pipelines.logs import shown
from pipelines.sources.columns import Findings, table
from schemas.myogo import PRODUCTS, STOCK

PAGES_AT_ONCE = 10


@dlt.source(name="myogo", max_table_nesting=0)
def myogo(client: MyOgoClient, findings: Findings) -> Any:
    """Resources `products` and `stock`. A code may occur twice (a data error in myOGO): no primary key."""

    @dlt.resource(write_disposition="replace")
    def products() -> Iterator[pa.Table]:
        seen: set[str] = set()
        for rows in _batches(client, "/api/v1/Products"):
            # Lists are no snapshot: a product that moved to a later page while we read is the same product.
            kept = []
            for row in rows:
                own = str(row.get("id") or "")
                if own not in seen:
                    kept.append(row)
                if own:
                    seen.add(own)
            findings.repeated += len(rows) - len(kept)
            yield table(kept, PRODUCTS, _named(kept, "code"), findings)

    @dlt.resource(write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        for rows in _batches(client, "/api/v1/Stock"):
            yield table(rows, STOCK, _named(rows, "productCode"), findings)

    return products, stock


def _named(rows: list[dict[str, Any]], key: str) -> Any:
    return lambda index: f"myOGO product {shown(repr(rows[index].get(key)), 80)}"


def _batches(client: MyOgoClient, path: str) -> Iterator[list[dict[str, Any]]]:
    gathered: list[dict[str, Any]] = []
    number = 0
    for number, rows in enumerate(client.pages(path), start=1):
        for index, row in enumerate(rows):
            if type(row) is not dict:
                raise ContractError(f"myOGO GET {path}: row {index + 1} of page {number} is no object.")
        gathered += rows
        if number % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not number:
        yield gathered  # an empty list is staged too: it empties the table
