"""The products flow: sends Centra's sizes to myOGO as products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.json_codec import decode_exact
from pipelines.engine import batch_checks
from pipelines.engine.broken_fields import MAX_BROKEN_SHARE
from pipelines.engine.flow import ChangeWords, Evaluation, Flow, Listing, StagedRows, Step, Words, WriteTrace
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import (
    MAX_EXAMPLES,
    MIN_ROWS_FOR_SHARE,
    Violation,
    exact,
    examples,
    last_read,
    percent,
    read_violations,
    shortened,
    update_violations,
)
from pipelines.flows import code_texts, kept_codes, param_questions, product_views, stock_views
from pipelines.flows.product_catalogue import CATALOGUE_INPUTS, ProductCatalogue
from pipelines.flows.size_names import SIZE_NAMES
from pipelines.state.schema import Table, columns
from pipelines.state.store import utc_now
from pipelines.state.written_values import written_values
from schemas.contract import Contract
from schemas.fields.myogo import PRODUCTS as LIVE_PRODUCTS
from schemas.fields.spec import withholding
from schemas.membership import is_in
from schemas.products.expectations import SUITES
from schemas.products.rules import RULES
from transforms.price import is_price_jump

OUTPUT = Table(
    "out_myogo.products",
    "What myOGO should hold: the valid products of the newest run.",
    columns(
        """
        code varchar | The combined code.
        name varchar | Name, variant and size, as the warehouse reads them.
        ean_code varchar | The EAN, if it can be sent.
        sales_price decimal(18, 4) | The price in the channel's currency.
        description varchar | The description without HTML.
        supplier varchar | The brand.
        product_group varchar | The category.
        picture_url varchar | The first picture.
        country_of_origin varchar | ISO 3166-1 alpha-2.
        customs_description varchar | The description for customs.
        hs_code varchar | The customs tariff number, 6 to 10 digits.
        language_code varchar | Language of the texts, two letters.
        stock_item_id varchar | The size in Centra.
        pricelist_id varchar | The price list that the price is from.
        """
    ),
)


class ProductLimits(BaseModel):
    """`[flows.products.limits]` of a channel file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_rows: int = Field(default=1, ge=0)
    max_creates: int = Field(default=5000, ge=0)
    max_updates: int = Field(default=2000, ge=0)
    max_update_share: float = Field(default=0.30, ge=0, le=1)
    min_read_share: float = Field(default=0.60, ge=0, le=1)
    min_known_share: float = Field(default=0.10, ge=0, le=1)
    max_withheld_share: float = Field(default=0.50, ge=0, le=1)
    max_price_jumps: int = Field(default=10, ge=0)
    price_jump_factor: float = Field(default=5.0, ge=1, le=1_000_000)
    max_broken_share: float = Field(default=MAX_BROKEN_SHARE, ge=0, le=1)


@dataclass(frozen=True)
class ProductMetrics:
    """The input of the limits in addition to the plan, regardless of --sku.

    `read` is the number of rows read, `read_before` that of the last successful full read (None without one).
    `full_read` states whether this read is a full one. `selected` is the number of rows that the channel selects.
    `withheld` has one line per selected row and rule that it breaks (`row`, `rule`, `code`). `source_codes` are the
    codes of the source, `target_codes` those in the target.
    """

    read: int
    read_before: int | None
    full_read: bool
    selected: int
    withheld: pd.DataFrame
    source_codes: pd.Series
    target_codes: pd.Series


class ProductFlow(Flow):
    """Creates and updates myOGO's products from Centra's sizes."""

    source, target_system = "centra", "myogo"
    extract = "pipelines.systems.centra.source:centra"
    live = "pipelines.systems.myogo.source:myogo"
    transform = "transforms.products:to_myogo"
    contract = "schemas.products.contract:PRODUCT"
    target = "pipelines.systems.myogo.product_target:ProductTarget"
    words = Words("size", "sizes", "kept otherwise in myOGO", "only in myOGO")
    change_words = ChangeWords(
        labels={
            "sales_price": "price", "product_group": "group", "picture_url": "picture", "country_of_origin": "origin",
            "customs_description": "customs text", "hs_code": "HS code", "language_code": "language", "ean_code": "EAN",
        },
        money=frozenset({"sales_price"}),
        group_by="supplier",
        group_title="Brand",
        jumps="sales_price",
    )  # fmt: skip
    rules = RULES
    Limits = ProductLimits
    selects = True
    suites = SUITES
    permissions: ClassVar = {"myogo": ("read:product", "write:product")}
    # A size's group, supplier and price come from its category, brand and price list.
    webhook_events: ClassVar = {"centra": frozenset({"products", "displayitems", "categories", "brands", "pricelists"})}
    questions = param_questions.PRODUCTS
    outputs = (OUTPUT, product_views.PRICE_LIST, code_texts.TABLE, kept_codes.TABLE)
    views = product_views.VIEWS
    daily = (*product_views.DAILY_PRICES, *stock_views.DAILY_STOCK)
    row_names = SIZE_NAMES
    listing = Listing(
        """
        select stock_item_id as source_id, code, product_id, coalesce(name, myogo_name) as name, variant, size,
               coalesce(brand, myogo_supplier) as brand, in_centra as in_source, in_myogo as in_target,
               centra_available as source_stock, myogo_available as target_stock,
               nullif(centra_code, code) as other_code
        from v_products"""
    )
    keeps_links = True
    second_codes = kept_codes.TABLE
    write_trace = WriteTrace("products", "code", "key", "a product that we wrote is missing from myOGO's changes")

    @classmethod
    def currency(cls, params: Any) -> str:
        return str(params.currency)

    def reads(self) -> Sequence[StagedRows]:
        from transforms.products import PRICE_FIELDS, SIZE_FIELDS
        from transforms.type_mismatch import is_code_part

        return (
            StagedRows("raw_centra.products", "Centra's product list", "stock_item_id", SIZE_FIELDS, is_code_part),
            StagedRows("raw_centra.prices", "The prices in Centra's product list", "stock_item_id", PRICE_FIELDS),
            StagedRows("raw_myogo.products", "myOGO's product list", "code", ("code", *withholding(LIVE_PRODUCTS))),
        )

    def inputs(self) -> Sequence[str]:
        return CATALOGUE_INPUTS

    def evaluate(self, step: Step) -> Evaluation:
        context, catalogue = self.context, self.context.service(ProductCatalogue)
        with step("transform"):
            products, live = catalogue.products(), catalogue.live()
        with step("validate"):
            evaluation = self._evaluate(catalogue, products, live)
            usable = products["price_text"].where(products["sales_price"].notna())
            prices = usable[catalogue.selected(products)].to_frame("price")
            in_centra = products[["stock_item_id"]].assign(code=products["code_in_centra"])
            code_texts.record(self.store, in_centra, catalogue.params.accept_as_new)
            del products
            output = evaluation.desired.rename(columns={"source_id": "stock_item_id"})
            self.store.replace(OUTPUT.name, output[[column.name for column in OUTPUT.columns]])
            self._record_price_list(catalogue)
            self._compare_written(catalogue.contract, evaluation)
        if not self.validates_batches:
            return evaluation
        with step("expect"):
            batch = batch_checks.Batch(context.run_id, context.name, utc_now(), context.sku, {"candidates": prices})
            rows = batch_checks.validate_batches(self.store, self.suites, batch, context.settings.expectations.stop)
            self.store.append("sync.expectations", rows)
            evaluation.expectations = batch_checks.summary(rows)
        return evaluation

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        return violations(self.context.limits, plan, evaluation.metrics, self.context.ends)

    def _evaluate(self, catalogue: ProductCatalogue, products: pd.DataFrame, live: pd.DataFrame) -> Evaluation:
        from schemas.products.issues import warnings

        context = self.context
        candidates = catalogue.selected(products)
        selected = candidates & context.select_by_sku(*_names(products))
        withheld = catalogue.withheld(products, live)
        identities = catalogue.identities(products, live)
        catalogue.cache_status(products, withheld, identities)
        metrics = ProductMetrics(
            read=len(products),
            read_before=last_read(self.store, context.name),
            full_read=context.full_read,
            selected=int(candidates.sum()),
            withheld=withheld[candidates.loc[withheld["row"]].to_numpy()],
            source_codes=products.loc[products["code"] != "", "code"],
            target_codes=live["code"],
        )
        withheld = withheld[selected.loc[withheld["row"]].to_numpy()]
        invalid = products.index.isin(withheld["row"])
        kept = [*catalogue.contract.columns, "stock_item_id", "pricelist_id"]
        desired = products.loc[selected & ~invalid, kept].reset_index(drop=True)
        desired = desired.rename(columns={"stock_item_id": "source_id"})
        warned = warnings(products, selected, live, catalogue.params.pricelist_id)
        known = warned["key"].isin(identities["renamed_from"].dropna())
        warned = warned[~(known & (warned["rule"] == "TGT-003"))]  # SKU-005 reports the code
        counts = {
            "read": len(products),
            "skipped": int((~selected).sum()),
            "withheld": int(withheld["row"].nunique()),
            "drifted": 0,  # counted once all warnings are known
            "unmatched": int(warned["rule"].isin(["TGT-002", "TGT-003"]).sum()),
        }
        withheld = withheld.drop(columns="row").reset_index(drop=True)
        records = pd.DataFrame({"source_id": products["stock_item_id"], "selected": selected})
        return Evaluation(desired, live, withheld, warned, records, counts, metrics)

    def _record_price_list(self, catalogue: ProductCatalogue) -> None:
        followed = {"pricelist_id": catalogue.pricelist_id, "currency": catalogue.params.currency}
        rows = pd.DataFrame([followed] if catalogue.pricelist_id is not None else [], columns=[*followed])
        self.store.replace(product_views.PRICE_LIST.name, rows)

    def _compare_written(self, contract: Contract, evaluation: Evaluation) -> None:
        """Adds the warnings about values that pushes have written before, and takes out those that myOGO keeps
        otherwise, so that they are not sent in every run."""
        from schemas.products.written_issues import DRIFTED, price_jump_warnings, written_warnings
        from transforms.written import compare_written, differing_cells, price_jumps, without_kept

        desired = evaluation.desired
        cells = differing_cells(desired, evaluation.live, contract)
        compared = compare_written(cells, written_values(self.store, self.context.name, cells["key"].drop_duplicates()))
        jumps = price_jumps(cells, exact(self.context.limits.price_jump_factor))
        warned = [written_warnings(compared, desired), price_jump_warnings(jumps, desired)]
        evaluation.warned = pd.concat([evaluation.warned, *warned], ignore_index=True)
        drifted = evaluation.warned[evaluation.warned["rule"].isin(["EAN-004", *DRIFTED])]
        evaluation.counts["drifted"] = int(
            drifted["source_id"][is_in(drifted["source_id"], desired["source_id"])].nunique()
        )
        evaluation.desired = without_kept(desired, compared)


def _names(products: pd.DataFrame) -> list[pd.Series]:
    """The codes by which people know the products: those in myOGO, and those in Centra if any differs."""
    code, in_centra = products["code"], products["code_in_centra"]
    return [code] if code is in_centra or code.equals(in_centra) else [code, in_centra]


def violations(limits: ProductLimits, plan: Plan, metrics: ProductMetrics, ends: tuple[str, str]) -> list[Violation]:
    """The limits that the plan breaks; empty if it may be applied. `ends` are the titles of source and target."""
    return [
        *read_violations(limits, metrics),
        *_comparison_violations(limits, metrics, *ends),
        *_plan_violations(limits, plan, ends[1]),
    ]


def _comparison_violations(
    limits: ProductLimits, metrics: ProductMetrics, source: str, target: str
) -> Iterable[Violation]:
    existing = len(metrics.target_codes)
    known = is_in(metrics.target_codes, metrics.source_codes)
    if existing >= MIN_ROWS_FOR_SHARE and known.sum() < exact(limits.min_known_share) * existing:
        target_only = examples(metrics.target_codes[~known])
        source_only = examples(metrics.source_codes[~is_in(metrics.source_codes, metrics.target_codes)]) or "none"
        yield Violation(
            "min_known_share",
            f"{known.sum()} of the {existing} products in {target} have the code of a size in {source} "
            f"({percent(int(known.sum()), existing)}), less than min_known_share = {limits.min_known_share:g} (only in "
            f"{target}: {target_only}; only in {source}: {source_only}): is it the right shop? Compare merchant_id and "
            "both base_url with those of the right shop",
            False,
        )
    withheld = metrics.withheld["row"].nunique()
    if metrics.selected >= MIN_ROWS_FOR_SHARE and withheld > exact(limits.max_withheld_share) * metrics.selected:
        by_rule = sorted(metrics.withheld.groupby("rule").size().items(), key=lambda pair: -pair[1])
        rules = ", ".join(f"{rule} {rows}" for rule, rows in by_rule[:MAX_EXAMPLES])
        yield Violation(
            "max_withheld_share",
            f"{withheld} of the {metrics.selected} selected rows would be withheld "
            f"({percent(withheld, metrics.selected)}), more than max_withheld_share = {limits.max_withheld_share:g} "
            f"(most by {rules}; for example {examples(metrics.withheld['code'])})",
            False,
        )


def _plan_violations(limits: ProductLimits, plan: Plan, target: str) -> Iterable[Violation]:
    creates, updates = plan.count("create"), plan.count("update")
    if creates > limits.max_creates:
        message = f"{creates} products would be created, more than max_creates = {limits.max_creates}"
        yield Violation("max_creates", message, True)
    yield from update_violations(limits, plan, "products", target)
    jumps = planned_price_jumps(plan, exact(limits.price_jump_factor))
    if len(jumps) > limits.max_price_jumps:
        yield Violation(
            "max_price_jumps",
            f"{len(jumps)} of the {updates} updates would change the price by a factor of more than "
            f"price_jump_factor = {limits.price_jump_factor:g}, more than max_price_jumps = {limits.max_price_jumps} "
            f"(for example {', '.join(jumps[:MAX_EXAMPLES])})",
            True,
        )


def planned_price_jumps(plan: Plan, factor: Fraction) -> list[str]:
    """The updates with a price jump, as `code old -> new`. A price that the target lacks is no jump."""
    updates = plan.changes[plan.changes["action"] == "update"]
    jumps = []
    for key, before, after in updates[["key", "before", "after"]].itertuples(index=False):
        old, new = (decode_exact(side.encode()).get("sales_price") for side in (before, after))
        if old is None or new is None:
            continue
        if is_price_jump(old, new, factor):
            jumps.append(f"{shortened(key)} {old} -> {new}")
    return jumps
