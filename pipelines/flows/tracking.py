"""What myOGO has shipped to Centra's shipments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.config.reference import import_string
from pipelines.engine.flow import Evaluation, Step, Words
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation, change_violations
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    OrderFlow,
    completed,
    order_id_of,
    orders_params,
    own_orders,
    previously_sent_references,
    reference_prefix,
)
from pipelines.state.schema import Table, columns
from pipelines.systems.system import Answer, Lookup
from schemas.order_units import units_in
from schemas.tracking.rules import RULES
from transforms.order_lines import is_true, pickable_lines
from transforms.tracking import numbers, units_of

_ORDERS = ["reference", "status", "shipping_code", "tracking_number", "edit_time", "test", "lines"]
_SHIPPED = "where lower(status) = 'shipped'"
_SHIPMENTS = ["shipment_id", "order_id", "paid", "should_capture"]
OUTPUT = Table(
    "out_centra.shipments",
    "Shipments to complete in Centra, of the newest run of the tracking flow.",
    columns(
        """
        shipment_id varchar | The shipment in Centra.
        reference varchar | The order in myOGO.
        shipped boolean | Always true.
        tracking varchar | All tracking numbers, with commas.
        packages bigint | How many parcels.
        carrier varchar | The carrier, as Centra is to name it.
        service varchar | Its service.
        """
    ),
)


class TrackingLimits(BaseModel):
    """`[flows.tracking.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=1000, ge=0)


class TrackingFlow(OrderFlow):
    """Which of Centra's shipments are to be completed, each once, and which ended otherwise."""

    source, target_system = "myogo", "centra"
    extract = "pipelines.systems.myogo.order_source:myogo_orders"
    live = "pipelines.systems.centra.order_source:centra_orders"
    transform = "transforms.tracking:to_centra"
    contract = "schemas.tracking.contract:COMPLETION"
    target = "pipelines.systems.centra.shipment_target:ShipmentTarget"
    words = Words("order", "orders")
    rules = RULES
    Limits = TrackingLimits
    webhook_events: ClassVar = {"myogo": frozenset({"ordershipped", "order"})}
    outputs = (OUTPUT,)

    @classmethod
    def settings_hint(cls, params: Any) -> Answer:
        how = "with capture" if params.capture else "without capture: what is not paid is withheld"
        return "ok", f"shipments are completed in Centra {how}", ""

    def lookups(self) -> Sequence[Lookup]:
        """Of myOGO, what Centra still has open. Of Centra, orders that have left the warehouse and whose shipments are
        neither open nor in its recent list, except those that we have completed."""
        prefix = reference_prefix(self.context.channel, self.params)
        shipped = self.store.frame("raw_myogo.orders", ["reference", "edit_time"], _SHIPPED)
        orders = own_orders(self._since_starting(shipped), prefix)
        listed = self.store.frame("raw_centra.shipments", ["shipment_id", "order_id"])
        known = {*listed["shipment_id"], *listed["order_id"], *completed(self.store)}
        unknown = orders[~orders["source_id"].isin(known)]
        return [
            Lookup(
                "myogo",
                "pipelines.systems.myogo.order_source:with_references",
                previously_sent_references(self.store, "shipments"),
            ),
            Lookup(
                "centra",
                "pipelines.systems.centra.order_source:completed_of",
                sorted(set(unknown["source_id"].map(order_id_of))),
            ),
        ]

    def evaluate(self, step: Step) -> Evaluation:
        from schemas.outgoing_contract import validate_outgoing
        from schemas.tracking.contract import SENDABLE

        with step("transform"):
            orders = self._since_starting(self.store.frame("raw_myogo.orders", _ORDERS))
            mine = own_orders(orders, reference_prefix(self.context.channel, self.params))
            copies = mine["reference"].map(mine["reference"].value_counts())
            mine = mine.assign(copies=copies).drop_duplicates("reference")
            shipments = self.store.frame("raw_centra.shipments", _SHIPMENTS)
            rows = import_string(self.context.settings.transform)(mine, shipments, self.params)
            rows = self._with_units(rows).assign(
                is_open=rows["shipment_id"].notna(),
                is_completed=rows["source_id"].isin(completed(self.store)),
                is_test=is_true(rows["test"]) & (not self._sends_tests()),
                may_capture=self.params.capture,
            )
        with step("validate"):
            evaluation = self._evaluate(rows)
            validate_outgoing(evaluation.desired, SENDABLE)
        return evaluation

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        most = self.context.limits.max_updates
        return change_violations("max_updates", most, plan, "update", "shipments would be completed")

    def _evaluate(self, rows: pd.DataFrame) -> Evaluation:
        from schemas.tracking.contract import COMPLETION
        from schemas.tracking.issues import failed_checks, warnings, withheld

        selected = self._selected(rows)
        failed = failed_checks(rows).where(selected, -1)
        valid = rows[selected & (failed == -1)].reset_index(drop=True)
        due = valid["is_open"]
        # What is no longer open was completed before, by us or by somebody else: it is as it should be.
        desired = valid[["tracking", "packages", "carrier", "service"]].assign(
            shipment_id=valid["shipment_id"].fillna(valid["source_id"]), shipped=True
        )
        live = desired.assign(
            shipped=~due,
            tracking=desired["tracking"].mask(due),
            packages=desired["packages"].mask(due, 0),
            carrier=desired["carrier"].mask(due),
            service=desired["service"].mask(due),
        )
        compared = [COMPLETION.key, *COMPLETION.compare]
        self.store.replace(OUTPUT.name, desired.loc[due, compared].assign(reference=valid["reference"]))
        own = rows["shipment_id"].fillna(rows["source_id"])
        return Evaluation(
            desired=desired[compared].assign(source_id=desired[COMPLETION.key]),
            live=live[compared],
            withheld=withheld(rows, failed),
            warned=warnings(valid[due], self._with_other_numbers(valid[~due])),
            records=pd.DataFrame({"source_id": own, "selected": selected}).drop_duplicates("source_id"),
            counts={
                "read": len(rows),
                "skipped": int((~selected).sum()),
                "withheld": int((failed >= 0).sum()),
                "drifted": 0,
                "unmatched": 0,
            },
        )

    def _selected(self, rows: pd.DataFrame) -> pd.Series:
        """Orders that have ended, except those of which nothing is known because they were too many to look up."""
        from transforms.select import matches

        ended = (rows["final"] != "") & matches([rows["reference"]], self.context.sku or ("*",))
        unknown = ~rows["is_open"] & (rows["final"] == "shipped") & ~rows["is_completed"] & (rows["copies"] == 1)
        return ended & ~(unknown & rows["source_id"].map(order_id_of).isin(self.context.skipped_lookups))

    def _sends_tests(self) -> bool:
        """Whether the channel itself sends orders as tests."""
        orders = orders_params(self.context.channel)
        return orders is not None and bool(orders.test)

    def _with_units(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` with the units by code that myOGO shipped and that the shipment holds, and whether they differ: where
        one order is of one shipment, and its goods can be counted."""
        orders = orders_params(self.context.channel)
        lines = self.store.frame("raw_centra.shipment_lines", ["shipment_id", *LINE_COLUMNS])
        left = rows.loc[rows["final"] == "shipped", "shipment_id"]
        lines = lines[lines["shipment_id"].isin(left.dropna())].rename(columns={"shipment_id": "source_id"})
        picked, problems = pickable_lines(lines, orders and orders.contents_are)
        held = units_of(picked[~picked["source_id"].isin(problems.index)])
        shipped = pd.Series([units_in(text) for text in rows["lines"]], rows.index, dtype=object)
        in_shipment = pd.Series([held.get(own) for own in rows["shipment_id"]], rows.index, dtype=object)
        differ = [None not in pair and pair[0] != pair[1] for pair in zip(shipped, in_shipment, strict=True)]
        one_to_one = (rows["source_id"] == rows["shipment_id"]) & self.params.lines_must_match
        return rows.assign(
            shipped_units=shipped,
            shipment_units=in_shipment,
            units_differ=one_to_one & pd.Series(differ, rows.index, dtype=bool),
        )

    def _with_other_numbers(self, done: pd.DataFrame) -> pd.DataFrame:
        """Shipments that were completed, with the tracking numbers that Centra was given (`centra_has`)."""
        listed = self.store.frame("raw_centra.completed_shipments", ["shipment_id", "tracking_number"])
        given = listed.drop_duplicates("shipment_id").set_index("shipment_id")["tracking_number"].fillna("")
        left = done[(done["final"] == "shipped") & done["source_id"].isin(given.index)]
        own = left["source_id"]
        return left.assign(shipment_id=own, centra_has=own.map(given).map(numbers).map(", ".join))

    def _since_starting(self, orders: pd.DataFrame) -> pd.DataFrame:
        """Those that myOGO has touched from the starting day on; another flow may have had more of them read."""
        touched = orders["edit_time"].fillna("")
        dated = touched.str.match(r"[0-9]{4}-").astype(bool)
        return orders[(touched >= f"{self.params.starting:%Y-%m-%d}") | ~dated]
