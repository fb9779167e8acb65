"""Issues across runs: opened, still open, closed, reopened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop, euro, size

MISSING: list[Any] = []
ISSUES = "select source_id, rule, closed_reason, occurrences from sync.issues order by source_id, rule"


def since(shop: Shop) -> Any:
    return shop.sql(
        "select since from sync.withheld where rule = 'PRICE-001' and run_id = (select run_id from v_latest_run)"
    )


def test_since_stays_the_same_while_an_issue_is_open(shop_of: Callable[..., Shop]) -> None:
    """The second run stores the time of the first run."""
    shop = shop_of(size(1, prices=MISSING))
    shop.run("plan")
    first = since(shop)
    shop.run("plan")
    assert since(shop) == first != []


def test_a_fixed_issue_is_closed_and_a_repeated_one_is_reopened(shop_of: Callable[..., Shop]) -> None:
    """The reopened issue has a new `since`."""
    shop = shop_of(size(1, prices=MISSING), size(2))
    shop.run("plan")
    first = since(shop)
    shop.box.change_centra_row(1, prices=[euro("1.00")])
    shop.run("plan")
    assert shop.sql(ISSUES) == [("1", "PRICE-001", "fixed", 1)]
    shop.box.change_centra_row(1, prices=MISSING)
    shop.run("plan")
    assert shop.sql(ISSUES) == [("1", "PRICE-001", None, 2)]
    assert since(shop) > first


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"active": 0}, "skipped"), (None, "gone")],
    ids=["no longer active", "no longer in Centra"],
)
def test_the_issue_of_a_skipped_or_deleted_size_is_closed(
    shop_of: Callable[..., Shop], change: dict[str, Any] | None, reason: str
) -> None:
    shop = shop_of(size(1, prices=MISSING), size(2))
    shop.run("plan")
    if change is None:
        shop.box.delete_centra_row(1)
    else:
        shop.box.change_centra_row(1, **change)
    shop.run("plan")
    assert shop.sql(ISSUES) == [("1", "PRICE-001", reason, 1)]


def test_a_run_narrowed_by_sku_closes_only_issues_of_its_sizes(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, prices=MISSING), size(2, prices=MISSING))
    shop.run("plan")
    for item in (1, 2):
        shop.box.change_centra_row(item, prices=[euro("1.00")])
    shop.run("plan", sku=("SKU1",))
    assert shop.sql(ISSUES) == [("1", "PRICE-001", "fixed", 1), ("2", "PRICE-001", None, 1)]


def test_a_run_that_reads_nothing_closes_nothing(shop_of: Callable[..., Shop]) -> None:
    """A failed read proves nothing about any row."""
    shop = shop_of(size(1, prices=MISSING))
    shop.run("plan")
    shop.box.add_fault(side="centra", path="/stock", kind="status", status=500, times=-1)
    assert shop.run("plan").exit_code == 5
    assert shop.sql(ISSUES) == [("1", "PRICE-001", None, 1)]


def test_history_shows_a_clash_of_two_sizes_until_it_is_fixed(shop_of: Callable[..., Shop]) -> None:
    """It shows both sizes of the code, when the issue opened and closed, and the create."""
    shop = shop_of(size(1, sku="TWIN"), size(2, sku="TWIN"))
    shop.run("push")
    shop.box.change_centra_row(2, sku="OTHER")
    shop.run("push")
    output = shop.command("history", str(shop.file), "TWIN", "--data", str(shop.data)).stdout
    for words in (
        "opened SKU-002 (size 1)",
        "opened SKU-002 (size 2)",
        "closed: fixed SKU-002 (size 1)",
        "closed: fixed SKU-002 (size 2)",
        "create applied",
    ):
        assert words in output
