"""Centra's shipments (or orders) to myOGO."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.config.channel import Channel
from pipelines.config.reference import import_string
from pipelines.engine.batch_checks import CODE
from pipelines.engine.flow import Evaluation, Step
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    OrderFlow,
    destination_digest,
    open_orders,
    order_id_of,
    own_orders,
    previously_sent_references,
    recorded_destinations,
    reference_prefix,
)
from pipelines.state.store import Store
from schemas.fields.centra_orders import ORDERS, SHIPMENTS
from schemas.fields.myogo_orders import FINAL
from transforms.order_lines import is_true
from transforms.shipping import METHODS


class OrderLimits(BaseModel):
    """`[flows.orders.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_creates: int = Field(default=500, ge=0)


class OrdersFlow(OrderFlow):
    """What myOGO should be asked to send: each order once, and what needs a person instead."""

    Limits = OrderLimits

    @staticmethod
    def people(params: Any) -> tuple[str, ...]:
        """Of whom we need to know: the table of the stage that orders are made of."""
        return (params.source,)

    @staticmethod
    def unlisted(store: Store, channel: Channel, system: str) -> list[str]:
        return previously_sent_references(store, channel.flow_params("orders").source) if system == "myogo" else []

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

    def judged(self, step: Step) -> Evaluation:
        from schemas.orders.contract import SENDABLE
        from schemas.outgoing_contract import validate_outgoing

        asked, params, store = self.asked, self.params, self.store
        of_shipments = params.source == "shipments"
        table, fields = ("shipments", SHIPMENTS) if of_shipments else ("orders", ORDERS)
        own = "shipment_id" if of_shipments else "order_id"
        with step("transform"):
            rows = store.frame(f"raw_centra.{table}", [*(field.column for field in fields), "extra"], f"order by {own}")
            lines = store.frame(f"raw_centra.{table[:-1]}_lines", [own, *LINE_COLUMNS]).rename(
                columns={own: "owner_id"}
            )
            taxes = store.frame("raw_centra.order_lines", ["order_id", "line_id", "tax_percent"])
            orders = import_string(asked.flow.transform)(
                rows, lines, taxes, params, reference_prefix(asked.channel, params)
            )
            told = orders[["reference", "customer", "pick_up_point_code"]].join(rows[list(METHODS)])
            orders["destination"] = destination_digest(told, asked.channel.systems.myogo.secret_token.reveal())
            del rows
        with step("validate"):
            judged = self._judge(orders)
            validate_outgoing(judged.desired, SENDABLE)
        return judged

    def violations(self, plan: Plan, judged: Evaluation) -> list[Violation]:
        return self.at_most("max_creates", "create", plan, "orders would be created")

    def _judge(self, orders: pd.DataFrame) -> Evaluation:
        from schemas.orders.contract import ORDER
        from schemas.orders.issues import judged, waiting, warnings, withheld
        from transforms.select import matches

        params = self.params
        everybodys = self._live()
        live = own_orders(everybodys, reference_prefix(self.asked.channel, params))
        named = matches([orders["reference"]], self.asked.sku or ("*",))
        is_open = live[~live["status"].isin(FINAL)]
        # Cancelled or put on hold, and listed all the same: myOGO has it open.
        stopped = ~self._stands(orders) & orders["reference"].isin(is_open["reference"])
        wanted = self._stands(orders) & self._in_time(orders["ordered"]) & named
        gone = is_open[
            ~is_open["reference"].isin(orders.loc[~stopped, "reference"]) & ~self._out_of_sight(is_open, orders)
        ].drop_duplicates("reference")
        before = self._sent_before(orders["owner_id"], everybodys)
        sent_to = recorded_destinations(self.store)
        rows = judged(orders, live, self._known(), self._clashing(), before, sent_to, params.capture)
        gone = gone[matches([gone["reference"]], self.asked.sku or ("*",))]
        listed = int(gone["reference"].isin(orders["reference"]).sum())
        held = rows[wanted & (rows["rule"] != "")]
        fit = rows[wanted & (rows["rule"] == "")].reset_index(drop=True)
        columns = [*ORDER.columns, *ORDER.personal]
        desired = fit[columns].assign(stock_item_id=fit["owner_id"])
        shown = desired.drop(columns=[*ORDER.personal, "destination"]).rename(columns={"stock_item_id": "owner_id"})
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
        return Evaluation(desired, there[["reference"]], told, warned, records, counts, None)

    def _in_time(self, ordered: pd.Series) -> pd.Series:
        """Whether an order was placed from the starting day on."""
        ordered = ordered.fillna("")
        return (ordered >= f"{self.params.starting:%Y-%m-%d}") | (ordered == "")

    def _stands(self, orders: pd.DataFrame) -> pd.Series:
        """In a status that counts, and neither on hold nor unpaid."""
        stands = ~orders["held"]
        if self.params.source == "orders":
            stands &= self._counts(orders["state"]) | (orders["state"].fillna("") == "")
        return stands

    def _out_of_sight(self, sent: pd.DataFrame, orders: pd.DataFrame) -> pd.Series:
        """Which of the orders that myOGO has Centra's list does not reach back to: it is of recent orders, and their
        numbers grow. Open shipments are listed whatever their age."""
        numbers = sent["owner_id"].map(order_id_of).astype(int)
        if self.params.source == "shipments":
            return pd.Series(False, index=sent.index)
        listed = orders["owner_id"].map(order_id_of)
        listed = listed[listed.str.fullmatch("[0-9]+").astype(bool)].astype(int)
        return numbers < (listed.min() if len(listed) else float("inf"))

    def _sent_before(self, owners: pd.Series, everybodys: pd.DataFrame) -> dict[str, str]:
        """By shipment (or order): the reference under which myOGO has the same goods of the same order already.

        A shipment that Centra still lists is another one than its neighbours; one that is no longer listed was made
        anew, for all we know.
        """
        sent = open_orders(self.store, everybodys, reference_prefix(self.asked.channel, self.params))
        listed = set(self.store.frame("raw_centra.shipments", ["shipment_id"])["shipment_id"])
        by_order: dict[str, list[tuple[str, str]]] = {}
        for own, reference in zip(sent["owner_id"], sent["reference"], strict=True):
            by_order.setdefault(order_id_of(own), []).append((own, reference))
        return {
            owner: reference
            for owner in owners
            for own, reference in by_order.get(order_id_of(owner), [])
            if own == owner or ("-" in own) != ("-" in owner) or own not in listed
        }

    def _waiting(self) -> pd.DataFrame:
        """Orders in a status that counts that have no shipment which is good to go or completed."""
        with_a_shipment = (
            "(select order_id from raw_centra.shipments union select order_id from raw_centra.completed_shipments)"
        )
        orders = self.store.frame(
            "raw_centra.orders", ["order_id", "order_status", "order_date"], f"where order_id not in {with_a_shipment}"
        )
        dated = orders["order_date"].notna()
        return orders[dated & self._in_time(orders["order_date"]) & self._counts(orders["order_status"])]

    def _counts(self, statuses: pd.Series) -> pd.Series:
        """Whether each status is one of those that the channel names."""
        known = [status.casefold() for status in self.params.statuses]
        return statuses.fillna("").str.casefold().isin(known)

    def _live(self) -> pd.DataFrame:
        """All of myOGO's orders; `status` in small letters ("" for none), `test` true or false."""
        live = self.store.frame("raw_myogo.orders", ["reference", "status", "lines", "test"])
        return live.assign(status=live["status"].fillna("").str.casefold(), test=is_true(live["test"]))

    def _known(self) -> set[str]:
        """The codes that myOGO listed, and those that were made since the last reading that went through."""
        made = (
            "select key from sync.journal where flow = 'products' and action = 'create' and outcome = 'applied' "
            "and run_id >= (select coalesce(max(run_id), '') from sync.reads join sync.runs using (run_id) "
            "where exit_code in (0, 3, 4))"
        )
        return self._codes(f"select code from raw_myogo.products union {made}", "raw_myogo", "products")

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
