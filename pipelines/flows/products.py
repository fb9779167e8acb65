"""Centra's products to myOGO."""

from __future__ import annotations

import pandas as pd

from pipelines.engine import batch_checks, safety_limits
from pipelines.engine.flow import Evaluation, FlowContext, Step
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import ProductMetrics, Violation, last_read, violations
from pipelines.flows.product_catalogue import ProductCatalogue
from pipelines.state.store import utc_now


class ProductFlow:
    """What myOGO should hold of Centra's sizes."""

    Limits = safety_limits.ProductLimits
    of_catalogue = True
    scopes = ("read:product", "write:product")

    def __init__(self, asked: FlowContext, catalogue: ProductCatalogue) -> None:
        self.asked, self.catalogue = asked, catalogue

    @staticmethod
    def advice(params: object) -> None:
        """The limits say it all."""

    def judged(self, step: Step) -> Evaluation:
        catalogue, store = self.catalogue, self.catalogue.store
        with step("transform"):
            products, live = catalogue.products(), catalogue.live()
        with step("validate"):
            judged = self._judge(products, live)
            usable = products["price_text"].where(products["sales_price"].notna())
            amounts = usable[catalogue.wanted(products)].to_frame("price")
            del products
            store.replace("out_myogo.products", judged.desired)
        with step("expect"):
            asked = self.asked
            batch = batch_checks.Batch(asked.run_id, asked.name, utc_now(), asked.sku, amounts)
            rows = batch_checks.validate_batches(store, batch, asked.flow.expectations.stop)
            store.append("sync.expectations", rows)
            judged.expectations = batch_checks.summary(rows)
        return judged

    def forbidden(self, plan: Plan) -> None:
        """Nothing is beyond --force but what is withheld row by row."""

    def violations(self, plan: Plan, judged: Evaluation) -> list[Violation]:
        return violations(self.asked.channel.flow_limits(self.asked.name), plan, judged.evidence)

    def _judge(self, products: pd.DataFrame, live: pd.DataFrame) -> Evaluation:
        from schemas.products.issues import warnings
        from transforms.select import matches

        catalogue, asked = self.catalogue, self.asked
        candidates = catalogue.wanted(products)
        wanted = candidates & matches([products["code"]], asked.sku or ("*",))
        told = catalogue.withheld(products, live)
        catalogue.settle(products, told)
        seen = ProductMetrics(
            read=len(products),
            read_before=last_read(catalogue.store, asked.name),
            whole=asked.whole,
            wanted=int(candidates.sum()),
            withheld=told[candidates.loc[told["row"]].to_numpy()],
            made=products.loc[products["code"] != "", "code"],
            held=live["code"],
        )
        told = told[wanted.loc[told["row"]].to_numpy()]
        unfit = products.index.isin(told["row"])
        kept = [*catalogue.contract.columns, "stock_item_id", "pricelist_id"]
        desired = products.loc[wanted & ~unfit, kept].reset_index(drop=True)
        warned = warnings(products, wanted, live, catalogue.params.pricelist_id)
        drifted = warned["stock_item_id"].isin(desired["stock_item_id"]) & (warned["rule"] == "EAN-004")
        counts = {
            "read": len(products),
            "skipped": int((~wanted).sum()),
            "withheld": int(told["row"].nunique()),
            "drifted": int(drifted.sum()),
            "unmatched": int(warned["rule"].isin(["TGT-002", "TGT-003"]).sum()),
        }
        told = told.drop(columns="row").reset_index(drop=True)
        records = products[["stock_item_id"]].assign(wanted=wanted)
        return Evaluation(desired, live, told, warned, records, counts, seen)
