"""Centra's shipments (or orders) to myOGO."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.channel import Channel
from pipelines.flows import Asked, Judged, Step
from pipelines.flows.catalogue import Catalogue
from pipelines.limits import Violation
from pipelines.plan import Plan
from pipelines.reference import resolve
from schemas.centra_orders import LINES, ORDERS, SHIPMENTS
from schemas.myogo_orders import FINAL

_LINES = ["position", "inside", *(field.column for field in LINES)]


class OrderLimits(BaseModel):
    """`[flows.orders.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_creates: int = Field(default=500, ge=0)


class Orders:
    """What myOGO should be asked to send: each order once, and what needs a person instead."""

    Limits = OrderLimits
    of_catalogue = False
    scopes = ("read:order", "write:order")

    def __init__(self, asked: Asked, catalogue: Catalogue) -> None:
        self.asked, self.store = asked, catalogue.store
        self.params = asked.params

    @staticmethod
    def since(params: Any, now: datetime) -> datetime:
        """From when on orders are asked for (UTC)."""
        starting = datetime.combine(params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=params.look_back_days))

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str]:
        if not params.shipping:
            return (
                "warning",
                "no shipping method is mapped, so every order is withheld",
                "Map the values of Centra's shippingList to myOGO's codes in [flows.orders.params.shipping].",
            )
        if params.test or params.status == "Draft":
            return (
                "warning",
                f"orders go to myOGO as status {params.status}, test = {str(params.test).lower()}: nothing is shipped",
                'For real orders set status = "New" and test = false in [flows.orders.params].',
            )
        return "ok", f"{params.source} of Centra from {params.starting} on become orders that are shipped", ""

    def judged(self, step: Step) -> Judged:
        asked, params, store = self.asked, self.params, self.store
        of_shipments = params.source == "shipments"
        table, fields = ("shipments", SHIPMENTS) if of_shipments else ("orders", ORDERS)
        own = "shipment_id" if of_shipments else "order_id"
        with step("transform"):
            rows = store.frame(f"raw_centra.{table}", [field.column for field in fields], f"order by {own}")
            lines = store.frame(f"raw_centra.{table[:-1]}_lines", [own, *_LINES]).rename(columns={own: "owner_id"})
            taxes = store.frame("raw_centra.order_lines", ["order_id", "line_id", "tax_percent"])
            orders = resolve(asked.flow.transform)(rows, lines, taxes, params, prefix_of(asked.channel, params))
            del rows
        with step("validate"):
            judged = self._judge(orders)
        return judged

    def forbidden(self, plan: Plan) -> None:
        """An order that must not go is withheld by itself."""

    def violations(self, plan: Plan, judged: Judged) -> list[Violation]:
        limits, creates = self.asked.channel.flow_limits(self.asked.name), plan.count("create")
        if creates <= limits.max_creates:
            return []
        words = f"{creates} orders would be created, more than max_creates = {limits.max_creates}"
        return [Violation("max_creates", words, True)]

    def _judge(self, orders: pd.DataFrame) -> Judged:
        from schemas.myogo_orders import ORDER
        from schemas.order_verdict import judged, warnings, withheld
        from transforms.select import matches

        params = self.params
        live = self._live()
        wanted = self._wanted(orders) & matches([orders["reference"]], self.asked.sku or ("*",))
        rows = judged(orders, live, self._known(), self._clashing(), params.capture)
        gone = live[
            ~live["reference"].isin(orders["reference"])
            & ~live["status"].str.casefold().isin(FINAL)
            & matches([live["reference"]], self.asked.sku or ("*",))
        ].drop_duplicates("reference")
        held = rows[wanted & (rows["rule"] != "")]
        fit = rows[wanted & (rows["rule"] == "")].reset_index(drop=True)
        columns = [*ORDER.columns, *ORDER.personal]
        desired = fit[columns].assign(stock_item_id=fit["owner_id"])
        shown = desired.drop(columns=list(ORDER.personal)).rename(columns={"stock_item_id": "owner_id"})
        self.store.replace("out_myogo.orders", shown)
        records = pd.concat(
            [
                pd.DataFrame({"stock_item_id": orders["owner_id"], "wanted": wanted}),
                pd.DataFrame({"stock_item_id": gone["owner_id"], "wanted": True}),
            ],
            ignore_index=True,
        )
        counts = {
            "read": len(orders) + len(gone),
            "skipped": int((~wanted).sum()),
            "withheld": len(held) + len(gone),
            "drifted": 0,
            "unmatched": len(gone),
        }
        told = withheld(held, gone, params.shipping)
        there = live[live["reference"].isin(desired["reference"])]
        return Judged(desired, there[["reference"]], told, warnings(fit, live), records, counts, None)

    def _wanted(self, orders: pd.DataFrame) -> pd.Series:
        """Placed from the starting day on, in a status that counts, and neither on hold nor unpaid."""
        params = self.params
        wanted = (orders["ordered"].fillna("") >= f"{params.starting:%Y-%m-%d}") & ~orders["held"]
        if params.source == "orders":
            known = [status.casefold() for status in params.statuses]
            wanted &= orders["state"].fillna("").str.casefold().isin(known)
        return wanted

    def _live(self) -> pd.DataFrame:
        """myOGO's orders that are ours, with `owner_id`, the id that their reference ends in."""
        live = self.store.frame("raw_myogo.orders", ["reference", "status", "lines"])
        return ours(live, prefix_of(self.asked.channel, self.params))

    def _known(self) -> set[str]:
        return self._codes("select code from raw_myogo.products", "raw_myogo", "products")

    def _clashing(self) -> set[str]:
        return self._codes(
            "select coalesce(sku, '') || coalesce(variant_sku, '') || coalesce(size_sku, '') as code "
            "from raw_centra.products group by 1 having count(*) > 1 and code <> ''",
            "raw_centra",
            "products",
        )

    def _codes(self, query: str, schema: str, table: str) -> set[str]:
        """Of the last time the catalogues were read; none where they never were."""
        there = self.store.connection.execute(
            "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
        ).fetchall()
        return {row[0] for row in self.store.connection.execute(query).fetchall()} if there[0][0] else set()


def prefix_of(channel: Channel, params: Any) -> str:
    """What our references begin with, so that those of two shops in one merchant cannot meet."""
    return str(params.prefix or channel.name)


def ours(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix, with `owner_id`: the shipment or order that each is of."""
    own = live[live["reference"].str.startswith(f"{prefix}-")].reset_index(drop=True)
    return own.assign(owner_id=own["reference"].str.slice(len(prefix) + 1))
