"""dlt sources of myOGO's orders: what became of them, and nothing about whom they go to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.systems.arrow_columns import Findings, brief, table
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import PATH, MyOgoOrders
from pipelines.systems.myogo.source import batches, unseen
from schemas.fields.myogo_orders import ORDERS

_WANTED = frozenset(field.vendor for field in ORDERS)
_OF_A_LINE = ("code", "quantity")


@dlt.source(name="myogo_orders", max_table_nesting=0)
def myogo_orders(client: MyOgoClient, findings: Findings, since: datetime, *_: Any) -> Any:
    """Resource `orders`: those that myOGO has touched since then (UTC). A reference may occur twice."""

    @dlt.resource(write_disposition="replace")
    def orders() -> Iterator[pa.Table]:
        seen: set[str] = set()
        for rows in batches(client, PATH, {"modifiedAfter": f"{since:%Y-%m-%dT%H:%M:%SZ}"}):
            yield _table(unseen(rows, seen, findings), findings)

    return orders


@dlt.source(name="myogo_orders", max_table_nesting=0)
def with_references(client: MyOgoClient, references: Sequence[str]) -> Any:
    """`orders` of these references, added to what is there; what myOGO does not know is left out."""

    @dlt.resource(write_disposition="append")
    def orders() -> Iterator[pa.Table]:
        own = MyOgoOrders(client)
        yield _table([row for reference in references for row in own.with_reference(reference)], Findings())

    return orders


def _table(rows: list[dict[str, Any]], findings: Findings) -> pa.Table:
    # What has no reference is nobody's order that we could know.
    named = [row for row in rows if isinstance(row.get("reference"), str) and row["reference"]]
    kept = [{key: value for key, value in row.items() if key in _WANTED} for row in named]
    for row in kept:
        lines = row.get("orderLines")
        if isinstance(lines, list):
            row["orderLines"] = [
                {name: line.get(name) for name in _OF_A_LINE} for line in lines if isinstance(line, dict)
            ]
    return table(kept, ORDERS, lambda index: f"myOGO order {brief(kept[index].get('reference'))}", findings)
