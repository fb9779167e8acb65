"""The report of a run: its content, its agreement with the tables, and escaping of vendor text."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import Page, report_page
from tests.support.declared import FLOWS, RULES
from tests.support.shop import Shop, euro, size

PLANTED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "sample" / "planted.json").read_text("utf-8")
)
FIX_IN_LABELS = {"centra": "Centra", "myogo": "myOGO", "channel": "channel file"}
SECTIONS = ["to-fix", "closed", "changes", "worth-a-look", "stock", "trend", "rules", "runs", "health"]


def lists(shop: Shop) -> dict[str, list[dict[str, str]]]:
    """The rows of every CSV file that --csv writes, by name."""
    folder = shop.folder / "csv"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--csv", str(folder))
    rows_by_file = {}
    for path in folder.iterdir():
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows_by_file[path.stem] = list(csv.DictReader(file))
    return rows_by_file


def markdown_summary(shop: Shop) -> str:
    path = shop.folder / "report.md"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--markdown", str(path))
    return path.read_text("utf-8")


def planted_issues() -> dict[str, tuple[str, int]]:
    """Rule to the place of the fix and the number of sizes, from the list of planted issues."""
    labels: dict[str, str] = {}
    sizes: dict[str, set[int]] = defaultdict(set)
    for entry in PLANTED:
        if entry["kind"] == "withheld":
            labels[entry["rule"]] = FIX_IN_LABELS[entry["owner"]]
            sizes[entry["rule"]] |= set(entry["stock_item_ids"])
    return {rule: (labels[rule], len(sizes[rule])) for rule in labels}


@pytest.mark.parametrize("rule", sorted(planted_issues()))
def test_a_planted_issue_is_shown_with_its_place_and_fix(pushed: Shop, page: Page, rule: str) -> None:
    """The summary has the number, the place, the fix and the date; the details have the rows."""
    label, rows = planted_issues()[rule]
    assert label == RULES[rule].fix_in
    text = page.text(rule)
    meaning = RULES[rule].meaning
    since = r"Since \d{4}-\d\d-\d\d \d\d:\d\d Stockholm \((\d{4}-\d\d-\d\d )?\d\d:\d\d UTC\)"
    assert re.match(
        rf"{rows} {label} {rule} {re.escape(meaning)} {re.escape(RULES[rule].fix)} {since}", text, re.IGNORECASE
    )
    withheld = "select code, message, source_id from sync.withheld where rule = ?"
    for code, message, source_id in pushed.sql(withheld, rule):
        words = f"{source_id}, " if f"{source_id}, " in text else " ".join(message.split())
        assert words in text or not message.isprintable(), code


def test_every_warning_is_shown(pushed: Shop, page: Page) -> None:
    for rule, rows in pushed.sql("select rule, count(*) from out_myogo.warnings group by rule"):
        assert page.text(rule).startswith(f"{rows} {RULES[rule].fix_in} {rule} ")
        assert RULES[rule].fix in page.text(rule)


def test_the_first_screen_answers_the_six_questions(pushed: Shop, page: Page) -> None:
    """The numbers add up, and the page loads nothing."""
    first = page.text("")
    c = pushed.json("report")["flows"]["products"]
    assert "Did it run? Yes push of" in first
    assert "Flow Is everything there? What changed? What needs fixing? Products Centra → myOGO" in first
    assert f"{c['unchanged'] + c['applied']:,} of {c['read'] - c['skipped']:,} sizes are there as Centra has" in first
    assert f"{c['create']:,} created, {c['update']} updated {c['withheld']} sizes {c['withheld']} withheld" in first
    assert f"{c['applied']:,} changes were written. A row that is withheld is sent by the first run after" in first
    assert f"{c['withheld']} withheld, {c['withheld_new']} new; oldest since 20" in first
    assert "What is unknown? Nothing Every write was answered." in first
    assert re.search(r"When did it last succeed\? \d{4}-\d\d-\d\d", first)
    sums = f"Read {c['read']:,} = skipped {c['skipped']} + withheld {c['withheld']} + create {c['create']:,}"
    assert sums in page.text("changes")
    assert page.fetches == []
    assert page.ids == []
    assert [section for section in SECTIONS if section not in page.sections] == []


def test_a_change_is_shown_field_by_field(page: Page) -> None:
    """With formatted old and new values; a section shows at most fifty rows."""
    text = page.text("changes")
    assert "sales_price: 40.00 → 45.00" in text
    assert "description: nothing → Mössa Älvdal" in text
    assert re.search(r"Väska Älvdal Ljusblå, 149\.90 \d+ fields", text)
    assert "2,665 more in changes.csv, which centra-myogo report " in text
    assert '{"' not in text


def test_the_csv_lists_are_complete_and_linked_from_the_page(pushed: Shop) -> None:
    """They have one row per table row, and the page shows the same counts."""
    rows_by_file = lists(pushed)
    counts = pushed.json("report")["flows"]["products"]
    assert set(rows_by_file) >= {"withheld", "warnings", "closed", "changes", "stock", "rules"}
    assert len({row["source_id"] for row in rows_by_file["withheld"]}) == counts["withheld"]
    assert len(rows_by_file["changes"]) == counts["create"] + counts["update"]
    assert next(row["changes"] for row in rows_by_file["changes"] if row["code"] == "BN2034-SND").startswith(
        "sales_price: 40.00 -> 45.00; description: nothing -> Mössa"
    )
    assert len(rows_by_file["warnings"]) == pushed.sql("select count(*) from out_myogo.warnings")[0][0]
    page = report_page(pushed, "--csv", str(pushed.folder / "csv"))
    assert set(page.ids) == {"csv/changes.csv", "csv/stock.csv"}
    stock = pushed.json("report")["report"]["stock"]
    assert sum(stock[name] for name in ("equal", "differing", "centra_only", "myogo_only")) == len(
        rows_by_file["stock"]
    )


def test_csv_files_open_in_a_spreadsheet(pushed: Shop) -> None:
    """A byte order mark keeps Nordic letters; times have no parts of seconds, or they would not be read as times."""
    rows = lists(pushed)
    for path in (pushed.folder / "csv").iterdir():
        assert path.read_bytes().startswith(b"\xef\xbb\xbf"), path.name
        assert b"\xef\xbb\xbf" not in path.read_bytes()[3:], path.name
    assert any("Älvdal" in row["changes"] for row in rows["changes"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["since"]) for row in rows["withheld"])


def test_without_csv_the_page_names_the_command_for_the_lists(pushed: Shop) -> None:
    html = pushed.folder / "report.html"
    output = pushed.command("report", str(pushed.file), "--data", str(pushed.data), "--html", str(html)).stdout
    assert f"Every list in full: centra-myogo report {pushed.file} --data {pushed.data} --csv DIR" in output


def test_json_is_the_object_of_the_run_with_a_report_key(pushed: Shop) -> None:
    """The documented keys are unchanged."""
    document = pushed.json("report")
    assert list(document) == ["channel", "run_id", "verb", "outcome", "exit_code", "fingerprint", "flows", "report"]
    facts = document["report"]
    assert {todo["rule"]: (todo["owner"], todo["rows"]) for todo in facts["todos"]} == planted_issues()
    assert all(todo["fix"] and todo["since"] for todo in facts["todos"])
    assert {"closed", "last_good", "stock", "expectations", "trend"} <= set(facts)
    assert [t["rule"] for t in facts["trend"]] == [rule.id for rule in FLOWS["products"].rules]


def test_markdown_has_headline_sums_and_the_to_do_list(pushed: Shop) -> None:
    """Each row of a table has as many cells as its header."""
    text = markdown_summary(pushed)
    assert text.startswith("# Done, but some rows need fixing: 114 withheld, 114 new.\n")
    for rule, (label, rows) in planted_issues().items():
        assert f"| {rule} | {rows} | {label} |" in text
    assert "- read 2,998 = skipped 127 + withheld 114" in text
    assert "sales_price: `40.00` → `45.00`" in text
    assert "## Closed since the last run: 0" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_a_fixed_issue_is_removed_and_shown_as_closed(shop: Shop) -> None:
    """In the report of the next run."""
    shop.run("plan")
    sizes = [entry["stock_item_ids"][0] for entry in PLANTED if entry["rule"] == "NAME-001"]
    held = {id_ for (id_,) in shop.sql("select source_id from sync.withheld where rule = 'NAME-001'")}
    fixed = next(id_ for id_ in sizes if str(id_) in held)
    shop.box.change_centra_row(fixed, name="A name at last")
    shop.run("plan")
    page = report_page(shop)
    closed = page.text("closed")
    assert re.match(r"Closed since the last run: 1 1 fixed\. .* NAME-001 ", closed)
    assert f" {fixed} " in closed
    assert f" {fixed} " not in page.text("NAME-001")
    assert page.text("NAME-001").startswith("6 Centra")
    assert "1 issue closed since the last run" in page.text("")
    assert [row["source_id"] for row in lists(shop)["closed"]] == [str(fixed)]
    assert "## Closed since the last run: 1" in markdown_summary(shop)
    facts = shop.json("report")["report"]
    assert facts["closed"]["total"] == 1
    assert [t["rows"] for t in facts["trend"] if t["rule"] == "NAME-001"] == [[7, 6]]


def test_a_failed_run_is_reported_with_the_last_known_state(shop_of: Callable[..., Shop]) -> None:
    """The headline names the unavailable system; older results are shown with their run."""
    shop = shop_of(size(1), size(2, prices=[]))
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    assert shop.run("push").exit_code == 5
    page = report_page(shop)
    first = page.text("")
    assert "A system was not available; safe to run again." in first
    assert "Did it run? Stopped early" in first
    assert "No run has compared both sides yet." in first
    assert "What is unknown? Everything" in first
    assert "When did it last succeed? never last successful push: never" in first
    assert "to-fix" not in page.sections
    assert "No run has compared both sides yet." in markdown_summary(shop)
    shop.box.clear_faults()
    shop.run("push")
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    shop.run("push")
    page = report_page(shop)
    assert "Not compared in the last run. On 20" in page.text("")
    assert "1 of 2 sizes are there as Centra has them." in page.text("")
    assert "Everything below is from run" in page.text("")
    assert page.text("PRICE-001").startswith("1 Centra")


def test_a_refused_write_is_shown_first(shop_of: Callable[..., Shop]) -> None:
    """On the first screen and in a separate list with myOGO's answer."""
    shop = shop_of(size(1), size(2))
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', times=-1)
    assert shop.run("push").exit_code == 3
    page = report_page(shop)
    assert "1 of 2 sizes are there as Centra has them. 1 created, 0 updated 1 not written" in page.text("")
    assert "1 size urgent 0 withheld, 1 refused by myOGO" in page.text("")
    assert [*page.sections].index("unwritten") < [*page.sections].index("to-fix")
    assert page.text("unwritten").startswith("Not written: 1")
    assert "refused by myOGO" in page.text("unwritten")
    assert "Created: 1" in page.text("changes")
    assert "## Not written: 1" in markdown_summary(shop)


def test_an_empty_catalogue_gives_a_valid_page(shop_of: Callable[..., Shop]) -> None:
    """With the limit that refused the plan, and empty lists."""
    shop = shop_of()
    run = shop.run("push")
    page = report_page(shop)
    assert run.headline in page.text("")
    assert "Nothing to send Centra lists no sizes." in page.text("")
    assert page.text("to-fix") == "To fix Nothing is withheld."
    assert lists(shop)["withheld"] == []
    markdown_summary(shop)


def test_a_run_narrowed_by_sku_is_marked(shop_of: Callable[..., Shop]) -> None:
    """And does not count in the trend."""
    shop = shop_of(size(1), size(2, prices=[]), size(3, prices=[]))
    shop.run("plan", sku=("SKU2",))
    assert "Only codes like SKU2 were selected" in report_page(shop).text("")
    assert "Only codes like `SKU2`" in markdown_summary(shop)
    shop.run("plan", sku=tuple("SKU2" + "*" * n for n in range(13)))
    assert "and 3 more were selected" in report_page(shop).text("")
    assert "and 3 more; the others" in markdown_summary(shop)
    assert "and 3 more; the others" in " ".join(
        shop.command("report", str(shop.file), "--data", str(shop.data)).stdout.split()
    )
    shop.run("plan")
    facts = shop.json("report")["report"]
    assert [t["rows"] for t in facts["trend"] if t["rule"] == "PRICE-001"] == [[2]]


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> | `x` [a](http://x) \u202e\u200b"


def test_vendor_text_is_escaped(shop_of: Callable[..., Shop]) -> None:
    """Scripts in names, formulas in codes, code fences and invisible characters."""
    shop = shop_of(
        size(1, sku="=cmd()", name=HOSTILE, prices=[euro("<b>1</b>")]),
        size(2, sku="@SUM(1)", brand=HOSTILE, categoryName=HOSTILE),
        size(3, sku="+\u200b", name=HOSTILE),
        size(4, sku="-1|`", brand=HOSTILE, prices=[euro("-5")]),
    )
    shop.run("plan")
    page = report_page(shop)
    assert page.fetches == []
    assert page.ids == []
    assert "&lt;b&gt;1&lt;/b&gt;" in page.html
    assert "&lt;script&gt;" in page.html
    assert "\u202e" not in page.html
    assert "⌈U+200B⌉" in page.text("SKU-003")
    rows_by_file = lists(shop)
    assert sorted(row["code"] for row in rows_by_file["withheld"]) == ["'+\u200b", "'-1|`", "'=cmd()"]
    assert [row["code"] for row in rows_by_file["changes"]] == ["'@SUM(1)"]
    cells = [cell for rows in rows_by_file.values() for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    text = markdown_summary(shop)
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "`" not in outside_code
    assert "script" not in outside_code
    assert "http" not in outside_code


EXPECTATIONS = [
    ("passed", "rows"), ("failed", "a share of <b>prices</b>"), ("errored", "freshness"),
]  # fmt: skip


def test_expectations_are_shown_if_there_are_any(shop_of: Callable[..., Shop]) -> None:
    """Failed and errored ones with their fix, passed ones as a number."""
    import duckdb

    shop = shop_of(size(1))
    run = shop.run("plan")
    published = str(shop.data / "demo" / "analytics.duckdb")
    with duckdb.connect(published) as db:
        db.execute("delete from sync.expectations")
    assert "batch" not in report_page(shop).sections
    with duckdb.connect(published) as db:
        for status, meaning in EXPECTATIONS:
            row = (run.run_id, "products", "expect", "raw_centra.prices", None, meaning, "Ask.", status)
            rest = "0.8125, 3, 16, 'said', true, null, 'before', null"
            db.execute(f"insert into sync.expectations values (?,?,?,?,?,?,?,?,{rest})", row)
    page = report_page(shop)
    text = page.text("batch")
    assert "Catalogue checks 1 passed, 1 failed, 1 could not be validated." in text
    assert (
        "failed expect stops a push Centra prices a share of <b>prices</b> said (unchanged since run before) Ask."
        in text
    )
    assert "Catalogue checks that did not pass" in text
    assert " rows Ask." not in text
    assert "1 of the catalogue checks could not be validated." in page.text("")
    assert len(lists(shop)["expectations"]) == 2
    assert (
        "| expect | failed | `Centra prices` | `a share of <b>prices</b>` | `said (unchanged since run before)` |"
        in markdown_summary(shop)
    )


@pytest.mark.parametrize("option", ["--html", "--csv", "--markdown"])
def test_an_unwritable_path_is_explained(pushed: Shop, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("in the way")
    path_below_a_file = str(tmp_path / "file" / "below")
    result = pushed.command("report", str(pushed.file), "--data", str(pushed.data), option, path_below_a_file)
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_history_and_report_show_an_issue_opened_closed_and_reopened(shop_of: Callable[..., Shop]) -> None:
    """One code is created, then gets an issue, is fixed, and gets the issue again."""
    shop = shop_of(size(1))
    shop.run("push")
    shop.box.change_centra_row(1, prices=[])
    shop.run("plan")
    shop.box.change_centra_row(1, prices=[euro("12.00")])
    shop.run("push")
    text = shop.command("history", str(shop.file), "SKU1", "--data", str(shop.data)).stdout
    events = re.findall(r"planned create|create applied|opened|closed: fixed|planned update|update applied", text)
    assert sorted(events[:2]) == ["create applied", "planned create"]
    assert sorted(events[2:]) == ["closed: fixed", "opened", "planned update", "update applied"]
    assert events[2] == "opened"
    assert "PRICE-001" in text
    assert "Nothing is withheld." in report_page(shop).text("to-fix")
    shop.box.change_centra_row(1, prices=[])
    shop.run("plan")
    page = report_page(shop)
    assert "1 came back." in page.text("PRICE-001")
    assert "Came back (2 times)." in page.text("PRICE-001")
    assert page.text("closed").startswith("Closed since the last run: 0")
    assert "| PRICE-001 | 1 (1 came back) |" in markdown_summary(shop)


def test_the_page_parser_finds_text_links_and_scripts() -> None:
    """The tests above rely on it."""
    page = Page('<h2 id="a">x</h2><p onclick="y">z</p><img><a href="b.csv">c</a>')
    assert page.text("a") == "x z c"
    assert page.fetches == ["p", "img"]
    assert page.ids == ["b.csv"]


def test_a_code_is_listed_once_for_a_rule(shop_of: Callable[..., Shop]) -> None:
    """Somebody has changed two values of one product."""
    shop = shop_of(size(1))
    shop.run("push")
    shop.box.change_myogo_product("SKU1", salesPrice=5, supplier="Other")
    shop.run("plan")
    text = shop.command("report", str(shop.file), "--data", str(shop.data)).stdout
    lines = text.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("  TGT-005 2")]
    assert lines[place + 1].strip() == "SKU1"
