"""What holds of every run, whatever flows it has and whatever struck it."""

from __future__ import annotations

import time
from typing import Any

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.shop import Shop
from tests.support.shop_helpers import SECRETS, is_token

LONGEST_RUN_S = 300.0  # seconds where nobody else is at work; a busy machine takes longer to do the same


def kept(shop: Shop, **order: Any) -> RunResult:
    """One push, in bounded time, of which every promise was kept."""
    shop.box.clear_requests()
    begun = time.monotonic()
    report = shop.run("push", **order)
    took = time.monotonic() - begun
    assert took < LONGEST_RUN_S, f"the run took {took:.1f} s"
    assert report.exit_code != 1, report.message
    assert [report.count_mismatch(flow) for flow in report.flows] == [""] * len(report.flows)
    assert report.exit_code in (0, 3) or (report.message and report.error_id)
    journal_is_closed(shop)
    books_add_up(shop)
    no_secret_strays(shop.box)
    return report


def journal_is_closed(shop: Shop) -> None:
    assert not (shop.data / "demo" / "journal.jsonl").exists()
    assert shop.sql("select count(*) from sync.journal where ended_at is null or outcome is null") == [(0,)]


def books_add_up(shop: Shop) -> None:
    """Of every run there was, those included that were killed."""
    changes, done = "creates + updates", "applied + refused + unknown_outcome + not_attempted"
    there = f"rows_read = skipped + withheld + {changes} + unchanged"
    sums = f"exit_code not in (0, 3, 4) or {there}, {changes} = {done}, ended_at is not null or outcome = 'killed'"
    found = set(shop.sql(f"select {sums} from sync.runs"))
    assert found <= {(True, True, True), (True, None, True)}, found  # killed before there was a plan: no sum


def no_secret_strays(box: Sandbox) -> None:
    """Each system hears of its own credentials only, and never in an address."""
    for entry in box.requests():
        assert [secret for secret in SECRETS if secret in f"{entry['path']}?{entry['query']}"] == []
        assert not entry["stray"], entry["path"]
        assert entry["auth"] == "none" if is_token(entry) else entry["auth"] in ("ok", "wrong")
