"""dlt source of myOGO's recent orders: what became of them, and nothing about whom they go to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.clients.myogo import MyOgoClient
from pipelines.clients.myogo_orders import PATH
from pipelines.errors import ContractError
from pipelines.sources.columns import CONTRACT_FIX, Findings, shown, table
from schemas.myogo_orders import ORDERS

_WANTED = frozenset(field.vendor for field in ORDERS)
_OF_A_LINE = ("code", "quantity")


@dlt.source(name="myogo_orders", max_table_nesting=0)
def myogo_orders(client: MyOgoClient, findings: Findings, since: datetime, people: frozenset[str] = frozenset()) -> Any:
    """Resource `orders`: those that myOGO has touched since then (UTC). A reference may occur twice."""

    @dlt.resource(write_disposition="replace")
    def orders() -> Iterator[pa.Table]:
        seen: set[str] = set()
        any_page = False
        for number, rows in enumerate(client.pages(PATH, {"modifiedAfter": f"{since:%Y-%m-%dT%H:%M:%SZ}"}), start=1):
            any_page = True
            yield _table(number, rows, seen, findings)
        if not any_page:
            yield _table(1, [], seen, findings)  # an empty list is staged too: it empties the table

    return orders


def _table(number: int, rows: list[Any], seen: set[str], findings: Findings) -> pa.Table:
    """Each order once: a list is no snapshot, and one that moved to a later page is the same order."""
    for index, row in enumerate(rows):
        if type(row) is not dict:
            raise ContractError(f"myOGO GET {PATH}: row {index + 1} of page {number} is no object.", CONTRACT_FIX)
    # What has no reference is nobody's order that we could know.
    rows = [row for row in rows if isinstance(row.get("reference"), str) and row["reference"]]
    fresh = [row for row in rows if not row.get("id") or str(row["id"]) not in seen]
    findings.repeated += len(rows) - len(fresh)
    seen |= {str(row["id"]) for row in fresh if row.get("id")}
    kept = [{key: value for key, value in row.items() if key in _WANTED} for row in fresh]
    for row in kept:
        lines = row.get("orderLines")
        if isinstance(lines, list):
            row["orderLines"] = [
                {name: line.get(name) for name in _OF_A_LINE} for line in lines if isinstance(line, dict)
            ]
    return table(kept, ORDERS, lambda index: f"myOGO order {shown(kept[index].get('reference'))}", findings)
