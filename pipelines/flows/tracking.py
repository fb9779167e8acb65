"""What myOGO has shipped to Centra's shipments."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.channel import Channel
from pipelines.flows import Judged, Step
from pipelines.flows.dated import Dated, ours, prefix_of
from pipelines.limits import Violation
from pipelines.plan import Plan
from pipelines.reference import resolve
from pipelines.store import Store

_ORDERS = ["reference", "status", "shipping_code", "tracking_number"]
_SHIPMENTS = ["shipment_id", "order_id", "paid", "should_capture"]


class TrackingLimits(BaseModel):
    """`[flows.tracking.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=1000, ge=0)


class Tracking(Dated):
    """Which of Centra's shipments are to be completed, each once, and which ended otherwise."""

    Limits = TrackingLimits

    @staticmethod
    def unlisted(store: Store, channel: Channel) -> list[str]:
        """Orders that have left the warehouse and whose shipments are neither open nor in Centra's recent list."""
        orders = ours(
            store.frame("raw_myogo.orders", ["reference"], "where lower(status) = 'shipped'"),
            prefix_of(channel, channel.flow_params("tracking")),
        )
        known = store.connection.execute(
            " union ".join(
                f"select {own} from raw_centra.{table}"
                for table in ("shipments", "completed_shipments")
                for own in ("shipment_id", "order_id")
            )
        ).fetchall()
        unknown = orders[~orders["owner_id"].isin([own for (own,) in known])]
        return sorted(set(unknown["owner_id"].str.split("-").str[0]))

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str]:
        how = "with capture" if params.capture else "without capture: what is not paid is withheld"
        return "ok", f"shipments are completed in Centra {how}", ""

    def judged(self, step: Step) -> Judged:
        from schemas.sendable import checked
        from schemas.tracking import SENDABLE

        with step("transform"):
            orders = self.store.frame("raw_myogo.orders", _ORDERS)
            mine = ours(orders, prefix_of(self.asked.channel, self.params))
            copies = mine["reference"].map(mine["reference"].value_counts())
            mine = mine.assign(copies=copies).drop_duplicates("reference")
            shipments = self.store.frame("raw_centra.shipments", _SHIPMENTS)
            rows = resolve(self.asked.flow.transform)(mine, shipments, self.params)
        with step("validate"):
            judged = self._judge(rows)
            checked(judged.desired, SENDABLE)
        return judged

    def violations(self, plan: Plan, judged: Judged) -> list[Violation]:
        return self.at_most("max_updates", "update", plan, "shipments would be completed")

    def _judge(self, rows: pd.DataFrame) -> Judged:
        from schemas.tracking import COMPLETION, broken, warnings, withheld
        from transforms.select import matches

        rows = rows.assign(rule=broken(rows, self.params.capture, self._completed()))
        wanted = (rows["final"] != "") & matches([rows["reference"]], self.asked.sku or ("*",))
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
        return Judged(desired, live[columns], withheld(held), warnings(fit[due]), records, counts, None)

    def _completed(self) -> set[str]:
        """Shipments, and orders of shipments, that Centra says are completed."""
        rows = self.store.frame("raw_centra.completed_shipments", ["shipment_id", "order_id"])
        return {*rows["shipment_id"], *rows["order_id"]}
