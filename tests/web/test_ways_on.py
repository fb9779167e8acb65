"""Each page says how to go on: after an error, before the first good read, after a choice, while a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Route, expect, sync_playwright

from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder
from tests.support.served import Visitor, served_pages, text_of
from tests.support.shop import Shop, product, size
from tests.support.waiting import LONG_S
from tests.web.test_access_browser import CHROMIUM, in_a_browser
from tests.web.test_pages import project_of


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), size(2, prices=[]), myogo=[product(1)])


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    with served_pages(project_of(shop), shop.data) as found:
        found.get("/")
        yield found


def test_an_error_leads_back_to_where_the_user_was(visitor: Visitor) -> None:
    page = visitor.post("/channels/demo/flows/products/plan", {"choice": "ticked"}, status=400)
    assert '<a href="/channels/demo/flows/products">Back to products</a>' in page
    page = visitor.get("/channels/demo/jobs/77", status=404)
    assert '<a href="/channels/demo/runs">Runs of demo</a>' in page


def test_if_no_run_could_read_the_pages_do_not_say_that_all_is_well(visitor: Visitor, shop: Shop) -> None:
    shop.box.switch("centra", allow={"products": False})
    visitor.ended(visitor.post("/channels/demo/refresh"))
    assert "No run has read products yet. Press Refresh" in text_of(visitor.get("/channels/demo/flows/products"))
    page = text_of(visitor.get("/channels/demo/fix"))
    assert "No run has read both systems yet" in page
    assert "Nothing to fix" not in page


def test_an_excluded_row_can_be_included_again_before_the_next_run(visitor: Visitor) -> None:
    visitor.ended(visitor.post("/channels/demo/refresh"))
    page = visitor.post("/channels/demo/flows/products/choices/exclude", {"one": "SKU2"})
    assert "Include SKU2 again" in page
    assert "Exclude SKU2" not in page
    assert "Exclude SKU2" in visitor.post("/channels/demo/flows/products/choices/include", {"one": "SKU2"})


def test_a_run_that_was_not_requested_here_is_shown_on_the_pages_of_its_channel(visitor: Visitor, shop: Shop) -> None:
    """Such as a push that went on while the pages were restarted."""
    visitor.ended(visitor.post("/channels/demo/refresh"))
    with channel_lock(Folder(shop.data, "demo"), "demo", "push", shop.file):
        for path in ("flows/products", "fix", "runs"):
            assert "A push is under way" in text_of(visitor.get(f"/channels/demo/{path}")), path
    assert "under way" not in text_of(visitor.get("/channels/demo/runs"))


@in_a_browser
def test_a_page_that_refreshes_itself_says_so_if_nothing_answers_and_if_it_was_forgotten(
    visitor: Visitor, shop: Shop
) -> None:
    shop.box.add_fault(side="centra", kind="slow", seconds=30, path="/products", times=99)
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(LONG_S * 1000)
        page.goto(visitor.address)
        page.get_by_role("button", name="Refresh demo").click()
        page.locator("#job[hx-get]").wait_for()
        notice = page.get_by_text("These pages do not answer any more")
        expect(notice).to_be_hidden()
        path = page.url

        def gone(route: Route) -> None:
            route.abort()

        page.route(path, gone)
        expect(notice).to_be_visible(timeout=LONG_S * 1000)
        page.unroute(path, gone)
        expect(notice).to_be_hidden(timeout=LONG_S * 1000)
        page.route(path, lambda route: route.continue_(url=path.replace("/jobs/", "/jobs/9")))
        page.get_by_role("heading", name="Not found").wait_for()
        page.unroute_all(behavior="ignoreErrors")
        browser.close()
    visitor.post(f"{path.removeprefix(visitor.address)}/stop")
