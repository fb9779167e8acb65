"""The tracking flow: completes Centra's shipments that myOGO has shipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.reference import import_string
from pipelines.engine.broken_fields import MAX_BROKEN_SHARE
from pipelines.engine.flow import Evaluation, StagedRows, Step, Words
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation, change_violations
from pipelines.flows import param_questions
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    OrderFlow,
    beginning_of,
    completed,
    is_since,
    order_id_of,
    orders_params,
    own_orders,
    previously_sent_references,
    reference_prefix,
    sent_references,
)
from pipelines.flows.order_stage import pick_rules_of
from pipelines.state.schema import Table, columns
from pipelines.systems.system import CheckResult, Lookup
from schemas.fields.myogo_orders import FINAL
from schemas.order_units import units_in
from schemas.tracking.rules import RULES
from transforms.order_lines import PickRules, is_true, pickable_lines
from transforms.tracking import in_minutes, tracking_numbers, units_of, utc_times, waits_for_tracking

_ORDERS = ["reference", "status", "shipping_code", "tracking_number", "edit_time", "test", "lines"]
_DATED = ("shipments", "orders")
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
        tracking varchar | All tracking numbers, separated by commas.
        packages bigint | The number of parcels.
        carrier varchar | The carrier, as Centra shows it.
        service varchar | The carrier's service.
        """
    ),
)


class TrackingLimits(BaseModel):
    """`[flows.tracking.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=1000, ge=0)
    max_broken_share: float = Field(default=MAX_BROKEN_SHARE, ge=0, le=1)


class TrackingFlow(OrderFlow):
    """Completes each shipped order's shipment in Centra once, and withholds orders that ended otherwise."""

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
    questions = param_questions.TRACKING
    outputs = (OUTPUT,)

    @classmethod
    def settings_hint(cls, params: Any) -> CheckResult:
        how = "with capture" if params.capture else "without capture: unpaid shipments are withheld"
        hours = params.wait_for_tracking_hours
        wait = f"; one without a tracking number after {hours} hours" if hours else ""
        return "ok", f"shipments are completed in Centra {how}{wait}", ""

    def reads(self) -> Sequence[StagedRows]:
        return (StagedRows("raw_centra.shipments", "Centra's list of shipments", "shipment_id", ("orderId",)),)

    def lookups(self) -> Sequence[Lookup]:
        """In myOGO, orders that Centra still has open. In Centra, orders that have left the warehouse and whose
        shipments it lists neither as open nor as recently completed, except those that we have completed."""
        prefix = reference_prefix(self.context.channel, self.params)
        shipped = self.store.frame("raw_myogo.orders", ["reference", "edit_time", "test"], _SHIPPED)
        orders = self._since_starting(own_orders(shipped, prefix))
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
                "pipelines.systems.centra.order_source:completed_shipments_of",
                sorted(set(unknown["source_id"].map(order_id_of))),
            ),
        ]

    def evaluate(self, step: Step) -> Evaluation:
        from schemas.outgoing_contract import validate_outgoing
        from schemas.tracking.contract import SENDABLE

        with step("transform"):
            orders = self.store.frame("raw_myogo.orders", _ORDERS)
            own = self._since_starting(own_orders(orders, reference_prefix(self.context.channel, self.params)))
            copies = own["reference"].map(own["reference"].value_counts())
            # Of several orders with one reference, one that has ended is kept: TRACK-005 withholds it.
            still_open = ~own["status"].str.casefold().isin(FINAL)
            own = own.assign(copies=copies, still_open=still_open).sort_values("still_open", kind="stable")
            own = own.drop(columns="still_open").drop_duplicates("reference")
            shipments = self.store.frame("raw_centra.shipments", _SHIPMENTS)
            rows = import_string(self.context.settings.transform)(own, shipments, self.params)
            rows = self._with_units(rows).assign(
                is_open=rows["shipment_id"].notna(),
                is_completed=rows["source_id"].isin(completed(self.store)),
                is_test=is_true(rows["test"]) & (not self._sends_tests()),
                may_capture=self.params.capture,
                refused_unpaid=self._refusals_of_unpaid(rows["shipment_id"], shipments),
                waits=waits_for_tracking(rows, self.context.now, self.params),
            )
        with step("validate"):
            evaluation = self._evaluate(rows)
            validate_outgoing(evaluation.desired, SENDABLE)
        return evaluation

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        limit = self.context.limits.max_updates
        return change_violations("max_updates", limit, plan, "update", "shipments would be completed")

    def _evaluate(self, rows: pd.DataFrame) -> Evaluation:
        from schemas.tracking.contract import COMPLETION
        from schemas.tracking.issues import failed_checks, warnings, withheld

        selected = self._selected(rows)
        failed = failed_checks(rows).where(selected, -1)
        # A shipment that is completed has its number in Centra or nowhere: only open ones wait.
        waiting = selected & (failed == -1) & rows["is_open"] & rows["waits"]
        valid = rows[selected & (failed == -1) & ~waiting].reset_index(drop=True)
        due = valid["is_open"]
        # A shipment that is no longer open was completed before, from here or by hand: it counts as unchanged.
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
        source_ids = rows["shipment_id"].fillna(rows["source_id"])
        return Evaluation(
            desired=desired[compared].assign(source_id=desired[COMPLETION.key]),
            live=live[compared],
            withheld=withheld(rows, failed),
            warned=warnings(
                valid[due],
                self._with_other_numbers(valid[~due]),
                self._with_moments(rows[waiting]),
                self._with_moments(valid[~due & (valid["final"] == "returned") & ~valid["is_test"]]),
            ),
            records=pd.DataFrame({"source_id": source_ids, "selected": selected}).drop_duplicates("source_id"),
            counts={
                "read": len(rows),
                "skipped": int((~selected | waiting).sum()),
                "withheld": int((failed >= 0).sum()),
                "drifted": 0,
                "unmatched": 0,
            },
        )

    def _selected(self, rows: pd.DataFrame) -> pd.Series:
        """Orders that have ended, except those whose shipments were too many to look up."""
        ended = (rows["final"] != "") & self.context.select_by_sku(rows["reference"], rows["source_id"])
        unknown = ~rows["is_open"] & (rows["final"] == "shipped") & ~rows["is_completed"] & (rows["copies"] == 1)
        return ended & ~(unknown & rows["source_id"].map(order_id_of).isin(self.context.skipped_lookups))

    def _refusals_of_unpaid(self, shipment_ids: pd.Series, shipments: pd.DataFrame) -> pd.Series:
        """For each shipment that is not paid: the message with which Centra refused to complete it the last time; null
        if it did not. Trying again is of no use before it is paid."""
        rows = self.store.connection.execute(
            "select key, arg_max(outcome, intended_at), arg_max(coalesce(message, ''), intended_at) from sync.journal "
            "where flow = ? group by key",
            [self.context.name],
        ).fetchall()
        refusals = {key: message for key, outcome, message in rows if outcome == "refused"}
        unpaid = shipments.loc[~is_true(shipments["paid"]), "shipment_id"]
        return shipment_ids.where(shipment_ids.isin(unpaid)).map(refusals).astype("str")

    def _sends_tests(self) -> bool:
        """Whether the channel sends its orders as tests."""
        orders = orders_params(self.context.channel)
        return orders is not None and bool(orders.test)

    def _with_units(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Adds the units by code that myOGO shipped and that the shipment holds, and whether they differ. They can only
        differ if the order stands for one shipment whose goods can be counted."""
        orders = orders_params(self.context.channel)
        lines = self.store.frame("raw_centra.shipment_lines", ["shipment_id", *LINE_COLUMNS])
        shipped_ids = rows.loc[rows["final"] == "shipped", "shipment_id"]
        lines = lines[lines["shipment_id"].isin(shipped_ids.dropna())].rename(columns={"shipment_id": "source_id"})
        rules = PickRules()
        if orders is not None:
            rules = pick_rules_of(self.context.channel, self.store, orders)
        picked = pickable_lines(lines, rules)
        held = units_of(picked.lines[~picked.lines["source_id"].isin(picked.problems.index)])
        shipped = pd.Series([units_in(text) for text in rows["lines"]], rows.index, dtype=object)
        in_shipment = pd.Series([held.get(name) for name in rows["shipment_id"]], rows.index, dtype=object)
        differ = [None not in pair and pair[0] != pair[1] for pair in zip(shipped, in_shipment, strict=True)]
        one_to_one = (rows["source_id"] == rows["shipment_id"]) & self.params.lines_must_match
        return rows.assign(
            shipped_units=shipped,
            shipment_units=in_shipment,
            units_differ=one_to_one & pd.Series(differ, rows.index, dtype=bool),
        )

    def _with_other_numbers(self, done: pd.DataFrame) -> pd.DataFrame:
        """Completed shipments, with the tracking numbers that Centra has (`centra_has`)."""
        listed = self.store.frame("raw_centra.completed_shipments", ["shipment_id", "tracking_number"])
        in_centra = listed.drop_duplicates("shipment_id").set_index("shipment_id")["tracking_number"].fillna("")
        shipped = done[(done["final"] == "shipped") & done["source_id"].isin(in_centra.index)]
        ids = shipped["source_id"]
        return shipped.assign(shipment_id=ids, centra_has=ids.map(in_centra).map(tracking_numbers).map(", ".join))

    def _with_moments(self, orders: pd.DataFrame) -> pd.DataFrame:
        """Orders with moments in words: when myOGO `changed` them, and the `last_moment` until which they wait for a
        tracking number. `listed_days` is how long myOGO's list shows an order after its last change."""
        changed = utc_times(orders["edit_time"])
        last = changed + pd.Timedelta(hours=self.params.wait_for_tracking_hours)
        return orders.assign(
            changed=changed.map(in_minutes), last_moment=last.map(in_minutes), listed_days=self.params.look_back_days
        )

    def _since_starting(self, orders: pd.DataFrame) -> pd.DataFrame:
        """The orders that were placed in Centra or changed in myOGO on or after the starting day, in the shop's time
        zone, and those that we have sent, whatever their date. A test that is not meant counts by its date. The stage
        may hold older orders too."""
        starting = self.params.starting
        edited = utc_times(orders["edit_time"])
        placed = pd.concat([self.store.frame(f"raw_centra.{table}", ["order_id", "order_date"]) for table in _DATED])
        placed = placed[placed["order_date"].notna()]
        recent = placed.loc[is_since(starting, placed["order_date"]), "order_id"]
        was_sent = orders["reference"].isin(sent_references(self.store))
        is_meant = was_sent & ~(is_true(orders["test"]) & (not self._sends_tests()))
        since = edited.isna() | (edited >= beginning_of(starting, self.context.channel))
        return orders[since | is_meant | orders["source_id"].map(order_id_of).isin(set(recent))]
