"""The orders flow: sends Centra's shipments (or orders) to myOGO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.reference import import_string
from pipelines.engine.broken_fields import MAX_BROKEN_SHARE
from pipelines.engine.flow import ChangeWords, Evaluation, StagedRows, Step, Words
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation, change_violations
from pipelines.flows import param_questions
from pipelines.flows.order_flow import (
    LINE_COLUMNS,
    OrderFlow,
    destination_digest,
    destinations_to_be,
    is_since,
    of_source,
    open_orders,
    order_id_of,
    own_orders,
    previously_sent_references,
    reading_digest,
    recorded_destinations,
    reference_prefix,
    sent_references,
    status_names,
)
from pipelines.flows.order_stage import ambiguous_codes, codes_in_myogo, order_facts, unknown_codes, unlisted_orders
from pipelines.state.schema import Table, columns
from pipelines.systems.centra.order_source import NOTES
from pipelines.systems.system import CheckResult, Lookup
from schemas.fields.centra_orders import ORDERS, SHIPMENTS
from schemas.fields.myogo_orders import FINAL
from schemas.orders.rules import RULES
from transforms.order_lines import is_true
from transforms.order_money import with_amounts
from transforms.shipping import METHODS

_LIVE = [
    "reference", "status", "lines", "test", "price_total", "cash_on_delivery", "address_digest", "pick_up_point_digest",
    "edit_time", "reason",
]  # fmt: skip
NOTHING_TO_PICK = "our warehouse has none of its lines"

OUTPUT = Table(
    "out_myogo.orders",
    "Orders that myOGO should have, of the newest run of the orders flow; no personal data.",
    columns(
        """
        reference varchar | The order's reference in myOGO.
        status varchar | Draft or New.
        test boolean | Whether it is marked as a test.
        shipping_code varchar | myOGO's code of the shipping method.
        pick_up_point_code varchar | The pick-up point, if the customer chose one.
        price_total decimal(18, 4) | The total of the order.
        price_currency varchar | Its currency.
        lines json | Code, units, price and tax per line.
        cash_on_delivery json | Amount and currency, if the carrier collects the payment.
        shipment_id varchar | The shipment of Centra.
        capture boolean | Whether the payment is captured first.
        source_id varchar | The shipment or order of Centra that it comes from.
        """
    ),
)


class OrderLimits(BaseModel):
    """`[flows.orders.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_creates: int = Field(default=500, ge=0)
    max_broken_share: float = Field(default=MAX_BROKEN_SHARE, ge=0, le=1)


class OrdersFlow(OrderFlow):
    """Sends each order to myOGO once, and withholds those that someone at the shop must look at."""

    source, target_system = "centra", "myogo"
    # A code that no catalogue shows is looked up among myOGO's products.
    permissions: ClassVar = {"myogo": ("read:order", "write:order", "read:product")}
    extract = "pipelines.systems.centra.order_source:centra_orders"
    live = "pipelines.systems.myogo.order_source:myogo_orders"
    transform = "transforms.orders:to_myogo"
    contract = "schemas.orders.contract:ORDER"
    target = "pipelines.flows.order_target:CaptureThenCreate"
    change_words = ChangeWords(internal=frozenset({"destination", "read_as"}))
    words = Words("order", "orders", unmatched="open in myOGO that Centra no longer shows as good to go")
    rules = RULES
    Limits = OrderLimits
    webhook_events: ClassVar = {"centra": frozenset({"order", "shipment"})}
    questions = param_questions.ORDERS
    outputs = (OUTPUT,)

    @classmethod
    def settings_hint(cls, params: Any) -> CheckResult:
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
                "orders are sent by their status alone: Centra reports only for shipments whether they are paid",
                'Use source = "shipments" if payments are captured when the goods are sent.',
            )
        return "ok", f"{params.source} of Centra from {params.starting} on are sent to myOGO as real orders", ""

    @classmethod
    def mapped_methods(cls, params: Any) -> dict[str, str]:
        return dict(params.shipping)

    @classmethod
    def personal_days(cls, params: Any) -> Mapping[tuple[str, str], int]:
        return {("centra", table): params.personal_days for table in ("shipments", "orders")}

    @classmethod
    def expiring_fields(cls, params: Any) -> Mapping[str, int]:
        days = params.look_back_days if params is not None else 0
        return {"destination": days, "read_as": days}

    def personal_tables(self) -> Sequence[str]:
        notes = (NOTES,) if self.params.customer_note else ()
        return (self.params.source, *notes)

    def reads(self) -> Sequence[StagedRows]:
        return of_source(self.params.source)

    def lookups(self) -> Sequence[Lookup]:
        """In Centra, the orders of open shipments that its list did not show. In myOGO, orders that we have sent and
        that its list no longer has, and the products of open orders that it is not known to hold."""
        unlisted = unlisted_orders(self.store, self.params) if self.params.source == "shipments" else []
        unknown = unknown_codes(self.context.channel, self.store, self.params)
        return [
            Lookup("centra", "pipelines.systems.centra.order_source:orders_with_numbers", unlisted),
            Lookup(
                "myogo",
                "pipelines.systems.myogo.order_source:with_references",
                previously_sent_references(self.store, self.params.source),
            ),
            Lookup("myogo", "pipelines.systems.myogo.order_source:ordered_products", unknown),
        ]

    def evaluate(self, step: Step) -> Evaluation:
        from schemas.orders.contract import SENDABLE
        from schemas.outgoing_contract import validate_outgoing

        context, params, store = self.context, self.params, self.store
        of_shipments = params.source == "shipments"
        table, fields = ("shipments", SHIPMENTS) if of_shipments else ("orders", ORDERS)
        id_column = "shipment_id" if of_shipments else "order_id"
        with step("transform"):
            picked = [*(field.column for field in fields), "extra"]
            rows = store.frame(f"raw_centra.{table}", picked, f"order by {id_column}")
            lines = store.frame(f"raw_centra.{table[:-1]}_lines", [id_column, *LINE_COLUMNS])
            lines = lines.rename(columns={id_column: "source_id"})
            transform, prefix = import_string(context.settings.transform), reference_prefix(context.channel, params)
            facts = order_facts(context.channel, store, params, self._live(), prefix)
            orders = transform(rows, lines, facts, params, prefix)
            destination = orders[["reference", "customer", "pick_up_point_code"]].join(rows[list(METHODS)])
            merchant: Any = context.channel.systems[context.settings.target_system]
            key = merchant.secret_token.reveal()
            orders["destination"] = destination_digest(destination, key)
            orders = orders.join(destinations_to_be(orders, key))
            orders["read_as"] = reading_digest(rows.assign(source_id=orders["source_id"]), lines, key)
            del rows
        with step("validate"):
            evaluation = self._evaluate(orders)
            # An order that myOGO has is not sent again, whatever it lacks by now.
            in_myogo = evaluation.desired["reference"].isin(evaluation.live["reference"])
            validate_outgoing(evaluation.desired[~in_myogo].reset_index(drop=True), SENDABLE)
        return evaluation

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        limit = self.context.limits.max_creates
        return change_violations("max_creates", limit, plan, "create", "orders would be created")

    def _evaluate(self, orders: pd.DataFrame) -> Evaluation:
        from schemas.orders.contract import ORDER
        from schemas.orders.issues import OrderContext, checked, placed_before, waiting, warnings, withheld

        all_orders = self._live()
        live = own_orders(all_orders, reference_prefix(self.context.channel, self.params))
        known = OrderContext(
            live=live,
            codes=codes_in_myogo(self.store),
            ambiguous_codes=ambiguous_codes(self.store),
            sent_as=self._sent_as(orders["source_id"], all_orders),
            destinations=recorded_destinations(self.store),
            methods=self.params.shipping,
            capture=self.params.capture,
        )
        rows = checked(orders, known)
        gone = self._gone(rows, live)
        rows = rows.assign(bucket=self._buckets(rows, gone))
        valid = rows[rows["bucket"] == "selected"].reset_index(drop=True)
        desired = valid[[*ORDER.columns, *ORDER.personal, "source_id"]]
        self.store.replace(OUTPUT.name, desired[[column.name for column in OUTPUT.columns]])
        counts = {
            "read": int((rows["bucket"] != "gone").sum()) + len(gone),
            "skipped": int((rows["bucket"] == "skipped").sum()),
            "withheld": int((rows["bucket"] == "withheld").sum()) + len(gone),
            "drifted": 0,
            "unmatched": len(gone),
        }
        records = pd.concat(
            [
                pd.DataFrame(
                    {"source_id": rows["source_id"], "selected": rows["bucket"].isin(["selected", "withheld"])}
                )[~self._stopped_but_open(rows, live)],
                pd.DataFrame({"source_id": gone["source_id"], "selected": True}),
            ],
            ignore_index=True,
        )
        warned = warnings(rows[(rows["bucket"] == "selected") | self._is_left_out(rows)])
        if self.params.source == "shipments":
            others = [waiting(self._waiting()), placed_before(self._placed_before(rows))]
            warned = pd.concat([warned, *others], ignore_index=True)
        return Evaluation(
            desired=desired,
            live=live.loc[live["reference"].isin(desired["reference"]), ["reference"]],
            withheld=withheld(rows[rows["bucket"] == "withheld"], gone),
            warned=warned,
            records=records,
            counts=counts,
        )

    def _buckets(self, orders: pd.DataFrame, gone: pd.DataFrame) -> pd.Series:
        """The one bucket that counts each order: "selected", "withheld", "skipped", or "gone" for an order that is
        counted in `gone`, because it was stopped although Centra still lists it."""
        selected = self._has_chosen_status(orders) & self._is_ours(orders) & self._matches_sku(orders)
        bucket = pd.Series("skipped", index=orders.index, dtype="str")
        bucket = bucket.mask(selected, "selected").mask(selected & (orders["failed"] >= 0), "withheld")
        bucket = bucket.mask(self._is_left_out(orders), "skipped")
        return bucket.mask(orders["reference"].isin(gone["reference"]), "gone")

    def _is_left_out(self, orders: pd.DataFrame) -> pd.Series:
        """Whether each selected order has nothing for the warehouse to pick, or nothing any more after it was sent."""
        selected = self._has_chosen_status(orders) & self._is_ours(orders)
        not_sent = orders["nothing_to_pick"] & ~orders["is_sent"]
        sent = orders["is_sent"] & orders["lines"].isna() & (orders["failed"] < 0)
        return (not_sent | sent) & selected & self._matches_sku(orders)

    def _gone(self, orders: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
        """Our orders that are open in myOGO and that must not leave by what Centra says, each once: Centra no longer
        lists them, or they must wait (`held`, in words; "" for the others)."""
        stopped = self._stopped_but_open(orders, live)
        listed = orders.loc[~stopped, "reference"]
        still_open = live[~live["status"].isin(FINAL)]
        gone = still_open[~still_open["reference"].isin(listed) & ~self._is_before_list(still_open, orders)]
        elsewhere = orders["held"].mask((orders["held"] == "") & orders["nothing_to_pick"], NOTHING_TO_PICK)
        reasons = dict(zip(orders.loc[stopped, "reference"], elsewhere[stopped], strict=True))
        held = pd.Series([reasons.get(one, "") for one in gone["reference"]], gone.index, dtype="str")
        return gone.assign(held=held)[self._matches_sku(gone)].drop_duplicates("reference")

    def _stopped_but_open(self, orders: pd.DataFrame, live: pd.DataFrame) -> pd.Series:
        """Whether each order is cancelled or held in Centra, or has nothing to pick any more, but is open in myOGO."""
        still_open = live.loc[~live["status"].isin(FINAL), "reference"]
        stopped = ~self._has_chosen_status(orders) | (orders["held"] != "") | orders["nothing_to_pick"]
        return stopped & orders["reference"].isin(still_open)

    def _matches_sku(self, orders: pd.DataFrame) -> pd.Series:
        """Whether --sku selects each reference."""
        return self.context.select_by_sku(orders["reference"])

    def _is_ours(self, orders: pd.DataFrame) -> pd.Series:
        """Whether each order was placed on or after the starting day, or has been sent from here, whatever its date.
        A draft or test that was sent counts by its date, so that a later starting day ends it."""
        was_sent = orders["reference"].isin(sent_references(self.store)) & orders["is_sent"]
        return is_since(self.params.starting, orders["ordered"]) | (was_sent & ~orders["is_test_or_draft"])

    def _has_chosen_status(self, orders: pd.DataFrame) -> pd.Series:
        """Whether each order has one of the channel's statuses; true for shipments, which are listed by theirs."""
        if self.params.source == "shipments":
            return pd.Series(True, index=orders.index)
        return self._has_status(orders["order_status"]) | (orders["order_status"].fillna("") == "")

    def _is_before_list(self, sent: pd.DataFrame, orders: pd.DataFrame) -> pd.Series:
        """Whether each order in myOGO is older than the oldest order in Centra's list (order numbers increase). Never
        for shipments: Centra lists the open ones whatever their age."""
        if self.params.source == "shipments":
            return pd.Series(False, index=sent.index)
        numbers = sent["source_id"].map(order_id_of).astype(int)
        listed = orders["source_id"].map(order_id_of)
        listed = listed[listed.str.fullmatch("[0-9]+").astype(bool)].astype(int)
        return numbers < (listed.min() if len(listed) else float("inf"))

    def _sent_as(self, source_ids: pd.Series, all_orders: pd.DataFrame) -> dict[str, str]:
        """By shipment (or order): the reference under which myOGO already has the same goods of the same order.

        Another shipment of the order holds other goods if Centra still lists it. If Centra no longer lists it, the new
        shipment may have replaced it.
        """
        sent = open_orders(self.store, all_orders, reference_prefix(self.context.channel, self.params))
        listed = set(self.store.frame("raw_centra.shipments", ["shipment_id"])["shipment_id"])
        by_order: dict[str, list[tuple[str, str]]] = {}
        for sent_id, reference in zip(sent["source_id"], sent["reference"], strict=True):
            by_order.setdefault(order_id_of(sent_id), []).append((sent_id, reference))
        return {
            source_id: reference
            for source_id in source_ids
            for sent_id, reference in by_order.get(order_id_of(source_id), [])
            if sent_id == source_id or ("-" in sent_id) != ("-" in source_id) or sent_id not in listed
        }

    def _waiting(self) -> pd.DataFrame:
        """Orders in one of the channel's statuses without a shipment that is good to go or completed. Not those that
        myOGO has, except as cancelled or returned."""
        sent = open_orders(self.store, self._live(), reference_prefix(self.context.channel, self.params))
        with_a_shipment = (
            "(select order_id from raw_centra.shipments union select order_id from raw_centra.completed_shipments)"
        )
        orders = self.store.frame(
            "raw_centra.orders", ["order_id", "order_status", "order_date"], f"where order_id not in {with_a_shipment}"
        )
        since = is_since(self.params.starting, orders["order_date"]) & orders["order_date"].notna()
        in_myogo = orders["order_id"].isin(set(sent["source_id"].map(order_id_of)))
        return orders[since & ~in_myogo & self._has_status(orders["order_status"])]

    def _placed_before(self, orders: pd.DataFrame) -> pd.DataFrame:
        """The orders that could be sent now, except that they were placed before the starting day."""
        old = ~self._is_ours(orders) & ~orders["is_sent"] & (orders["sent_as"] == "")
        could_be_sent = (orders["held"] == "") & ~orders["nothing_to_pick"]
        return orders[old & could_be_sent & self._matches_sku(orders)]

    def _has_status(self, statuses: pd.Series) -> pd.Series:
        """Whether the channel file lists each status, by number or by name, whichever of them Centra sends."""
        known = status_names(pd.Series(self.params.statuses, dtype="str"))
        return status_names(statuses).isin(known)

    def _live(self) -> pd.DataFrame:
        """All of myOGO's orders, with `status` in lower case ("" for none), `test` as a flag, and the amounts `total`
        and `collects`."""
        live = with_amounts(self.store.frame("raw_myogo.orders", _LIVE))
        return live.assign(status=live["status"].fillna("").str.casefold(), test=is_true(live["test"]))
