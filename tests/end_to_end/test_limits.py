"""Limits, fingerprints and selections: a refused plan writes nothing, and the counts add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        pytest.param(("min_rows         = 1", "min_rows = 7"), "min_rows = 7", id="too few rows"),
        pytest.param(("max_creates      = 5000", "max_creates = 2"), "max_creates = 2", id="too many creates"),
        pytest.param(("max_updates      = 2000", "max_updates = 2"), "max_updates = 2", id="too many updates"),
    ],
)
def test_a_limit_refuses_before_any_write(shop: Shop, limit: tuple[str, str], message: str) -> None:
    shop.edit(*limit)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (4, "refused")
    assert message in report.message
    assert "--force" in report.fix
    assert writes(shop) == []
    assert report.counts["not_attempted"] == 6
    assert counts_add_up(report.counts)


def test_force_waives_all_limits_and_is_recorded(shop: Shop) -> None:
    shop.edit("min_rows         = 1", "min_rows = 7")
    shop.edit("max_creates      = 5000", "max_creates = 0")
    shop.edit("max_updates      = 2000", "max_updates = 0")
    report = shop.run("push", force=True)
    assert (report.exit_code, report.counts["applied"]) == (0, 6)
    assert shop.sql("select forced from sync.runs") == [(True,)]


def test_the_update_share_applies_from_ten_products_on(shop: Shop) -> None:
    """Three updates of nine products pass; four updates of ten products are refused."""
    shop.box.put_myogo_product({"code": "A1", "languageCode": "en", "name": "?"})
    report = shop.run("push")
    assert report.exit_code == 4
    assert "4 of the 10 products" in report.message
    assert writes(shop) == []


def test_expect_applies_only_the_plan_that_was_reviewed(shop: Shop) -> None:
    """`--force` waives limits only, not --expect."""
    reviewed = shop.run("plan").fingerprint
    shop.box.change_centra_row(1, prices=[euro("11.00")])
    refused = shop.run("push", expect=reviewed, force=True)
    assert (refused.exit_code, writes(shop)) == (4, [])
    assert reviewed in refused.message
    assert refused.fingerprint in refused.message
    assert counts_add_up(refused.counts)
    report = shop.run("push", expect=refused.fingerprint)
    assert (report.exit_code, report.counts["applied"]) == (0, 6)


@pytest.mark.parametrize(
    ("globs", "codes"),
    [
        pytest.param(("A1", "B?"), {"A1", "B4", "B5", "B6"}, id="several"),
        pytest.param(("nothing",), set(), id="none"),
    ],
)
def test_sku_narrows_a_push(shop: Shop, globs: tuple[str, ...], codes: set[str]) -> None:
    report = shop.run("push", sku=globs)
    assert {line.split()[1] for line in writes(shop)} == codes
    assert {key for key, *_ in journal(shop)} == codes
    assert (report.counts["applied"], report.counts["skipped"]) == (len(codes), 6 - len(codes))
    assert counts_add_up(report.counts)


def test_plan_sends_no_write_and_push_does_what_was_planned(shop: Shop) -> None:
    """Only token requests are POST requests, and no product changes."""
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
def test_the_counts_add_up_after_faults(shop: Shop, fault: dict[str, Any]) -> None:
    shop.box.add_fault(side="myogo", method="POST", path="/Products", skip=1, **fault)
    report = shop.run("push")
    assert report.exit_code != 0
    assert counts_add_up(report.counts)
    assert report.counts["applied"] == len(written_codes(shop))


def written_codes(shop: Shop) -> list[str]:
    """The codes of SIZES whose product in myOGO has Centra's values."""
    return [code for code, product in held(shop).items() if product["name"] == "Parka Blue S"]
