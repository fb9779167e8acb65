"""The report of a run: what it says, that it agrees with the tables, and that nobody can smuggle anything in."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import Page, reported
from tests.support.declared import FLOWS, RULES
from tests.support.shop import Shop, euro, size

PLANTED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "sample" / "planted.json").read_text("utf-8")
)
OWNER = {"centra": "Centra", "myogo": "myOGO", "channel": "channel file"}
SECTIONS = ["to-fix", "closed", "changes", "worth-a-look", "stock", "rules", "runs", "health"]


def lists(shop: Shop) -> dict[str, list[dict[str, str]]]:
    """Every CSV file that --csv leaves, by name."""
    folder = shop.folder / "csv"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--csv", str(folder))
    found = {}
    for path in folder.iterdir():
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def summarised(shop: Shop) -> str:
    path = shop.folder / "report.md"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--markdown", str(path))
    return path.read_text("utf-8")


def planted() -> dict[str, tuple[str, int]]:
    """Rule to owner and number of sizes, as the list of planted faults says."""
    owners: dict[str, str] = {}
    sizes: dict[str, set[int]] = defaultdict(set)
    for entry in PLANTED:
        if entry["kind"] == "withheld":
            owners[entry["rule"]] = OWNER[entry["owner"]]
            sizes[entry["rule"]] |= set(entry["stock_item_ids"])
    return {rule: (owners[rule], len(sizes[rule])) for rule in owners}


@pytest.mark.parametrize("rule", sorted(planted()))
def test_a_planted_fault_is_told_with_its_owner_and_fix(pushed: Shop, page: Page, rule: str) -> None:
    """Without opening anything: how many, where, how, since when; then the rows themselves."""
    owner, rows = planted()[rule]
    assert owner == RULES[rule].fix_in
    told = page.text(rule)
    meaning = RULES[rule].meaning
    since = r"Since \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.match(
        rf"{rows} {owner} {rule} {re.escape(meaning)} {re.escape(RULES[rule].fix)} {since}", told, re.IGNORECASE
    )
    for code, message in pushed.sql("select code, message from sync.withheld where rule = ? limit 50", rule):
        assert " ".join(message.split()) in told or not message.isprintable(), code


def test_every_warning_is_told_too(pushed: Shop, page: Page) -> None:
    for rule, rows in pushed.sql("select rule, count(*) from out_myogo.warnings group by rule"):
        assert page.text(rule).startswith(f"{rows} {RULES[rule].fix_in} {rule} ")
        assert RULES[rule].fix in page.text(rule)


def test_the_first_screen_answers_the_six_questions(pushed: Shop, page: Page) -> None:
    """With numbers that add up, and nothing to fetch or run."""
    first = page.text("")
    c = pushed.json("report")["flows"]["products"]
    assert "Did it run? Yes push of" in first
    assert f"Is everything in myOGO? {c['unchanged'] + c['applied']:,} of {c['read'] - c['skipped']:,} " in first
    assert f"What needs fixing? {c['withheld']} sizes {c['withheld']} withheld; most often: the combined" in first
    assert f"What changed? {c['create']:,} created, {c['update']} updated" in first
    assert "What is unknown? Nothing Every write was answered." in first
    assert re.search(r"When did it last succeed\? \d{4}-\d\d-\d\d", first)
    assert f"Read {c['read']:,} = skipped {c['skipped']} + withheld {c['withheld']} + create {c['create']:,}" in first
    assert page.fetches == []
    assert page.ids == []
    assert [section for section in SECTIONS if section not in page.sections] == []


def test_a_change_is_told_field_by_field(page: Page) -> None:
    """Old and new as people write them; and no section shows more than fifty."""
    told = page.text("changes")
    assert "sales_price: 40.00 → 45.00" in told
    assert "description: nothing → Mössa Älvdal" in told
    assert "Väska Älvdal Ljusblå, 149.90 nothing → " in told
    assert "2,665 more in changes.csv, which centra-myogo report " in told
    assert '{"' not in told


def test_the_lists_are_whole_and_the_page_leads_to_them(pushed: Shop) -> None:
    """One row per row of the tables; the counts on the page are theirs."""
    found = lists(pushed)
    c = pushed.json("report")["flows"]["products"]
    assert set(found) >= {"withheld", "warnings", "closed", "changes", "stock", "rules"}
    assert len({row["source_id"] for row in found["withheld"]}) == c["withheld"]
    assert len(found["changes"]) == c["create"] + c["update"]
    assert next(row["changes"] for row in found["changes"] if row["code"] == "BN2034-SND").startswith(
        "sales_price: 40.00 -> 45.00; description: nothing -> Mössa"
    )
    assert len(found["warnings"]) == pushed.sql("select count(*) from out_myogo.warnings")[0][0]
    page = reported(pushed, "--csv", str(pushed.folder / "csv"))
    assert set(page.ids) == {"csv/changes.csv", "csv/warnings.csv", "csv/stock.csv"}
    stock = pushed.json("report")["report"]["stock"]
    assert sum(stock[name] for name in ("equal", "differing", "centra_only", "myogo_only")) == len(found["stock"])


def test_html_alone_says_what_writes_the_lists(pushed: Shop) -> None:
    html = pushed.folder / "report.html"
    said = pushed.command("report", str(pushed.file), "--data", str(pushed.data), "--html", str(html)).stdout
    assert f"Every list in full: centra-myogo report {pushed.file} --data {pushed.data} --csv DIR" in said


def test_json_is_the_runs_own_object_with_the_facts_beside_it(pushed: Shop) -> None:
    """The documented keys, unchanged, and `report`."""
    document = pushed.json("report")
    assert list(document) == ["channel", "run_id", "verb", "outcome", "exit_code", "fingerprint", "flows", "report"]
    facts = document["report"]
    assert {todo["rule"]: (todo["owner"], todo["rows"]) for todo in facts["todos"]} == planted()
    assert all(todo["fix"] and todo["since"] for todo in facts["todos"])
    assert {"closed", "last_good", "stock", "expectations", "trend"} <= set(facts)
    assert [t["rule"] for t in facts["trend"]] == [rule.id for rule in FLOWS["products"].rules]


def test_markdown_has_headline_sums_and_the_to_do_list(pushed: Shop) -> None:
    """And every row of a table has the cells that its head has."""
    told = summarised(pushed)
    assert told.startswith("# Done, but some rows need fixing.\n")
    for rule, (owner, rows) in planted().items():
        assert f"| {rule} | {rows} | {owner} |" in told
    assert "- read 2,998 = skipped 127 + withheld 114" in told
    assert "sales_price: `40.00` → `45.00`" in told
    assert "## Closed since the last run: 0" in told
    for table in re.findall(r"(?:^\|.*\n)+", told, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_a_fault_that_is_fixed_is_gone_and_told_as_closed(shop: Shop) -> None:
    """On the next run; and when it breaks again, it has come back."""
    shop.run("plan")
    sizes = [entry["stock_item_ids"][0] for entry in PLANTED if entry["rule"] == "NAME-001"]
    held = {id_ for (id_,) in shop.sql("select source_id from sync.withheld where rule = 'NAME-001'")}
    fixed = next(id_ for id_ in sizes if str(id_) in held)
    shop.box.change_centra_row(fixed, name="A name at last")
    shop.run("plan")
    page = reported(shop)
    closed = page.text("closed")
    assert re.match(r"Closed since the last run: 1 1 fixed\. .* NAME-001 ", closed)
    assert f" {fixed} " in closed
    assert f" {fixed} " not in page.text("NAME-001")
    assert page.text("NAME-001").startswith("6 Centra")
    assert "; 1 issue closed since the last run" in page.text("")
    assert [row["source_id"] for row in lists(shop)["closed"]] == [str(fixed)]
    assert "## Closed since the last run: 1" in summarised(shop)
    facts = shop.json("report")["report"]
    assert facts["closed"]["total"] == 1
    assert [t["rows"] for t in facts["trend"] if t["rule"] == "NAME-001"] == [[7, 6]]


def test_a_run_that_failed_says_so_and_keeps_the_last_known(shop_of: Callable[..., Shop]) -> None:
    """A stopped system is the headline, with what to do; what was known before is told as of then."""
    shop = shop_of(size(1), size(2, prices=[]))
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    assert shop.run("push").exit_code == 5
    page = reported(shop)
    first = page.text("")
    assert "A system was not available; safe to run again." in first
    assert "Did it run? Not to the end" in first
    assert "Is everything in myOGO? Not known No run has compared both sides yet." in first
    assert "When did it last succeed? never last push that went through: never" in first
    assert "to-fix" not in page.sections
    assert "No run has compared both sides yet." in summarised(shop)
    shop.box.clear_faults()
    shop.run("push")
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    shop.run("push")
    page = reported(shop)
    assert "Not known This run did not compare both sides. Last known: 1 of 2." in page.text("")
    assert "Everything below is of run" in page.text("")
    assert page.text("PRICE-001").startswith("1 Centra")


def test_a_refused_and_an_unknown_write_come_first(shop_of: Callable[..., Shop]) -> None:
    """They need a person: on the first screen and in a list of their own, with what myOGO said."""
    shop = shop_of(size(1), size(2))
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', times=-1)
    assert shop.run("push").exit_code == 3
    page = reported(shop)
    assert "What needs fixing? 1 size 0 withheld, 1 refused by myOGO" in page.text("")
    assert "1 of 2 sizes are there as Centra has them. Not: 0 withheld, 1 refused." in page.text("")
    assert page.text("unwritten").startswith("Not written: 1")
    assert "refused by myOGO" in page.text("unwritten")
    assert "Created: 1" in page.text("changes")
    assert "## Not written: 1" in summarised(shop)


def test_an_empty_catalogue_makes_a_page(shop_of: Callable[..., Shop]) -> None:
    """The limit that refused it is told, and no list is made up."""
    shop = shop_of()
    run = shop.run("push")
    page = reported(shop)
    assert run.headline in page.text("")
    assert "Nothing to have Centra lists no sizes." in page.text("")
    assert page.text("to-fix") == "To fix Nothing is withheld."
    assert lists(shop)["withheld"] == []
    summarised(shop)


def test_a_narrowed_run_says_that_it_is_one(shop_of: Callable[..., Shop]) -> None:
    """And does not pose as an improvement in the trend."""
    shop = shop_of(size(1), size(2, prices=[]), size(3, prices=[]))
    shop.run("plan", sku=("SKU2",))
    assert "Only codes like SKU2 were looked at" in reported(shop).text("")
    assert "Only codes like `SKU2`" in summarised(shop)
    shop.run("plan")
    facts = shop.json("report")["report"]
    assert [t["rows"] for t in facts["trend"] if t["rule"] == "PRICE-001"] == [[2]]


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> | `x` [a](http://x) \u202e\u200b"


def test_vendor_text_stays_text(shop_of: Callable[..., Shop]) -> None:
    """A script in a name, a formula in a code, a code fence in both, and characters that cannot be seen."""
    shop = shop_of(
        size(1, sku="=cmd()", name=HOSTILE, prices=[euro("<b>1</b>")]),
        size(2, sku="@SUM(1)", brand=HOSTILE, categoryName=HOSTILE),
        size(3, sku="+\u200b", name=HOSTILE),
        size(4, sku="-1|`", brand=HOSTILE, prices=[euro("-5")]),
    )
    shop.run("plan")
    page = reported(shop)
    assert page.fetches == []
    assert page.ids == []
    assert "&lt;b&gt;1&lt;/b&gt;" in page.html
    assert "&lt;script&gt;" in page.html
    assert "\u202e" not in page.html
    assert "⌈U+200B⌉" in page.text("SKU-003")
    found = lists(shop)
    assert sorted(row["code"] for row in found["withheld"]) == ["'+\u200b", "'-1|`", "'=cmd()"]
    assert [row["code"] for row in found["changes"]] == ["'@SUM(1)"]
    cells = [cell for rows in found.values() for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    told = summarised(shop)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told)
    assert "`" not in outside
    assert "script" not in outside
    assert "http" not in outside


EXPECTATIONS = [
    ("passed", "rows"), ("failed", "a share of <b>prices</b>"), ("errored", "freshness"),
]  # fmt: skip


def test_expectations_of_the_batch_are_shown_where_there_are_any(shop_of: Callable[..., Shop]) -> None:
    """The failed and errored ones with what to do, the passed ones as a number."""
    import duckdb

    shop = shop_of(size(1))
    run = shop.run("plan")
    published = str(shop.data / "demo" / "analytics.duckdb")
    with duckdb.connect(published) as db:
        db.execute("delete from sync.expectations")
    assert "batch" not in reported(shop).sections
    with duckdb.connect(published) as db:
        for status, meaning in EXPECTATIONS:
            row = (run.run_id, "products", "expect", "raw_centra.prices", None, meaning, "Ask.", status)
            db.execute("insert into sync.expectations values (?,?,?,?,?,?,?,?,0.8125,3,16,'said',true,null)", row)
    page = reported(shop)
    told = page.text("batch")
    assert "1 expectations passed, 1 failed, 1 could not be computed." in told
    assert "failed stops a push raw_centra.prices a share of <b>prices</b> said Ask." in told
    assert "rows" not in told
    assert "1 of the batch's checks could not be computed." in page.text("")
    assert len(lists(shop)["expectations"]) == 2
    assert "| failed | `raw_centra.prices` | `a share of <b>prices</b>` | `said` |" in summarised(shop)


@pytest.mark.parametrize("option", ["--html", "--csv", "--markdown"])
def test_a_place_that_cannot_be_written_is_explained(pushed: Shop, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("in the way")
    there = str(tmp_path / "file" / "below")
    result = pushed.command("report", str(pushed.file), "--data", str(pushed.data), option, there)
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_a_code_through_its_life(shop_of: Callable[..., Shop]) -> None:
    """One code through its life: created, then broken, then healed; broken again, it has come back."""
    shop = shop_of(size(1))
    shop.run("push")
    shop.box.change_centra_row(1, prices=[])
    shop.run("plan")
    shop.box.change_centra_row(1, prices=[euro("12.00")])
    shop.run("push")
    told = shop.command("history", str(shop.file), "SKU1", "--data", str(shop.data)).stdout
    events = re.findall(r"planned create|create applied|opened|closed: fixed|planned update|update applied", told)
    assert sorted(events[:2]) == ["create applied", "planned create"]
    assert sorted(events[2:]) == ["closed: fixed", "opened", "planned update", "update applied"]
    assert events[2] == "opened"
    assert "PRICE-001" in told
    assert "Nothing is withheld." in reported(shop).text("to-fix")
    shop.box.change_centra_row(1, prices=[])
    shop.run("plan")
    page = reported(shop)
    assert "1 came back." in page.text("PRICE-001")
    assert "Came back (2 times)." in page.text("PRICE-001")
    assert page.text("closed").startswith("Closed since the last run: 0")
    assert "| PRICE-001 | 1 (1 came back) |" in summarised(shop)


def test_the_page_reader_reads() -> None:
    """The tests above stand on it."""
    page = Page('<h2 id="a">x</h2><p onclick="y">z</p><img><a href="b.csv">c</a>')
    assert page.text("a") == "x z c"
    assert page.fetches == ["p", "img"]
    assert page.ids == ["b.csv"]
