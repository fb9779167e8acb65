"""dlt source of myOGO: its current products and stock."""

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
    """Resources `products` and `stock`, without a primary key: a code may occur twice (a data error in myOGO).

    With `since` (UTC), only the rows that myOGO lists as modified after it.
    """
    filters = None if since is None else {"modifiedAfter": f"{since:%Y-%m-%dT%H:%M:%SZ}"}

    @dlt.resource(write_disposition="replace")
    def products() -> Iterator[pa.Table]:
        seen: set[str] = set()
        for rows in batches(client, "/api/v1/Products", filters):
            new = unseen(rows, seen, findings)
            yield table(new, PRODUCTS, _row_label(new, "code"), findings)

    @dlt.resource(write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        for rows in batches(client, "/api/v1/Stock", filters):
            yield table(rows, STOCK, _row_label(rows, "productCode"), findings)

    return products, stock


def unseen(rows: list[dict[str, Any]], seen: set[str], findings: Findings) -> list[dict[str, Any]]:
    """The rows whose `id` is not in `seen`; adds their ids to `seen`. A list is not a snapshot: a row that moves to a
    later page during the read appears twice."""
    new = []
    for row in rows:
        row_id = str(row.get("id") or "")
        if row_id not in seen:
            new.append(row)
        if row_id:
            seen.add(row_id)
    findings.repeated += len(rows) - len(new)
    return new


def _row_label(rows: list[dict[str, Any]], key: str) -> Any:
    def label(index: int) -> str:
        row = rows[index]
        code = row.get(key)
        details = "" if code else f" (id {brief(row.get('id'))}, name {brief(row.get('name'))}, row {index + 1})"
        return f"myOGO product {brief(code)}{details}"

    return label


def batches(client: MyOgoClient, path: str, filters: dict[str, str] | None = None) -> Iterator[list[dict[str, Any]]]:
    """The rows of several pages at a time; one empty batch for an empty list. Raises ContractError."""
    gathered: list[dict[str, Any]] = []
    number = 0
    for number, rows in enumerate(client.pages(path, filters), start=1):
        for index, row in enumerate(rows):
            if type(row) is not dict:
                raise ContractError(
                    f"myOGO GET {path}: row {index + 1} of page {number} is not an object.", CONTRACT_FIX
                )
        gathered += rows
        if number % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not number:
        yield gathered  # staging an empty list clears the table
