"""The declaration of Centra for the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.systems.centra.config import CentraConfig
from pipelines.systems.centra.webhook import WEBHOOK
from pipelines.systems.question import Question
from pipelines.systems.system import (
    CheckRunner,
    DatedTable,
    Interruptible,
    MergeBlocker,
    MirrorTable,
    PersonalColumns,
    System,
    SystemCheck,
)
from schemas.fields.centra import PRICES, PRODUCTS, STOCK
from schemas.fields.centra_orders import COMPLETED, LINES, ORDERS, PERSONAL, SHIPMENTS

if TYPE_CHECKING:
    from pipelines.state.store import Store
    from pipelines.systems.centra.client import CentraClient


# Columns that precede the fields of `products` and `stock`.
COPIES = (("copies", "bigint"),)
_COPIES_COMMENT = {"copies": "How many rows Centra sent for the size."}
_LINE_COMMENTS = {
    "position": "The number of the line among those that were read together, from 0.",
    "inside": "The position of the bundle line that the line is a part of; null for a line of the order.",
}
# Names and lists that a product has from other records of Centra; whether their change modifies it is not documented.
UNDATED = ("brand", "collection", "folder", "store", "category_name", "categories", "images")
# Of a size with several rows, fewer are among the changes: the last full read has values that the changes lack.
_CHANGED_IN_PART = """
    select 1 from raw_centra.products old
    join (select stock_item_id, sum(copies) as copies from raw_centra_changes.products group by all) new
    using (stock_item_id) where old.copies > new.copies"""


class Centra(System):
    """Centra's Order API, one plugin of one store."""

    name = "centra"
    title = "Centra"
    Config = CentraConfig
    catalogue = "pipelines.systems.centra.source:centra"
    mirror = (
        MirrorTable(
            "products",
            "sizes",
            PRODUCTS,
            "stock_item_id",
            own_columns=COPIES,
            undated=UNDATED,
            comment="One row per size, as Centra sent it.",
            comments=_COPIES_COMMENT,
        ),
        MirrorTable(
            "prices",
            "prices",
            PRICES,
            "stock_item_id",
            part_of="products",
            own_columns=(("stock_item_id", "varchar"), ("position", "bigint")),
            comment="One row per size and price list; the price is text, with the digits that were sent.",
            comments={
                "stock_item_id": "The size.",
                "position": "Its place in the list of the size, from 0.",
            },
        ),
        MirrorTable(
            "stock",
            "stock rows",
            STOCK,
            "stock_item_id",
            own_columns=COPIES,
            comment="One row per size: its stock in Centra, in units.",
            comments=_COPIES_COMMENT,
        ),
    )
    dated = (
        DatedTable("shipments", SHIPMENTS, "One row per open shipment, as far as the orders flow needs it."),
        DatedTable("orders", ORDERS, "One row per recent order, as far as flows need it."),
        DatedTable("completed_shipments", COMPLETED, "One row per recent shipment that is completed."),
        *(
            DatedTable(
                f"{what}_lines",
                LINES,
                f"One row per line of {rows}, and per part of a bundle.",
                {f"{what}_id": f"The {what}.", **_LINE_COMMENTS},
            )
            for what, rows in (("shipment", "an open shipment"), ("order", "a recent order"))
        ),
    )
    merge_blockers = (MergeBlocker("a size that Centra lists more than once has changed in part", _CHANGED_IN_PART),)
    personal = (
        PersonalColumns("shipments", PERSONAL, "order_date", "shipment_id"),
        PersonalColumns("orders", PERSONAL, "order_date", "order_id"),
    )
    webhook = WEBHOOK
    changes_depend_on = "systems.centra.timezone"
    questions = (
        Question(
            "base_url",
            "Base URL of the Order API plugin",
            "In Centra: Stores, your store, Plugins, Order API; the URL ends with /order-api or the plugin's name",
        ),
        Question("token", "Secret API key of the plugin", "On the same page; you chose it", secret=True),
        Question(
            "timezone",
            "Time zone that your Centra uses",
            "The zone set in Centra; its API does not report it",
            default="Europe/Stockholm",
            ask_always=True,
        ),
    )
    compares_lists = True

    def connect(self, config: CentraConfig, permissions: Sequence[str]) -> CentraClient:
        from pipelines.systems.centra.client import CentraClient

        return CentraClient(config)

    def preflight(
        self, config: CentraConfig, permissions: Sequence[str], extra_checks: Sequence[SystemCheck], runner: CheckRunner
    ) -> None:
        from pipelines.systems.centra.preflight import preflight

        preflight(config, extra_checks, runner)

    def format_time(self, config: CentraConfig, at: datetime) -> str:
        return config.format_time(at)

    def identity(self, config: CentraConfig) -> Sequence[str]:
        return [config.base_url, config.timezone or "", config.token.reveal()]

    def missing_for_changes(self, config: CentraConfig) -> str:
        if config.timezone is None:
            return "systems.centra.timezone, the zone of the times that Centra compares"
        return ""

    def before_merge(self, store: Store) -> Collection[str]:
        from pipelines.systems.centra import list_gaps

        return list_gaps.known_gaps(store)

    def complete(
        self, store: Store, client: CentraClient, reading: Interruptible, known: Collection[str] = ()
    ) -> Mapping[str, Any]:
        from pipelines.systems.centra import copies, list_gaps

        gaps = list_gaps.backfill_missing(store, client, reading, known)
        return gaps | copies.merge_copies(store, client, reading)

    def describe_findings(self, findings: Mapping[str, Any]) -> list[str]:
        from pipelines.systems.centra import copies, list_gaps

        return [*list_gaps.describe_list_gaps(findings), *copies.describe_copies(findings)]


CENTRA = Centra()
