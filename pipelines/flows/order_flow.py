"""The base of the order flows: they read from a day on, and recognise their own orders by the reference."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Literal

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.engine.flow import Flow
from pipelines.state.store import Store
from pipelines.systems.system import CheckResult, SystemCheck
from schemas.fields.centra_orders import LINES, NUMBER

ORDERS_FLOW, TRACKING_FLOW = "orders", "tracking"
LINE_COLUMNS = ["position", "inside", *(field.column for field in LINES), "extra"]


class OrderFlow(Flow):
    """A flow of orders or shipments. Rows that must not be acted on are withheld one by one."""

    kind = "window"
    permissions: ClassVar = {"myogo": ("read:order", "write:order")}

    def window(self, now: datetime) -> datetime:
        starting = datetime.combine(self.params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=self.params.look_back_days))

    @classmethod
    def mapped_methods(cls, params: Any) -> dict[str, str] | None:
        """The shipping methods that the flow maps; None if it maps none."""
        return None

    @classmethod
    def extra_checks(cls, system: str, params: Any) -> Sequence[SystemCheck]:
        if system == "centra":
            from pipelines.systems.centra.preflight import OrderListChecks

            return OrderListChecks(cls.mapped_methods(params)).checks()
        return [SystemCheck("orders", _orders_are_listed)]


def _orders_are_listed(client: Any) -> CheckResult:
    from pipelines.systems.myogo.preflight import orders_are_listed

    return orders_are_listed(client)


def orders_params(channel: Channel) -> Any:
    """The parameters of the channel's orders flow; None if it has no such flow."""
    return channel.flow_params(ORDERS_FLOW) if ORDERS_FLOW in channel.flows else None


def reference_prefix(channel: Channel, params: Any) -> str:
    """The prefix of our references, so that two shops of one merchant never use the same reference.

    It is the prefix of the flow, else that of the orders flow, else the channel's name.
    """
    orders = orders_params(channel)
    return str(params.prefix or (orders and orders.prefix) or channel.name.replace("-", "_"))


def own_orders(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix. Adds `source_id`: the shipment or order in Centra."""
    is_own = live["reference"].str.fullmatch(f"{re.escape(prefix)}-{NUMBER}")
    own = live[is_own.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(source_id=own["reference"].str.slice(len(prefix) + 1))


def previously_sent_references(store: Store, table: Literal["shipments", "orders"]) -> list[str]:
    """References that we have sent under any prefix, for an order of Centra in `table`, and that myOGO's list no longer
    has. They must be looked up: the journal does not prove that the current merchant has them."""
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}' and outcome in ('applied', 'unknown') and "
        f"regexp_extract(key, '-([0-9]+)(-[0-9]+)?$', 1) in (select order_id from raw_centra.{table}) "
        "and key not in (select reference from raw_myogo.orders) order by 1"
    ).fetchall()
    return [key for (key,) in rows]


def open_orders(store: Store, all_orders: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The rows of `all_orders` (`reference`, `status`) that are open orders of ours, with `source_id`.

    An order is ours if it has our prefix or if we sent it under another one. It is open unless it is cancelled,
    returned, or shipped and completed in Centra.
    """
    keys = store.connection.execute(f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}'").fetchall()
    parts = all_orders["reference"].str.extract(f"^([^-]*)-({NUMBER})$")
    is_own = all_orders["reference"].isin([key for (key,) in keys]) | (parts[0] == prefix)
    rows = all_orders.assign(source_id=parts[1])[is_own.fillna(False).astype(bool) & parts[1].notna()]
    is_done = (rows["status"] == "shipped") & rows["source_id"].isin(completed(store))
    return rows[~is_done & ~rows["status"].isin(["cancelled", "returned"])]


def completed(store: Store) -> set[str]:
    """The ids of completed shipments and of their orders: those that Centra lists, and those that we completed."""
    listed = store.frame("raw_centra.completed_shipments", ["shipment_id", "order_id"])
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{TRACKING_FLOW}' and outcome = 'applied'"
    ).fetchall()
    completed_here = {one for (key,) in rows for one in (key, order_id_of(key))}
    return {*listed["shipment_id"], *listed["order_id"], *completed_here}


def order_id_of(source_id: str) -> str:
    """The number of Centra's order, from the id of the order or of one of its shipments."""
    return source_id.partition("-")[0]


def destination_digest(rows: pd.DataFrame, key: str) -> list[str]:
    """A keyed digest of each row's texts. Equal texts give equal digests; without the key the texts stay secret.

    The part before the last dash identifies the digest's version and key; only digests with the same one are
    comparable.
    """
    secret = key.encode()
    version = f"1-{hmac.digest(secret, b'', 'sha256').hex()[:8]}"
    cells = rows.fillna("").astype("str").itertuples(index=False, name=None)
    return [f"{version}-{hmac.digest(secret, repr(cell).encode(), 'sha256').hex()[:24]}" for cell in cells]


def recorded_destinations(store: Store) -> dict[str, str]:
    """The digest of each order's destination when it was last sent, by reference."""
    rows = store.connection.execute(
        "select key, arg_max(json_extract_string(after, '$.destination'), run_id) "
        "from sync.changes join sync.journal using (run_id, flow, key) "
        f"where flow = '{ORDERS_FLOW}' and sync.changes.action = 'create' and outcome in ('applied', 'unknown') "
        "group by key"
    ).fetchall()
    return {key: digest for key, digest in rows if digest}
