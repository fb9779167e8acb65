"""myOGO's stock levels to Centra."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.config.reference import import_string
from pipelines.core.errors import UnsafePlan
from pipelines.engine.flow import Evaluation, FlowContext, Step
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import (
    SHARE_FROM,
    Violation,
    exact,
    examples,
    last_read,
    of_the_source,
    of_updates,
    percent,
)
from pipelines.flows.product_catalogue import ProductCatalogue

_AMOUNTS = ["physical_stock", "allocated_stock", "available_stock"]
_SIZES = (
    f"(select p.stock_item_id, nullif(p.ean, '') as ean, {', '.join(_AMOUNTS)} "
    "from raw_centra.products p left join raw_centra.stock s using (stock_item_id))"
)


class StockLimits(BaseModel):
    """`[flows.stock.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_rows: int = Field(default=1, ge=0)
    min_read_share: float = Field(default=0.60, ge=0, le=1)
    max_updates: int = Field(default=20_000, ge=0)
    max_update_share: float = Field(default=0.80, ge=0, le=1)
    max_zero_share: float = Field(default=0.50, ge=0, le=1)


@dataclass(frozen=True)
class StockMetrics:
    """`read`, `read_before` and `whole` as in `ProductMetrics`, counted in codes of myOGO's stock list.

    `stocked` is how many of the compared sizes Centra has units of, `falling` which of them would be left with none.
    """

    read: int
    read_before: int | None
    whole: bool
    stocked: int
    falling: pd.Series


class StockFlow:
    """What Centra should hold of myOGO's amounts: absolute, zeros too, of sizes that are known beyond doubt."""

    Limits = StockLimits
    of_catalogue = True
    scopes = ("read:product", "write:product")

    def __init__(self, asked: FlowContext, catalogue: ProductCatalogue) -> None:
        self.asked, self.catalogue = asked, catalogue
        self.store, self.params = catalogue.store, asked.params

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str]:
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
                "amounts go to Centra as free to allocate: what is sold is free until myOGO has its order",
                'Set the plugin to Physical and stock_update_type = "physical", as Centra advises.',
            )
        return "ok", f"amounts go to Centra; its plugin's Stock update type must be {setting}", ""

    def judged(self, step: Step) -> Evaluation:
        from schemas.outgoing_contract import validate_outgoing
        from schemas.stock.contract import SENDABLE
        from transforms.stock import addressed, compared

        with step("transform"):
            listed = self.store.frame("raw_myogo.stock", ["product_code", "stock", "stock_available"])
            levels = import_string(self.asked.flow.transform)(listed, self.params)
            staged = self.store.frame(_SIZES, ["stock_item_id", "ean", *_AMOUNTS])
            sizes = self.catalogue.standing().merge(staged, on="stock_item_id", how="left")
            products = self.store.frame("raw_myogo.products", ["code", "ean_code"])
            eans = products.drop_duplicates("code", keep=False).set_index("code")["ean_code"]
            rows = compared(addressed(levels, sizes, eans), self.params)
        with step("validate"):
            judged = self._judge(rows, sizes)
            validate_outgoing(judged.desired, SENDABLE)
        self.store.replace("out_centra.stock", judged.desired)
        return judged

    def forbidden(self, plan: Plan) -> UnsafePlan | None:
        """Until the merchant says that the goods are there, myOGO's zeros would empty the shop."""
        if self.params.goods_received or plan.changes.empty:
            return None
        return UnsafePlan(
            f"The stock flow would write {len(plan.changes)} amounts, but nobody has said that the goods are in stock.",
            "Nothing was written. Once they are in stock in myOGO, set goods_received = true in [flows.stock.params] "
            f"of {self.asked.channel.path}; until then, run the other flows with --flow.",
        )

    def violations(self, plan: Plan, judged: Evaluation) -> list[Violation]:
        limits: StockLimits = self.asked.channel.flow_limits(self.asked.name)
        seen: StockMetrics = judged.evidence
        return [*of_the_source(limits, seen), *of_updates(limits, plan, "amounts"), *_of_zeros(limits, seen)]

    def _judge(self, rows: pd.DataFrame, sizes: pd.DataFrame) -> Evaluation:
        from schemas.stock.issues import broken, warnings, withheld
        from transforms.select import matches

        sku = self.asked.sku
        chosen = sizes.loc[sizes["wanted"], "code"]
        candidates = rows["code"].isin(chosen) & (rows["owners"] > 0)
        wanted = candidates & matches([rows["code"]], sku or ("*",))
        rule = broken(rows)
        held = wanted & (rule != "")
        told = withheld(rows[held], rule[held], sizes)
        fit = rows[wanted & ~held].reset_index(drop=True)
        desired = fit[["key", "quantity", "stock_item_id", "code"]]
        live = fit[["key"]].assign(quantity=fit["current"])
        falling = (fit["current"] > 0) & (fit["quantity"] == 0)
        evidence = StockMetrics(
            read=len(rows),
            read_before=last_read(self.store, self.asked.name),
            whole=self.asked.whole,
            stocked=int((fit["current"] > 0).sum()),
            falling=fit.loc[falling.fillna(False), "code"],
        )
        counts = {
            "read": len(rows),
            "skipped": int((~wanted).sum()),
            "withheld": int(held.sum()),
            "drifted": int(fit["raised"].sum()),
            "unmatched": int((rows["owners"] == 0).sum()),
        }
        records = sizes[["stock_item_id"]].assign(wanted=sizes["code"].isin(rows.loc[wanted, "code"]))
        return Evaluation(desired, live, told, warnings(rows, fit), records, counts, evidence)


def _of_zeros(limits: StockLimits, seen: StockMetrics) -> Iterable[Violation]:
    falling = len(seen.falling)
    if seen.stocked >= SHARE_FROM and falling > exact(limits.max_zero_share) * seen.stocked:
        yield Violation(
            "max_zero_share",
            f"{falling} of the {seen.stocked} sizes that Centra has in stock would fall to zero "
            f"({percent(falling, seen.stocked)}), more than max_zero_share = {limits.max_zero_share:g} (for example "
            f"{examples(seen.falling)}): are the goods received, and is it the right merchant?",
            True,
        )
