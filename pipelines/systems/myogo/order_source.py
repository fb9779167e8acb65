"""dlt sources of myOGO's orders: status, tracking and lines, without personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.systems.arrow_columns import Findings, brief, table
from pipelines.systems.masked_values import masked, with_masked_extra
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import PATH, MyOgoOrders, reason_given
from pipelines.systems.myogo.source import batches, unseen
from pipelines.systems.unreadable_rows import as_list
from schemas.fields.myogo_orders import ORDERS
from schemas.order_destination import destination_of

_STAGED_KEYS = frozenset(field.vendor for field in ORDERS)
_LINES_KEY, _STAGED_LINE_KEYS = "orderLines", ("code", "quantity")
_CASH_KEY, _STAGED_CASH_KEYS = "cashOnDelivery", ("amount", "currencyCode")


@dlt.source(name="myogo_orders", max_table_nesting=0)
def myogo_orders(client: MyOgoClient, findings: Findings, since: datetime, *_: Any) -> Any:
    """Resource `orders`: the orders modified after `since` (UTC). A reference may occur twice."""

    @dlt.resource(write_disposition="replace")
    def orders() -> Iterator[pa.Table]:
        seen: set[str] = set()
        key = client.config.secret_token.reveal()
        for rows in batches(client, PATH, {"modifiedAfter": f"{since:%Y-%m-%dT%H:%M:%SZ}"}):
            yield staged_orders(unseen(rows, seen, findings), findings, key)

    return orders


@dlt.source(name="myogo_orders", max_table_nesting=0)
def with_references(client: MyOgoClient, references: Sequence[str]) -> Any:
    """`orders` with these references, appended to the staged rows. References that myOGO lacks are skipped."""

    @dlt.resource(write_disposition="append")
    def orders() -> Iterator[pa.Table]:
        myogo = MyOgoOrders(client)
        key = client.config.secret_token.reveal()
        yield staged_orders(
            [row for reference in references for row in myogo.with_reference(reference)], Findings(), key
        )

    return orders


@dlt.source(name="myogo_orders", max_table_nesting=0)
def ordered_products(client: MyOgoClient, codes: Sequence[str]) -> Any:
    """`ordered_products`: those of `codes` that myOGO holds, each once."""

    @dlt.resource(write_disposition="replace")
    def ordered_products() -> Iterator[pa.Table]:
        held = [code for code in codes if any(row.get("code") == code for row in client.products_with_code(code))]
        yield pa.table({"code": pa.array(held, pa.string())})

    return ordered_products


def staged_orders(rows: list[Any], findings: Findings, key: str) -> pa.Table:
    """The orders without personal data; `key` is that of their digests."""
    # What is not an order with a reference cannot be one of ours.
    orders = [row for row in rows if isinstance(row, dict)]
    with_reference = [row for row in orders if isinstance(row.get("reference"), str) and row["reference"]]
    staged = [_staged(row, key) for row in with_reference]
    rows_of = table(staged, ORDERS, lambda index: f"myOGO order {brief(staged[index].get('reference'))}", findings)
    return with_masked_extra(rows_of)


def _staged(order: dict[str, Any], key: str) -> dict[str, Any]:
    """The fields that flows need. What is an object or a list where it should not be may contain personal data."""
    picked = {name: value for name, value in order.items() if name in _STAGED_KEYS}
    customer, method, point = (order.get(name) for name in ("customer", "shippingCode", "pickUpPointCode"))
    destination = destination_of(order["reference"], customer, method, point, key)
    picked |= {"address_digest": destination.address, "pick_up_point_digest": destination.pick_up_point}
    picked["reason"] = reason_given(order) or None
    lines = as_list(order.get(_LINES_KEY))
    if _LINES_KEY in order:
        picked[_LINES_KEY] = masked(order[_LINES_KEY]) if lines is None else [*map(_staged_line, lines)]
    cash = order.get(_CASH_KEY)
    if isinstance(cash, dict):
        picked[_CASH_KEY] = {name: masked(cash.get(name)) for name in _STAGED_CASH_KEYS}
    elif _CASH_KEY in order:
        picked[_CASH_KEY] = masked(cash)
    if "priceTotal" in order:
        picked["priceTotal"] = masked(order["priceTotal"])
    if "test" in order:
        picked["test"] = masked(order["test"])
    return picked


def _staged_line(line: Any) -> dict[str, Any]:
    return {name: masked(line.get(name)) for name in _STAGED_LINE_KEYS} if isinstance(line, dict) else {}
