"""Issues across runs: opened, still open, closed, reopened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.shop import Shop, euro, size

MISSING: list[Any] = []
ISSUES = "select source_id, rule, closed_reason, occurrences from sync.issues order by source_id, rule"


def since(shop: Shop) -> Any:
    return shop.sql(
        "select since from sync.withheld where rule = 'PRICE-001' and source_id = '1' "
        "and run_id = (select run_id from v_latest_run)"
    )


def open_prices(*numbers: int) -> list[tuple[Any, ...]]:
    return [(f"{number}", "PRICE-001", None, 1) for number in numbers]


def test_issues_are_closed_with_a_reason_and_reopened(shop_of: Callable[..., Shop]) -> None:
    """One size gets a price, one becomes inactive, one is deleted. A run that reads nothing closes no issue, because it
    proves nothing about any row; a run narrowed by --sku closes only issues of its sizes."""
    shop = shop_of(*(size(number, prices=MISSING) for number in range(1, 5)), size(5))
    shop.edit("max_update_share", "max_withheld_share = 1.0\nmax_update_share")
    shop.run("plan")
    first = since(shop)
    shop.box.add_fault(side="centra", path="/stock", kind="status", status=500, times=-1)
    assert shop.run("plan").exit_code == 5
    assert shop.sql(ISSUES) == open_prices(1, 2, 3, 4)
    shop.box.clear_faults()
    shop.box.change_centra_row(2, prices=[euro("1.00")])
    shop.box.change_centra_row(3, active=0)
    shop.box.delete_centra_row(4)
    shop.run("plan", sku=("SKU2",))
    assert shop.sql(ISSUES) == [*open_prices(1), ("2", "PRICE-001", "fixed", 1), *open_prices(3, 4)]
    shop.box.change_centra_row(2, prices=MISSING)
    shop.run("plan")
    assert since(shop) == first != []
    assert shop.sql(ISSUES) == [
        *open_prices(1), ("2", "PRICE-001", None, 2), ("3", "PRICE-001", "skipped", 1), ("4", "PRICE-001", "gone", 1),
    ]  # fmt: skip


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
