"""The page in a real browser: visible text per width, no horizontal scroll, details open in print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import Page
from tests.support.waiting import LONG_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

# The report page runs no script, so an outer page measures it in a frame of the wanted width. (A headless window is
# never narrower than 500.)
PROBE = """<!doctype html><title>.</title>
<iframe id="f" style="border:0;width:%(width)dpx;height:900px"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = () => {
  const d = frame.contentDocument, h = d.documentElement;
  const box = e => e.getBoundingClientRect();
  const visible = [...d.querySelectorAll("h1, .card h2, .card strong, summary .how, .where")]
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
    lines: [...d.querySelectorAll("svg.spark")].filter(e => box(e).width > 50).length,
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


def measure(html: str, folder: Path, width: int, *flags: str) -> dict[str, Any]:
    """Renders the page at that width and returns its measures."""
    import base64

    probe = folder / "probe.html"
    inner_page = json.dumps(html).replace("</", "<\\/")
    probe.write_text(PROBE % {"width": width, "page": inner_page}, "utf-8")
    dom = chromium(folder, "--virtual-time-budget=5000", "--dump-dom", *flags, probe.as_uri())
    measured = re.search("MEASURED([A-Za-z0-9+/=]+)MEASURED", dom)
    assert measured is not None, dom[-500:]
    return dict(json.loads(base64.b64decode(measured[1])))


QUESTIONS = [
    "Did it run?",
    "Is everything in myOGO?",
    "What needs fixing?",
    "What changed?",
    "What is unknown?",
    "When did it last succeed?",
]


@pytest.mark.parametrize(("width", "columns"), [(1200, 3), (390, 2)], ids=["desktop", "phone"])
def test_the_first_screen_answers_all_questions(page: Page, tmp_path: Path, width: int, columns: int) -> None:
    """Without scrolling, and the fixes are visible without opening details."""
    measures = measure(page.html, tmp_path, width)
    assert measures["width"] == width
    assert measures["scroll"] <= width
    assert measures["columns"] == columns
    assert measures["first"] == QUESTIONS
    assert measures["fix"] < 900
    assert {"Done, but some rows need fixing.", "2,757 of 2,871", "114 sizes"} <= set(measures["text"])
    assert "In Centra, give the product a name." in measures["text"]
    assert {"Centra", "myOGO", "channel file"} <= set(measures["text"])
    assert measures["rows"] > 100
    assert measures["open"] == 0
    assert measures["lines"] == 19


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
