"""What myOGO has shipped to Centra's shipments."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.config.channel import Channel
from pipelines.config.reference import import_string
from pipelines.engine.flow import Evaluation, Step
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    OrderFlow,
    completed,
    order_id_of,
    own_orders,
    previously_sent_references,
    reference_prefix,
)
from pipelines.state.store import Store
from schemas.order_units import units_in
from transforms.order_lines import is_true, pickable_lines
from transforms.tracking import numbers, units_of

_ORDERS = ["reference", "status", "shipping_code", "tracking_number", "edit_time", "test", "lines"]
_SHIPPED = "where lower(status) = 'shipped'"
_SHIPMENTS = ["shipment_id", "order_id", "paid", "should_capture"]


class TrackingLimits(BaseModel):
    """`[flows.tracking.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=1000, ge=0)


class TrackingFlow(OrderFlow):
    """Which of Centra's shipments are to be completed, each once, and which ended otherwise."""

    Limits = TrackingLimits

    @staticmethod
    def unlisted(store: Store, channel: Channel, system: str) -> list[str]:
        """Of myOGO, what is still open in Centra. Of Centra, orders that have left the warehouse and whose shipments
        are neither open nor in its recent list, but for those that we have completed ourselves."""
        params = channel.flow_params("tracking")
        if system == "myogo":
            return previously_sent_references(store, "shipments")
        prefix = reference_prefix(channel, params)
        orders = own_orders(
            _since(store.frame("raw_myogo.orders", ["reference", "edit_time"], _SHIPPED), params), prefix
        )
        listed = store.frame("raw_centra.shipments", ["shipment_id", "order_id"])
        known = {*listed["shipment_id"], *listed["order_id"], *completed(store)}
        unknown = orders[~orders["owner_id"].isin(known)]
        return sorted(set(unknown["owner_id"].map(order_id_of)))

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str]:
        how = "with capture" if params.capture else "without capture: what is not paid is withheld"
        return "ok", f"shipments are completed in Centra {how}", ""

    def judged(self, step: Step) -> Evaluation:
        from schemas.outgoing_contract import validate_outgoing
        from schemas.tracking.contract import SENDABLE

        with step("transform"):
            orders = _since(self.store.frame("raw_myogo.orders", _ORDERS), self.params)
            mine = own_orders(orders, reference_prefix(self.asked.channel, self.params))
            copies = mine["reference"].map(mine["reference"].value_counts())
            mine = mine.assign(copies=copies).drop_duplicates("reference")
            shipments = self.store.frame("raw_centra.shipments", _SHIPMENTS)
            rows = import_string(self.asked.flow.transform)(mine, shipments, self.params)
            rows = self._compared(rows.assign(unreal=is_true(rows["test"]) & (not self._tests())))
        with step("validate"):
            judged = self._judge(rows)
            validate_outgoing(judged.desired, SENDABLE)
        return judged

    def violations(self, plan: Plan, judged: Evaluation) -> list[Violation]:
        return self.at_most("max_updates", "update", plan, "shipments would be completed")

    def _judge(self, rows: pd.DataFrame) -> Evaluation:
        from schemas.tracking.contract import COMPLETION
        from schemas.tracking.issues import broken, warnings, withheld
        from transforms.select import matches

        rows = rows.assign(rule=broken(rows, self.params.capture, completed(self.store)))
        wanted = (rows["final"] != "") & matches([rows["reference"]], self.asked.sku or ("*",))
        # Too many to be asked for in one run: nothing is known of them, so nothing is said.
        wanted &= (rows["rule"] != "TRACK-004") | ~rows["owner_id"].map(order_id_of).isin(self.asked.unasked)
        held = rows[wanted & (rows["rule"] != "")]
        fit = rows[wanted & (rows["rule"] == "")].reset_index(drop=True)
        due = fit["shipment_id"].notna()
        # What is no longer open was completed before, by us or by somebody else: it is as it should be.
        desired = fit[["tracking", "packages", "carrier", "service"]].assign(
            shipment_id=fit["shipment_id"].fillna(fit["owner_id"]), shipped=True
        )
        live = desired.assign(
            shipped=~due,
            tracking=desired["tracking"].mask(due),
            packages=desired["packages"].mask(due, 0),
            carrier=desired["carrier"].mask(due),
            service=desired["service"].mask(due),
        )
        columns = [COMPLETION.key, *COMPLETION.compare]
        self.store.replace("out_centra.shipments", desired.loc[due, columns].assign(reference=fit["reference"]))
        own = rows["shipment_id"].fillna(rows["owner_id"])
        records = pd.DataFrame({"stock_item_id": own, "wanted": wanted}).drop_duplicates("stock_item_id")
        counts = {
            "read": len(rows),
            "skipped": int((~wanted).sum()),
            "withheld": len(held),
            "drifted": 0,
            "unmatched": 0,
        }
        desired = desired[columns].assign(stock_item_id=desired[COMPLETION.key])
        warned = warnings(fit[due], self._told_otherwise(fit[~due]))
        return Evaluation(desired, live[columns], withheld(held), warned, records, counts, None)

    def _tests(self) -> bool:
        """Whether the channel itself sends orders as tests."""
        channel = self.asked.channel
        return "orders" in channel.flows and bool(channel.flow_params("orders").test)

    def _compared(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` with the units by code that were `shipped` and that the shipment has `held`, and whether it `differs`:
        where one order is of one shipment, and its goods can be counted."""
        channel = self.asked.channel
        contents_are = channel.flow_params("orders").contents_are if "orders" in channel.flows else None
        lines = self.store.frame("raw_centra.shipment_lines", ["shipment_id", *LINE_COLUMNS])
        left = rows.loc[rows["final"] == "shipped", "shipment_id"]
        lines = lines[lines["shipment_id"].isin(left.dropna())]
        picked, faults = pickable_lines(lines.rename(columns={"shipment_id": "owner_id"}), contents_are)
        there = units_of(picked[~picked["owner_id"].isin(faults.index)])
        shipped = pd.Series([units_in(text) for text in rows["lines"]], rows.index, dtype=object)
        held = pd.Series([there.get(own) for own in rows["shipment_id"]], rows.index, dtype=object)
        differ = [None not in pair and pair[0] != pair[1] for pair in zip(shipped, held, strict=True)]
        alone = (rows["owner_id"] == rows["shipment_id"]) & self.params.lines_must_match
        return rows.assign(shipped=shipped, held=held, differs=alone & pd.Series(differ, rows.index, dtype=bool))

    def _told_otherwise(self, done: pd.DataFrame) -> pd.DataFrame:
        """Shipments that were completed, with the numbers that Centra has been `told`."""
        listed = self.store.frame("raw_centra.completed_shipments", ["shipment_id", "tracking_number"])
        told = listed.drop_duplicates("shipment_id").set_index("shipment_id")["tracking_number"].fillna("")
        left = done[(done["final"] == "shipped") & done["owner_id"].isin(told.index)]
        own = left["owner_id"]
        return left.assign(shipment_id=own, told=own.map(told).map(numbers).map(", ".join))


def _since(orders: pd.DataFrame, params: Any) -> pd.DataFrame:
    """Those that myOGO has touched from the starting day on; another flow may have had more of them read."""
    touched = orders["edit_time"].fillna("")
    return orders[(touched >= f"{params.starting:%Y-%m-%d}") | ~touched.str.match(r"[0-9]{4}-").astype(bool)]
