"""What each shipment costs and collects on delivery, so that the shipments of an order make its total."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pandas as pd

from transforms.order_money import OrderAmounts, rounded, settled
from transforms.price import MONEY, money

Units = Mapping[str, Mapping[str, int] | None]


def amounts_of(
    rows: pd.DataFrame,
    units: Units | None,
    orders: Mapping[str, OrderAmounts],
    collected: pd.DataFrame,
    contradictions: Mapping[str, str] | None,
) -> pd.DataFrame:
    """The amounts of each row (decimals, null if not known) and their problem in words ("" for none).

    `rows` have `source_id`, `order_id`, `reference`, `total` (text: the row's own) and `on_delivery`. `units` are the
    units of each shipment by line id; None if the rows are orders. `orders` are the amounts of Centra's orders,
    `collected` what the carriers collect for the orders that myOGO has. `contradictions` are those of the lines, by
    `source_id`; None if amounts need not match. Columns: `share` (of the order's total), `price_total` (the share, or
    else the row's own total), `collects` (what is paid on delivery) and `problem`.
    """
    shares = [_share(orders.get(order_id), source_id, units) for source_id, order_id in _ids(rows)]
    collects, problems = _collections(rows, shares, orders, collected)
    if contradictions is not None:
        of_order = [_contradiction(orders.get(order_id), contradictions.get(one, "")) for one, order_id in _ids(rows)]
        problems = [one or other for one, other in zip(problems, of_order, strict=True)]
    own = [amount if isinstance(amount, Decimal) else None for amount in money(rounded(rows["total"]))]
    totals = [other if share is None else share for share, other in zip(shares, own, strict=True)]
    columns = {"share": shares, "price_total": totals, "collects": collects}
    amounts = {name: pd.Series(values, index=rows.index, dtype=MONEY) for name, values in columns.items()}
    return pd.DataFrame(amounts | {"problem": pd.Series(problems, index=rows.index, dtype="str")})


def _ids(rows: pd.DataFrame) -> zip[tuple[str, str]]:
    return zip(rows["source_id"], rows["order_id"], strict=True)


def _share(order: OrderAmounts | None, source_id: str, units: Units | None) -> Decimal | None:
    if order is None:
        return None
    return order.total if units is None else order.share(units.get(source_id))


def _contradiction(order: OrderAmounts | None, of_lines: str) -> str:
    return of_lines or (order.contradiction() if order is not None else "")


def _collections(
    rows: pd.DataFrame, shares: list[Decimal | None], orders: Mapping[str, OrderAmounts], collected: pd.DataFrame
) -> tuple[list[Decimal | None], list[str]]:
    """What each row collects (None if it is not paid on delivery), and the problems."""
    collects = [share if cash else None for share, cash in zip(shares, rows["on_delivery"], strict=True)]
    problems = ["" for _ in collects]
    in_myogo = set(collected["reference"])
    before = collected.dropna(subset="amount").groupby("order_id")["amount"].sum().to_dict()
    unsent: dict[str, list[int]] = {}
    cells = zip(rows["order_id"], rows["reference"], rows["on_delivery"], strict=True)
    for place, (order_id, reference, cash) in enumerate(cells):
        if cash and collects[place] is None:
            problems[place] = "it is paid on delivery, and it is not known what it costs with its order's shipping"
        elif cash and reference not in in_myogo:
            unsent.setdefault(order_id, []).append(place)
    for order_id, places in unsent.items():
        places.sort(key=lambda place: _count_of(rows["source_id"].iloc[place]))
        total = orders[order_id].total or Decimal(0)
        amounts, problem = settled(
            {str(place): collects[place] or Decimal(0) for place in places}, total, before.get(order_id, Decimal(0))
        )
        for place in places:
            collects[place], problems[place] = amounts[str(place)], problem
    return collects, problems


def _count_of(source_id: str) -> int:
    """The count in a shipment's number: 2 for 1001-2."""
    count = source_id.rpartition("-")[2]
    return int(count) if count.isascii() and count.isdecimal() else 0
