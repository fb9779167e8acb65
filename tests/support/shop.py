"""A channel that talks to a sandbox, runs of it, and the rows of a made-up shop."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.engine.run import RunOptions, run
from pipelines.engine.sku_patterns import SkuSelection
from pipelines.reports.console import SilentReporter
from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.state.run_result import RunResult

TORTURE = bool(os.environ.get("TORTURE"))  # everything, however long it takes: `make torture`


@dataclass
class Shop:
    """A channel file in a temporary folder that talks to a sandbox, and runs of it."""

    box: Sandbox
    folder: Path
    text: str
    cli: CliRunner = field(default_factory=CliRunner)

    @property
    def file(self) -> Path:
        return self.folder / "demo.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def edit(self, old: str, new: str) -> None:
        """Replaces a piece of the channel file; it must be there."""
        assert old in self.text, f"{old!r} is not in the channel file"
        self.text = self.text.replace(old, new)
        self.file.write_text(self.text, "utf-8")

    def channel(self) -> Channel:
        return load(str(self.file))

    def run(self, verb: str = "push", sku: tuple[str, ...] = (), **options: Any) -> RunResult:
        """One complete run in this process, real HTTP included."""
        selected = RunOptions(verb, selection=SkuSelection(sku), **options)
        return run(self.channel(), self.data, selected, SilentReporter())

    def command(self, *words: str) -> Any:
        """The command line in this process; `exit_code`, `stdout`, `stderr` of the result."""
        return self.cli.invoke(app, [*words], catch_exceptions=False)

    def json(self, verb: str, *words: str) -> dict[str, Any]:
        """The object that the verb prints with --json."""
        more = [] if verb == "check" else ["--data", str(self.data)]
        result = self.command(verb, str(self.file), "--json", *more, *words)
        document = json.loads(result.stdout)
        assert document["exit_code"] == result.exit_code or verb == "report"
        return dict(document)

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of the published analytics.duckdb."""
        with duckdb.connect(str(self.data / "demo" / "analytics.duckdb"), read_only=True) as db:
            return db.execute(query, parameters).fetchall()


# Great Expectations takes a third of a run's time; `expecting` turns it on for the tests that are about it.
# Most tests are about what is withheld, not about what is news.
ATTENTION = ('name = "demo"', 'name = "demo"\nattention = "any"')
NO_EXPECTATIONS = "\n[flows.products.expectations]\nenabled = false\n"


def shop_in(box: Sandbox, folder: Path) -> Shop:
    made = Shop(box, folder, channel_file(box.centra_url, box.myogo_url))
    made.edit("backoff_s           = 0.05", "backoff_s           = 0.001")
    made.edit(*ATTENTION)
    made.text += NO_EXPECTATIONS
    made.file.write_text(made.text, "utf-8")
    return made


def expecting(shop: Shop) -> Shop:
    """The shop with its batch expectations turned on."""
    shop.edit(NO_EXPECTATIONS, "")
    return shop


def size(stock_item_id: int, **fields: Any) -> dict[str, Any]:
    """One fit Centra size (code `SKU<id>`, 10.00 EUR) in the sample's form; `fields` override the wire's names."""
    row: dict[str, Any] = {
        "sku": f"SKU{stock_item_id}", "productId": stock_item_id, "variantSku": "", "variantId": stock_item_id,
        "sizeSku": "", "stockItemId": stock_item_id, "brand": "Acme", "collection": None, "product": "parka int",
        "name": "Parka", "variant": "Blue", "size": "S", "sizeComment": "", "ean": "", "upc": None, "weight": 0,
        "weightUnit": "kg", "countryOfOrigin": "PT", "harmCode": "62014000", "harmDescription": "Coats",
        "active": 1, "createdAt": "2026-01-10 08:00:00", "folder": "Outerwear", "description": "",
        "shortDescription": "", "comment": "", "metaTitle": "", "metaDescription": "", "metaKeywords": "",
        "categories": ["Shop / Jackets"], "categoryName": "Jackets", "images": [], "store": "Retail",
        "prices": [euro("10.00")], "physical": 5, "allocated": 1,
    }  # fmt: skip
    return row | fields


def product(number: int, **fields: Any) -> dict[str, Any]:
    """The product that myOGO holds after `size(number)` was pushed; `fields` override the wire's names."""
    held: dict[str, Any] = {
        "code": f"SKU{number}", "name": "Parka Blue S", "salesPrice": Decimal("10.00"), "languageCode": "en",
        "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT", "customsDescription": "Coats",
        "hsCode": "62014000",
    }  # fmt: skip
    return held | fields


def euro(price: Any, pricelist_id: Any = "36", **fields: Any) -> dict[str, Any]:
    """One entry of `prices`, in euro by default."""
    entry = {"id": pricelist_id, "price": price, "pricelist": "EUR", "currency": "EUR", "campaigns": []}
    return entry | fields


def catalogue(*sizes: dict[str, Any], myogo: Sequence[dict[str, Any]] = ()) -> Catalogue:
    """A shop of exactly these sizes, and what myOGO holds at the start."""
    products = [{"variants": [{"sizes": [one]}]} for one in sizes]
    held = [{"languageCode": "en", "name": "?", "stock": 0, "reserved": 0, "stockUpdate": 0} | one for one in myogo]
    return Catalogue.of({"products": products}, {"products": held})
