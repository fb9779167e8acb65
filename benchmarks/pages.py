"""What a page of 1,000,000 rows costs, compared with the same page of 10,000, in one server in turn, through HTTP.

`python -m benchmarks.pages` prints a table. The first request of each kind is not measured: it sorts or counts once per
published file.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import requests

from pipelines.sandbox import Sandbox
from pipelines.state.store import Folder
from tests.support.many_rows import fill
from tests.support.served import served_pages
from tests.support.shop import catalogue, shop_in, size

SMALL, LARGE = 10_000, 1_000_000
KINDS = {
    "first page": "",
    "page in the middle": "page={middle}",
    "last page": "page={last}",
    "by name, in the middle": "sort=name&page={middle}",
    "by brand, downwards": "sort=-brand",
    "one state, page 3": "state=withheld&page=3",
    "one state by name, page 3": "state=withheld&sort=name&page=3",
    "one rule": "rule=PRICE-001",
    "one brand": "brand=Brand+3",
    "text": "text=parka+c00990",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        print("| Page | 10,000 rows, ms | 1,000,000 rows, ms | ratio | first request of 1,000,000, ms |")
        print("|---|---:|---:|---:|---:|")
        for kind, (small, large, first) in measured(Path(name), options.rounds).items():
            print(f"| {kind} | {small:.1f} | {large:.1f} | {large / small:.2f} | {first:.0f} |", flush=True)


def measured(folder: Path, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Milliseconds by kind of page: medians of the small and the large channel, and the first of the large one."""
    box = Sandbox.start(catalogue(size(1)), 0, 0)
    folder.mkdir(exist_ok=True)
    try:
        shop = shop_in(box, folder)
        shop.run("plan")
        text = shop.file.read_text("utf-8")
        for rows in (SMALL, LARGE):
            (folder / "channels").mkdir(exist_ok=True)
            file = folder / "channels" / f"rows{rows}.toml"
            file.write_text(text.replace('name = "demo"', f'name = "rows{rows}"'), "utf-8")
            published = Folder(shop.data, f"rows{rows}")
            published.root.mkdir()
            published.published.write_bytes(Folder(shop.data, "demo").published.read_bytes())
            fill(published, rows)
        with served_pages(folder, shop.data) as visitor:
            return {kind: _times(visitor.address, query, rounds) for kind, query in KINDS.items()}
    finally:
        box.stop()


def _times(address: str, query: str, rounds: int) -> tuple[float, float, float]:
    def asked(rows: int) -> float:
        pages = rows // 100
        path = f"{address}/channels/rows{rows}/flows/products?{query.format(middle=pages // 2, last=pages)}"
        began = time.perf_counter()
        requests.get(path, timeout=120).raise_for_status()
        return (time.perf_counter() - began) * 1000

    asked(SMALL)
    first = asked(LARGE)
    both = [(asked(SMALL), asked(LARGE)) for _ in range(rounds)]
    small, large = zip(*both, strict=True)
    return statistics.median(small), statistics.median(large), first


if __name__ == "__main__":
    main()
