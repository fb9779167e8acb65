"""The list of channels in a real browser: it refreshes itself, and leaves alone whoever works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

from pipelines.config.serve import Serve
from pipelines.state.lock import channel_lock
from pipelines.state.store import Folder
from tests.support.served import Visitor, served_pages
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S, wait_for
from tests.web.pages import _HASHES, _USERS, OPERATOR_PASSWORD
from tests.web.test_access_browser import CHROMIUM, in_a_browser
from tests.web.test_pages import project_of

pytestmark = in_a_browser


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    shop = shop_of(size(1), size(2))
    shop.run("plan")
    return shop


@pytest.fixture
def served(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    for name, text in _HASHES.items():
        monkeypatch.setenv(name.upper(), text)
    with served_pages(project_of(shop), shop.data, Serve.model_validate({"users": _USERS})) as visitor:
        yield visitor


@pytest.fixture
def page(served: Visitor) -> Iterator[Page]:
    """Logged in, on the list, which refreshes itself five times a second."""

    def faster(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        route.fulfill(response=answer, body=answer.text().replace("every 30s", "every 200ms"))

    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        made = browser.new_context().new_page()
        made.set_default_timeout(LONG_S * 1000)
        problems: list[str] = []
        made.on("pageerror", lambda error: problems.append(str(error)))
        made.route(f"{served.address}/", faster)
        made.goto(f"{served.address}/login")
        made.get_by_label("Name").fill("olga")
        made.get_by_label("Password").fill(OPERATOR_PASSWORD)
        made.get_by_role("button", name="Log in").click()
        made.get_by_role("heading", name="Channels").wait_for()
        made.goto(f"{served.address}/")  # a page after a redirect does not pass through `faster`
        yield made
        made.unroute_all(behavior="ignoreErrors")
        assert problems == []
        browser.close()


def polled(page: Page, times: int = 2) -> None:
    """Waits for so many further refreshes."""
    for _ in range(times):
        with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
            pass


def test_it_shows_what_changes_and_keeps_the_focus(page: Page, shop: Shop) -> None:
    state = page.locator("#channels .state")
    expect(state).to_have_text("good")
    page.get_by_role("button", name="Test demo").focus()
    with channel_lock(Folder(shop.data, "demo"), "demo", "push", shop.file):
        expect(state).to_have_text("running")
        expect(page.get_by_role("button", name="Test demo")).to_be_focused()
        assert "every 2s" in (page.locator("#channels").get_attribute("hx-trigger") or "")
    expect(state).to_have_text("good")
    expect(page.get_by_role("button", name="Test demo")).to_be_focused()


def test_without_a_change_the_elements_stay(page: Page) -> None:
    """So that no click is lost and a screen reader stays where it is."""
    page.evaluate("document.querySelector('#channels .state').mark = 1")
    polled(page, 3)
    assert page.evaluate("document.querySelector('#channels .state').mark") == 1


def test_a_selected_text_stays_selected(page: Page, shop: Shop) -> None:
    page.get_by_role("link", name="demo", exact=True).evaluate("one => getSelection().selectAllChildren(one)")
    with channel_lock(Folder(shop.data, "demo"), "demo", "push", shop.file):
        polled(page, 3)
        assert page.evaluate("getSelection().toString()") == "demo"
        page.evaluate("getSelection().removeAllRanges()")
        expect(page.locator("#channels .state")).to_have_text("running")


def test_ticks_of_a_table_survive(page: Page, served: Visitor) -> None:
    """The table of rows does not refresh itself."""
    page.goto(f"{served.address}/channels/demo/flows/products")
    assert page.locator("[hx-trigger]").count() == 0
    box = page.locator('#rows input[name="code"]').first
    box.check()
    page.wait_for_timeout(500)
    assert box.is_checked()


@pytest.mark.parametrize("way", ["list", "job"])
def test_after_a_log_out_the_complete_log_in_comes_and_nothing_asks_any_more(
    page: Page, served: Visitor, way: str, shop: Shop
) -> None:
    """In another tab of the browser."""
    if way == "job":
        shop.box.add_fault(side="centra", kind="slow", seconds=30, path="/products", times=99)
        page.get_by_role("button", name="Refresh demo").click()
        page.locator("#job[hx-get]").wait_for()
    before = page.url
    other = page.context.new_page()
    other.goto(f"{served.address}/channels/demo/runs")
    other.get_by_role("button", name="Log out").click()
    other.get_by_label("Password").wait_for()
    page.get_by_label("Password").wait_for()
    assert "/login?next=" in page.url
    assert page.locator("header").count() == 0
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert asked == []
    page.get_by_label("Name").fill("olga")
    page.get_by_label("Password").fill(OPERATOR_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    wait_for(lambda: page.url == before)
    if way == "job":
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("(exit").wait_for()


def test_an_answer_that_is_another_page_is_loaded_as_one(page: Page, served: Visitor) -> None:
    """A proxy in front of the pages asks for another log-in."""
    page.unroute(f"{served.address}/")
    page.route(f"{served.address}/", lambda route: route.fulfill(
        body="<h1>Company log-in</h1>", content_type="text/html"))  # fmt: skip
    page.get_by_role("heading", name="Company log-in").wait_for()
    assert page.locator("#channels").count() == 0
