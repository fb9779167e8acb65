"""What myOGO has shipped to Centra's shipments."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.flows import Asked, Judged, Step
from pipelines.flows.catalogue import Catalogue
from pipelines.flows.orders import ours, prefix_of
from pipelines.limits import Violation
from pipelines.plan import Plan
from pipelines.reference import resolve

_ORDERS = ["reference", "status", "shipping_code", "tracking_number"]
_SHIPMENTS = ["shipment_id", "order_id", "paid", "should_capture"]


class TrackingLimits(BaseModel):
    """`[flows.tracking.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=1000, ge=0)


class Tracking:
    """Which of Centra's shipments are to be completed, each once, and which ended otherwise."""

    Limits = TrackingLimits
    of_catalogue = False
    scopes = ("read:order", "write:order")

    def __init__(self, asked: Asked, catalogue: Catalogue) -> None:
        self.asked, self.store, self.params = asked, catalogue.store, asked.params

    @staticmethod
    def since(params: Any, now: datetime) -> datetime:
        """From when on orders are asked for (UTC)."""
        starting = datetime.combine(params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=params.look_back_days))

    @staticmethod
    def people(params: Any) -> tuple[str, ...]:
        """Nobody need be known."""
        return ()

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str]:
        how = "with capture" if params.capture else "without capture: what is not paid is withheld"
        return "ok", f"shipments are completed in Centra {how}", ""

    def judged(self, step: Step) -> Judged:
        with step("transform"):
            orders = self.store.frame("raw_myogo.orders", _ORDERS)
            mine = ours(orders, prefix_of(self.asked.channel, self.params))
            copies = mine["reference"].map(mine["reference"].value_counts())
            mine = mine.assign(copies=copies).drop_duplicates("reference")
            shipments = self.store.frame("raw_centra.shipments", _SHIPMENTS)
            rows = resolve(self.asked.flow.transform)(mine, shipments, self.params)
        with step("validate"):
            return self._judge(rows)

    def forbidden(self, plan: Plan) -> None:
        """A shipment that must not be completed is withheld by itself."""

    def violations(self, plan: Plan, judged: Judged) -> list[Violation]:
        limits, updates = self.asked.channel.flow_limits(self.asked.name), plan.count("update")
        if updates <= limits.max_updates:
            return []
        words = f"{updates} shipments would be completed, more than max_updates = {limits.max_updates}"
        return [Violation("max_updates", words, True)]

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
        """Shipments, and orders of shipments, that are known to be completed: Centra lists them, or we did it."""
        rows = self.store.connection.execute(
            "select shipment_id from raw_centra.completed_shipments union select order_id from "
            "raw_centra.completed_shipments union select key from sync.journal where flow = $flow and "
            "outcome = 'applied' union select regexp_replace(key, '-[0-9]+$', '') from sync.journal "
            "where flow = $flow and outcome = 'applied'",
            {"flow": self.asked.name},
        ).fetchall()
        return {own for (own,) in rows}
