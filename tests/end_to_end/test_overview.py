"""`runs`, `status` and metrics: what happened in one channel and in all channels of a project."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipelines.core.errors import ConfigError
from pipelines.state.pause import pause_file, write_pause
from pipelines.state.store import Folder, utc_now
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER


@pytest.fixture
def shop(shop_of: Callable[..., Shop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A project with one channel that has been planned and pushed; one size is withheld."""
    shop = shop_of(size(1), size(2), size(3, prices=[]))
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "demo.toml").write_text(shop.text, "utf-8")
    for verb in ("plan", "push"):
        assert shop.command(verb, "demo").exit_code == 3
    return shop


def test_runs_lists_the_newest_first(shop: Shop) -> None:
    lines = json.loads(shop.command("runs", "demo", "--json").stdout)["runs"]
    assert [(line["verb"], line["exit_code"], line["changes"], line["applied"]) for line in lines] == [
        ("push", 3, 2, 2), ("plan", 3, 2, 0),
    ]  # fmt: skip
    assert [
        line["run_id"] for line in json.loads(shop.command("runs", "demo", "-n", "1", "--json").stdout)["runs"]
    ] == [lines[0]["run_id"]]
    first, *rows = shop.command("runs", "demo").stdout.splitlines()
    assert first.split()[:3] == ["Started", "(UTC)", "Verb"]
    assert [row.split()[2] for row in rows] == ["push", "plan"]
    assert all(len(row.splitlines()) == 1 and lines[n]["run_id"] in row for n, row in enumerate(rows))


def test_runs_of_a_channel_that_never_ran(shop: Shop) -> None:
    shop.edit('name = "demo"', 'name = "other"')
    result = shop.command("runs", str(shop.file))
    assert (result.exit_code, "Run plan or push" in result.stderr) == (2, True)


def test_status_shows_each_channel(shop: Shop, tmp_path: Path) -> None:
    """One that is good, one that never ran, and one with a mistake in its file."""
    new = shop.text.replace('name = "demo"', 'name = "new"')
    (tmp_path / "channels" / "new.toml").write_text(new, "utf-8")
    (tmp_path / "channels" / "wrong.toml").write_text("name = 1", "utf-8")
    states = json.loads(shop.command("status", "--json").stdout)["channels"]
    assert [(one["channel"], one["state"], one["to_fix"], one["new"]) for one in states] == [
        ("demo", "attention", 1, 0), ("new", "never run", 0, 0), ("wrong", "invalid", 0, 0),
    ]  # fmt: skip
    assert states[0]["last_run"]["verb"] == "push"
    assert 0 <= states[0]["age_s"] < 3600
    assert "wrong.toml" in states[2]["message"]
    lines = shop.command("status").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Channel", "demo", "new", "wrong"]


def test_status_of_a_channel_whose_last_run_failed(shop: Shop) -> None:
    shop.box.add_fault(side="centra", kind="status", status=503, path="/products", times=FOREVER)
    assert shop.command("push", "demo").exit_code == 5
    (state,) = json.loads(shop.command("status", "--json").stdout)["channels"]
    assert (state["state"], state["last_run"]["exit_code"], state["last_push"] is None) == ("failed", 5, False)


def test_status_shows_the_next_time_of_the_schedule(shop: Shop, tmp_path: Path) -> None:
    """In UTC; nothing without a schedule, if the file is wrong, or while the schedule is paused."""
    scheduled = f'schedule = "every 2 h"\n{shop.text}'
    for name in ("hourly", "paused", "damaged"):
        text = scheduled.replace('name = "demo"', f'name = "{name}"')
        (tmp_path / "channels" / f"{name}.toml").write_text(text, "utf-8")
    (tmp_path / "channels" / "demo.toml").write_text(scheduled, "utf-8")
    (tmp_path / "channels" / "none.toml").write_text(shop.text.replace('name = "demo"', 'name = "none"'), "utf-8")
    (tmp_path / "channels" / "wrong.toml").write_text("name = 1", "utf-8")
    write_pause(Folder(shop.data, "paused"), "anna", utc_now())
    pause_file(Folder(shop.data, "damaged")).parent.mkdir()
    pause_file(Folder(shop.data, "damaged")).write_text("{")
    before = utc_now()
    document = json.loads(shop.command("status", "--json").stdout)
    states = {one["channel"]: one for one in document["channels"]}
    for name in ("demo", "hourly"):
        next_run = datetime.strptime(states[name]["next_run"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - UTC
        assert before < next_run <= utc_now() + timedelta(hours=2)
        assert (next_run.minute, next_run.second, states[name]["paused"]) == (0, 0, False)
    for name in ("none", "wrong", "paused", "damaged"):
        assert (states[name]["next_run"], states[name]["paused"]) == (None, name in ("paused", "damaged"))
    assert "schedule.json is damaged" in states["damaged"]["message"]
    first, *rows = shop.command("status").stdout.splitlines()
    column = slice(first.index("Next run"), first.index("To fix"))
    cells = {row.split()[0]: row[column].strip() for row in rows}
    assert re.fullmatch(r"in \d+ (min|h)", cells["demo"])
    assert (cells["none"], cells["paused"], cells["wrong"]) == ("", "paused", "")


@pytest.mark.parametrize(("max_age", "code"), [("1h", 0), ("90min", 0), ("0s", 3), ("1.5d", 0)])
def test_status_ends_with_3_if_a_push_is_too_old(shop: Shop, max_age: str, code: int) -> None:
    result = shop.command("status", "--max-age", max_age)
    assert (result.exit_code, "(too old)" in result.stdout) == (code, code == 3)


@pytest.mark.parametrize("max_age", ["two hours", "-1h", "1w", "h"])
def test_a_time_that_cannot_be_read_is_explained(shop: Shop, max_age: str) -> None:
    result = shop.command("status", f"--max-age={max_age}")
    assert (result.exit_code, "such as 2h" in result.stderr) == (2, True)


def test_status_without_channels_says_where_they_belong(
    shop_of: Callable[..., Shop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = shop_of(size(1)).command("status")
    assert result.exit_code == ConfigError.exit_code
    assert f"no channel file in {tmp_path / 'channels'}" in result.stderr.replace("\n", "")


def test_metrics_of_the_last_run(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "metrics" / "demo.prom"
    assert shop.command("report", "demo", "--prometheus", str(file)).exit_code == 0
    lines = dict(line.rsplit(" ", 1) for line in file.read_text("utf-8").splitlines() if not line.startswith("#"))
    assert float(lines['centra_myogo_last_run_exit_code{channel="demo"}']) == 3
    assert float(lines['centra_myogo_rows{channel="demo",count="applied",flow="products"}']) == 2
    assert float(lines['centra_myogo_rows{channel="demo",count="withheld",flow="products"}']) == 1
    assert float(lines['centra_myogo_requests{channel="demo",system="centra"}']) > 0
    last_push = float(lines['centra_myogo_last_good_push_timestamp_seconds{channel="demo"}'])
    assert abs(last_push - file.stat().st_mtime) < 3600


def test_the_report_of_an_earlier_run(shop: Shop, tmp_path: Path) -> None:
    """Its own plan and withheld rows, not those of the newest run."""
    shop.box.change_centra_row(1, name="Anorak")
    shop.box.change_centra_row(3, prices=[{"id": "36", "price": "7", "currency": "EUR"}])
    assert shop.command("push", "demo").exit_code == 0
    newest, push, plan = json.loads(shop.command("runs", "demo", "--json").stdout)["runs"]
    for run, changes, withheld in ((newest, 2, 0), (push, 2, 1), (plan, 2, 1)):
        page = tmp_path / "page.html"
        result = shop.command(
            "report", "demo", "--run", run["run_id"], "--html", str(page), "--csv", str(tmp_path / "csv")
        )
        assert result.exit_code == 0, result.output
        assert f"run {run['run_id']})" in result.stdout
        assert run["run_id"] in page.read_text("utf-8")
        rows = (tmp_path / "csv" / "withheld.csv").read_text("utf-8").splitlines()
        assert (len(rows) - 1, run["changes"]) == (withheld, changes)
    document = json.loads(shop.command("report", "demo", "--run", push["run_id"], "--json").stdout)
    assert document["run_id"] == push["run_id"]
    wrong = shop.command("report", "demo", "--run", "20200101T000000-000000")
    assert (wrong.exit_code, "centra-myogo runs demo" in wrong.stderr) == (2, True)


def test_status_counts_rows_and_not_their_issues(shop: Shop) -> None:
    """A size that breaks two rules is one row to fix, as in `runs`."""
    shop.box.change_centra_row(3, name="", product="", variant="", size="")
    assert shop.command("push", "demo").exit_code == 3
    assert shop.sql("select count(*) > 1, count(distinct source_id) from sync.issues where closed_at is null") == [
        (True, 1)
    ]
    (state,) = json.loads(shop.command("status", "--json").stdout)["channels"]
    assert state["to_fix"] == 1


def test_a_pattern_that_matches_nothing_shows_no_plan_and_leaves_the_state(shop: Shop) -> None:
    (before,) = json.loads(shop.command("status", "--json").stdout)["channels"]
    result = shop.command("push", "demo", "--sku", "XYZ*")
    assert (result.exit_code, "No code matches the selection" in result.stdout) == (2, True)
    assert "Plan " not in result.stdout
    assert "Configuration or credentials" not in result.stdout
    (after,) = json.loads(shop.command("status", "--json").stdout)["channels"]
    assert (after["state"], after["last_run"]) == (before["state"], before["last_run"])


def test_a_run_of_chosen_codes_says_nothing_about_the_others(shop: Shop) -> None:
    """Another size is withheld."""
    result = shop.command("push", "demo", "--sku", "SKU1")
    assert (result.exit_code, "Done. Nothing to fix among the selected codes." in result.stdout) == (0, True)
    assert "Nothing to fix among the selected codes." in shop.command("report", "demo").stdout
