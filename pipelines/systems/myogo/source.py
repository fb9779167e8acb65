"""dlt source of myOGO: its current products and stock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.systems.arrow_columns import Findings, brief, table
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.unreadable_rows import AS_SENT, with_keys
from schemas.fields.myogo import PRODUCTS, STOCK
from schemas.fields.spec import FieldSpec

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
            new = with_keys(unseen(rows, seen, findings), "code", _usable_code)
            yield _table(new, PRODUCTS, "code", findings)

    @dlt.resource(write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        for rows in batches(client, "/api/v1/Stock", filters):
            yield _table(with_keys(rows, "productCode", _usable_code), STOCK, "productCode", findings)

    return products, stock


def _table(rows: list[dict[str, Any]], fields: tuple[FieldSpec, ...], key: str, findings: Findings) -> pa.Table:
    label = _row_label(rows, key)
    unusable = {index: {key: row[AS_SENT]} for index, row in enumerate(rows) if AS_SENT in row}
    for index in unusable:
        findings.type_mismatches.setdefault(key, label(index))
    return table(rows, fields, label, findings, frozenset({AS_SENT}), unusable)


def _usable_code(value: object) -> bool:
    if isinstance(value, str):
        return value != ""
    return isinstance(value, int) and not isinstance(value, bool)


def unseen(rows: list[Any], seen: set[str], findings: Findings) -> list[Any]:
    """The rows whose `id` is not in `seen`; adds their ids to `seen`. A list is not a snapshot: a row that moves to a
    later page during the read appears twice."""
    new = []
    for row in rows:
        row_id = str(row.get("id") or "") if isinstance(row, dict) else ""
        if row_id not in seen:
            new.append(row)
        if row_id:
            seen.add(row_id)
    findings.repeated += len(rows) - len(new)
    return new


def _row_label(rows: list[dict[str, Any]], key: str) -> Any:
    def label(index: int) -> str:
        row = rows[index]
        code = row[AS_SENT] if AS_SENT in row else row.get(key)
        details = (
            ""
            if code and AS_SENT not in row
            else f" (id {brief(row.get('id'))}, name {brief(row.get('name'))}, row {index + 1})"
        )
        return f"myOGO product {brief(code)}{details}"

    return label


def batches(client: MyOgoClient, path: str, filters: dict[str, str] | None = None) -> Iterator[list[Any]]:
    """The rows of several pages at a time, which need not be objects; one empty batch for an empty list."""
    gathered: list[Any] = []
    number = 0
    for number, rows in enumerate(client.pages(path, filters), start=1):
        gathered += rows
        if number % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not number:
        yield gathered  # staging an empty list clears the table
