"""A made-up shop on loopback, in a process of its own: `python -m benchmarks.shop --sizes 10000 --told F`.

With `--held analytics.duckdb` myOGO holds from the start what a run before wanted it to hold: a plan has nothing to do.
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
from pipelines.sandbox.myogo.product_state import Start
from pipelines.sandbox.seed.catalogue import EPOCH
from schemas.products.contract import PRODUCT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, required=True)
    parser.add_argument("--faults", type=float, default=0.05)
    parser.add_argument("--held", type=Path)
    parser.add_argument("--told", type=Path, required=True, help="where the addresses go once it is ready")
    own = parser.parse_args()
    catalogue = Catalogue.generate(own.sizes, faults=own.faults)
    if own.held:
        catalogue = Catalogue(catalogue.items, Start.of(held(own.held)))
    box = Sandbox.start(catalogue)
    told = {
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
        "channel": _channel(box, own.sizes),
    }
    unfinished = own.told.with_suffix(".part")
    unfinished.write_text(json.dumps(told), "utf-8")
    unfinished.replace(own.told)
    box.wait()


def _channel(box: Sandbox, sizes: int) -> str:
    """The sandbox's channel file without a bound that would bind: what is measured is our own work."""
    text = channel_file(box.centra_url, box.myogo_url, max_creates=sizes)
    for side in ("500.0", "1000.0"):
        text = text.replace(f"requests_per_second = {side}", "requests_per_second = 10000.0")
    return text.replace("max_updates      = 2000", f"max_updates      = {sizes}\nmax_withheld_share = 1.0")


def held(run_before: Path) -> list[Product]:
    columns = list(PRODUCT.columns)
    with duckdb.connect(str(run_before), read_only=True) as db:
        rows = db.sql("from out_myogo.products").project(*columns).fetchall()
    return [
        Product(n, values_of(_wire(dict(zip(columns, row, strict=True)))), 5, 1, 0, EPOCH, EPOCH)
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
