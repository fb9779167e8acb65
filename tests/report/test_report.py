"""The report of a run: what it says, that it agrees with the tables, and how it looks in a browser."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import Shop, euro, size

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class _Text(HTMLParser):
    """The page's text, styles aside, and whatever it would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetches: list[str] = []
        self._skip = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag == "style"
        if tag in ("script", "link", "img", "iframe"):
            self.fetches.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words.append(data)


def read(page: str) -> _Text:
    parser = _Text()
    parser.feed(page)
    return parser


def reported(shop: Shop) -> str:
    path = shop.folder / "report.html"
    result = shop.command("report", str(shop.file), "--data", str(shop.data), "--html", str(path))
    assert result.exit_code == 0, result.stderr
    return path.read_text("utf-8")


def test_the_page_says_what_the_tables_say(shop: Shop) -> None:
    """Counts, the sum, every rule with its rows and its fix; and it fetches and runs nothing."""
    run = shop.run("push")
    page = read(reported(shop))
    text = " ".join(" ".join(page.words).split())
    c = run.counts
    assert f"read {c['read']} = skipped {c['skipped']} + withheld {c['withheld']}" in text
    assert f"{c['withheld']} withheld" in text
    for rule, rows, fix in shop.sql("select rule, count(*), any_value(fix) from sync.withheld group by rule"):
        assert f"{rule} · {rows} row" in text
        assert fix in text
    assert page.fetches == []


def test_a_page_of_a_run_that_failed_says_so(shop_of: Callable[..., Shop]) -> None:
    """A stopped system is the headline, with what to do, and no number is made up."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    assert shop.run("plan").exit_code == 5
    text = " ".join(read(reported(shop)).words)
    assert "A system was not available; safe to run again." in text
    assert "this run did not read both sides" in text
    assert "never" in text


def test_vendor_text_is_escaped_in_html_and_csv(shop_of: Callable[..., Shop]) -> None:
    """A script in a name stays text, and a cell that a spreadsheet would run gets an apostrophe."""
    shop = shop_of(size(1, sku="=cmd()", name="<script>alert(1)</script>", prices=[euro("<b>1</b>")]))
    shop.run("plan")
    page = reported(shop)
    assert read(page).fetches == []
    assert "&lt;b&gt;1&lt;/b&gt;" in page
    folder = shop.folder / "csv"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--csv", str(folder))
    with (folder / "withheld.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["code"] for row in rows] == ["'=cmd()"]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_history_tells_plan_write_and_withheld(shop_of: Callable[..., Shop]) -> None:
    """One code through its life: created, then broken, then healed."""
    shop = shop_of(size(1))
    shop.run("push")
    shop.box.change_centra_row(1, prices=[])
    shop.run("push")
    shop.box.change_centra_row(1, prices=[euro("12.00")])
    shop.run("push")
    told = shop.command("history", str(shop.file), "SKU1", "--data", str(shop.data)).stdout
    events = re.findall(r"(planned create|create applied|opened PRICE-001|planned update|update applied)", told)
    assert events == ["planned create", "create applied", "opened PRICE-001", "planned update", "update applied"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; install it to look at the page in a browser")
@pytest.mark.parametrize("width", [1200, 390], ids=["desktop", "phone"])
def test_the_page_in_a_browser(shop: Shop, tmp_path: Path, width: int) -> None:
    """The first screen answers the first questions, and nothing sticks out at the side."""
    shop.run("plan")
    page = reported(shop)
    # The page itself runs no script; this copy measures itself so that the layout can be asserted on.
    probe = "<script>document.title = 'wide=' + document.documentElement.scrollWidth + ' of ' + innerWidth</script>"
    (tmp_path / "probe.html").write_text(page.replace("</body>", probe + "</body>"), "utf-8")
    assert CHROMIUM is not None
    dom = subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900", "--dump-dom", (tmp_path / "probe.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    title = re.search(r"<title>wide=(\d+) of (\d+)</title>", dom)
    assert title is not None
    assert int(title[1]) <= int(title[2])
    assert "114 withheld" in dom
