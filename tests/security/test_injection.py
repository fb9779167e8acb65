"""Vendor text stays text in spreadsheets, on pages, in Markdown and in terminals."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reports.console import StandardOutput, print_check
from pipelines.reports.csv_lists import FORMULA, _neutral
from pipelines.reports.markdown import _code
from pipelines.sandbox import Sandbox
from tests.support.shop import TORTURE, Shop, catalogue, euro, expecting, shop_in, size

FORMULAS = [
    start + sign + "cmd|' /C calc'!A0"
    for sign in "=+-@＝＋－＠"
    for start in ("", " ", "\t", "\r", "\n", "\u00a0", "\u200b", "\ufeff", "\u3000", " \t ", "x;", "x; ", 'x";\t')
]  # fmt: skip
HTML_TEXTS = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>", "](javascript:alert(1))", "<!--", "]]>", "<style>*{display:none}</style>", "</style>",
    "</title><base href=//evil.example>", "<meta http-equiv=refresh content=0>", "{{ 7*7 }}", "{% raw %}", "${7*7}",
    "&lt;script&gt;", "<iframe src=//evil.example>", "<a href=javascript:x>", "`|`", "``` | ```", "\\|", "|\n|---|",
    "![x](http://evil.example/x.png)", "<http://evil.example>", "http://evil.example", "\n# head", "\\`<b>",
]  # fmt: skip
CONTROL_TEXTS = [
    "\x1b]0;title\x07", "\x1b[2J", "\x1b[31m", "\x9b2J", "\x07", "\x08\x08", "\r", "\u202e", "\u2066", "\u200f",
    "\x1b]8;;http://evil.example\x1b\\", "\x00", "\x7f", "\u2028", "\x85", "\x0b",
]  # fmt: skip
MARKUP = ["[red]", "[/]", "[bold", "[link=http://evil.example]x[/link]", ":skull:", "\\[red]", "[@click=x]", "a\\"]
ALL = [*HTML_TEXTS, *CONTROL_TEXTS, *MARKUP]


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_formula_becomes_text(text: str) -> None:
    cell_text = _neutral(text)
    assert cell_text.replace("'", "") == text.replace("'", "")
    for cell in re.split(r"[;\t\r\n]", cell_text):
        assert not re.match(r"[\s\u200b\ufeff\u3000]*[=+\-@＝＋－＠]", cell), cell_text


@pytest.mark.parametrize("value", [-5, -5.5, 0, None, True])
def test_a_number_is_unchanged(value: Any) -> None:
    assert _neutral(value) is value


@pytest.mark.parametrize("text", ["", "5", "A-1", "a=b", "me@x", "50% off", "one; two", "1 + 1", "it's"])
def test_plain_words_are_unchanged(text: str) -> None:
    assert _neutral(text) == text


@settings(deadline=None)
@given(st.text())
def test_a_cell_never_begins_as_a_formula(text: str) -> None:
    """Also not after characters that a spreadsheet ignores."""
    cell_text = _neutral(text)
    assert not re.search(FORMULA, cell_text)
    assert not cell_text.startswith(("\t", "\r", "\n"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with hostile text in every field, after one push. Shared by all tests, which must not change it."""
    sizes = []
    for number, text in enumerate([*ALL, *FORMULAS], start=1):
        valid = number % 2 == 0
        sizes.append(
            size(number, name=text, brand=text, variant=text, categoryName=text, description=text, countryOfOrigin="PT",
                 product=text, prices=[euro("10")] if valid else [euro("1", pricelist=text, currency=text or "x")],
                 **({} if number % 3 else {"sku": f"{text}{number}"}), **{f"new {text}": 1} if number % 7 == 0 else {})
        )  # fmt: skip
    held = [{"code": f"{text}{number}", "name": text} for number, text in enumerate(ALL)]
    sizes.append(size(9001))
    held.append({"code": "SKU9001", "name": "x", "stock": 1})
    with Sandbox.start(catalogue(*sizes, myogo=held)) as box:
        shop = expecting(shop_in(box, tmp_path_factory.mktemp("hostile")))
        limits = "max_update_share = 1.0\nmin_known_share = 0.0\nmax_withheld_share = 1.0"
        shop.edit("max_update_share = 0.75", limits)
        box.add_fault(
            side="myogo",
            method="POST",
            path="/api",
            kind="status",
            status=400,
            body={"message": " ".join(ALL)},
            times=3,
        )
        pushed = shop.command("--log", "debug", "push", str(shop.file), "--data", str(shop.data))
        assert pushed.exit_code == 3, pushed.output
        _check_no_control_characters(pushed)
        assert "<script>alert(1)</script>" in pushed.stdout
        yield shop


def _write_report(shop: Shop, option: str, name: str) -> Path:
    path = shop.folder / name
    result = shop.command("report", str(shop.file), "--data", str(shop.data), option, str(path))
    assert result.exit_code == 0, result.output
    return path


def test_no_cell_of_any_list_is_a_formula(hostile: Shop) -> None:
    """Whether a spreadsheet splits lines at commas, at semicolons or at tabs."""
    folder = _write_report(hostile, "--csv", "csv")
    formula_cells = 0
    for path in folder.iterdir():
        text = path.read_bytes().decode("utf-8-sig")
        (head, *rows) = csv.reader(io.StringIO(text, newline=""))
        for row in rows:
            assert len(row) == len(head), path.name
            for name, cell in zip(head, row, strict=True):
                number = re.fullmatch(r"-?\d+(\.\d+)?", cell) and name in ("difference", "centra_available", "observed")
                assert number or not re.search(FORMULA, cell), (path.name, name, cell)
                formula_cells += "cmd|" in cell
    assert formula_cells > 20


def test_a_negative_number_in_a_column_of_numbers_stays_one(hostile: Shop) -> None:
    rows = list(
        csv.DictReader((_write_report(hostile, "--csv", "csv") / "stock.csv").read_text("utf-8-sig").splitlines())
    )
    assert any(re.fullmatch(r"-\d+", row["difference"]) for row in rows)


class _Page(HTMLParser):
    """The elements of a page, and what they would load, run or link to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.unsafe: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        attributes = {name: value or "" for name, value in attrs}
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        elif "http-equiv" in attributes:
            self.unsafe.append(str(attrs))
        for name, value in attributes.items():
            if name.startswith("on") or name in ("src", "srcset", "action", "formaction", "style", "srcdoc"):
                self.unsafe.append(f"{tag} {name}")
            if name in ("href", "xlink:href") and re.match(r"\s*([a-z]+:|//)", value, re.IGNORECASE):
                self.unsafe.append(f"{tag} {name}={value}")


ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "h5", "h6", "p", "div",
    "section", "strong",
    "b", "i", "em", "span", "code", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "ul",
    "li", "ol", "a", "br", "hr", "del", "svg", "polyline", "circle", "footer", "main", "nav", "pre", "small",
}  # fmt: skip
OF_THE_REPORT = {"script", "caption", "dl", "dt", "dd", "time", "label", "input", "figure", "figcaption", "line"}
SCRIPT = Path(__file__).parents[2] / "pipelines" / "reports" / "templates" / "report.js"


@pytest.mark.parametrize("option", ["--html", "--data-docs"])
def test_a_page_runs_loads_and_links_to_nothing_external(hostile: Shop, option: str) -> None:
    """It has only known elements, and its content security policy forbids everything else. The report has one script,
    which the policy names by its hash; no text of a vendor is in it."""
    path = _write_report(hostile, option, "page.html" if option == "--html" else "docs")
    pages = [path] if path.is_file() else list(path.rglob("*.html"))
    for one in pages:
        page = _Page(one.read_text("utf-8"))
        assert page.unsafe == [], one.name
        assert "default-src 'none'" in page.policy
        if option == "--html":
            assert page.tags <= ALLOWED | OF_THE_REPORT, one.name
            (script,) = re.findall("<script>(.*?)</script>", one.read_text("utf-8"), re.DOTALL)
            assert script == SCRIPT.read_text("utf-8")
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert re.findall("script-src [^;]*", page.policy) == [f"script-src 'sha256-{digest}'"]
        else:
            assert page.tags <= ALLOWED, one.name
            assert "script" not in page.policy
    text = pages[0].read_text("utf-8")
    if option == "--html":
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert not set(html.unescape(text)) & set("\x1b\x9b\x07\u202e\u2066\u200f\x7f\x85")


def test_markdown_keeps_vendor_text_in_code_spans(hostile: Shop) -> None:
    """Outside of them there is only our own markup, and every table row has all columns."""
    text = _write_report(hostile, "--markdown", "r.md").read_text("utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "`" not in outside_code
    for unsafe in ("<script", "<img", "javascript:", "http", "![", "# head", "onerror", "\x1b"):
        assert unsafe not in outside_code


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_code_span_cannot_be_ended_from_inside(first: str, second: str) -> None:
    """A row of two cells stays a row of two cells, on one line."""
    row = f"| {_code(first)} | {_code(second)} |"
    assert len(row.splitlines()) == 1
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", row)
    assert set(outside_code) <= set("| ")


CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def _check_no_control_characters(result: Any) -> None:
    output = (result.stdout + result.stderr).replace("\r\n", "\n")
    assert CONTROL_CHARACTER.findall(output) == []


COMMANDS = [["report"], ["report", "--json"], ["check"], *([["plan"], ["plan", "--json"]] if TORTURE else [])]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_prints_control_characters_of_vendor_text(hostile: Shop, arguments: list[str]) -> None:
    data = [] if arguments == ["check"] else ["--data", str(hostile.data)]
    result = hostile.command("--log", "debug", arguments[0], str(hostile.file), *arguments[1:], *data)
    _check_no_control_characters(result)
    if "--json" in arguments:
        json.loads(result.stdout)


def test_the_history_of_a_code_has_one_line_per_event(hostile: Shop) -> None:
    """For any characters in the code and in the message of a refusal."""
    codes = [code for (code,) in hostile.sql("select distinct code from v_history order by hash(code)")]
    codes_with_control_characters = [code for code in codes if any(piece in code for piece in CONTROL_TEXTS)]
    assert len(codes_with_control_characters) > 3
    for code in [*codes_with_control_characters[:: 1 if TORTURE else 3], *MARKUP[:2], *CONTROL_TEXTS[:2]]:
        result = hostile.command("history", str(hostile.file), code, "--data", str(hostile.data))
        _check_no_control_characters(result)
        known = hostile.sql("select count(*) from v_history where code = ?", code)[0][0]
        assert len(result.stdout.splitlines()) == (known + 1 if known else int(result.exit_code == 0))


@pytest.mark.parametrize("status", [200, 401, 404, 500] if not TORTURE else [200, 400, 401, 403, 404, 409, 500])
def test_no_error_prints_control_characters(shop_of: Callable[..., Shop], status: int) -> None:
    """From a body or a field; printed by check, by a run, or by report after the run."""
    shop = shop_of(size(1))
    for system in ("centra", "myogo"):
        shop.edit(f"[systems.{system}]\n", f"[systems.{system}]\nattempts = 1\n")
    text = " ".join(CONTROL_TEXTS + MARKUP)
    for side in ("centra", "myogo"):
        body = {"status": text, "msg": text, "message": text, "error": text, "error_description": text}
        shop.box.add_fault(side=side, path="*", kind="status", status=status, body=body, times=-1)
    for arguments in (["check"], ["check", "--json"], ["plan"], ["plan", "--json"], ["report"]):
        data = [] if arguments[0] == "check" else ["--data", str(shop.data)]
        result = shop.command("--log", "debug", arguments[0], str(shop.file), *arguments[1:], *data)
        _check_no_control_characters(result)
        assert result.exit_code in ((0,) if arguments == ["report"] else (2, 5))


@pytest.mark.parametrize("text", [*MARKUP, "a [b] c", "SKU[1]", "x:100:y"])
def test_text_in_brackets_and_colons_is_printed_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not interpreted as colours, links or emoji."""
    from pipelines.engine.preflight import Check

    print_check(StandardOutput(), Check("centra", "x", "ok", f"<{text}>", f"<{text}>"))
    output = capsys.readouterr().out
    assert output.count(f"<{text}>") == 2
