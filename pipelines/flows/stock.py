"""The stock flow: writes myOGO's stock levels to Centra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.errors import UnsafePlan
from pipelines.core.reference import import_string
from pipelines.engine.broken_fields import MAX_BROKEN_SHARE
from pipelines.engine.flow import (
    ChangeWords,
    Comparison,
    Evaluation,
    Flow,
    Listing,
    StagedRows,
    Step,
    Words,
    WriteTrace,
)
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import (
    MIN_ROWS_FOR_SHARE,
    Violation,
    exact,
    examples,
    last_read,
    percent,
    read_violations,
    update_violations,
)
from pipelines.flows import param_questions, stock_answers, stock_views
from pipelines.flows.order_flow import (
    ORDERS_FLOW,
    orders_params,
    previously_sent_references,
    window_of,
)
from pipelines.flows.product_catalogue import CATALOGUE_INPUTS, ProductCatalogue
from pipelines.flows.size_names import SIZE_NAMES
from pipelines.flows.stock_answers import final_refusals, kept_before, without_refused
from pipelines.flows.stock_orders import our_order_units
from pipelines.state.schema import Table, columns
from pipelines.systems.system import CheckResult, Lookup
from schemas.fields.centra import CODE_FIELDS, CODE_SQL
from schemas.fields.centra import STOCK as CENTRA_STOCK
from schemas.fields.myogo import STOCK as MYOGO_STOCK
from schemas.fields.spec import UNREADABLE, withholding
from schemas.stock.rules import RULES
from transforms.type_mismatch import is_code_part, mismatches_in

_CENTRA_FIELDS, _MYOGO_FIELDS = withholding(CENTRA_STOCK), withholding(MYOGO_STOCK)
_AMOUNTS = ["physical_stock", "allocated_stock", "available_stock"]
_SIZES = (
    f"(select p.stock_item_id, nullif(p.ean, '') as ean, nullif(p.upc, '') as upc, {', '.join(_AMOUNTS)}, "
    "s.extra as stock_extra "
    "from raw_centra.products p left join raw_centra.stock s using (stock_item_id))"
)
OUTPUT = Table(
    "out_centra.stock",
    "What Centra should hold: the amounts of the newest run of the stock flow, absolute, in units.",
    columns(
        """
        key varchar | What is sent to Centra: the full code, or the EAN if the code could mean another size.
        quantity bigint | The amount, in units.
        stock_item_id varchar | The size in Centra.
        code varchar | The combined code.
        """
    ),
)


class StockLimits(BaseModel):
    """`[flows.stock.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_rows: int = Field(default=1, ge=0)
    min_read_share: float = Field(default=0.60, ge=0, le=1)
    max_updates: int = Field(default=20_000, ge=0)
    max_update_share: float = Field(default=0.80, ge=0, le=1)
    max_zero_share: float = Field(default=0.50, ge=0, le=1)
    max_broken_share: float = Field(default=MAX_BROKEN_SHARE, ge=0, le=1)


@dataclass(frozen=True)
class StockMetrics:
    """The input of the limits in addition to the plan.

    `read` is the number of rows (0 if myOGO's stock list is empty), `read_before` that of the last successful full read
    (None without one). `full_read` states whether this read is a full one. `stocked` is the number of compared sizes
    that Centra has in stock, `falling` the codes of those that would fall to zero.
    """

    read: int
    read_before: int | None
    full_read: bool
    stocked: int
    falling: pd.Series


class StockFlow(Flow):
    """Writes myOGO's amounts to Centra: absolute, zeros too, only for sizes that both systems identify reliably."""

    source, target_system = "myogo", "centra"
    extract = "pipelines.systems.myogo.source:myogo"
    live = "pipelines.systems.centra.source:centra"
    reads_with = (ORDERS_FLOW,)
    transform = "transforms.stock:to_centra"
    contract = "schemas.stock.contract:LEVEL"
    target = "pipelines.systems.centra.stock_target:StockTarget"
    change_words = ChangeWords(labels={"quantity": "in Centra"}, requests=0.02)  # batches of 100, each read back
    words = Words("code", "codes", "raised by Centra to what its orders have allocated", "without a size in Centra")
    rules = RULES
    Limits = StockLimits
    permissions: ClassVar = {"myogo": ("read:product", "write:product")}
    webhook_events: ClassVar = {"myogo": frozenset({"productstocklevelchanged", "level"})}
    questions = param_questions.STOCK
    outputs = (OUTPUT,)
    views = stock_views.VIEWS
    daily = stock_views.DAILY_STOCK
    comparison = Comparison(
        view=stock_views.SIDE_BY_SIDE.name,
        title="Stock side by side",
        left="centra_available",
        right="myogo_available",
        dated_by="myogo_modified",
        left_title="Centra",
        right_title="myOGO",
        left_undated="Centra's numbers have no date",
        kept=OUTPUT.name,
        why_different="Centra has units allocated to orders that myOGO does not have yet, or has already picked",
    )
    row_names = SIZE_NAMES
    listing = Listing(stock_views.LISTED)
    write_trace = WriteTrace(
        "stock", "stock_item_id", "source_id", "an amount that we wrote is missing from Centra's changes"
    )

    def names(self, keys: Sequence[str]) -> Mapping[str, str]:
        rows = self.store.connection.execute(
            f"select {CODE_SQL} as code, concat_ws(' ', any_value(coalesce(nullif(name, ''), product)), "
            "any_value(variant), any_value(size)) from raw_centra.products group by 1 "
            "having code in (select unnest(?))",
            [list(keys)],
        ).fetchall()
        return dict(rows)

    @classmethod
    def settings_hint(cls, params: Any) -> CheckResult:
        setting = {"physical": "physical stock", "fta": "FTA"}[params.stock_update_type]
        if not params.goods_received:
            return (
                "warning",
                "amounts are planned but not written: goods_received is not set",
                "Once the goods are in stock in myOGO, set goods_received = true in [flows.stock.params].",
            )
        if params.stock_update_type == "fta":
            return (
                "warning",
                "amounts go to Centra as free to allocate: sold units count as free until myOGO has the order",
                'Set the plugin to Physical and stock_update_type = "physical", as Centra advises.',
            )
        return "ok", f"amounts go to Centra; its plugin's Stock update type must be {setting}", ""

    def window(self, now: datetime) -> datetime:
        return window_of(orders_params(self.context.channel), now)

    def lookups(self) -> Sequence[Lookup]:
        """Our orders in myOGO that are older than its list, for goods that Centra still holds."""
        orders = orders_params(self.context.channel)
        if orders is None:
            return []
        sent = previously_sent_references(self.store, orders.source)
        return [Lookup("myogo", "pipelines.systems.myogo.order_source:with_references", sent)]

    def reads(self) -> Sequence[StagedRows]:
        code_parts = ("stockItemId", *CODE_FIELDS)
        return (
            StagedRows("raw_myogo.stock", "myOGO's stock list", "product_code", ("productCode", *_MYOGO_FIELDS)),
            StagedRows("raw_centra.stock", "Centra's stock list", "stock_item_id", ("stockItemId", *_CENTRA_FIELDS)),
            StagedRows("raw_centra.products", "Centra's product list", "stock_item_id", code_parts, is_code_part),
        )

    def inputs(self) -> Sequence[str] | None:
        if self._knows_orders():
            return None  # the amounts depend on open orders
        had_rows = f"select {self._had_rows()}"
        return (*CATALOGUE_INPUTS, *stock_answers.inputs(self.context.name), had_rows)

    def evaluate(self, step: Step) -> Evaluation:
        from schemas.outgoing_contract import validate_outgoing
        from schemas.stock.contract import SENDABLE
        from transforms.stock import address_sizes, similar_sizes, with_amounts, with_missing

        with step("transform"):
            listed = self._listed_levels()
            levels = import_string(self.context.settings.transform)(listed, self.params)
            staged = self.store.frame(_SIZES, ["stock_item_id", "ean", "upc", *_AMOUNTS, "stock_extra"])
            staged = staged.assign(unreadable_in_centra=mismatches_in(staged["stock_extra"], _CENTRA_FIELDS))
            status = self.context.service(ProductCatalogue).size_status()
            # A renamed size goes on under the code by which myOGO knows it; Centra knows it by its own.
            codes_in_centra = status.set_index("stock_item_id")["code"]
            sizes = status.drop(columns="code").rename(columns={"code_in_myogo": "code"})
            sizes = sizes.merge(staged, on="stock_item_id", how="left")
            products = self.store.frame("raw_myogo.products", ["code", "ean_code", "stock_available"])
            wanted = sizes[sizes["selected"]]
            is_counted = self.params.goods_received and (len(listed) > 0 or self._had_rows())
            levels = with_missing(levels, wanted if is_counted else wanted.head(0), products)
            eans = products.drop_duplicates("code", keep=False).set_index("code")["ean_code"]
            rows = address_sizes(levels, sizes, eans, codes_in_centra)
            rows = with_amounts(rows, our_order_units(self.context), self.params)
            rows = rows.assign(
                kept_before=kept_before(self.store, self.context.name, rows), orders_are_known=self._knows_orders()
            )
            similar = similar_sizes(rows, wanted, eans)
            unreadable = mismatches_in(listed["extra"], _MYOGO_FIELDS).set_axis(listed["product_code"]).dropna()
            rows["unreadable_in_myogo"] = rows["code"].map(unreadable.groupby(level=0).first()).astype("str")
            # A push that names a code sends its amount in any case.
            rows = without_refused(rows, {} if self.context.sku else final_refusals(self.store, self.context.name))
        with step("validate"):
            evaluation = self._evaluate(rows, sizes, similar, is_listed=not listed.empty)
            validate_outgoing(evaluation.desired, SENDABLE)
        self.store.replace(OUTPUT.name, evaluation.desired.rename(columns={"source_id": "stock_item_id"}))
        return evaluation

    def _knows_orders(self) -> bool:
        """Whether the channel knows which orders of myOGO are Centra's."""
        return orders_params(self.context.channel) is not None

    def _listed_levels(self) -> pd.DataFrame:
        """myOGO's stock list without the rows that have no usable code."""
        listed = self.store.frame("raw_myogo.stock", ["product_code", "stock", "stock_available", "extra"])
        return listed[~listed["product_code"].str.startswith(UNREADABLE)].reset_index(drop=True)

    def hard_stop(self, plan: Plan, evaluation: Evaluation) -> UnsafePlan | None:
        """Stops until the merchant confirms that the goods have arrived: myOGO's zeros would empty the shop before. On
        the first day of a shop myOGO lists no stock at all."""
        if evaluation.metrics.read == 0 and not self._had_rows():
            return UnsafePlan(
                "The stock flow waits: myOGO's stock list is still empty.",
                "No amount was written. Nothing is to be done until the products are in myOGO and goods have arrived.",
            )
        if self.params.goods_received or plan.changes.empty:
            return None
        return UnsafePlan(
            f"The stock flow would write {len(plan.changes)} amounts, but goods_received is not set: it is not "
            "confirmed that the goods are in stock.",
            "No amount was written. Once they are in stock in myOGO, set goods_received = true in [flows.stock.params] "
            f"of {self.context.channel.path}.",
        )

    def _had_rows(self) -> bool:
        """Whether a run that went through (exit 0 or 3) has ever read stock."""
        rows = self.store.connection.execute(
            "select 1 from sync.flows f join sync.runs r using (run_id) where f.flow = ? and f.rows_read > 0 "
            "and r.exit_code in (0, 3) limit 1",
            [self.context.name],
        ).fetchall()
        return bool(rows)

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        limits: StockLimits = self.context.limits
        metrics: StockMetrics = evaluation.metrics
        return [
            *read_violations(limits, metrics),
            *update_violations(limits, plan, "amounts", self.context.ends[1]),
            *_zero_violations(limits, metrics),
        ]

    def _evaluate(self, rows: pd.DataFrame, sizes: pd.DataFrame, similar: pd.DataFrame, is_listed: bool) -> Evaluation:
        from schemas.stock.issues import failed_checks, similar_size_warnings, warnings, withheld

        in_channel = rows["code"].isin(sizes.loc[sizes["selected"], "code"]) & (rows["size_count"] > 0)
        selected = in_channel & self.context.select_by_sku(rows["code"], rows["key"])
        failed_of_all = failed_checks(rows)
        compared = rows[in_channel & (failed_of_all < 0)]  # limits that are shares count all, whatever is selected
        failed = failed_of_all.where(selected, -1)
        broken = failed >= 0
        valid = rows[selected & ~broken].reset_index(drop=True)
        desired = valid[["key", "quantity", "stock_item_id", "code"]].rename(columns={"stock_item_id": "source_id"})
        live = compared[["key"]].assign(quantity=compared["current"]).reset_index(drop=True)
        stocked = valid["current"] > 0
        metrics = StockMetrics(
            read=len(rows) if is_listed else 0,
            read_before=last_read(self.store, self.context.name),
            full_read=self.context.full_read,
            stocked=int((compared["current"] > 0).sum()),
            falling=valid.loc[(stocked & (valid["quantity"] == 0)).fillna(False), "code"],
        )
        counts = {
            "read": len(rows),
            "skipped": int((~selected).sum()),
            "withheld": int(broken.sum()),
            "drifted": int(valid["raised"].sum()),
            "unmatched": int((rows["size_count"] == 0).sum()),
        }
        records = pd.DataFrame(
            {"source_id": sizes["stock_item_id"], "selected": sizes["code"].isin(rows.loc[selected, "code"])}
        )
        amount = {"physical": "physical_stock", "fta": "available_stock"}[self.params.stock_update_type]
        amounts = sizes.set_index("stock_item_id")[amount].astype("Int64")
        warned = pd.concat([warnings(rows, valid), similar_size_warnings(similar, amounts)], ignore_index=True)
        return Evaluation(desired, live, withheld(rows, failed, sizes), warned, records, counts, metrics)


def _zero_violations(limits: StockLimits, metrics: StockMetrics) -> Iterable[Violation]:
    falling = len(metrics.falling)
    if metrics.stocked >= MIN_ROWS_FOR_SHARE and falling > exact(limits.max_zero_share) * metrics.stocked:
        yield Violation(
            "max_zero_share",
            f"{falling} of the {metrics.stocked} sizes that Centra has in stock would fall to zero "
            f"({percent(falling, metrics.stocked)}), more than max_zero_share = {limits.max_zero_share:g} (for example "
            f"{examples(metrics.falling)}): have the goods arrived, and is it the right merchant?",
            True,
        )
