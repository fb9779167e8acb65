"""The page in a real browser: visible text per width, nothing clipped, filter and sort, details open in print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.reports.conftest import Page
from tests.support.waiting import LONG_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

# An outer page measures the report in a frame of the wanted width. (A headless window is never narrower than 500.)
PROBE = """<!doctype html><title>.</title>
<iframe id="f" style="border:0;width:%(width)dpx;height:900px"></iframe>
<script>
const measure = (d, box, h) => { %(more)s };
const frame = document.getElementById("f");
frame.onload = () => {
  const d = frame.contentDocument, h = d.documentElement;
  const box = e => e.getBoundingClientRect();
  const visible = [...d.querySelectorAll("h1, .flows b, .card h2, .card strong, summary .how, .where")]
    .filter(e => box(e).height > 0 && box(e).right <= h.clientWidth);
  const measured = {
    width: h.clientWidth, scroll: h.scrollWidth, columns: getComputedStyle(d.querySelector(".cards"))
      .gridTemplateColumns.split(" ").length,
    first: [...d.querySelectorAll(".card h2")].filter(e => box(e).bottom <= 900).map(e => e.textContent),
    fix: box(d.getElementById("to-fix")).top, text: visible.map(e => e.textContent.trim()),
    rows: d.querySelectorAll("details.todo td").length,
    open: [...d.querySelectorAll("details.todo td")].filter(e => e.checkVisibility(
      {contentVisibilityAuto: true, visibilityProperty: true}) && box(e).height > 0).length,
    ink: getComputedStyle(d.body).color, paper: getComputedStyle(d.body).backgroundColor,
    ...measure(d, box, h),
  };
  document.body.textContent = "MEASURED" + btoa(unescape(encodeURIComponent(JSON.stringify(measured)))) + "MEASURED";
};
frame.srcdoc = %(page)s;
</script>"""


def chromium(folder: Path, *flags: str) -> str:
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--no-first-run", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1240,1000", *flags,
        ],
        capture_output=True, text=True, timeout=LONG_S, check=True,
    ).stdout  # fmt: skip


def measure(html: str, folder: Path, width: int, *flags: str, more: str = "return {};") -> dict[str, Any]:
    """Renders the page at that width and returns its measures. `more` is a function body that returns further ones."""
    import base64

    probe = folder / "probe.html"
    inner_page = json.dumps(html).replace("</", "<\\/")
    probe.write_text(PROBE % {"width": width, "page": inner_page, "more": more}, "utf-8")
    dom = chromium(folder, "--virtual-time-budget=5000", "--dump-dom", *flags, probe.as_uri())
    measured = re.search("MEASURED([A-Za-z0-9+/=]+)MEASURED", dom)
    assert measured is not None, dom[-500:]
    return dict(json.loads(base64.b64decode(measured[1])))


QUESTIONS = ["Did it run?", "What is unknown?", "When did it last succeed?"]  # the table of flows answers the others


@pytest.mark.parametrize(("width", "columns"), [(1200, 3), (390, 2)], ids=["desktop", "phone"])
def test_the_first_screen_answers_all_questions(page: Page, tmp_path: Path, width: int, columns: int) -> None:
    """Without scrolling, and the fixes are visible without opening details."""
    measures = measure(page.html, tmp_path, width)
    assert measures["width"] == width
    assert measures["scroll"] <= width
    assert measures["columns"] == columns
    assert measures["first"] == QUESTIONS
    assert measures["fix"] < 900
    headline = "Done, but some rows need fixing: 114 withheld, 114 new."
    assert {headline, "2,757 of 2,871", "114 sizes"} <= set(measures["text"])
    assert "In Centra, give the product a name." in measures["text"]
    assert {"Centra", "myOGO", "channel file"} <= set(measures["text"])
    assert measures["rows"] > 100
    assert measures["open"] == 0


OPEN_ALL = """
  d.querySelectorAll("details").forEach(e => { e.open = true; });
  const clipped = [...d.querySelectorAll("td, th[scope=row], li, a:not(.skip), button, input, summary span")]
    .filter(e => box(e).height > 0 && (box(e).right > h.clientWidth + 1 || box(e).left < 0
      || (e.tagName === "TD" && e.scrollWidth > e.clientWidth + 1)));
  const blocks = [...d.querySelectorAll("details.todo td[data-label=What]")];
  return {clipped: clipped.map(e => e.outerHTML.slice(0, 200)), wide: h.scrollWidth,
          narrow: blocks.filter(e => box(e).width < 250).length};
"""


def test_on_a_phone_rows_are_blocks_and_nothing_is_clipped(page: Page, tmp_path: Path) -> None:
    """With all details open."""
    measures = measure(page.html, tmp_path, 390, more=OPEN_ALL)
    assert measures["clipped"] == []
    assert measures["wide"] <= 390
    assert measures["narrow"] == 0


USE_THE_SCRIPT = """
  const rows = () => [...d.querySelectorAll("table.list > tbody > tr")].filter(e => !e.hidden).length;
  const filter = d.getElementById("filter"), all = rows();
  const type = (text) => { filter.value = text; filter.dispatchEvent(new Event("input")); };
  type("PK2312-ber share");
  const found = rows(), status = d.getElementById("filter-status").textContent;
  const open = [...d.querySelectorAll("details.todo")].filter(e => !e.hidden && e.open).map(e => e.id);
  type("");
  const column = () => [...d.querySelectorAll("#PRICE-001 td.code > code")].map(e => e.textContent);
  const head = d.querySelector("#PRICE-001 thead th");
  head.querySelector("button").click();
  const up = column();
  head.querySelector("button").click();
  return {all, found, status, open, again: rows(), opened: d.querySelectorAll("details.todo[open]").length, up,
          down: column(), sorted: head.getAttribute("aria-sort"),
          copy: d.querySelector("#PRICE-001 .copy button").textContent,
          filter: filter.closest("[hidden]") === null};
"""


def test_the_script_filters_sorts_and_offers_to_copy(page: Page, tmp_path: Path) -> None:
    """Under the page's own policy, which allows no other script."""
    measures = measure(page.html, tmp_path, 1200, more=USE_THE_SCRIPT)
    assert measures["all"] == measures["again"] > measures["found"] == 1
    assert measures["status"] == f"1 of the {measures['all']} lines on this page match"
    assert (measures["open"], measures["opened"]) == (["SKU-002"], 0)
    assert measures["filter"]
    assert len(measures["up"]) > 1
    assert measures["up"] == measures["down"][::-1]
    assert measures["sorted"] == "descending"
    assert measures["copy"] == "Copy 27 codes"


def test_without_the_script_only_its_controls_are_missing(page: Page, tmp_path: Path) -> None:
    """A policy without the script's hash stops it: the filter stays hidden, and everything can still be read."""
    html = re.sub(r"script-src 'sha256-[^']+'", "script-src 'none'", page.html)
    measures = measure(html, tmp_path, 390, more=OPEN_ALL)
    assert (measures["clipped"], measures["wide"]) == ([], 390)
    hidden = "return {filter: box(d.getElementById('filter')).height, buttons: d.querySelectorAll('button').length};"
    measures = measure(html, tmp_path, 1200, more=hidden)
    assert (measures["filter"], measures["buttons"]) == (0, 0)


def test_dark_mode_has_dark_colours(page: Page, tmp_path: Path) -> None:
    measures = measure(page.html, tmp_path, 1200, "--blink-settings=preferredColorScheme=0")
    assert (measures["ink"], measures["paper"]) == ("rgb(230, 234, 240)", "rgb(18, 22, 28)")


def test_print_opens_the_details(page: Page, tmp_path: Path) -> None:
    """Every row of the to-do list is printed, so the print has more pages."""
    measures = measure(page.html.replace("@media print", "@media all"), tmp_path, 1200)
    assert measures["open"] == measures["rows"] > 100
    pages = {}
    for name, html in {"with": page.html, "without": page.html.replace("@media print", "@media none")}.items():
        (tmp_path / f"{name}.html").write_text(html, "utf-8")
        pdf = tmp_path / f"{name}.pdf"
        chromium(tmp_path, f"--print-to-pdf={pdf}", (tmp_path / f"{name}.html").as_uri())
        pages[name] = len(re.findall(rb"/Type /Page\b", pdf.read_bytes()))
    assert pages["with"] > pages["without"] > 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_that_hinders_people(
    page: Page, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    """Nothing above minor."""
    file = tmp_path / "report.html"
    file.write_text(page.html, "utf-8")
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True, color_scheme=scheme)
        opened = context.new_page()
        opened.goto(file.as_uri())
        opened.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        violations = Axe().run(opened).response["violations"]
        browser.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] not in ("minor", None)] == []
