"""Exit 3 means news: a row that was not withheld before, or one that was refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.shop import ATTENTION, Shop, size
from tests.support.shop_helpers import FOREVER

ShopOf = Callable[..., Shop]


def shop_with(shop_of: ShopOf, attention: str = "") -> Shop:
    """Three sizes, one without a price."""
    shop = shop_of(size(1), size(2, prices=[]), size(3))
    shop.edit(ATTENTION[1], ATTENTION[0] + (f'\nattention = "{attention}"' if attention else ""))
    return shop


def ended(shop: Shop, verb: str = "push", **options: object) -> tuple[int, int, int]:
    """The exit code, and how many rows are withheld and newly withheld."""
    report = shop.run(verb, **options)
    return report.exit_code, report.counts["withheld"], report.counts["withheld_new"]


def test_a_withheld_row_is_news_once(shop_of: ShopOf) -> None:
    """Also if the run before was a plan. A row that comes back after it was fixed is news again."""
    shop = shop_with(shop_of)
    assert ended(shop, "plan") == (3, 1, 1)
    assert ended(shop) == (0, 1, 0)
    assert ended(shop) == (0, 1, 0)
    shop.box.change_centra_row(3, name="", product="")
    assert ended(shop) == (3, 2, 1)
    assert ended(shop) == (0, 2, 0)
    fixed, broken = [{"id": "36", "price": "5", "currency": "EUR"}], []
    shop.box.change_centra_row(2, prices=fixed)
    assert ended(shop) == (0, 1, 0)
    shop.box.change_centra_row(2, prices=broken)
    assert ended(shop) == (3, 2, 1)
    assert shop.sql("select withheld_new from sync.runs order by started_at") == [
        (1,), (0,), (0,), (1,), (0,), (0,), (1,),
    ]  # fmt: skip


def test_a_row_that_only_a_failed_run_saw_is_still_news(shop_of: ShopOf) -> None:
    shop = shop_with(shop_of)
    assert ended(shop) == (3, 1, 1)
    shop.box.change_centra_row(3, name="", product="")
    shop.edit("max_creates      = 5000", "max_creates      = 5000\nmax_withheld_share = 0.01")
    for number in range(4, 20):
        shop.box.add_centra_row(size(number))
    assert shop.run("plan").exit_code == 4
    shop.edit("\nmax_withheld_share = 0.01", "")
    assert ended(shop) == (3, 2, 1)


def test_another_rule_for_a_withheld_row_is_no_news_but_a_change_of_rules_is(shop_of: ShopOf) -> None:
    shop = shop_with(shop_of)
    assert ended(shop) == (3, 1, 1)
    shop.box.change_centra_row(2, name="", product="")
    assert ended(shop) == (0, 1, 0)
    shop.box.change_centra_row(2, prices=[{"id": "36", "price": "5", "currency": "EUR"}])
    assert ended(shop) == (0, 1, 0)


def test_a_run_of_a_few_codes_does_not_use_up_the_news_of_the_others(shop_of: ShopOf) -> None:
    shop = shop_with(shop_of)
    assert ended(shop, "plan", sku=("SKU1",)) == (0, 0, 0)
    assert ended(shop, "plan", sku=("SKU2",)) == (3, 1, 1)
    assert ended(shop, "plan", sku=("SKU2",)) == (0, 1, 0)
    assert ended(shop) == (3, 1, 1)


@pytest.mark.parametrize(("attention", "codes"), [("new", [3, 0]), ("any", [3, 3]), ("never", [0, 0])])
def test_the_channel_decides_which_withheld_rows_count(shop_of: ShopOf, attention: str, codes: list[int]) -> None:
    shop = shop_with(shop_of, attention)
    assert [shop.run().exit_code for _ in range(2)] == codes


@pytest.mark.parametrize("attention", ["new", "never"])
def test_a_refused_row_always_counts(shop_of: ShopOf, attention: str) -> None:
    shop = shop_with(shop_of, attention)
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', times=FOREVER)
    assert [shop.run().exit_code for _ in range(2)] == [3, 3]


def test_the_screen_says_how_many_are_new(shop_of: ShopOf) -> None:
    shop = shop_with(shop_of)
    words = ("push", str(shop.file), "--data", str(shop.data))
    assert "Done, but some rows need fixing: 1 withheld, 1 new. (exit 3" in shop.command(*words).stdout
    assert "Done. 1 withheld, 0 new. (exit 0" in shop.command(*words).stdout
