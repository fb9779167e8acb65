"""The form with the settings in a real browser: connects the sandbox, presses Test; narrow, and without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from pipelines.config.load import load
from pipelines.sandbox import Sandbox
from tests.support.served import served_pages
from tests.support.settings_form import answers
from tests.support.waiting import LONG_S
from tests.web.test_access_browser import CHROMIUM, in_a_browser


@pytest.fixture
def environment() -> Iterator[None]:
    """Takes out the variables of the secrets that are stored."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            java_script_enabled=request.param, bypass_csp=request.param, viewport={"width": 390, "height": 800}
        )
        made = context.new_page()
        made.set_default_timeout(LONG_S * 1000)
        yield made
        browser.close()


@in_a_browser
@pytest.mark.usefixtures("environment")
def test_the_sandbox_is_connected_through_the_form_and_tested(
    page: Page, box: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    has_script = "without" not in request.node.name
    (tmp_path / "project" / "channels").mkdir(parents=True)
    with served_pages(tmp_path / "project", tmp_path / "data") as visitor:
        page.goto(visitor.address)
        page.get_by_role("link", name="New channel").click()
        page.get_by_label("Name").fill("se-web")
        for name, value in (answers(box) | {"systems.centra.timezone": "Stockholm"}).items():
            page.locator(f'[name="{name}"]').fill(value)
        page.get_by_role("button", name="Create the channel").click()
        alert = page.get_by_role("alert")
        assert "'Stockholm' is not a time zone" in alert.inner_text()
        no_axe_violation(page, has_script)
        alert.get_by_role("link", name="Time zone that your Centra uses").click()
        for name, value in answers(box).items():
            page.locator(f'[name="{name}"]').fill(value)
        page.get_by_role("button", name="Create the channel").click()
        page.get_by_text("Saved.").wait_for()
        if has_script:
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        no_axe_violation(page, has_script)
        sections(page, has_script)
        page.get_by_role("button", name="Test these settings").click()
        page.get_by_text("(exit 0").wait_for()
        checks = page.locator(".checks li.ok").all_inner_texts()
        assert {text.removeprefix("ok ").partition(",")[0] for text in checks} >= {"Centra", "myOGO"}
    assert load(str(tmp_path / "project" / "channels" / "se-web.toml")).name == "se-web"


def sections(page: Page, has_script: bool) -> None:
    """All sections are closed after the save, and each opens by keyboard. A secret that is created is shown once."""
    parts = page.locator("details.part")
    assert not parts.evaluate_all("all => all.some((one) => one.open)")
    for place in range(parts.count()):
        parts.nth(place).locator("> summary").press("Enter")
    assert parts.evaluate_all("all => all.every((one) => one.open)")
    if has_script:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    no_axe_violation(page, has_script)
    page.locator('[name="listen.centra_secret:create"]').check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("no page shows it again").wait_for()
    shown = page.locator(".box code").inner_text()
    assert len(shown) > 40
    page.reload()
    assert shown not in page.content()


def no_axe_violation(page: Page, has_script: bool) -> None:
    if has_script:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
