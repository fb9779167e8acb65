"""Batch expectations of complete runs: stored, reported, stopping a push, waived by --force, shown as pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from schemas.expectation import one_of
from schemas.products.expectations import EXPECTATIONS, SUITES
from tests.support.shop import Shop, expecting, size
from tests.support.shop_helpers import writes

TABLE_OF = {expectation.id: suite.table for suite in SUITES for expectation in suite.expectations}
TEN = tuple(size(n, ean="7350000000016") for n in range(1, 11))


@pytest.fixture
def shop(shop: Shop) -> Shop:
    return expecting(shop)


@pytest.fixture
def shop_of(shop_of: Callable[..., Shop]) -> Callable[..., Shop]:
    return lambda *sizes, **more: expecting(shop_of(*sizes, **more))


def stop_at(shop: Shop, *ids: str) -> None:
    shop.edit("[flows.products.limits]", f"[flows.products.expectations]\nstop = {list(ids)}\n[flows.products.limits]")


def lift_limits(shop: Shop) -> None:
    """Lifts the limits, so that only the expectations can stop a run."""
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0\nmin_read_share = 0.0")


def latest_statuses(shop: Shop) -> dict[str, str]:
    """The status of each expectation in the newest run."""
    return dict(
        shop.sql(
            "select expectation, status from sync.expectations "
            "where run_id = (select run_id from sync.runs order by started_at desc limit 1)"
        )
    )


def delete_sizes(shop: Shop, *stock_item_ids: int) -> None:
    for stock_item_id in stock_item_ids:
        shop.box.delete_centra_row(stock_item_id)


def test_every_run_stores_the_result_of_each_expectation(shop_of: Callable[..., Shop]) -> None:
    """All expectations of the registry are stored, also on a first run with an empty myOGO."""
    shop = shop_of(*TEN)
    report = shop.run("plan")
    assert report.exit_code == 0
    assert list(latest_statuses(shop)) == list(EXPECTATIONS)
    assert set(latest_statuses(shop).values()) == {"passed"}
    assert report.facts["expectations"] == {
        "passed": len(EXPECTATIONS), "failed": 0, "errored": 0, "told": [], "waived": [],
    }  # fmt: skip
    assert list(report.facts["seconds"])[-4:] == ["validate", "expect", "plan", "history"]
    rows = shop.sql("select observed, unexpected, total from sync.expectations where expectation = 'GX-CPR-001'")
    assert rows == [(10.0, None, 10)]


def test_a_failed_expectation_is_reported_and_stops_nothing_by_default(shop_of: Callable[..., Shop]) -> None:
    """The exit code stays 0; the screen has the number, with --all one line each, and the table the status."""
    shop = shop_of(*TEN)
    shop.run("push")
    delete_sizes(shop, *range(1, 7))
    lift_limits(shop)
    result = shop.command("push", str(shop.file), "--data", str(shop.data), "--all")
    assert result.exit_code == 0
    counted, *lines = [line for line in result.stdout.splitlines() if "GX-CPR-001" in line]
    assert counted.startswith("Catalogue checks  ")
    assert lines == [f"  GX-CPR-001 failed, Centra products: {EXPECTATIONS['GX-CPR-001'].meaning}: 4; expected 5 to 20"]
    assert "Centra products: " in shop.command("report", str(shop.file), "--data", str(shop.data)).stdout
    assert {expectation for expectation, status in latest_statuses(shop).items() if status == "failed"} >= {
        "GX-CPR-001",
        "GX-OUT-001",
    }


@pytest.mark.parametrize(("deleted", "exit_code"), [pytest.param(5, 0, id="half"), pytest.param(6, 4, id="below half")])
def test_an_expectation_listed_in_stop_refuses_a_shrunk_batch(
    shop_of: Callable[..., Shop], deleted: int, exit_code: int
) -> None:
    """Also for plan; nothing is written, and later runs are not compared with refused runs."""
    shop = shop_of(*TEN)
    shop.run("push")
    delete_sizes(shop, *range(1, deleted + 1))
    shop.box.change_centra_row(10, name="Other")
    lift_limits(shop)
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


def test_force_waives_an_expectation_and_later_runs_are_compared_with_the_forced_run(
    shop_of: Callable[..., Shop],
) -> None:
    shop = shop_of(*TEN)
    stop_at(shop, "GX-OUT-001", "GX-CPR-001")
    shop.run("push")
    delete_sizes(shop, *range(1, 7))
    assert shop.run("push").exit_code == 4
    forced = shop.run("push", force=True)
    assert forced.exit_code == 0
    assert forced.facts["expectations"]["waived"] == ["GX-CPR-001", "GX-OUT-001"]
    assert shop.run("push").exit_code == 0


def test_an_errored_expectation_stops_too(shop_of: Callable[..., Shop]) -> None:
    """Stock rows without a readable time, so their freshness cannot be computed."""
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


def test_a_run_narrowed_by_sku_is_compared_with_narrowed_runs(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*TEN)
    stop_at(shop, "GX-OUT-001", "GX-EUR-001")
    shop.run("push")
    assert shop.run("push", sku=("SKU1",)).exit_code == 0
    assert shop.run("push").exit_code == 0


def test_an_unknown_expectation_id_names_the_nearest_known_id(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    stop_at(shop, "GX-OUT-01")
    with pytest.raises(ConfigError, match=r"flows\.products\.expectations\.stop.*did you mean GX-OUT-001\?"):
        load(str(shop.file))


class _References(HTMLParser):
    """Collects what a page would load, run or link to."""

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
    """Pages load nothing, link only to each other, and show the statuses of the tables."""
    shop = shop_of(*TEN, myogo=[{"code": "SKU1"}])
    shop.run("push")
    docs = shop.folder / "docs"
    result = shop.command("report", str(shop.file), "--data", str(shop.data), "--data-docs", str(docs))
    assert result.exit_code == 0, result.stderr
    pages = {path.name: path.read_text("utf-8") for path in docs.rglob("*") if path.is_file()}
    assert pages.keys() >= {"index.html", "raw_centra.products.html", "out_myogo.products.html"}
    for name, text in pages.items():
        references = _References()
        references.feed(text)
        assert references.found == [], name
        assert "://" not in text, name
        assert "url(" not in text, name
        assert "@import" not in text, name
        assert all(link.startswith("#") or link in pages for link in references.links), name
    for expectation, status in latest_statuses(shop).items():
        assert re.search(rf'<tr class="{status}">\s*<td>.*</td>\s*<td>{expectation}', pages["index.html"]), expectation
        assert f"{expectation}: " in pages[f"{TABLE_OF[expectation]}.html"]


def test_data_docs_before_any_validated_run_are_refused(shop_of: Callable[..., Shop]) -> None:
    """A run that stopped before its batches were read has no results either."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="centra", path="*", kind="status", status=500, times=-1)
    shop.run("plan")
    arguments = ("report", str(shop.file), "--data", str(shop.data), "--data-docs", str(shop.folder / "docs"))
    result = shop.command(*arguments)
    assert result.exit_code == 2
    assert "has done its batch checks" in result.stderr


def test_a_run_prints_only_its_progress_on_stderr_and_writes_no_file_outside_its_data_folder(
    shop_of: Callable[..., Shop], tmp_path: Path
) -> None:
    """In a child process with an empty home and temporary folder."""
    shop = shop_of(*TEN)
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "pipelines", "plan", str(shop.file), "--data", str(shop.data)]
    folders = {"HOME": str(home), "TMPDIR": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    finished = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | folders, cwd=shop.folder, check=False
    )
    assert finished.returncode == 0
    assert re.fullmatch(r"Read Centra 20 rows, myOGO 0 rows in \d+ s\n", finished.stderr), finished.stderr
    assert list(home.rglob("*")) == []


_IMPORTED = """
import sys
from pipelines.cli import app
try:
    app(sys.argv[1:])
finally:
    print("imported" if "great_expectations" in sys.modules else "not imported", file=sys.stderr)
"""


def imports_it(shop: Shop, *words: str) -> bool:
    """Whether a push in its own process imports Great Expectations."""
    command = [sys.executable, "-c", _IMPORTED, "push", str(shop.file), "--data", str(shop.data), *words]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=shop.folder, check=False)
    assert finished.returncode in (0, 3), finished.stderr
    return finished.stderr.splitlines()[-1] == "imported"


def test_a_run_evaluates_only_what_has_changed_since_an_earlier_run(shop_of: Callable[..., Shop]) -> None:
    """Rows that have changed, a changed suite and a rebuilt working file are evaluated; unchanged rows are not, and the
    stored results are the same but for their run and the age of data."""
    shop = shop_of(*TEN)
    results = (
        "select expectation, status, unexpected, total, stops from sync.expectations "
        "where run_id = (select max(run_id) from sync.runs) order by expectation"
    )
    assert imports_it(shop)
    assert imports_it(shop)  # myOGO has rows now
    second = shop.sql(results)
    assert not imports_it(shop)
    assert not imports_it(shop, "--full")
    assert shop.sql(results) == second
    shop.box.change_centra_row(10, name="Other", ean="1")
    assert imports_it(shop)
    assert imports_it(shop, "--rebuild")


def test_a_changed_suite_is_evaluated_anew(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of(*TEN)
    shop.run("plan")
    kept = shop.run("plan").run_id
    table = "raw_centra.products"
    (suite,) = (one for one in SUITES if one.table == table)
    stricter = replace(suite, expectations=tuple(
        replace(one, build=one_of(["stone"], 1)) if one.id == "GX-CPR-005" else one for one in suite.expectations
    ))  # fmt: skip
    monkeypatch.setattr(
        "pipelines.flows.products.ProductFlow.suites", tuple(stricter if one.table == table else one for one in SUITES)
    )
    report = shop.run("plan")
    anew = "select distinct table_name from sync.expectations where run_id = $1 and evaluated_in = $1 and field <> ''"
    assert (table,) not in shop.sql(anew, kept)
    assert (table,) in shop.sql(anew, report.run_id)
    assert latest_statuses(shop)["GX-CPR-005"] == "failed"
    told = shop.run("plan").facts["expectations"]["told"]
    assert {one["expectation"]: one["unchanged_since"] for one in told}["GX-CPR-005"] == report.run_id
    assert (
        f"(unchanged since run {report.run_id})"
        in shop.command("report", str(shop.file), "--data", str(shop.data)).stdout
    )


def test_what_depends_on_the_time_or_on_earlier_runs_is_computed_in_each_run(shop_of: Callable[..., Shop]) -> None:
    """The same rows are too few, once more of them are usual."""
    shop = shop_of(*TEN)
    shop.run("plan")
    with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
        db.execute("update sync.expectations set observed = 100 where expectation = 'GX-CPR-001'")
    report = shop.run("plan")
    assert latest_statuses(shop)["GX-CPR-001"] == "failed"
    ((message, evaluated_in),) = shop.sql(
        "select message, evaluated_in from sync.expectations where expectation = 'GX-CPR-001' and run_id = ?",
        report.run_id,
    )
    assert (message, evaluated_in) == ("10; expected 50 to 200", report.run_id)
