"""What the flows of orders have in common: they read from a day on, and know their own orders by their references."""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from datetime import datetime, time, timedelta
from typing import Any, Literal

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.core.errors import UnsafePlan
from pipelines.engine.flow import FlowContext
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation
from pipelines.flows.product_catalogue import ProductCatalogue
from pipelines.state.store import Store
from schemas.fields.centra_orders import LINES, NUMBER

LINE_COLUMNS = ["position", "inside", *(field.column for field in LINES), "extra"]


class OrderFlow(ABC):
    """A judge of orders or shipments; each of them that must not be acted on is withheld by itself."""

    of_catalogue = False
    scopes = ("read:order", "write:order")

    def __init__(self, asked: FlowContext, catalogue: ProductCatalogue) -> None:
        self.asked, self.store, self.params = asked, catalogue.store, asked.params

    @staticmethod
    def since(params: Any, now: datetime) -> datetime:
        """From when on orders are asked for (UTC)."""
        starting = datetime.combine(params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=params.look_back_days))

    @staticmethod
    def people(params: Any) -> tuple[str, ...]:
        """The tables of the stage in which people must be known: none."""
        return ()

    @staticmethod
    @abstractmethod
    def unlisted(store: Store, channel: Channel, system: str) -> list[str]:
        """What the lists of a system did not show, because it is long ago, and has to be asked for one by one: orders
        of myOGO by reference, completed shipments of Centra by order."""

    def forbidden(self, plan: Plan) -> UnsafePlan | None:
        """Nothing is beyond --force but what is withheld row by row."""
        return None

    def at_most(self, key: str, action: str, plan: Plan, words: str) -> list[Violation]:
        """What the limit `key` on the changes of one kind says; `words` are what would become of them."""
        count, most = plan.count(action), getattr(self.asked.channel.flow_limits(self.asked.name), key)
        return [Violation(key, f"{count} {words}, more than {key} = {most}", True)] if count > most else []


def reference_prefix(channel: Channel, params: Any) -> str:
    """What our references begin with, so that those of two shops in one merchant cannot meet.

    That of the flow, else that of the orders flow, else the channel's name.
    """
    orders = channel.flow_params("orders").prefix if "orders" in channel.flows else None
    return str(params.prefix or orders or channel.name.replace("-", "_"))


def own_orders(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix, with `owner_id`: the shipment or order that each is of."""
    mine = live["reference"].str.fullmatch(f"{re.escape(prefix)}-{NUMBER}")
    own = live[mine.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(owner_id=own["reference"].str.slice(len(prefix) + 1))


def previously_sent_references(store: Store, table: Literal["shipments", "orders"]) -> list[str]:
    """References that we have sent, under whatever prefix, for an order of Centra in the table, and that myOGO has not
    touched for long. The journal says only what to ask for: another merchant may not have them."""
    rows = store.connection.execute(
        "select distinct key from sync.journal where flow = 'orders' and outcome in ('applied', 'unknown') and "
        f"regexp_extract(key, '-([0-9]+)(-[0-9]+)?$', 1) in (select order_id from raw_centra.{table}) "
        "and key not in (select reference from raw_myogo.orders) order by 1"
    ).fetchall()
    return [key for (key,) in rows]


def open_orders(store: Store, everybodys: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Those of everybody's orders (`reference`, `status`) that stand for an order of ours: under our prefix, or sent by
    us under another one; neither cancelled nor returned, and not told to Centra as shipped. With `owner_id`."""
    keys = store.connection.execute("select distinct key from sync.journal where flow = 'orders'").fetchall()
    parts = everybodys["reference"].str.extract(f"^([^-]*)-({NUMBER})$")
    own = everybodys["reference"].isin([key for (key,) in keys]) | (parts[0] == prefix)
    rows = everybodys.assign(owner_id=parts[1])[own.fillna(False).astype(bool) & parts[1].notna()]
    told = (rows["status"] == "shipped") & rows["owner_id"].isin(completed(store))
    return rows[~told & ~rows["status"].isin(["cancelled", "returned"])]


def completed(store: Store) -> set[str]:
    """Shipments, and orders of shipments, that are completed: as Centra lists them, and as we found them ourselves
    after we had completed them."""
    listed = store.frame("raw_centra.completed_shipments", ["shipment_id", "order_id"])
    own = store.connection.execute(
        "select distinct key from sync.journal where flow = 'tracking' and outcome = 'applied'"
    ).fetchall()
    return {*listed["shipment_id"], *listed["order_id"], *(one for (key,) in own for one in (key, order_id_of(key)))}


def order_id_of(owner_id: str) -> str:
    """The number of Centra's order, of its own or of a shipment's."""
    return owner_id.partition("-")[0]


def destination_digest(rows: pd.DataFrame, key: str) -> list[str]:
    """A digest of each row's texts, by which they are known again and not found out: it takes the key to make it.

    What is before the last dash says how it was made; digests that differ in it cannot be compared.
    """
    own = key.encode()
    made = f"1-{hmac.digest(own, b'', 'sha256').hex()[:8]}"
    cells = rows.fillna("").astype("str").itertuples(index=False, name=None)
    return [f"{made}-{hmac.digest(own, repr(cell).encode(), 'sha256').hex()[:24]}" for cell in cells]


def recorded_destinations(store: Store) -> dict[str, str]:
    """Where each order was sent to, by reference, as `whereto` said it when it was sent last."""
    rows = store.connection.execute(
        "select key, arg_max(json_extract_string(after, '$.destination'), run_id) "
        "from sync.changes join sync.journal using (run_id, flow, key) "
        "where flow = 'orders' and sync.changes.action = 'create' and outcome in ('applied', 'unknown') group by key"
    ).fetchall()
    return {key: told for key, told in rows if told}
