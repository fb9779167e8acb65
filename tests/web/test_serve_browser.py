"""The story of `serve --demo` in a real browser: connect, refresh, tick, send, and what comes of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from pipelines.sandbox import Catalogue
from pipelines.sandbox.demo.pages import demo_project
from pipelines.state.store import Folder
from tests.support.served import served_pages
from tests.support.shop import NO_EXPECTATIONS, catalogue, euro, size
from tests.support.waiting import LONG_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MINOR = ("minor", None)


@dataclass(frozen=True)
class Served:
    """The pages of `serve --demo`, with a shop of a few sizes; `folder` has the channel's tables."""

    address: str
    folder: Folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    few = catalogue(*(size(number, prices=[] if number > 6 else [euro("10.00")]) for number in range(1, 10)))
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalogue, "sample", lambda: few)
        with demo_project(folder) as (project, acts):
            data, file = project.folder / "data", project.channels / "demo.toml"
            file.write_text(file.read_text("utf-8") + NO_EXPECTATIONS, "utf-8")  # they take most of a run's time
            with served_pages(project.folder, data, acts=acts) as visitor:
                yield Served(visitor.address, Folder(data, "demo"))


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        made = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        made.set_default_timeout(LONG_S * 1000)
        yield made
        browser.close()


@pytest.fixture
def page(context: BrowserContext, served: Served) -> Iterator[Page]:
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(served.address)
    yield opened
    assert problems == []
    opened.close()


def ended(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"\(exit \d"))).to_be_visible(timeout=LONG_S * 1000)


def refresh(page: Page, served: Served) -> None:
    page.goto(served.address)
    page.get_by_role("button", name="Refresh demo").click()
    ended(page)


def send(page: Page) -> str:
    """Sends the plan that is shown; the text of its result."""
    ended(page)
    page.get_by_role("button", name=re.compile("Send exactly")).click()
    expect(page.get_by_role("heading", name=re.compile("^Push"))).to_be_visible(timeout=LONG_S * 1000)
    ended(page)
    return page.locator("main").inner_text()


def rows_of(page: Page, served: Served, flow: str, query: str = "") -> None:
    page.goto(f"{served.address}/channels/demo/flows/{flow}{query}")


def act(page: Page, served: Served, title: str) -> None:
    page.goto(served.address)
    page.get_by_role("button", name=title).click()
    expect(page.get_by_role("status")).not_to_have_count(0)


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] not in MINOR]


def test_the_complete_story(page: Page, served: Served) -> None:
    page.get_by_role("button", name="Test demo").click()
    ended(page)
    assert "exit 0" in page.locator("main").inner_text()
    refresh(page, served)

    rows_of(page, served, "products")
    page.get_by_label("State").select_option("only source")
    page.get_by_role("button", name="Filter").click()
    boxes = page.locator('#rows input[name="code"]')
    codes = [boxes.nth(place).get_attribute("value") for place in range(3)]
    for place in range(3):
        boxes.nth(place).check()
    page.get_by_role("button", name="Plan the ticked rows").click()
    assert "3 written" in send(page)
    rows_of(page, served, "products", "?state=equal")
    assert [page.locator("#rows th.code").nth(place).inner_text() for place in range(3)] == codes

    rows_of(page, served, "products", "?state=sendable")
    page.get_by_role("button", name=re.compile("that can be sent")).click()
    assert "0 refused" in send(page)
    page.goto(served.address)
    page.get_by_role("button", name="A delivery arrives at the warehouse").click()
    assert "Press Refresh first" in page.get_by_role("alert").inner_text()
    refresh(page, served)

    act(page, served, "A delivery arrives at the warehouse")
    refresh(page, served)
    rows_of(page, served, "stock", "?state=sendable")
    page.get_by_role("button", name=re.compile("that can be sent")).click()
    assert "0 refused" in send(page)

    act(page, served, "A customer orders in the shop")
    refresh(page, served)
    rows_of(page, served, "orders")
    page.get_by_role("button", name=re.compile("that can be sent")).click()
    assert "1 written" in send(page)
    act(page, served, "The warehouse hands the parcels over")
    refresh(page, served)
    rows_of(page, served, "tracking")
    page.get_by_role("button", name=re.compile("that can be sent")).click()
    assert "1 written" in send(page)

    act(page, served, "A colleague adds a missing price in Centra")
    code = page.get_by_role("status").first.inner_text().split()[0]
    refresh(page, served)
    rows_of(page, served, "products", "?state=sendable")
    expect(page.locator("#rows th.code")).to_have_text([code])


def test_a_second_person_who_sends_the_same_plan_sees_the_push_of_the_first(
    page: Page, context: BrowserContext, served: Served
) -> None:
    """Two windows show the same plan; both press Send."""
    refresh(page, served)
    act(page, served, "A colleague adds a missing price in Centra")
    refresh(page, served)
    rows_of(page, served, "products", "?state=sendable")
    page.get_by_role("button", name=re.compile("that can be sent")).click()
    ended(page)
    second = context.new_page()
    second.goto(page.url)
    assert "written" in send(page)
    second.get_by_role("button", name=re.compile("Send exactly")).click()
    ended(second)
    assert second.locator("main").inner_text() == page.locator("main").inner_text()
    second.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "channels/demo/flows/products",
        "channels/demo/fix",
        "channels/demo/runs",
        "channels/demo/history?code=x",
        "channels/demo/settings",
        "channels/new",
        "channels/demo/history?code=SKU1",
    ],
)
def test_nothing_hinders_people(page: Page, served: Served, path: str, scheme: str) -> None:
    if not served.folder.published.is_file():
        refresh(page, served)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served.address}/{path}")
    assert serious(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_by_keyboard_alone(page: Page, served: Served) -> None:
    """From the top of the page to a plan: skip link, filter, tick, button."""
    refresh(page, served)
    rows_of(page, served, "products", "?state=not+wanted")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    page.keyboard.type("zzz-none")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No row matches.")).to_be_visible()


def test_without_javascript(context: BrowserContext, served: Served) -> None:
    browser = context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False)
    plain.set_default_timeout(LONG_S * 1000)
    page = plain.new_page()
    refresh(page, served)
    rows_of(page, served, "products", "?text=zzz-none")
    expect(page.get_by_text("No row matches.")).to_be_visible()
    plain.close()
