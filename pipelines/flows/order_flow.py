"""What the flows of orders share: they read from a day on, and recognise their own orders by their references."""

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
from pipelines.systems.system import Answer, Question
from schemas.fields.centra_orders import LINES, NUMBER

ORDERS_FLOW, TRACKING_FLOW = "orders", "tracking"
LINE_COLUMNS = ["position", "inside", *(field.column for field in LINES), "extra"]


class OrderFlow(Flow):
    """A flow of orders or shipments; each of them that must not be acted on is withheld individually."""

    kind = "window"
    permissions: ClassVar = {"myogo": ("read:order", "write:order")}

    def window(self, now: datetime) -> datetime:
        starting = datetime.combine(self.params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=self.params.look_back_days))

    @classmethod
    def mapped_methods(cls, params: Any) -> dict[str, str] | None:
        """The shipping methods that the flow maps; None where it maps none."""
        return None

    @classmethod
    def questions(cls, system: str, params: Any) -> Sequence[Question]:
        if system == "centra":
            from pipelines.systems.centra.preflight import OrderListChecks

            return OrderListChecks(cls.mapped_methods(params)).questions()
        return [Question("orders", _orders_are_listed)]


def _orders_are_listed(client: Any) -> Answer:
    from pipelines.systems.myogo.preflight import orders_are_listed

    return orders_are_listed(client)


def orders_params(channel: Channel) -> Any:
    """The parameters of the channel's orders flow; None where it has none."""
    return channel.flow_params(ORDERS_FLOW) if ORDERS_FLOW in channel.flows else None


def reference_prefix(channel: Channel, params: Any) -> str:
    """What our references begin with, so that those of two shops in one merchant cannot meet.

    That of the flow, else that of the orders flow, else the channel's name.
    """
    orders = orders_params(channel)
    return str(params.prefix or (orders and orders.prefix) or channel.name.replace("-", "_"))


def own_orders(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix, with `source_id`: the shipment or order that each is of."""
    mine = live["reference"].str.fullmatch(f"{re.escape(prefix)}-{NUMBER}")
    own = live[mine.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(source_id=own["reference"].str.slice(len(prefix) + 1))


def previously_sent_references(store: Store, table: Literal["shipments", "orders"]) -> list[str]:
    """References that we have sent, under whatever prefix, for an order of Centra in the table, and that myOGO's list
    no longer shows. The journal only says what to look up: another merchant may not have them."""
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}' and outcome in ('applied', 'unknown') and "
        f"regexp_extract(key, '-([0-9]+)(-[0-9]+)?$', 1) in (select order_id from raw_centra.{table}) "
        "and key not in (select reference from raw_myogo.orders) order by 1"
    ).fetchall()
    return [key for (key,) in rows]


def open_orders(store: Store, all_orders: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Those of `all_orders` (`reference`, `status`) that stand for an order of ours: under our prefix, or sent by us
    under another one; neither cancelled nor returned, and not completed in Centra. With `source_id`."""
    keys = store.connection.execute(f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}'").fetchall()
    parts = all_orders["reference"].str.extract(f"^([^-]*)-({NUMBER})$")
    own = all_orders["reference"].isin([key for (key,) in keys]) | (parts[0] == prefix)
    rows = all_orders.assign(source_id=parts[1])[own.fillna(False).astype(bool) & parts[1].notna()]
    is_done = (rows["status"] == "shipped") & rows["source_id"].isin(completed(store))
    return rows[~is_done & ~rows["status"].isin(["cancelled", "returned"])]


def completed(store: Store) -> set[str]:
    """Shipments, and orders of shipments, that are completed: those that Centra lists, and those that we completed."""
    listed = store.frame("raw_centra.completed_shipments", ["shipment_id", "order_id"])
    own = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{TRACKING_FLOW}' and outcome = 'applied'"
    ).fetchall()
    return {*listed["shipment_id"], *listed["order_id"], *(one for (key,) in own for one in (key, order_id_of(key)))}


def order_id_of(source_id: str) -> str:
    """The number of Centra's order, given that of the order or of one of its shipments."""
    return source_id.partition("-")[0]


def destination_digest(rows: pd.DataFrame, key: str) -> list[str]:
    """A digest of each row's texts: the same texts give the same digest, and without the key none can be found out.

    The part before the last dash identifies the digest's version and key; only digests with the same one are
    comparable.
    """
    secret = key.encode()
    version = f"1-{hmac.digest(secret, b'', 'sha256').hex()[:8]}"
    cells = rows.fillna("").astype("str").itertuples(index=False, name=None)
    return [f"{version}-{hmac.digest(secret, repr(cell).encode(), 'sha256').hex()[:24]}" for cell in cells]


def recorded_destinations(store: Store) -> dict[str, str]:
    """The digest of where each order went when it was sent last, by reference."""
    rows = store.connection.execute(
        "select key, arg_max(json_extract_string(after, '$.destination'), run_id) "
        "from sync.changes join sync.journal using (run_id, flow, key) "
        f"where flow = '{ORDERS_FLOW}' and sync.changes.action = 'create' and outcome in ('applied', 'unknown') "
        "group by key"
    ).fetchall()
    return {key: digest for key, digest in rows if digest}
