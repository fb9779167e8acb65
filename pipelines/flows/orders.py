"""Centra's shipments (or orders) to myOGO."""

from __future__ import annotations

import re
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

_LINES = ["position", "inside", *(field.column for field in LINES), "extra"]


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
    def people(params: Any) -> tuple[str, ...]:
        """Of whom we need to know: the table of the stage that orders are made of."""
        return (params.source,)

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
        from schemas.order_verdict import judged, waiting, warnings, withheld
        from transforms.select import matches

        params = self.params
        live = self._live()
        named = matches([orders["reference"]], self.asked.sku or ("*",))
        is_open = live[~live["status"].fillna("").str.casefold().isin([*FINAL, ""])]
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
        warned = pd.concat([warnings(fit, live), waiting(self._waiting())], ignore_index=True)
        return Judged(desired, there[["reference"]], told, warned, records, counts, None)

    def _wanted(self, orders: pd.DataFrame) -> pd.Series:
        """Placed from the starting day on, in a status that counts, and neither on hold nor unpaid."""
        params = self.params
        ordered = orders["ordered"].fillna("")
        wanted = ((ordered >= f"{params.starting:%Y-%m-%d}") | (ordered == "")) & ~orders["held"]
        if params.source == "orders":
            known = [status.casefold() for status in params.statuses]
            wanted &= orders["state"].fillna("").str.casefold().isin([*known, ""])
        return wanted

    def _waiting(self) -> pd.DataFrame:
        """Orders in a status that counts that have no shipment which is good to go or completed."""
        known = [status.casefold() for status in self.params.statuses]
        with_a_shipment = (
            "(select order_id from raw_centra.shipments union select order_id from raw_centra.completed_shipments)"
        )
        orders = self.store.frame(
            "raw_centra.orders", ["order_id", "order_status", "order_date"], f"where order_id not in {with_a_shipment}"
        )
        counts = orders["order_status"].fillna("").str.casefold().isin(known)
        counts &= orders["order_date"].fillna("") >= f"{self.params.starting:%Y-%m-%d}"
        found: pd.DataFrame = orders[counts & (self.params.source == "shipments")]
        return found

    def _live(self) -> pd.DataFrame:
        """myOGO's orders that are ours, with `owner_id`, the id that their reference ends in; also those that we have
        sent and that it has not touched for so long that they are not listed, of which nothing else is known."""
        live = self.store.frame("raw_myogo.orders", ["reference", "status", "lines"])
        sent = self.store.connection.execute(
            "select distinct key from sync.journal where flow = ? and outcome = 'applied'", [self.asked.name]
        ).fetchall()
        silent = pd.DataFrame({"reference": [key for (key,) in sent]}, dtype="str")
        silent = silent[~silent["reference"].isin(live["reference"])]
        return ours(pd.concat([live, silent], ignore_index=True), prefix_of(self.asked.channel, self.params))

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
    return str(params.prefix or channel.name.replace("-", "_"))


def ours(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix, with `owner_id`: the shipment or order that each is of."""
    mine = live["reference"].str.fullmatch(f"{re.escape(prefix)}-[0-9]+(-[0-9]+)?")
    own = live[mine.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(owner_id=own["reference"].str.slice(len(prefix) + 1))
