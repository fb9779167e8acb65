"""A push of the sample with its report, and a parser for the report page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from pipelines.sandbox import Catalogue, Sandbox
from tests.support.shop import Shop, shop_in

LOADING = ("script", "link", "img", "iframe", "object", "embed")


class Page(HTMLParser):
    """The text of a page by section, without styles and script, and the elements that would load or run something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.fetches: list[str] = []
        self.sections: dict[str, list[str]] = {"": []}
        self.rows: dict[str, int] = {"": 0}
        self.ids: list[str] = []
        self._under = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._inside = tag
        if tag == "script" and not attributes:
            self.scripts.append("")
        elif tag in LOADING or any(name.startswith("on") for name in attributes):
            self.fetches.append(tag)
        if (link := attributes.get("href")) and not link.startswith("#"):
            self.ids.append(link)
        if tag in ("h2", "details") and (section := attributes.get("id")):
            self._under = section
            self.sections[section] = []
            self.rows[section] = 0
        if tag == "td":
            self.rows[self._under] += 1

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and self.scripts:
            self.scripts[-1] += data
        elif self._inside != "style":
            self.sections[self._under].append(data)

    def text(self, section: str | None = None) -> str:
        """The complete text, or the text of one section."""
        words = [w for name, ws in self.sections.items() if section in (None, name) for w in ws]
        return " ".join(" ".join(words).split())


def report_page(shop: Shop, *more: str) -> Page:
    """The report page of the last run."""
    path = shop.folder / "report.html"
    result = shop.command("report", str(shop.file), "--data", str(shop.data), "--html", str(path), *more)
    assert result.exit_code == 0, result.output
    return Page(path.read_text("utf-8"))


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The sample after one push. Shared by all tests, which must not change it."""
    with Sandbox.start(Catalogue.sample()) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("pushed"))
        shop.run("push")
        yield shop


@pytest.fixture(scope="session")
def page(pushed: Shop) -> Page:
    """The report page of that push."""
    return report_page(pushed)
