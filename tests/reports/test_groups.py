"""What to fix: its order, its groups by product, links to the product, and the amounts that a flow keeps."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest

from pipelines.reports.formatting import local_time
from pipelines.reports.withheld_by_day import withheld_by_day
from tests.reports.conftest import Page, report_page
from tests.support.shop import Shop, euro, size

ShopOf = Callable[..., Shop]
LINKS = """
[links]
centra = "https://shop.example/products/{product_id}"
myogo  = "https://my.example/?code={code}"
"""
STOCK = """
[flows.stock.params]
goods_received = true
"""


def utc(text: str) -> datetime:
    """A moment in UTC without an offset, as the tables have it."""
    return datetime.fromisoformat(text)


def add_to_channel(shop: Shop, text: str) -> None:
    shop.text += text
    shop.file.write_text(shop.text, "utf-8")


def test_sizes_that_share_a_code_stand_together_once(shop_of: ShopOf) -> None:
    """With brand, name and variant; the message that names the others is needed only for sizes that are not listed."""
    shared = {"sku": "PK", "variantSku": "-BER", "productId": 7, "brand": "Björk", "name": "Parka", "variant": "Red"}
    shop = shop_of(*(size(n, **shared, size=f"S{n}") for n in (1, 2, 3)), size(4))
    shop.run("plan")
    text = report_page(shop).text("SKU-002")
    assert "PK-BER Björk · Parka · Red 3 sizes 3 sizes share the code PK-BER" in text
    assert [text.count(f"{n}, Parka Red S{n}") for n in (1, 2, 3)] == [1, 1, 1]
    assert "is shared with" not in text
    shop.box.change_centra_row(3, active=0)
    shop.run("plan")
    text = report_page(shop).text("SKU-002")
    assert "2 sizes share the code PK-BER" in text
    assert "The code 'PK-BER' is shared with size 2" in text
    assert "inactive" in text


def test_products_that_share_several_codes_are_one_group(shop_of: ShopOf) -> None:
    """A copied product is one decision, however many sizes it has."""
    pair = [size(10 * p + n, sku="JN", sizeSku=f"-{n}", productId=p, name=f"Jeans {p}") for p in (1, 2) for n in (1, 2)]
    shop = shop_of(*pair)
    shop.run("plan")
    page = report_page(shop)
    assert "4 sizes share 2 codes JN-1 11, Jeans 1 Blue S 21, Jeans 2 Blue S JN-2 12," in page.text("SKU-002")
    assert page.rows["SKU-002"] == 5


def test_the_sizes_of_one_product_are_one_row_with_their_message_once(shop_of: ShopOf) -> None:
    sizes = [size(n, sku="SH", variantSku="-RST", sizeSku=f"-{n}", productId=7, prices=[]) for n in (1, 2, 3)]
    shop = shop_of(*sizes, size(9, prices=[]))
    shop.run("plan")
    page = report_page(shop)
    text = page.text("PRICE-001")
    assert "SH-RST Acme · Parka · Blue 3 sizes 3 sizes: No EUR price" in text
    assert text.count("No EUR price") == 2
    assert "SH-RST-1 SH-RST-2 SH-RST-3" in text
    assert "SKU9 Acme · Parka · Blue · S 9 No EUR price" in text
    assert text.startswith("4 Centra")


def test_codes_that_differ_only_by_case_are_both_listed(shop_of: ShopOf) -> None:
    shop = shop_of(*(size(n, sku=code, productId=7, prices=[]) for n, code in ((1, "ab"), (2, "AB"))))
    shop.run("plan")
    assert "AB ab" in report_page(shop).text("PRICE-001")


def test_a_product_is_linked_in_the_systems_that_have_it(shop_of: ShopOf) -> None:
    """Codes are escaped in addresses. Without [links] there are none."""
    held = {"code": "A/B", "name": "Old", "salesPrice": 1}
    shop = shop_of(size(1, sku="A/B", productId=70), size(2, prices=[], productId=80), myogo=[held])
    shop.run("plan")
    assert report_page(shop).ids == []
    add_to_channel(shop, LINKS)
    links = report_page(shop).ids
    assert set(links) == {"https://shop.example/products/70", "https://shop.example/products/80",
                          "https://my.example/?code=A%2FB"}  # fmt: skip


def test_urgent_rules_come_first_also_those_of_another_flow(shop_of: ShopOf) -> None:
    """Then the more frequent ones. A flow with something urgent is the first row of the table."""
    shop = shop_of(*(size(n, prices=[]) for n in (1, 2, 3)), size(4, name="", product=""), size(5, physical=3),
                   myogo=[{"code": "SKU1", "name": "Parka", "stock": 5}])  # fmt: skip
    add_to_channel(shop, STOCK)
    shop.run("push")
    page = report_page(shop)
    rules = [name for name in page.sections if re.fullmatch(r"(SKU|PRICE|NAME|STOCK)-\d+", name)]
    assert rules[0] == "STOCK-009"
    assert rules.index("PRICE-001") < rules.index("NAME-001")
    first = page.text("")
    assert first.index("Stock myOGO → Centra") < first.index("Products Centra → myOGO")
    assert "urgent A customer waits, or the shop may sell what is not there." in page.text("to-fix")


def test_a_plan_says_what_a_push_would_do(shop_of: ShopOf) -> None:
    shop = shop_of(size(1), size(2), myogo=[{"code": "SKU1", "name": "Old"}])
    shop.run("plan")
    page = report_page(shop)
    assert "What would change? What needs fixing?" in page.text("")
    assert "1 to create, 1 to update" in page.text("")
    assert "A push would make 2 changes; a plan writes nothing." in page.text("")
    assert "To update: 1" in page.text("changes")
    assert "To create: 1" in page.text("changes")
    assert "Created" not in page.text()
    assert "Outcome" not in page.text("changes")


def test_after_a_good_stock_push_all_codes_are_as_they_should_be(shop_of: ShopOf) -> None:
    """Also those whose available numbers differ, because Centra has units allocated. A withheld code is not."""
    held = [{"code": f"SKU{n}", "name": "Parka", "stock": 10, "stockUpdate": 10} for n in (1, 2, 3)]
    shop = shop_of(size(1, physical=10, allocated=2), size(2, physical=4, allocated=0), size(3), myogo=held)
    add_to_channel(shop, STOCK)
    shop.run("push")
    text = report_page(shop).text("stock")
    assert text.startswith("Stock side by side 3 of 3 codes are as they should be.")
    assert "differ on purpose: Centra has units allocated" in text
    assert "Largest" not in text
    assert shop.json("report")["report"]["stock"]["explained"] == 3
    shop.box.change_centra_row(2, sku="SKU3")
    shop.run("push")
    text = report_page(shop).text("stock")
    assert "1 of 2 codes are as they should be." in text
    assert "Largest other differences" in text


def test_the_only_script_is_the_one_whose_hash_the_policy_names(page: Page) -> None:
    """The policy allows nothing else, and no element has a handler."""
    assert len(page.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = re.search('Content-Security-Policy" content="([^"]+)"', page.html)
    assert policy is not None
    assert policy[1] == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page.fetches == []


def test_the_page_has_landmarks_and_every_table_a_caption_and_scopes(page: Page) -> None:
    assert [page.html.count(f"<{tag}") for tag in ("header>", "main ", "nav ", "h1")] == [1, 1, 1, 1]
    assert '<a class="skip" href="#main">' in page.html
    assert page.html.count("<table") == page.html.count("<caption")
    assert re.findall(r"<th(?![^>]*scope=)(?!ead)[^>]*>", page.html) == []
    levels = [int(level) for level in re.findall(r"<h(\d)", page.html)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(set(ids := re.findall(r' id="([^"]+)"', page.html))) == len(ids)


@pytest.fixture
def history() -> duckdb.DuckDBPyConnection:
    """The tables of earlier runs, without rows."""
    db = duckdb.connect()
    db.execute("create schema sync")
    db.execute("create table sync.runs (run_id varchar, started_at timestamp, selection varchar[])")
    db.execute("create table sync.flows (run_id varchar, flow varchar, fingerprint varchar, withheld bigint)")
    return db


def record(
    db: duckdb.DuckDBPyConnection, at: str, withheld: int, flow: str = "a", sku: list[str] | None = None
) -> None:
    db.execute("insert into sync.runs values (?, ?, ?)", [f"{at} {flow}", at, sku])
    db.execute("insert into sync.flows values (?, ?, 'f', ?)", [f"{at} {flow}", flow, withheld])


def test_a_day_has_the_number_of_its_last_run(history: duckdb.DuckDBPyConnection) -> None:
    """In the shop's zone; a day without a run has that of the day before, and --sku does not count."""
    record(history, "2026-03-01 08:00:00", 9)
    record(history, "2026-03-01 22:30:00", 7)
    record(history, "2026-03-01 23:30:00", 5)  # the second of March in Stockholm
    record(history, "2026-03-04 09:00:00", 4)
    record(history, "2026-03-04 10:00:00", 0, sku=["X*"])
    record(history, "2026-03-04 09:00:00", 2, flow="b")
    record(history, "2026-03-04 09:00:00", 50, flow="gone")
    days = withheld_by_day(history, ["a", "b"], utc("2026-03-04 12:00"), ZoneInfo("Europe/Stockholm"))
    assert [(one.day.day, one.total) for one in days] == [(1, 7), (2, 5), (3, 5), (4, 6)]
    assert days[-1].withheld == {"a": 4, "b": 2}


def test_what_was_known_before_counts_for_the_first_of_thirty_days(history: duckdb.DuckDBPyConnection) -> None:
    record(history, "2026-01-01 08:00:00", 9)
    record(history, "2026-01-02 08:00:00", 3)
    record(history, "2026-03-31 08:00:00", 1)
    days = withheld_by_day(history, ["a"], utc("2026-03-31 12:00"), ZoneInfo("UTC"))
    assert (len(days), days[0].day, days[0].total, days[-1].total) == (30, date(2026, 3, 2), 3, 1)


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        (utc("2026-07-01 06:05"), "Europe/Stockholm", "2026-07-01 08:05 Stockholm (06:05 UTC)"),
        (utc("2026-07-01 23:05"), "Europe/Stockholm", "2026-07-02 01:05 Stockholm (2026-07-01 23:05 UTC)"),
        (utc("2026-01-01 02:00"), "America/New_York", "2025-12-31 21:00 New York (2026-01-01 02:00 UTC)"),
        (utc("2026-01-01 02:00"), None, "2026-01-01 02:00 UTC"),
    ],
)
def test_a_time_is_the_shop_s_with_utc_beside_it(moment: datetime, zone: str | None, text: str) -> None:
    iso = moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = local_time(moment, ZoneInfo(zone) if zone else None)
    assert shown == f'<time datetime="{iso}">{text}</time>'
    assert local_time(None, None) == "never"


def test_prices_in_several_lists_stay_one_line_per_message(shop_of: ShopOf) -> None:
    """Sizes of one product with different messages are listed under it one by one."""
    shop = shop_of(*(size(n, sku="X", sizeSku=f"-{n}", productId=7, prices=[euro(f"-{n}")]) for n in (1, 2)))
    shop.run("plan")
    text = report_page(shop).text("PRICE-002")
    assert "2 sizes: X-1 The EUR price is '-1'" in text
    assert "X-2 The EUR price is '-2'" in text
