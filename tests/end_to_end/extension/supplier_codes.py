"""A fifth flow: the supplier's article number, from Centra's comment field to myOGO's field with the same name.

It reads both lists through the clients of the vendors, and stages them in its own tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import dlt
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.errors import TargetRefused
from pipelines.core.reference import import_string
from pipelines.engine.flow import Evaluation, Flow, Step, Words
from pipelines.engine.plan import Plan
from pipelines.engine.safety_limits import Violation
from pipelines.state.schema import Table, columns
from pipelines.systems.arrow_columns import Findings, table
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.myogo.client import MyOgoClient
from schemas.contract import Contract
from schemas.fields.spec import FieldSpec
from schemas.issues import Check, first_broken, issues_of_checks, no_issues
from schemas.rule import Rule

MAX_LENGTH = 20

COMMENTS = (
    FieldSpec("stock_item_id", "stockItemId", "id", required=True),
    FieldSpec("sku", "sku", "text"),
    FieldSpec("variant_sku", "variantSku", "text"),
    FieldSpec("size_sku", "sizeSku", "text"),
    FieldSpec("comment", "comment", "text", on_type_mismatch="report"),
)
SUPPLIER_CODES = (FieldSpec("code", "code", "text"), FieldSpec("supplier_code", "supplierCode", "text"))
CONTRACT = Contract(key="code", compare=("supplier_code",), create_only=(), summary=("supplier_code",))
RULES = (
    Rule(
        "SUPPLIER-001",
        True,
        "the comment is too long for an article number",
        "The field that this shop uses for article numbers holds a remark.",
        "In Centra, move the remark to another field.",
        "Centra",
    ),
    Rule(
        "SUPPLIER-002",
        False,
        "the size has no article number",
        "It was not entered yet.",
        "In Centra, type the supplier's article number into the comment.",
        "Centra",
    ),
)
CHECKS = (
    Check(
        RULES[0],
        lambda rows: rows["supplier_code"].str.len() > MAX_LENGTH,
        "supplier_code",
        lambda row: f"The comment {row.supplier_code!r} has more than {MAX_LENGTH} characters.",
    ),
)


@dlt.source(name="centra", max_table_nesting=0)
def comments(client: CentraClient, findings: Findings) -> Any:
    @dlt.resource(name="comments", write_disposition="replace")
    def rows() -> Iterator[pa.Table]:
        for page in client.pages("/products"):
            known = frozenset(name for row in page for name in row)
            yield table(page, COMMENTS, lambda index: f"row {index + 1}", findings, known)

    return rows


@dlt.source(name="myogo", max_table_nesting=0)
def supplier_codes(client: MyOgoClient, findings: Findings) -> Any:
    @dlt.resource(name="supplier_codes", write_disposition="replace")
    def rows() -> Iterator[pa.Table]:
        for page in client.pages("/api/v1/Products"):
            known = frozenset(name for row in page for name in row)
            yield table(page, SUPPLIER_CODES, lambda index: f"row {index + 1}", findings, known)

    return rows


@dataclass(frozen=True)
class Params:
    prefix: str = ""


def to_myogo(staged: pd.DataFrame, params: Params) -> pd.DataFrame:
    """`source_id`, `code` and `supplier_code` (null for none) of each size."""
    comment = staged["comment"].fillna("").str.strip()
    return pd.DataFrame(
        {
            "source_id": staged["stock_item_id"],
            "code": staged["sku"].fillna("") + staged["variant_sku"].fillna("") + staged["size_sku"].fillna(""),
            "supplier_code": (params.prefix + comment).mask(comment == ""),
        }
    )


class SupplierCodeTarget:
    """Sends the complete product with one field changed. Products are created by another flow."""

    def __init__(self, clients: Mapping[str, Any], params: Params) -> None:
        self.client: MyOgoClient = clients["myogo"]

    def create(self, key: str, row: dict[str, Any]) -> str:
        raise TargetRefused(f"{key!r} is not in myOGO; the products flow creates it.")

    def update(self, key: str, row: dict[str, Any]) -> str:
        found = [one for one in self.client.products_with_code(key) if one["code"] == key]
        if len(found) != 1:
            raise TargetRefused(f"myOGO holds {len(found)} products with the code {key!r}.", stale=True)
        kept = {name: value for name, value in found[0].items() if value not in (None, "")}
        for name in ("id", "stock", "reserved", "stockAvailable", "stockUpdate"):
            kept.pop(name, None)
        self.client.update_product(key, kept | {"supplierCode": row["supplier_code"]})
        return ""


class SupplierCodeLimits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    max_updates: int = Field(default=100, ge=0)


class SupplierCodeFlow(Flow):
    source, target_system = "centra", "myogo"
    extract = "tests.end_to_end.extension.supplier_codes:comments"
    live = "tests.end_to_end.extension.supplier_codes:supplier_codes"
    transform = "tests.end_to_end.extension.supplier_codes:to_myogo"
    contract = "tests.end_to_end.extension.supplier_codes:CONTRACT"
    target = "tests.end_to_end.extension.supplier_codes:SupplierCodeTarget"
    words = Words("article number", "article numbers", unmatched="without a size in Centra")
    rules = RULES
    Limits = SupplierCodeLimits
    permissions: ClassVar = {"myogo": ("read:product", "write:product")}
    webhook_events: ClassVar = {"centra": frozenset({"products"})}
    outputs = (
        Table(
            "out_myogo.supplier_codes",
            "Article numbers that myOGO should hold.",
            columns(
                """
                code varchar | The combined code.
                supplier_code varchar | The supplier's article number.
                source_id varchar | The size in Centra.
                """
            ),
        ),
    )

    def evaluate(self, step: Step) -> Evaluation:
        with step("transform"):
            staged = self.store.frame("raw_centra.comments", [field.column for field in COMMENTS])
            rows = import_string(self.context.settings.transform)(staged, self.params)
            live = self.store.frame("raw_myogo.supplier_codes", [field.column for field in SUPPLIER_CODES])
        with step("validate"):
            in_myogo = rows["code"].isin(live["code"])
            named = self.context.select_by_sku(rows["code"])
            selected = in_myogo & named & rows["supplier_code"].notna()
            failed = first_broken(rows, CHECKS).where(selected, -1)
            desired = rows[selected & (failed < 0)].reset_index(drop=True)
            counts = {
                "read": len(rows),
                "skipped": int((~selected).sum()),
                "withheld": int((failed >= 0).sum()),
                "drifted": 0,
                "unmatched": int((~live["code"].isin(rows["code"])).sum()),
            }
        self.store.replace("out_myogo.supplier_codes", desired)
        return Evaluation(
            desired=desired,
            live=live,
            withheld=issues_of_checks(rows, failed, CHECKS),
            warned=no_issues(),
            records=rows[["source_id"]].assign(selected=selected),
            counts=counts,
        )

    def limit_violations(self, plan: Plan, evaluation: Evaluation) -> list[Violation]:
        limit, planned = self.context.limits.max_updates, plan.count("update")
        return [Violation("max_updates", f"{planned} updates are more than {limit}", True)] if planned > limit else []
