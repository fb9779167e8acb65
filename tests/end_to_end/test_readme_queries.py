"""Each SQL query of README runs on the sample and prints what README shows. `make golden` rewrites them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb

from tests.support.shop import Shop

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"(```sql\n(.*?)\n```\n```text\n)(.*?)(\n```\n)", re.DOTALL)


def test_readme_queries_print_what_readme_shows(shop: Shop) -> None:
    """After the runs of the demo: plan, push, push."""
    for verb in ("plan", "push", "push"):
        shop.run(verb)
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        text = README.read_text("utf-8")
        expected = BLOCK.sub(lambda block: block[1] + str(db.sql(block[2])).rstrip() + block[4], text)
    if os.environ.get("GOLDEN"):
        README.write_text(expected, "utf-8")
    assert len(BLOCK.findall(text)) >= 5
    assert expected == text
