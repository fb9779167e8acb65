"""What README and docs show of the sample is what its runs print: plan, push, and each SQL query.

`make golden` rewrites the results. The queries of the notebook run too.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.support.pages import README, ROOT
from tests.support.shop import Shop, euro

TABLES, ANALYSTS, DEMO = (ROOT / "docs" / name for name in ("tables.md", "analysts.md", "demo.md"))
NOTEBOOK = ROOT / "docs" / "analysts_notebook.py"
PAGE_WIDE = re.DOTALL | re.MULTILINE
BLOCK = re.compile(r"(```sql\n(.*?)\n```\n```text\n)(.*?)(\n```\n)", re.DOTALL)


def check_page(page: Path, shop: Shop, queries: int) -> None:
    """The page has that many queries, and shows what they print."""
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        text = page.read_text("utf-8")
        expected = BLOCK.sub(lambda block: block[1] + str(db.sql(block[2])).rstrip() + block[4], text)
    if os.environ.get("GOLDEN"):
        page.write_text(expected, "utf-8")
    assert len(BLOCK.findall(text)) >= queries
    assert expected == text


def shown_output() -> Iterator[str]:
    """The lines of a plan and a push that README and the page about the demo show. How long a push takes and the
    command that applies the plan depend on the channel file."""
    for page in (README, DEMO):
        for block in re.findall(
            r"^```\n((?:Plan |Brand |[\d,]+ to create).*?)^```$", page.read_text("utf-8"), PAGE_WIDE
        ):
            lines = (line.partition(" Applying takes")[0] for line in block.splitlines())
            yield from (line for line in lines if line not in ("", "[...]") and "centra-myogo" not in line)


def test_the_pages_show_what_the_demo_prints_and_what_its_tables_hold(shop: Shop) -> None:
    """After the first runs of the demo: plan, push, push."""
    printed = "".join(shop.command(verb, str(shop.file), "--data", str(shop.data)).stdout for verb in ("plan", "push"))
    shown = list(shown_output())
    assert len(shown) >= 15
    assert [line for line in shown if line not in printed] == []
    shop.run("push")
    check_page(TABLES, shop, 6)


def three_days(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Monday: the sample is pushed. Tuesday: colleagues give missing prices, lower others, and push; customers buy.
    Wednesday: two prices rise, and somebody makes a plan."""

    def run_on(day: int, verb: str) -> None:
        noon = datetime(2026, 3, day, 12, tzinfo=UTC).replace(tzinfo=None)
        monkeypatch.setattr("pipelines.engine.run.utc_now", lambda: noon)
        assert shop.run(verb).exit_code == 3

    run_on(2, "push")
    (missing, *_) = shop.sql("select product_id from v_missing_euro_price order by code")
    for (size,) in shop.sql("select stock_item_id from v_missing_euro_price where product_id = ?", *missing):
        shop.box.change_centra_row(int(size), prices=[euro("149.00")])
    priced = "select stock_item_id, eur_price from v_products where folder = ? and eur_price > 100 order by code"
    sneakers, parkas = (shop.sql(priced, folder) for folder in ("Shoes / Sneakers", "Outerwear / Parkas"))
    for size, price in sneakers[:12]:
        shop.box.change_centra_row(int(size), prices=[euro(f"{price - 10:.2f}")])
    in_stock = (
        "select stock_item_id, centra_physical from v_products where centra_physical > 20 order by md5(code), code"
    )
    for size, units in shop.sql(in_stock)[:200]:
        shop.box.change_centra_row(int(size), physical=units - 3)
    run_on(3, "push")
    for size, price in parkas[:2]:
        shop.box.change_centra_row(int(size), prices=[euro(f"{price + 20:.2f}")])
    run_on(4, "plan")


def test_the_queries_for_analysts_print_what_their_page_shows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    three_days(shop, monkeypatch)
    check_page(ANALYSTS, shop, 12)
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        results = [len(db.execute(query, parameters).fetchall()) for query, parameters in notebook_queries()]
    assert len(results) >= 7
    assert all(results)


def notebook_queries() -> Iterator[tuple[str, dict[str, str]]]:
    """The queries of the marimo notebook, with values for their parameters. marimo need not be installed."""
    for node in ast.walk(ast.parse(NOTEBOOK.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sql":
            query = ast.literal_eval(node.args[0])
            yield query, {"brand": "Ullörn"} if "$brand" in query else {}


def test_the_cells_of_the_notebook_get_what_they_name() -> None:
    """marimo makes each cell a function: its arguments are names that exactly one other cell returns."""
    module = ast.parse(NOTEBOOK.read_text("utf-8"))
    compile(module, str(NOTEBOOK), "exec")
    cells = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    returned = [
        name.id
        for cell in cells
        if isinstance(last := cell.body[-1], ast.Return) and isinstance(last.value, ast.Tuple)
        for name in last.value.elts
        if isinstance(name, ast.Name)
    ]
    assert len(returned) == len(set(returned))
    assert {argument.arg for cell in cells for argument in cell.args.args} <= set(returned)
    assert [ast.unparse(cell.decorator_list[0]) for cell in cells] == ["app.cell"] * len(cells)
