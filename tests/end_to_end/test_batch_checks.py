"""Whole runs and their batch expectations: kept, told, stopping a push, forced, and as pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from schemas.products.expectations import EXPECTATIONS, SUITES
from tests.support.shop import Shop, size
from tests.support.shop_helpers import writes

TABLE_OF = {own.id: suite.table for suite in SUITES for own in suite.expectations}
ROOT = Path(__file__).resolve().parents[2]
TEN = tuple(size(n, ean="7350000000016") for n in range(1, 11))


def stop_at(shop: Shop, *ids: str) -> None:
    shop.edit("[flows.products.limits]", f"[flows.products.expectations]\nstop = {list(ids)}\n[flows.products.limits]")


def anything_goes(shop: Shop) -> None:
    """The limits let everything through, so that only the expectations speak."""
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0\nmin_read_share = 0.0")


def latest(shop: Shop) -> dict[str, str]:
    """The status of each expectation in the newest run."""
    return dict(
        shop.sql(
            "select expectation, status from sync.expectations "
            "where run_id = (select run_id from sync.runs order by started_at desc limit 1)"
        )
    )


def shrink(shop: Shop, *gone: int) -> None:
    for stock_item_id in gone:
        shop.box.delete_centra_row(stock_item_id)


def test_every_run_keeps_what_it_expected(shop_of: Callable[..., Shop]) -> None:
    """Passed, failed and errored, all of the catalogue, also on a first run with an empty myOGO."""
    shop = shop_of(*TEN)
    report = shop.run("plan")
    assert report.exit_code == 0
    assert list(latest(shop)) == list(EXPECTATIONS)
    assert set(latest(shop).values()) == {"passed"}
    assert report.facts["expectations"] == {
        "passed": len(EXPECTATIONS), "failed": 0, "errored": 0, "told": [], "waived": [],
    }  # fmt: skip
    assert list(report.facts["seconds"])[-3:] == ["validate", "expect", "plan"]
    rows = shop.sql("select observed, unexpected, total from sync.expectations where expectation = 'GX-CPR-001'")
    assert rows == [(10.0, None, 10)]


def test_a_failed_expectation_is_told_and_stops_nothing_by_itself(shop_of: Callable[..., Shop]) -> None:
    """No exit code, one line on the screen, the table and the facts."""
    shop = shop_of(*TEN)
    shop.run("push")
    shrink(shop, *range(1, 7))
    anything_goes(shop)
    result = shop.command("push", str(shop.file), "--data", str(shop.data))
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "GX-CPR-001" in line]
    assert lines == [f"  GX-CPR-001 failed: {EXPECTATIONS['GX-CPR-001'].meaning}: 4; expected 5 to 20"]
    assert {own for own, status in latest(shop).items() if status == "failed"} >= {"GX-CPR-001", "GX-OUT-001"}


@pytest.mark.parametrize(("gone", "exit_code"), [pytest.param(5, 0, id="half"), pytest.param(6, 4, id="below half")])
def test_a_declared_one_refuses_a_shrunk_batch(shop_of: Callable[..., Shop], gone: int, exit_code: int) -> None:
    """For plan too; nothing is written, and refused runs do not become the new normal."""
    shop = shop_of(*TEN)
    shop.run("push")
    shrink(shop, *range(1, gone + 1))
    shop.box.change_centra_row(10, name="Other")
    anything_goes(shop)
    stop_at(shop, "GX-OUT-001")
    before = len(writes(shop))
    for verb in ("plan", "plan", "push"):
        report = shop.run(verb)
        assert report.exit_code == exit_code
    assert len(writes(shop)) == before + (exit_code == 0)
    if exit_code == 4:
        assert "GX-OUT-001 failed" in report.message
        assert "4; expected 5 to 20" in report.message
        assert "--force" in report.fix
        assert "[flows.products.expectations]" in report.fix
        assert shop.sql("select distinct expectation from sync.expectations where stops") == [("GX-OUT-001",)]


def test_force_waives_it_is_recorded_and_makes_a_new_normal(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*TEN)
    stop_at(shop, "GX-OUT-001", "GX-CPR-001")
    shop.run("push")
    shrink(shop, *range(1, 7))
    assert shop.run("push").exit_code == 4
    forced = shop.run("push", force=True)
    assert forced.exit_code == 0
    assert forced.facts["expectations"]["waived"] == ["GX-CPR-001", "GX-OUT-001"]
    assert shop.run("push").exit_code == 0


def test_an_errored_one_stops_too(shop_of: Callable[..., Shop]) -> None:
    """Stock rows that do not say when: freshness cannot be judged."""
    shop = shop_of(*TEN, myogo=[{"code": "SKU1"}])
    stop_at(shop, "GX-MST-005")
    old = shop.run("plan")
    assert old.exit_code == 4
    assert "GX-MST-005 failed" in old.message
    stock = [{"productCode": "SKU1", "stock": 1, "stockAvailable": 1, "reserved": 0, "modified": "soon"}]
    shop.box.add_fault(side="myogo", path="/api/v1/stock", kind="body", body=stock, times=1)
    report = shop.run("push")
    assert (report.exit_code, writes(shop)) == (4, [])
    assert "GX-MST-005 errored" in report.message
    docs = shop.folder / "docs"
    result = shop.command("report", str(shop.file), "--data", str(shop.data), "--data-docs", str(docs))
    assert result.exit_code == 0, result.stderr
    assert "fa-exclamation-triangle" in (docs / "raw_myogo.stock.html").read_text("utf-8")


def test_a_narrowed_run_is_compared_with_its_like(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*TEN)
    stop_at(shop, "GX-OUT-001", "GX-EUR-001")
    shop.run("push")
    assert shop.run("push", sku=("SKU1",)).exit_code == 0
    assert shop.run("push").exit_code == 0


def test_an_unknown_id_names_the_nearest(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    stop_at(shop, "GX-OUT-01")
    with pytest.raises(ConfigError, match=r"flows\.products\.expectations\.stop.*did you mean GX-OUT-001\?"):
        load(str(shop.file))


def test_readme_and_the_catalogue_say_the_same() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    told = re.findall(r"^\| (GX-\S+) \| `(\S+)` \| (.*) \|$", text, re.MULTILINE)
    assert told == [(own.id, suite.table, own.meaning) for suite in SUITES for own in suite.expectations]


class _Loads(HTMLParser):
    """Whatever a page would fetch, run or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "source"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on") or name in ("src", "srcset", "style")]
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_data_docs_need_no_network(shop_of: Callable[..., Shop]) -> None:
    """Every page stands alone, leads to its neighbours only, and says what the tables say."""
    shop = shop_of(*TEN, myogo=[{"code": "SKU1"}])
    shop.run("push")
    docs = shop.folder / "docs"
    result = shop.command("report", str(shop.file), "--data", str(shop.data), "--data-docs", str(docs))
    assert result.exit_code == 0, result.stderr
    pages = {path.name: path.read_text("utf-8") for path in docs.rglob("*") if path.is_file()}
    assert pages.keys() >= {"index.html", "raw_centra.products.html", "out_myogo.products.html"}
    for name, text in pages.items():
        loads = _Loads()
        loads.feed(text)
        assert loads.found == [], name
        assert "://" not in text, name
        assert "url(" not in text, name
        assert "@import" not in text, name
        assert all(link.startswith("#") or link in pages for link in loads.links), name
    for own, status in latest(shop).items():
        assert re.search(rf'<tr class="{status}">\s*<td>.*</td>\s*<td>{own}', pages["index.html"]), own
        assert f"{own}: " in pages[f"{TABLE_OF[own]}.html"]


def test_data_docs_before_any_run_say_what_to_do(shop_of: Callable[..., Shop]) -> None:
    """A run that stopped before its batches were read has none either."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    shop.run("plan")
    words = ("report", str(shop.file), "--data", str(shop.data), "--data-docs", str(shop.folder / "docs"))
    result = shop.command(*words)
    assert result.exit_code == 2
    assert "has validated its batches" in result.stderr


def test_nothing_is_said_on_stderr_and_nothing_written_elsewhere(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    """In a process of its own with a home and a temporary folder of its own."""
    shop = shop_of(*TEN)
    home = tmp_path / "home"
    home.mkdir()
    words = [sys.executable, "-m", "pipelines", "plan", str(shop.file), "--data", str(shop.data)]
    away = {"HOME": str(home), "TMPDIR": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    ended = subprocess.run(words, capture_output=True, text=True, env=os.environ | away, cwd=shop.folder, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(home.rglob("*")) == []
