"""The units in our own orders, which the amount of stock depends on."""

from __future__ import annotations

import pandas as pd

from pipelines.engine.flow import FlowContext
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    TRACKING_FLOW,
    completed,
    open_orders,
    orders_params,
    reference_prefix,
)
from pipelines.flows.order_stage import pick_rules_of
from pipelines.state.store import Store
from transforms.order_lines import is_true
from transforms.taken_units import CentraOrders, order_units


def our_order_units(context: FlowContext) -> pd.DataFrame:
    """By code: the units in our orders that are `taken`, `waiting` and `leaving`; see `transforms.stock`."""
    params, store = orders_params(context.channel), context.store
    if params is None:
        return pd.DataFrame(columns=["taken", "waiting", "leaving"], index=pd.Index([], dtype="str"), dtype="int64")
    listed = CentraOrders(
        shipments=store.frame("raw_centra.shipments", ["shipment_id", "order_id"]),
        shipment_lines=_lines(store, "shipment"),
        orders=store.frame("raw_centra.orders", ["order_id", "order_status"]),
        order_lines=_lines(store, "order"),
        sent=completed(store),
    )
    live = store.frame("raw_myogo.orders", ["reference", "status", "lines", "test"])
    live = live.assign(status=live["status"].fillna("").str.casefold(), test=is_true(live["test"]))
    own = open_orders(store, live, reference_prefix(context.channel, params))
    rules = pick_rules_of(context.channel, store, params)
    return order_units(listed, own, _completions_of_this_run(context), rules)


def _lines(store: Store, what: str) -> pd.DataFrame:
    lines = store.frame(f"raw_centra.{what}_lines", [f"{what}_id", *LINE_COLUMNS])
    return lines.rename(columns={f"{what}_id": "source_id"})


def _completions_of_this_run(context: FlowContext) -> list[str]:
    """The shipments that the tracking flow completes in this run, before the amounts are written."""
    rows = context.store.connection.execute(
        f"select key from sync.changes where run_id = $run_id and flow = '{TRACKING_FLOW}'",
        {"run_id": context.run_id},
    ).fetchall()
    return [key for (key,) in rows]
