"""dlt source of myOGO: the live products and stock, so that both sides stand next to each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.core.errors import ContractError
from pipelines.systems.arrow_columns import CONTRACT_FIX, Findings, brief, table
from pipelines.systems.myogo.client import MyOgoClient
from schemas.fields.myogo import PRODUCTS, STOCK

PAGES_AT_ONCE = 10


@dlt.source(name="myogo", max_table_nesting=0)
def myogo(client: MyOgoClient, findings: Findings, since: datetime | None = None) -> Any:
    """Resources `products` and `stock`. A code may occur twice (a data error in myOGO): no primary key.

    With `since` (UTC), only what myOGO says has changed from then on.
    """
    only = None if since is None else {"modifiedAfter": f"{since:%Y-%m-%dT%H:%M:%SZ}"}

    @dlt.resource(write_disposition="replace")
    def products() -> Iterator[pa.Table]:
        seen: set[str] = set()
        for rows in batches(client, "/api/v1/Products", only):
            kept = unseen(rows, seen, findings)
            yield table(kept, PRODUCTS, _named(kept, "code"), findings)

    @dlt.resource(write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        for rows in batches(client, "/api/v1/Stock", only):
            yield table(rows, STOCK, _named(rows, "productCode"), findings)

    return products, stock


def unseen(rows: list[dict[str, Any]], seen: set[str], findings: Findings) -> list[dict[str, Any]]:
    """Those whose `id` was not in `seen`, where it is from now on. Lists are no snapshot: a row that moved to a later
    page while we read is the same row."""
    kept = []
    for row in rows:
        own = str(row.get("id") or "")
        if own not in seen:
            kept.append(row)
        if own:
            seen.add(own)
    findings.repeated += len(rows) - len(kept)
    return kept


def _named(rows: list[dict[str, Any]], key: str) -> Any:
    def name(index: int) -> str:
        row = rows[index]
        own = row.get(key)
        nameless = "" if own else f" (id {brief(row.get('id'))}, name {brief(row.get('name'))}, row {index + 1})"
        return f"myOGO product {brief(own)}{nameless}"

    return name


def batches(client: MyOgoClient, path: str, only: dict[str, str] | None = None) -> Iterator[list[dict[str, Any]]]:
    """The rows of several pages at a time, one empty batch for an empty list. Raises ContractError."""
    gathered: list[dict[str, Any]] = []
    number = 0
    for number, rows in enumerate(client.pages(path, only), start=1):
        for index, row in enumerate(rows):
            if type(row) is not dict:
                raise ContractError(f"myOGO GET {path}: row {index + 1} of page {number} is no object.", CONTRACT_FIX)
        gathered += rows
        if number % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not number:
        yield gathered  # an empty list is staged too: it empties the table
