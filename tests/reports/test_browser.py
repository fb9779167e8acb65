"""The page in a real browser: what is shown at which width, nothing at the side, and opened in print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; install it to look at the page in a browser"
)

# The page itself runs no script. A frame of the wanted width (a headless window is never narrower than 500) holds
# it, and the page around the frame measures.
PROBE = """<!doctype html><title>.</title>
<iframe id="f" style="border:0;width:%(width)dpx;height:900px"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = () => {
  const d = frame.contentDocument, h = d.documentElement;
  const box = e => e.getBoundingClientRect();
  const shown = [...d.querySelectorAll("h1, .card h2, .card strong, summary .how, .where")]
    .filter(e => box(e).height > 0 && box(e).right <= h.clientWidth);
  const said = {
    width: h.clientWidth, scroll: h.scrollWidth, columns: getComputedStyle(d.querySelector(".cards"))
      .gridTemplateColumns.split(" ").length,
    first: [...d.querySelectorAll(".card h2")].filter(e => box(e).bottom <= 900).map(e => e.textContent),
    fix: box(d.getElementById("to-fix")).top, text: shown.map(e => e.textContent.trim()),
    rows: d.querySelectorAll("details.todo td").length,
    open: [...d.querySelectorAll("details.todo td")].filter(e => e.checkVisibility(
      {contentVisibilityAuto: true, visibilityProperty: true}) && box(e).height > 0).length,
    ink: getComputedStyle(d.body).color, paper: getComputedStyle(d.body).backgroundColor,
    lines: [...d.querySelectorAll("svg.spark")].filter(e => box(e).width > 50).length,
  };
  document.body.textContent = "SAID" + btoa(unescape(encodeURIComponent(JSON.stringify(said)))) + "SAID";
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
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip


def looked_at(html: str, folder: Path, width: int, *flags: str) -> dict[str, Any]:
    """What a reader of the page would see at that width."""
    import base64

    probe = folder / "probe.html"
    inside = json.dumps(html).replace("</", "<\\/")
    probe.write_text(PROBE % {"width": width, "page": inside}, "utf-8")
    dom = chromium(folder, "--virtual-time-budget=5000", "--dump-dom", *flags, probe.as_uri())
    said = re.search("SAID([A-Za-z0-9+/=]+)SAID", dom)
    assert said is not None, dom[-500:]
    return dict(json.loads(base64.b64decode(said[1])))


QUESTIONS = [
    "Did it run?",
    "Is everything in myOGO?",
    "What needs fixing?",
    "What changed?",
    "What is unknown?",
    "When did it last succeed?",
]


@pytest.mark.parametrize(("width", "columns"), [(1200, 3), (390, 2)], ids=["desktop", "phone"])
def test_the_first_screen(page: Page, tmp_path: Path, width: int, columns: int) -> None:
    """All six questions are answered before anybody scrolls; how and where to fix is there without opening."""
    seen = looked_at(page.html, tmp_path, width)
    assert seen["width"] == width
    assert seen["scroll"] <= width
    assert seen["columns"] == columns
    assert seen["first"] == QUESTIONS
    assert seen["fix"] < 900
    assert {"Done, but some rows need fixing.", "2,757 of 2,871", "114 sizes"} <= set(seen["text"])
    assert "In Centra, give the product a name." in seen["text"]
    assert {"Centra", "myOGO", "channel file"} <= set(seen["text"])
    assert seen["rows"] > 100
    assert seen["open"] == 0
    assert seen["lines"] == 19


def test_dark_is_dark(page: Page, tmp_path: Path) -> None:
    seen = looked_at(page.html, tmp_path, 1200, "--blink-settings=preferredColorScheme=0")
    assert (seen["ink"], seen["paper"]) == ("rgb(230, 234, 240)", "rgb(18, 22, 28)")


def test_print_opens_the_details(page: Page, tmp_path: Path) -> None:
    """Every row of the to-do list takes room on paper, and the paper is that much longer."""
    seen = looked_at(page.html.replace("@media print", "@media all"), tmp_path, 1200)
    assert seen["open"] == seen["rows"] > 100
    sheets = {}
    for name, html in {"with": page.html, "without": page.html.replace("@media print", "@media none")}.items():
        (tmp_path / f"{name}.html").write_text(html, "utf-8")
        pdf = tmp_path / f"{name}.pdf"
        chromium(tmp_path, f"--print-to-pdf={pdf}", (tmp_path / f"{name}.html").as_uri())
        sheets[name] = len(re.findall(rb"/Type /Page\b", pdf.read_bytes()))
    assert sheets["with"] > sheets["without"] > 1
