"""Withheld rows across runs: opened, still open, closed, back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop, euro, size

MISSING: list[Any] = []
FAULTS = "select source_id, rule, closed_reason, occurrences from sync.issues order by source_id, rule"


def since(shop: Shop) -> Any:
    return shop.sql(
        "select since from sync.withheld where rule = 'PRICE-001' and run_id = (select run_id from v_latest_run)"
    )


def test_since_stays_while_a_fault_is_open(shop_of: Callable[..., Shop]) -> None:
    """The second run says since the first."""
    shop = shop_of(size(1, prices=MISSING))
    shop.run("plan")
    first = since(shop)
    shop.run("plan")
    assert since(shop) == first != []


def test_fixed_is_closed_and_broken_again_came_back(shop_of: Callable[..., Shop]) -> None:
    """And since when starts anew."""
    shop = shop_of(size(1, prices=MISSING), size(2))
    shop.run("plan")
    first = since(shop)
    shop.box.change_centra_row(1, prices=[euro("1.00")])
    shop.run("plan")
    assert shop.sql(FAULTS) == [("1", "PRICE-001", "fixed", 1)]
    shop.box.change_centra_row(1, prices=MISSING)
    shop.run("plan")
    assert shop.sql(FAULTS) == [("1", "PRICE-001", None, 2)]
    assert since(shop) > first


@pytest.mark.parametrize(
    ("change", "because"),
    [({"active": 0}, "skipped"), (None, "gone")],
    ids=["no longer active", "no longer in Centra"],
)
def test_a_row_that_is_not_judged_any_more_is_closed(
    shop_of: Callable[..., Shop], change: dict[str, Any] | None, because: str
) -> None:
    shop = shop_of(size(1, prices=MISSING), size(2))
    shop.run("plan")
    if change is None:
        shop.box.delete_centra_row(1)
    else:
        shop.box.change_centra_row(1, **change)
    shop.run("plan")
    assert shop.sql(FAULTS) == [("1", "PRICE-001", because, 1)]


def test_a_narrowed_run_closes_only_what_it_looked_at(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, prices=MISSING), size(2, prices=MISSING))
    shop.run("plan")
    for item in (1, 2):
        shop.box.change_centra_row(item, prices=[euro("1.00")])
    shop.run("plan", sku=("SKU1",))
    assert shop.sql(FAULTS) == [("1", "PRICE-001", "fixed", 1), ("2", "PRICE-001", None, 1)]


def test_a_run_that_reads_nothing_closes_nothing(shop_of: Callable[..., Shop]) -> None:
    """A failed read is no news about any row."""
    shop = shop_of(size(1, prices=MISSING))
    shop.run("plan")
    shop.box.add_fault(side="centra", path="/stock", kind="status", status=500, times=-1)
    assert shop.run("plan").exit_code == 5
    assert shop.sql(FAULTS) == [("1", "PRICE-001", None, 1)]


def test_history_tells_a_clash_with_both_sizes_until_it_is_mended(shop_of: Callable[..., Shop]) -> None:
    """Both owners of the code, when they clashed, and that it was mended and then sent."""
    shop = shop_of(size(1, sku="TWIN"), size(2, sku="TWIN"))
    shop.run("push")
    shop.box.change_centra_row(2, sku="OTHER")
    shop.run("push")
    told = shop.command("history", str(shop.file), "TWIN", "--data", str(shop.data)).stdout
    for words in (
        "opened SKU-002 (size 1)",
        "opened SKU-002 (size 2)",
        "closed: fixed SKU-002 (size 1)",
        "closed: fixed SKU-002 (size 2)",
        "create applied",
    ):
        assert words in told
