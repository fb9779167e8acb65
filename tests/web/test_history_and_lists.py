"""The history of a code, and the lists as files, as a person without JavaScript gets them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator

import duckdb
import pytest

from tests.support.served import Visitor, served_pages, text_of
from tests.support.shop import Shop, size
from tests.web.test_pages import project_of

FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), size(2, prices=[], name=FORMULA, sku="@SKU2"), size(3, prices=[]))


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    with served_pages(project_of(shop), shop.data) as found:
        yield found


def files(visitor: Visitor) -> dict[str, bytes]:
    answer = visitor.session.get(f"{visitor.address}/channels/demo/lists.zip")
    assert answer.headers["Content-Disposition"] == "attachment; filename=demo.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_csv_files_are_those_of_the_report(visitor: Visitor, shop: Shop) -> None:
    """With the mark that spreadsheets need to see UTF-8, and without formulas."""
    assert "Press Refresh" in visitor.get("/channels/demo/lists.zip", status=404)
    shop.run("plan")
    assert 'href="/channels/demo/lists.zip"' in visitor.get("/channels/demo/fix")
    folder = shop.folder / "lists"
    shop.command("report", str(shop.file), "--csv", str(folder), "--data", str(shop.data))
    found = files(visitor)
    assert found == {f"demo/{file.name}": file.read_bytes() for file in folder.iterdir()}
    assert all(content.startswith(b"\xef\xbb\xbf") for content in found.values())
    rows = [*csv.DictReader(io.StringIO(found["demo/withheld.csv"].decode("utf-8-sig")))]
    assert sorted(row["code"] for row in rows) == ["'@SKU2", "SKU3"]


def test_the_lists_can_be_had_though_there_is_nothing_to_fix(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    with served_pages(project_of(shop), shop.data) as visitor:
        assert "Nothing to fix." in visitor.get("/channels/demo/fix")
        assert "demo/changes.csv" in files(visitor)


def test_tables_of_an_older_version_are_a_message(visitor: Visitor, shop: Shop) -> None:
    shop.run("plan")
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb")) as db:
        db.execute("create or replace view v_products as select '1' as stock_item_id, 'SKU1' as code")
    for path in ("flows/products", "fix"):
        assert "another version of this program. Press Refresh." in visitor.get(f"/channels/demo/{path}")


def test_the_history_has_the_times_of_the_shop_and_leads_to_each_run(visitor: Visitor, shop: Shop) -> None:
    shop.edit("Europe/Stockholm", "Asia/Tokyo")
    project_of(shop)
    shop.run("push")
    page = visitor.get("/channels/demo/history?code=SKU1")
    text = text_of(page)
    assert "2 events, the oldest first" in text
    assert "All times are" not in text
    assert len(re.findall(r"\d\d:\d\d Tokyo \(", text)) == 2
    assert text.index("planned create") < text.index("create applied")
    [(run_id,)] = shop.sql("select run_id from sync.runs")
    assert page.count(f'href="/channels/demo/runs/{run_id}"') == 2


def test_a_search_without_a_result_says_what_was_searched_and_where_to_look(visitor: Visitor, shop: Shop) -> None:
    assert "Type a combined code" in visitor.get("/channels/demo/history")
    shop.run("plan")
    page = visitor.get("/channels/demo/history?code=SKU9")
    assert "No run has met SKU9 . Searched: the codes and order numbers in" in text_of(page)
    assert '<a href="/channels/demo/history?code=SKU1"><code>SKU1</code></a>' in page
    assert 'href="/channels/demo/flows/products?text=SKU9"' in page
    assert "The closest codes" not in visitor.get("/channels/demo/history?code=parka")
