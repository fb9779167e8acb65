"""Centra's shipments (or orders) to myOGO."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.channel import Channel
from pipelines.flows import Judged, Step
from pipelines.flows.dated import Dated, ours, prefix_of
from pipelines.limits import Violation
from pipelines.plan import Plan
from pipelines.quality import CODE
from pipelines.reference import resolve
from pipelines.store import Store
from schemas.centra_orders import LINES, ORDERS, SHIPMENTS
from schemas.myogo_orders import FINAL

_LINES = ["position", "inside", *(field.column for field in LINES), "extra"]


class OrderLimits(BaseModel):
    """`[flows.orders.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_creates: int = Field(default=500, ge=0)


class Orders(Dated):
    """What myOGO should be asked to send: each order once, and what needs a person instead."""

    Limits = OrderLimits

    @staticmethod
    def people(params: Any) -> tuple[str, ...]:
        """Of whom we need to know: the table of the stage that orders are made of."""
        return (params.source,)

    @staticmethod
    def unlisted(store: Store, channel: Channel) -> list[str]:
        """References that we have sent, of orders that are open in Centra and that myOGO has not touched for long. The
        journal says only what to ask for: another merchant may not have them."""
        params = channel.flow_params("orders")
        own = "shipment_id" if params.source == "shipments" else "order_id"
        rows = store.connection.execute(
            "select distinct key from sync.journal where flow = 'orders' and outcome = 'applied' "
            f"and key in (select $prefix || '-' || {own} from raw_centra.{params.source}) "
            "and key not in (select reference from raw_myogo.orders) order by 1",
            {"prefix": prefix_of(channel, params)},
        ).fetchall()
        return [key for (key,) in rows]

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
        if params.source == "orders":
            return (
                "warning",
                "orders are sent by their status alone: Centra tells only of shipments whether they are paid",
                'Use source = "shipments" where payments are taken when goods are sent.',
            )
        return "ok", f"{params.source} of Centra from {params.starting} on become orders that are shipped", ""

    def judged(self, step: Step) -> Judged:
        from schemas.myogo_orders import SENDABLE
        from schemas.sendable import checked

        asked, params, store = self.asked, self.params, self.store
        of_shipments = params.source == "shipments"
        table, fields = ("shipments", SHIPMENTS) if of_shipments else ("orders", ORDERS)
        own = "shipment_id" if of_shipments else "order_id"
        with step("transform"):
            rows = store.frame(f"raw_centra.{table}", [*(field.column for field in fields), "extra"], f"order by {own}")
            lines = store.frame(f"raw_centra.{table[:-1]}_lines", [own, *_LINES]).rename(columns={own: "owner_id"})
            taxes = store.frame("raw_centra.order_lines", ["order_id", "line_id", "tax_percent"])
            orders = resolve(asked.flow.transform)(rows, lines, taxes, params, prefix_of(asked.channel, params))
            del rows
        with step("validate"):
            judged = self._judge(orders)
            checked(judged.desired, SENDABLE)
        return judged

    def violations(self, plan: Plan, judged: Judged) -> list[Violation]:
        return self.at_most("max_creates", "create", plan, "orders would be created")

    def _judge(self, orders: pd.DataFrame) -> Judged:
        from schemas.myogo_orders import ORDER
        from schemas.order_verdict import judged, waiting, warnings, withheld
        from transforms.select import matches

        params = self.params
        live = self._live()
        named = matches([orders["reference"]], self.asked.sku or ("*",))
        is_open = live[~live["status"].fillna("").str.casefold().isin(FINAL)]
        # Cancelled or put on hold, and listed all the same: myOGO has it open.
        stopped = ~self._wanted(orders) & orders["reference"].isin(is_open["reference"])
        wanted = self._wanted(orders) & named
        rows = judged(orders, live, self._known(), self._clashing(), params.capture)
        gone = is_open[
            ~is_open["reference"].isin(orders.loc[~stopped, "reference"])
            & matches([is_open["reference"]], self.asked.sku or ("*",))
        ].drop_duplicates("reference")
        listed = int(gone["reference"].isin(orders["reference"]).sum())
        held = rows[wanted & (rows["rule"] != "")]
        fit = rows[wanted & (rows["rule"] == "")].reset_index(drop=True)
        columns = [*ORDER.columns, *ORDER.personal]
        desired = fit[columns].assign(stock_item_id=fit["owner_id"])
        shown = desired.drop(columns=list(ORDER.personal)).rename(columns={"stock_item_id": "owner_id"})
        self.store.replace("out_myogo.orders", shown)
        records = pd.concat(
            [
                pd.DataFrame({"stock_item_id": orders["owner_id"], "wanted": wanted})[~stopped],
                pd.DataFrame({"stock_item_id": gone["owner_id"], "wanted": True}),
            ],
            ignore_index=True,
        )
        counts = {
            "read": len(orders) + len(gone) - listed,
            "skipped": int((~wanted).sum()) - listed,
            "withheld": len(held) + len(gone),
            "drifted": 0,
            "unmatched": len(gone),
        }
        told = withheld(held, gone, params.shipping)
        there = live[live["reference"].isin(desired["reference"])]
        warned = warnings(fit, live)
        if params.source == "shipments":
            warned = pd.concat([warned, waiting(self._waiting())], ignore_index=True)
        return Judged(desired, there[["reference"]], told, warned, records, counts, None)

    def _wanted(self, orders: pd.DataFrame) -> pd.Series:
        """Placed from the starting day on, in a status that counts, and neither on hold nor unpaid."""
        params = self.params
        ordered = orders["ordered"].fillna("")
        wanted = ((ordered >= f"{params.starting:%Y-%m-%d}") | (ordered == "")) & ~orders["held"]
        if params.source == "orders":
            wanted &= self._counts(orders["state"]) | (orders["state"].fillna("") == "")
        return wanted

    def _waiting(self) -> pd.DataFrame:
        """Orders in a status that counts that have no shipment which is good to go or completed."""
        with_a_shipment = (
            "(select order_id from raw_centra.shipments union select order_id from raw_centra.completed_shipments)"
        )
        orders = self.store.frame(
            "raw_centra.orders", ["order_id", "order_status", "order_date"], f"where order_id not in {with_a_shipment}"
        )
        in_time = orders["order_date"].fillna("") >= f"{self.params.starting:%Y-%m-%d}"
        return orders[in_time & self._counts(orders["order_status"])]

    def _counts(self, statuses: pd.Series) -> pd.Series:
        """Whether each status is one of those that the channel names."""
        known = [status.casefold() for status in self.params.statuses]
        return statuses.fillna("").str.casefold().isin(known)

    def _live(self) -> pd.DataFrame:
        """myOGO's orders that are ours, with `owner_id`, the id that their reference ends in."""
        live = self.store.frame("raw_myogo.orders", ["reference", "status", "lines"])
        return ours(live, prefix_of(self.asked.channel, self.params))

    def _known(self) -> set[str]:
        return self._codes("select code from raw_myogo.products", "raw_myogo", "products")

    def _clashing(self) -> set[str]:
        return self._codes(
            f"select {CODE} as code from raw_centra.products group by 1 having count(*) > 1 and code is not null",
            "raw_centra",
            "products",
        )

    def _codes(self, query: str, schema: str, table: str) -> set[str]:
        """Of the last time the catalogues were read; none where they never were."""
        there = self.store.connection.execute(
            "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
        ).fetchall()
        return {row[0] for row in self.store.connection.execute(query).fetchall()} if there[0][0] else set()
