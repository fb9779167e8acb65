"""A generated shop on loopback, in its own process: `python -m benchmarks.shop --sizes 10000 --ready FILE`.

With `--held analytics.duckdb` myOGO starts with the products of an earlier run's plan, so a new plan has nothing to do.
"""

from __future__ import annotations

import argparse
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.myogo.product import Product, values_of
from pipelines.sandbox.myogo.product_state import InitialProducts
from pipelines.sandbox.seed.catalogue import INITIAL_EDIT_S
from schemas.products.contract import PRODUCT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, required=True)
    parser.add_argument("--faults", type=float, default=0.05)
    parser.add_argument("--held", type=Path)
    parser.add_argument(
        "--ready", type=Path, required=True, help="file for the addresses, written once the shop answers"
    )
    options = parser.parse_args()
    catalogue = Catalogue.generate(options.sizes, faults=options.faults)
    if options.held:
        catalogue = Catalogue(catalogue.items, InitialProducts.of(held(options.held)))
    box = Sandbox.start(catalogue)
    job = {
        "centra_url": box.centra_url,
        "centra_token": box.credentials.centra_token,
        "myogo_url": box.myogo_url,
        "token_url": box.token_url,
        "myogo": {
            "client_id": box.credentials.client_id,
            "client_secret": box.credentials.client_secret,
            "merchant_id": box.credentials.merchant_id,
            "secret_token": box.credentials.secret_token,
        },
        "channel": _channel(box, options.sizes),
    }
    unfinished = options.ready.with_suffix(".part")
    unfinished.write_text(json.dumps(job), "utf-8")
    unfinished.replace(options.ready)
    box.wait()


def _channel(box: Sandbox, sizes: int) -> str:
    """The sandbox's channel file with limits that never bind, so that only our own work is measured."""
    text = channel_file(box.centra_url, box.myogo_url, max_creates=sizes)
    for side in ("500.0", "1000.0"):
        text = text.replace(f"requests_per_second = {side}", "requests_per_second = 10000.0")
    return text.replace("max_updates      = 2000", f"max_updates      = {sizes}\nmax_withheld_share = 1.0")


def held(database: Path) -> list[Product]:
    columns = list(PRODUCT.columns)
    with duckdb.connect(str(database), read_only=True) as db:
        rows = db.sql("from out_myogo.products").project(*columns).fetchall()
    return [
        Product(n, values_of(_wire(dict(zip(columns, row, strict=True)))), 5, 1, 0, INITIAL_EDIT_S, INITIAL_EDIT_S)
        for n, row in enumerate(rows, start=1)
    ]


def _wire(row: dict[str, Any]) -> dict[str, Any]:
    return {
        PRODUCT.vendor[name]: round(value, 2) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if value is not None
    }


if __name__ == "__main__":
    main()
