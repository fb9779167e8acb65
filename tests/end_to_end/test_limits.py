"""Limits, fingerprints and selections: what is refused writes nothing, and the sums hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import held, journal, writes

SIZES = tuple(size(n, sku=f"A{n}" if n < 4 else f"B{n}") for n in range(1, 7))
STALE = [{"code": f"OLD{n}", "name": "?"} for n in range(6)] + [{"code": f"B{n}", "name": "?"} for n in range(4, 7)]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """Three to create, three to update, nine in myOGO; limits at their defaults."""
    shop = shop_of(*SIZES, myogo=STALE)
    shop.edit("max_update_share = 0.75", "max_update_share = 0.30")
    return shop


def sums_hold(counts: dict[str, int]) -> bool:
    done = counts["applied"] + counts["refused"] + counts["unknown"] + counts["not_attempted"]
    read = counts["skipped"] + counts["withheld"] + counts["create"] + counts["update"] + counts["unchanged"]
    return counts["create"] + counts["update"] == done and counts["read"] == read


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param(("min_rows         = 1", "min_rows = 7"), "min_rows = 7", id="too few rows"),
        pytest.param(("max_creates      = 5000", "max_creates = 2"), "max_creates = 2", id="too many creates"),
        pytest.param(("max_updates      = 2000", "max_updates = 2"), "max_updates = 2", id="too many updates"),
    ],
)
def test_a_limit_refuses_before_any_write(shop: Shop, limit: tuple[str, str], said: str) -> None:
    shop.edit(*limit)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (4, "refused")
    assert said in report.message
    assert "--force" in report.fix
    assert writes(shop) == []
    assert report.counts["not_attempted"] == 6
    assert sums_hold(report.counts)


def test_force_waives_all_limits_and_is_recorded(shop: Shop) -> None:
    shop.edit("min_rows         = 1", "min_rows = 7")
    shop.edit("max_creates      = 5000", "max_creates = 0")
    shop.edit("max_updates      = 2000", "max_updates = 0")
    report = shop.run("push", force=True)
    assert (report.exit_code, report.counts["applied"]) == (0, 6)
    assert shop.sql("select forced from sync.runs") == [(True,)]


def test_a_share_of_updates_refuses_from_ten_products_on(shop: Shop) -> None:
    """Three of nine go through; with a tenth product in myOGO a share says something, and four of ten are too many."""
    shop.box.put_myogo_product({"code": "A1", "languageCode": "en", "name": "?"})
    report = shop.run("push")
    assert report.exit_code == 4
    assert "4 of the 10 products" in report.message
    assert writes(shop) == []


def test_expect_applies_only_the_plan_that_was_reviewed(shop: Shop) -> None:
    """`--force` does not waive it: that waives limits and nothing else."""
    reviewed = shop.run("plan").fingerprint
    shop.box.change_centra_row(1, prices=[euro("11.00")])
    refused = shop.run("push", expect=reviewed, force=True)
    assert (refused.exit_code, writes(shop)) == (4, [])
    assert reviewed in refused.message
    assert refused.fingerprint in refused.message
    assert sums_hold(refused.counts)
    report = shop.run("push", expect=refused.fingerprint)
    assert (report.exit_code, report.counts["applied"]) == (0, 6)


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        pytest.param(("A1", "B?"), {"A1", "B4", "B5", "B6"}, id="several"),
        pytest.param(("nothing",), set(), id="none"),
    ],
)
def test_sku_narrows_a_push(shop: Shop, globs: tuple[str, ...], wanted: set[str]) -> None:
    report = shop.run("push", sku=globs)
    assert {line.split()[1] for line in writes(shop)} == wanted
    assert {key for key, *_ in journal(shop)} == wanted
    assert (report.counts["applied"], report.counts["skipped"]) == (len(wanted), 6 - len(wanted))
    assert sums_hold(report.counts)


def test_plan_sends_no_write_and_promises_what_push_does(shop: Shop) -> None:
    """Nor does it touch a product; only tokens are asked for by POST."""
    before = shop.box.myogo_products()
    planned = shop.run("plan")
    assert writes(shop) == []
    assert {entry["method"] for entry in shop.box.requests("centra")} == {"GET"}
    assert shop.box.myogo_products() == before
    pushed = shop.run("push")
    assert pushed.fingerprint == planned.fingerprint
    assert pushed.counts["applied"] == planned.counts["create"] + planned.counts["update"] == 6


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 400, "times": 2}, id="two refused"),
        pytest.param({"kind": "status", "status": 503, "times": 10**6}, id="the target down"),
    ],
)
def test_the_sums_hold_whatever_happens(shop: Shop, fault: dict[str, Any]) -> None:
    shop.box.add_fault(side="myogo", method="POST", path="/Products", skip=1, **fault)
    report = shop.run("push")
    assert report.exit_code != 0
    assert sums_hold(report.counts)
    assert report.counts["applied"] == len(writes_that_hold(shop))


def writes_that_hold(shop: Shop) -> list[str]:
    """The codes of SIZES that myOGO now holds as Centra wants them."""
    return [code for code, product in held(shop).items() if product["name"] == "Parka Blue S"]
