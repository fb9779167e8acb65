"""Data frames of orders, made by the project's own staging code from rows in the vendors' JSON form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

from pipelines.flows.order_flow import destinations_to_be
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import known_fields_table, line_table
from pipelines.systems.myogo.order_source import staged_orders
from schemas.fields.centra_orders import ORDERS, SHIPMENTS
from schemas.orders.issues import OrderContext, checked
from transforms.order_lines import is_true
from transforms.order_money import with_amounts
from transforms.orders import OrderFacts, Params, to_myogo

Row = dict[str, Any]
Frame = pd.DataFrame
KEY = "secret"  # of the digests of destinations
DESTINATION = "1-00000000-00"  # the digest of each order's destination, unless a test sets another
NOTHING_COLLECTED = pd.DataFrame({"order_id": [], "reference": [], "amount": []}, dtype=object)


def line(line_id: Any, sku: str, qty: Any = 1, **fields: Any) -> Row:
    """One line of a shipment or an order in Centra."""
    return {
        "lineId": line_id, "sku": sku, "variantSku": "", "sizeSku": "", "qty": qty, "price": "10",
        "isBundle": False, "isPartOfBundle": "",
    } | fields  # fmt: skip


def shipment(*lines: Row, **fields: Any) -> Row:
    """A shipment in Centra that can be sent: 1-1, with one unit of A."""
    return {
        "shipmentId": "1-1", "orderId": "1", "shouldCapture": 0, "paid": 1, "orderDate": "2026-02-01 10:00:00",
        "orderCurrency": "EUR", "grandTotalValue": "100.00", "shippingList": "standard", "deliveryName": "A B",
        "deliveryAddress": "R 1", "deliveryCity": "H", "deliveryCountry": "FI", "deliveryCell": "+358",
        "products": list(lines) or [line("1", "A")],
    } | fields  # fmt: skip


def order_row(*lines: Row, **fields: Any) -> Row:
    """An order in Centra that can be sent: 1, confirmed, with one unit of A."""
    without = ("shipmentId", "shouldCapture", "paid")
    row = {name: value for name, value in shipment(*lines).items() if name not in without}
    return row | {"orderStatus": "2", "hold": 0, "waitingForPayment": 0} | fields


def numbered(*rows: Row) -> list[Row]:
    """The shipments with the numbers 1-1, 2-1 and so on, so that one frame takes all of them."""
    return [row | {"shipmentId": f"{number}-1", "orderId": str(number)} for number, row in enumerate(rows, start=1)]


def order_of(shipment_row: Row, **fields: Any) -> Row:
    """The order in Centra of a shipment that holds all of it, with the same lines and total."""
    return order_row() | {name: shipment_row[name] for name in ("orderId", "products", "grandTotalValue")} | fields


def order_facts(*orders: Row, collected: pd.DataFrame = NOTHING_COLLECTED, codes: Iterable[str] = ()) -> OrderFacts:
    """What the transform knows about Centra's orders; `codes` are those whose category is no goods."""
    rows = {row["orderId"]: row for row in orders}
    staged = known_fields_table([*rows.values()], ORDERS, lambda _: "an order", Findings()).to_pandas()
    lines = line_table([*rows.values()], "orderId", Findings()).to_pandas()
    return OrderFacts(staged, lines, collected, frozenset(codes))


def orders_of(*rows: Row, orders: Sequence[Row] | None = None, facts: OrderFacts | None = None, **params: Any) -> Frame:
    """The orders that the transform makes from Centra's shipments, or from its orders if they are the source.

    `orders` are Centra's orders; by default each shipment holds its order completely.
    """
    order_params = Params(**({"starting": date(2026, 1, 1), "shipping": {"standard": "HOME"}} | params))
    kind, fields = ("shipment", SHIPMENTS) if order_params.source == "shipments" else ("order", ORDERS)
    staged = known_fields_table(list(rows), fields, lambda _: f"a {kind}", Findings()).to_pandas()
    lines = line_table(list(rows), f"{kind}Id", Findings()).to_pandas().rename(columns={f"{kind}_id": "source_id"})
    if facts is None:
        known = orders if orders is not None else rows if kind == "order" else [*map(order_of, rows)]
        facts = order_facts(*known)
    made = to_myogo(staged, lines, facts, order_params, "demo")
    made = made.assign(destination=DESTINATION, read_as=DESTINATION)
    return made.join(destinations_to_be(made, KEY))


def live_orders(*rows: Row) -> pd.DataFrame:
    """myOGO's orders as a run compares them; `rows` use myOGO's JSON names."""
    live = with_amounts(staged_orders([dict(row) for row in rows], Findings(), KEY).to_pandas())
    return live.assign(status=live["status"].fillna("").str.casefold(), test=is_true(live["test"]))


def checked_orders(orders: pd.DataFrame, *live: Row, **context: Any) -> pd.DataFrame:
    """The orders after the checks, in a shop whose codes are all in myOGO, without further knowledge unless `context`
    gives some."""
    codes = {code for cell in orders["codes"].dropna() for code in json.loads(cell)}
    known: dict[str, Any] = {
        "codes": codes, "ambiguous_codes": set(), "sent_as": {}, "destinations": {}, "methods": {"standard": "HOME"},
        "capture": False,
    }  # fmt: skip
    return checked(orders, OrderContext(live=live_orders(*live), **(known | context)))
