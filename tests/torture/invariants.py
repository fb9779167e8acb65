"""Invariants of every run, for any flows and any fault."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.shop import Shop
from tests.support.shop_helpers import SECRETS, is_token


def push_and_check(shop: Shop, **options: Any) -> RunResult:
    """One push; checks all invariants. A push that does not end is ended by pytest's limit."""
    shop.box.clear_requests()
    report = shop.run("push", **options)
    assert report.exit_code != 1, report.message
    assert [report.count_mismatch(flow) for flow in report.flows] == [""] * len(report.flows)
    assert report.exit_code in (0, 3) or (report.message and report.error_id)
    check_journal_closed(shop)
    check_counts(shop)
    check_secrets(shop.box)
    return report


def check_journal_closed(shop: Shop) -> None:
    assert not (shop.data / "demo" / "journal.jsonl").exists()
    assert shop.sql("select count(*) from sync.journal where ended_at is null or outcome is null") == [(0,)]


def check_counts(shop: Shop) -> None:
    """The counts of every run add up, killed runs included."""
    changes, done = "creates + updates", "applied + refused + unknown_outcome + not_attempted"
    read_sum = f"rows_read = skipped + withheld + {changes} + unchanged"
    sums = f"exit_code not in (0, 3, 4) or {read_sum}, {changes} = {done}, ended_at is not null or outcome = 'killed'"
    results = set(shop.sql(f"select {sums} from sync.runs"))
    assert results <= {(True, True, True), (True, None, True)}, results  # killed before the plan: it has no counts


def check_secrets(box: Sandbox) -> None:
    """Each system gets only its own credentials, and never in an address."""
    for entry in box.requests():
        assert [secret for secret in SECRETS if secret in f"{entry['path']}?{entry['query']}"] == []
        assert not entry["stray"], entry["path"]
        assert entry["auth"] == "none" if is_token(entry) else entry["auth"] in ("ok", "wrong")
