"""The page of a flow with 100,000 rows, in a real browser. Nothing here depends on how fast it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from pipelines.sandbox import Sandbox
from pipelines.state.store import Folder
from tests.support.many_rows import fill
from tests.support.served import served_pages
from tests.support.shop import catalogue, shop_in, size
from tests.support.waiting import LONG_S
from tests.web.test_pages import project_of
from tests.web.test_serve_browser import CHROMIUM, FLAGS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
ROWS = 100_000
PAGES = ROWS // 100


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of a shop whose published file was filled by hand."""
    folder = tmp_path_factory.mktemp("many")
    box = Sandbox.start(catalogue(size(1)), 0, 0)
    try:
        shop = shop_in(box, folder)
        shop.run("plan")
        fill(Folder(shop.data, "demo"), ROWS)
        with served_pages(project_of(shop), shop.data) as visitor:
            yield f"{visitor.address}/channels/demo/flows/products"
    finally:
        box.stop()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(LONG_S * 1000)
        yield opened
        browser.close()


def codes(page: Page) -> list[str]:
    return page.locator("#rows th.code a").all_inner_texts()


def named(*numbers: int) -> list[str]:
    return [f"C{number:06}" for number in numbers]


def test_the_first_page_has_a_hundred_rows_and_counts_all(page: Page, address: str) -> None:
    page.goto(address)
    assert codes(page) == named(*range(100))
    expect(page.get_by_text(f"Page 1 of {PAGES:,}, {ROWS:,} rows")).to_be_visible()
    for state in ("only in Centra", "differs", "withheld", "equal"):
        expect(page.locator(".states").get_by_text(f"{ROWS // 4:,} {state}")).to_be_visible()


def test_a_deep_page_and_the_last_one_go_on_where_the_one_before_ended(page: Page, address: str) -> None:
    page.goto(f"{address}?page=700")
    assert codes(page) == named(*range(69_900, 70_000))
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text(f"Page 701 of {PAGES:,}")).to_be_visible()
    assert codes(page) == named(*range(70_000, 70_100))
    page.get_by_role("link", name="Last").click()
    expect(page.get_by_text(f"Page {PAGES:,} of {PAGES:,}")).to_be_visible()
    assert codes(page) == named(*range(ROWS - 100, ROWS))
    page.get_by_role("link", name="Code").click()
    expect(page.get_by_text(f"Page 1 of {PAGES:,}")).to_be_visible()
    assert codes(page) == named(*range(ROWS - 1, ROWS - 101, -1))


def test_filters_narrow_each_other(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Brand").select_option("Brand 3")
    page.get_by_label("Rule").select_option("PRICE-001")
    page.get_by_label("Text").fill("parka c0990")
    page.get_by_role("button", name="Filter").click()
    expected = [i for i in range(ROWS) if i % 5 == 3 and i % 4 == 2 and 99_000 <= i < 99_100]
    expect(page.get_by_text(f"Page 1 of 1, {len(expected):,} rows")).to_be_visible()
    assert codes(page) == named(*expected)


def test_all_that_match_are_exactly_those_that_can_be_sent(page: Page, address: str) -> None:
    """The button says how many, and the run that it starts has as many codes."""
    page.goto(address)
    expect(page.get_by_role("button", name=f"Plan all {ROWS // 2:,} that can be sent")).to_be_visible()
    page.goto(f"{address}?state=withheld")
    expect(page.get_by_role("button", name=re.compile("that can be sent"))).to_have_count(0)
    page.goto(f"{address}?brand=Brand+3&text=C09")
    expected = sum(i % 5 == 3 and i % 4 < 2 for i in range(90_000, ROWS))
    page.get_by_role("button", name=f"Plan all {expected:,} that can be sent").click()
    heading = page.get_by_role("heading", name=re.compile("^Plan of products"))
    expect(heading).to_have_text(f"Plan of products, {expected:,} codes", timeout=LONG_S * 1000)
