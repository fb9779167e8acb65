"""The units that Centra has allocated and that myOGO has already taken from what is available."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from schemas.order_units import units_in
from transforms.order_lines import PickRules, pickable_lines

# In these statuses (small letters) myOGO has taken an order's goods from `stockAvailable`. It takes those of pending
# orders too, perhaps not all of them; to leave them out can only make an amount too low.
TAKING = frozenset({"new", "reserved", "locked", "collecting", "shipped"})
# Statuses of an order in Centra that may have goods allocated, by number and by name.
OPEN = frozenset({"1", "2", "3", "pending", "confirmed", "processing"})
_GOODS = ["order_id", "source_id", "code", "units"]


@dataclass(frozen=True)
class CentraOrders:
    """The orders and shipments that Centra lists, as staged.

    `shipments` are the open ones (`shipment_id`, `order_id`), `orders` the recent ones (`order_id`, `order_status`);
    the lines have `source_id` and the staged columns of a line. `sent` has the ids of the orders with a completed
    shipment.
    """

    shipments: pd.DataFrame
    shipment_lines: pd.DataFrame
    orders: pd.DataFrame
    order_lines: pd.DataFrame
    sent: Collection[str]


def order_units(
    listed: CentraOrders,
    own_orders: pd.DataFrame,
    completions: Collection[str],
    rules: PickRules,
) -> pd.DataFrame:
    """By code, for `transforms.stock.with_amounts`: `taken` and `waiting` as in `taken_units`, and `leaving`, the units
    of the shipments in `completions`, which are completed before the amounts are written."""
    leaving = listed.shipments["shipment_id"].isin(completions)
    sent = {*listed.sent, *listed.shipments.loc[leaving, "order_id"]}
    orders = listed.orders[~listed.orders["order_id"].isin(sent)]
    in_shipments = line_units(listed.shipment_lines, rules)
    in_orders = line_units(listed.order_lines, rules)
    units = taken_units(own_orders, open_goods(listed.shipments[~leaving], in_shipments, orders, in_orders))
    left = in_shipments[in_shipments["source_id"].isin(completions)].groupby("code")["units"].sum()
    return units.join(left.rename("leaving"), how="outer").fillna(0).astype("int64")


def open_goods(
    shipments: pd.DataFrame, in_shipments: pd.DataFrame, orders: pd.DataFrame, in_orders: pd.DataFrame
) -> pd.DataFrame:
    """The goods that Centra still holds for its orders: `order_id`, `source_id`, `code`, `units`.

    `shipments` are the open ones (`shipment_id`, `order_id`), `orders` those without a completed shipment (`order_id`,
    `order_status`); `in_shipments` and `in_orders` are their `line_units`. The same goods have a row for the shipment
    and one for the order: `source_id` is the id of either.
    """
    held = in_shipments.merge(shipments, left_on="source_id", right_on="shipment_id")
    is_open = orders["order_status"].fillna("").str.casefold().isin(OPEN)
    ordered = in_orders[in_orders["source_id"].isin(orders.loc[is_open, "order_id"])]
    shipped = held.groupby(["order_id", "code"])["units"].sum().reset_index()
    of_orders = pd.concat([shipped, ordered.rename(columns={"source_id": "order_id"})])
    of_orders = of_orders.groupby(["order_id", "code"])["units"].max().reset_index()
    return pd.concat([held[_GOODS], of_orders.assign(source_id=of_orders["order_id"])[_GOODS]], ignore_index=True)


def taken_units(own_orders: pd.DataFrame, goods: pd.DataFrame) -> pd.DataFrame:
    """By code: `taken`, the units that our orders in myOGO have taken and Centra still holds; and `waiting`, the other
    units that Centra holds.

    `own_orders` are our orders in myOGO (`source_id`, `status` in small letters, `test`, `lines`), `goods` those of
    `open_goods`. An order that myOGO holds twice counts once, and never for more than Centra holds. Tests do not count:
    whether myOGO takes goods for them is not documented.
    """
    taking = own_orders[own_orders["status"].isin(TAKING) & ~own_orders["test"]]
    matched = _units_of_myogo(taking).merge(goods, on=["source_id", "code"], suffixes=("_taken", ""))
    matched["taken"] = matched[["units_taken", "units"]].min(axis=1)
    per_order = matched.groupby(["order_id", "code"])["taken"].sum()
    held = goods[goods["source_id"] == goods["order_id"]].set_index(["order_id", "code"])["units"]
    rows = pd.DataFrame({"held": held, "taken": per_order.reindex(held.index).fillna(0).astype("int64")})
    rows["taken"] = rows[["taken", "held"]].min(axis=1)
    totals = rows.groupby(level="code").sum()
    return pd.DataFrame({"taken": totals["taken"], "waiting": totals["held"] - totals["taken"]})


def line_units(lines: pd.DataFrame, rules: PickRules) -> pd.DataFrame:
    """`source_id`, `code`, `units` of the lines to pick, without those of orders and shipments that cannot be counted.

    `lines` has `source_id` and the staged columns of a line.
    """
    picked = pickable_lines(lines, rules)
    clear = picked.lines[~picked.lines["source_id"].isin(picked.problems.index)]
    units = clear.groupby(["source_id", "code"])["quantity"].sum().astype("int64")
    return units.rename("units").reset_index()


def _units_of_myogo(orders: pd.DataFrame) -> pd.DataFrame:
    """`source_id`, `code`, `units` of the lines that can be read."""
    rows = [
        (source_id, code, max(int(quantity), 0))
        for source_id, text in zip(orders["source_id"], orders["lines"], strict=True)
        for code, quantity in (units_in(text) or {}).items()
    ]
    units = pd.DataFrame(rows, columns=["source_id", "code", "units"])
    units = units.astype({"source_id": "str", "code": "str", "units": "int64"})
    return units.groupby(["source_id", "code"])["units"].sum().reset_index()
