"""Lists that change while they are paged: what slips through between two pages does no harm and is told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from pipelines.systems.centra import list_gaps
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER, calls, held, pages_of, system_key, writes

CLASH = {"sku": "SKU6", "name": "Twin"}


@pytest.fixture
def eight(shop_of: Callable[..., Shop]) -> Shop:
    """Eight sizes in pages of two; the last makes the code of the sixth, which myOGO holds."""
    shop = shop_of(*(size(n) for n in range(1, 8)), size(8, **CLASH), myogo=[{"code": "SKU6", "name": "Somebody's"}])
    pages_of(shop, 2)
    return shop


def slip(shop: Shop, path: str = "/products", page: int = 4) -> None:
    """The first size leaves before that page is read, so that the first of the page is on the one before."""
    shop.box.add_fault(side="centra", kind="edit", path=f"{path}?limit=2&page={page}$", edits=[{"remove": 1}])


def lists(shop: Shop) -> dict[str, Any]:
    facts, *_ = shop.run("push").facts["findings"].values()
    return {name: facts[name] for name in ("filled", "only_in_stock", "only_in_products")}


NONE: dict[str, Any] = {"count": 0, "first": []}


def test_two_lists_that_agree_cost_nothing_and_are_not_told(eight: Shop) -> None:
    assert lists(eight) == {"filled": 0, "only_in_stock": NONE, "only_in_products": NONE}
    assert len(eight.box.requests("centra")) == 2 * 4


def test_a_size_that_slipped_through_is_asked_for(eight: Shop) -> None:
    """Size 7 moved to the page that had been read; the stock list shows it."""
    slip(eight)
    found = lists(eight)
    assert found == {"filled": 1, "only_in_stock": NONE, "only_in_products": {"count": 1, "first": ["1"]}}
    assert "SKU7" in held(eight)
    assert eight.box.requests("centra")[-1]["query"] == "stockItemID=7&limit=2"
    assert eight.sql("select count(*) from raw_centra.products where stock_item_id = '7'") == [(1,)]


def test_a_twin_that_slipped_through_still_withholds_its_code(eight: Shop) -> None:
    """Not seen, it would have had the other one's name written over what myOGO holds."""
    eight.box.change_centra_row(8, sku="SKU8")
    eight.box.change_centra_row(7, sku="SKU6")
    slip(eight)
    eight.run("push")
    assert held(eight)["SKU6"]["name"] == "Somebody's"
    assert "PUT SKU6" not in writes(eight)


def test_a_size_that_slipped_through_in_the_stock_list_is_told(eight: Shop) -> None:
    slip(eight, "/stock")
    assert lists(eight) == {"filled": 0, "only_in_stock": NONE, "only_in_products": {"count": 1, "first": ["7"]}}


def test_a_size_that_only_the_stock_list_knows_is_told(eight: Shop) -> None:
    """Asked for and not found: it is no row that slipped through."""
    eight.box.add_fault(
        side="centra", kind="edit", path="/stock?limit=2$", edits=[{"add": size(9)}],
    )  # fmt: skip
    eight.box.add_fault(side="centra", kind="body", path="stockItemID=9", body={"status": "ok", "products": []})
    told = "1 sizes are in the stock list, not the product list of Centra, the first: 9."
    shown = eight.command("plan", str(eight.file), "--data", str(eight.data)).stdout
    assert told in " ".join(shown.split())
    page = eight.folder / "report.html"
    eight.command("report", str(eight.file), "--data", str(eight.data), "--html", str(page))
    assert told in page.read_text("utf-8")


def test_lists_that_differ_altogether_are_told_and_not_asked_one_by_one(
    eight: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_gaps, "MAX_LOOKUPS", 1)
    eight.box.add_fault(side="centra", kind="empty_page", path="/products?limit=2&page=3$", times=FOREVER)
    assert lists(eight)["only_in_stock"] == {"count": 2, "first": ["5", "6"]}
    assert [entry for entry in eight.box.requests("centra") if "stockItemID" in entry["query"]] == []


@pytest.mark.parametrize("duplicate_post", [400, 409, "upsert", "duplicate"])
@pytest.mark.parametrize(
    ("made", "outcome", "name"),
    [({"name": "Somebody's"}, "refused", "Somebody's"), ({}, "applied", "Parka Blue S")],
    ids=["otherwise", "as wanted"],
)
def test_a_code_that_turns_up_right_before_our_post(
    eight: Shop, duplicate_post: Any, made: dict[str, Any], outcome: str, name: str
) -> None:
    """Made by hand after our lists were read: neither overwritten nor doubled, whatever myOGO does with a POST."""
    eight.box.switch("myogo", duplicate_post=duplicate_post)
    wanted = {
        "code": "SKU7", "name": "Parka Blue S", "salesPrice": Decimal("10.00"), "languageCode": "en",
        "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT", "customsDescription": "Coats",
        "hsCode": "62014000",
    }  # fmt: skip
    eight.box.add_fault(side="myogo", kind="edit", path="code=SKU7", edits=[{"add": wanted | made}])
    report = eight.run("push")
    assert report.exit_code == 3
    assert calls(eight, about="SKU7") == ["GET SKU7"]
    assert held(eight)["SKU7"]["name"] == name
    (row,) = eight.sql("select outcome, message from sync.journal where key = 'SKU7'")
    assert row[0] == outcome
    assert "myOGO holds this" in row[1]
    assert eight.run("push").counts["update"] == (outcome == "refused")
    assert held(eight)["SKU7"]["name"] == "Parka Blue S"


def test_a_code_that_only_the_stock_list_of_myogo_shows_is_not_made_again(shop_of: Callable[..., Shop]) -> None:
    """It slipped through between two pages of products: the look-up before the POST finds it."""
    shop = shop_of(size(5), myogo=[{"code": f"SKU{n}", "name": "Somebody's"} for n in range(1, 7)])
    pages_of(shop, 2)
    shop.box.switch("myogo", duplicate_post="duplicate")
    shop.box.add_fault(side="myogo", kind="edit", path="/Products?limit=2&page=3$", edits=[{"remove": "SKU1"}])
    report = shop.run("push")
    assert shop.sql("select product_code from raw_myogo.stock where product_code = 'SKU5'") == [("SKU5",)]
    assert shop.sql("select code from raw_myogo.products where code = 'SKU5'") == []
    assert (report.exit_code, report.counts["create"], report.counts["refused"]) == (3, 1, 1)
    assert writes(shop) == []
    assert held(shop)["SKU5"]["name"] == "Somebody's"


@pytest.mark.parametrize("found", [["sku7"], ["sku7", "SKU7"]], ids=["alone", "beside ours"])
def test_a_code_that_myogo_takes_for_another_is_not_sent(eight: Shop, found: list[str]) -> None:
    """Where myOGO heeds no case, a POST might overwrite the other product."""
    eight.box.add_fault(side="myogo", kind="body", path="code=SKU7", body=[{"code": code} for code in found])
    eight.run("push")
    assert eight.sql("select outcome from sync.journal where key = 'SKU7'") == [("refused",)]
    assert calls(eight, about="SKU7") == ["GET SKU7"]


@pytest.mark.parametrize(
    ("side", "path"), [("centra", "/products"), ("centra", "/stock"), ("myogo", "/Products"), ("myogo", "/Stock")]
)
def test_a_list_without_an_end_is_given_up(eight: Shop, side: str, path: str) -> None:
    system_key(eight, side, "max_rows = 20")
    eight.box.add_fault(side=side, kind="endless", path=f"{path}?limit", times=FOREVER)
    report = eight.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "more than 20 rows" in report.message
    assert f"[systems.{side}]" in report.fix
    assert len(eight.box.requests(side)) <= 8 + 2 + 21
    assert writes(eight) == []


@pytest.mark.parametrize(("rows", "fine"), [(8, True), (7, False)])
def test_the_bound_on_rows_is_exact(eight: Shop, rows: int, fine: bool) -> None:
    system_key(eight, "centra", f"max_rows = {rows}")
    assert (eight.run("plan").exit_code != 5) is fine
