"""Limits, fingerprints and selections: a refused plan writes nothing, and the counts add up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import held, journal, writes

SIZES = tuple(size(n, sku=f"A{n}" if n < 4 else f"B{n}") for n in range(1, 7))
HELD = [{"code": f"OLD{n}", "name": "?"} for n in range(6)] + [{"code": f"B{n}", "name": "?"} for n in range(4, 7)]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """Three to create, three to update, nine in myOGO; limits at their defaults."""
    shop = shop_of(*SIZES, myogo=HELD)
    shop.edit("max_update_share = 0.75", "max_update_share = 0.30")
    return shop


def counts_add_up(counts: dict[str, int]) -> bool:
    done = counts["applied"] + counts["refused"] + counts["unknown"] + counts["not_attempted"]
    read = counts["skipped"] + counts["withheld"] + counts["create"] + counts["update"] + counts["unchanged"]
    return counts["create"] + counts["update"] == done and counts["read"] == read


def test_limits_refuse_before_any_write(shop: Shop) -> None:
    """A push narrowed by --sku that keeps within the limits passes; --force waives them and is recorded."""
    shop.edit("max_creates      = 5000", "max_creates = 1")
    shop.edit("max_updates      = 2000", "max_updates = 2")
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (4, "refused")
    assert "max_creates = 1" in report.message
    assert "max_updates = 2" in report.message
    assert "--force" in report.fix
    assert writes(shop) == []
    assert report.counts["not_attempted"] == 6
    assert counts_add_up(report.counts)
    narrowed, codes = shop.run("push", sku=("A1", "B[45]")), {"A1", "B4", "B5"}
    assert {line.split()[1] for line in writes(shop)} == codes
    assert {key for key, *_ in journal(shop)} == codes
    assert (narrowed.counts["applied"], narrowed.counts["skipped"]) == (3, 3)
    assert counts_add_up(narrowed.counts)
    forced = shop.run("push", force=True)
    assert (forced.exit_code, forced.counts["applied"]) == (0, 3)
    assert shop.sql("select forced from sync.runs order by started_at") == [(False,), (False,), (True,)]


def test_push_does_what_was_planned_and_expect_allows_nothing_else(shop: Shop) -> None:
    """A plan sends no write: only token requests are POST requests, and no product changes. `--force` waives limits
    only, not --expect."""
    before = shop.box.myogo_products()
    planned = shop.run("plan")
    assert {entry["method"] for entry in shop.box.requests("centra")} == {"GET"}
    shop.box.change_centra_row(1, prices=[euro("11.00")])
    refused = shop.run("push", expect=planned.fingerprint, force=True)
    assert (refused.exit_code, writes(shop)) == (4, [])
    assert shop.box.myogo_products() == before
    assert planned.fingerprint in refused.message
    assert refused.fingerprint in refused.message
    assert counts_add_up(refused.counts)
    shop.box.change_centra_row(1, prices=[euro("10.00")])
    pushed = shop.run("push", expect=planned.fingerprint)
    assert (pushed.exit_code, pushed.fingerprint) == (0, planned.fingerprint)
    assert pushed.counts["applied"] == planned.counts["create"] + planned.counts["update"] == 6


def test_the_counts_add_up_after_faults(shop: Shop) -> None:
    """One create is applied and one is refused; then the target is down."""
    fault = {"side": "myogo", "method": "POST", "path": "/Products", "kind": "status"}
    shop.edit("max_in_flight       = 4", "max_in_flight       = 1")
    shop.box.add_fault(**fault, status=400, times=1, skip=1)
    shop.box.add_fault(**fault, status=503, times=10**6, skip=1)
    report = shop.run("push")
    assert report.exit_code == 5
    assert counts_add_up(report.counts)
    assert (report.counts["applied"], report.counts["refused"]) == (1, 1)
    assert report.counts["not_attempted"] > 0
    assert report.counts["applied"] == len(written_codes(shop))


def written_codes(shop: Shop) -> list[str]:
    """The codes of SIZES whose product in myOGO has Centra's values."""
    return [code for code, product in held(shop).items() if product["name"] == "Parka Blue S"]
