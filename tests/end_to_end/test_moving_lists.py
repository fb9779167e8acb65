"""Lists that change while they are paged: a row missed between two pages does no harm and is reported."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from pipelines.core.errors import RemoteSystemError
from tests.support.shop import Shop, product, size
from tests.support.shop_helpers import (
    FOREVER,
    add_system_key,
    calls,
    centra_of,
    create,
    held,
    myogo_of,
    push_of,
    set_page_size,
    writes,
)

CLASH = {"sku": "SKU6", "name": "Twin"}


@pytest.fixture
def paged_shop(shop_of: Callable[..., Shop]) -> Shop:
    """Eight sizes in pages of two; the last has the code of the sixth, which myOGO holds."""
    shop = shop_of(*(size(n) for n in range(1, 8)), size(8, **CLASH), myogo=[{"code": "SKU6", "name": "Made by hand"}])
    set_page_size(shop, 2)
    return shop


def shift_page(shop: Shop, path: str = "/products", page: int = 4) -> None:
    """Deletes the first size before that page is read, so the page's first row moves to the previous page."""
    shop.box.add_fault(side="centra", kind="edit", path=f"{path}?limit=2&page={page}$", edits=[{"remove": 1}])


def lists(shop: Shop) -> dict[str, Any]:
    facts, *_ = shop.run("push").facts["findings"].values()
    return {name: facts[name] for name in ("filled", "only_in_stock", "only_in_products")}


NONE: dict[str, Any] = {"count": 0, "first": []}


def test_lists_that_agree_need_no_extra_request_and_are_not_reported(paged_shop: Shop) -> None:
    assert lists(paged_shop) == {"filled": 0, "only_in_stock": NONE, "only_in_products": NONE}
    assert len(paged_shop.box.requests("centra")) == 2 * 4


def test_a_size_missed_by_paging_is_looked_up(paged_shop: Shop) -> None:
    """Size 7 moved to a page that was already read; the stock list contains it."""
    shift_page(paged_shop)
    found = lists(paged_shop)
    assert found == {"filled": 1, "only_in_stock": NONE, "only_in_products": {"count": 1, "first": ["1"]}}
    assert "SKU7" in held(paged_shop)
    assert paged_shop.box.requests("centra")[-1]["query"] == "stockItemID=7&limit=2"
    assert paged_shop.sql("select count(*) from raw_centra.products where stock_item_id = '7'") == [(1,)]


def test_a_size_missed_by_paging_still_withholds_its_clashing_code(paged_shop: Shop) -> None:
    """Without the look-up the push would overwrite the product of myOGO with the other size's name."""
    paged_shop.box.change_centra_row(8, sku="SKU8")
    paged_shop.box.change_centra_row(7, sku="SKU6")
    shift_page(paged_shop)
    paged_shop.run("push")
    assert held(paged_shop)["SKU6"]["name"] == "Made by hand"
    assert "PUT SKU6" not in writes(paged_shop)


def test_a_size_missed_by_paging_the_stock_list_is_reported(paged_shop: Shop) -> None:
    shift_page(paged_shop, "/stock")
    assert lists(paged_shop) == {"filled": 0, "only_in_stock": NONE, "only_in_products": {"count": 1, "first": ["7"]}}


def test_a_size_only_in_the_stock_list_is_reported(paged_shop: Shop) -> None:
    """The look-up does not find it, so paging did not miss it."""
    paged_shop.box.add_fault(
        side="centra", kind="edit", path="/stock?limit=2$", edits=[{"add": size(9)}],
    )  # fmt: skip
    paged_shop.box.add_fault(side="centra", kind="body", path="stockItemID=9", body={"status": "ok", "products": []})
    message = "1 sizes are in the stock list, not the product list of Centra, the first: 9."
    output = paged_shop.command("plan", str(paged_shop.file), "--data", str(paged_shop.data)).stdout
    assert message in " ".join(output.split())
    page = paged_shop.folder / "report.html"
    paged_shop.command("report", str(paged_shop.file), "--data", str(paged_shop.data), "--html", str(page))
    assert message in page.read_text("utf-8")


# The planned product of size 7, and the same product as myOGO holds it.
PLANNED = create(
    "SKU7", name="Parka Blue S", sales_price=Decimal("10.00"), supplier="Acme", product_group="Jackets",
    country_of_origin="PT", customs_description="Coats", hs_code="62014000",
)  # fmt: skip


@pytest.mark.parametrize("duplicate_post", [400, 409, "upsert", "duplicate"])
@pytest.mark.parametrize(
    ("fields", "outcome"),
    [({"name": "Made by hand"}, "refused"), ({}, "applied")],
    ids=["other values", "same values"],
)
def test_a_code_created_by_hand_right_before_our_post_is_not_overwritten(
    paged_shop: Shop, duplicate_post: Any, fields: dict[str, Any], outcome: str
) -> None:
    """Created after our lists were read: neither overwritten nor doubled, for each answer of myOGO to a duplicate."""
    paged_shop.box.switch("myogo", duplicate_post=duplicate_post)
    paged_shop.box.add_fault(side="myogo", kind="edit", path="code=SKU7", edits=[{"add": product(7, **fields)}])
    pushed, outcomes = push_of(paged_shop, PLANNED)
    assert outcomes == {"SKU7": outcome}
    assert len(pushed.messages) == 1
    assert "myOGO already holds this" in pushed.messages[0]
    assert calls(paged_shop, about="SKU7") == ["GET SKU7"]
    assert held(paged_shop)["SKU7"]["name"] == product(7, **fields)["name"]


def test_a_code_created_by_hand_during_a_push_is_updated_by_the_next_push(paged_shop: Shop) -> None:
    """SKU7 with other values, SKU9 with the same values: only SKU7 is left to update."""
    paged_shop.box.switch("myogo", duplicate_post="upsert")
    paged_shop.box.add_centra_row(size(9))
    for made in (product(7, name="Made by hand"), product(9)):
        code = made["code"]
        paged_shop.box.add_fault(side="myogo", kind="edit", path=f"code={code}", edits=[{"add": made}])
    report = paged_shop.run("push")
    assert report.exit_code == 3
    assert calls(paged_shop, about="SKU7") == ["GET SKU7"]
    assert held(paged_shop)["SKU7"]["name"] == "Made by hand"
    rows = paged_shop.sql("select key, outcome, message from sync.journal where key in ('SKU7', 'SKU9') order by key")
    assert [row[:2] for row in rows] == [("SKU7", "refused"), ("SKU9", "applied")]
    assert all("myOGO already holds this" in message for *_, message in rows)
    assert paged_shop.run("push").counts["update"] == 1
    assert held(paged_shop)["SKU7"]["name"] == "Parka Blue S"


def test_a_code_only_in_the_stock_list_of_myogo_is_not_created_again(shop_of: Callable[..., Shop]) -> None:
    """Paging the products missed it; the look-up before the POST finds it."""
    shop = shop_of(size(5), myogo=[{"code": f"SKU{n}", "name": "Made by hand"} for n in range(1, 7)])
    set_page_size(shop, 2)
    shop.box.switch("myogo", duplicate_post="duplicate")
    shop.box.add_fault(side="myogo", kind="edit", path="/Products?limit=2&page=3$", edits=[{"remove": "SKU1"}])
    report = shop.run("push")
    assert shop.sql("select product_code from raw_myogo.stock where product_code = 'SKU5'") == [("SKU5",)]
    assert shop.sql("select code from raw_myogo.products where code = 'SKU5'") == []
    assert (report.exit_code, report.counts["create"], report.counts["refused"]) == (3, 1, 1)
    assert writes(shop) == []
    assert held(shop)["SKU5"]["name"] == "Made by hand"


@pytest.mark.parametrize("found", [["sku7"], ["sku7", "SKU7"]], ids=["alone", "next to ours"])
def test_a_code_that_myogo_matches_with_another_case_is_not_sent(paged_shop: Shop, found: list[str]) -> None:
    """If myOGO ignores case, a POST might overwrite the other product."""
    paged_shop.box.add_fault(side="myogo", kind="body", path="code=SKU7", body=[{"code": code} for code in found])
    _, outcomes = push_of(paged_shop, PLANNED)
    assert outcomes == {"SKU7": "refused"}
    assert calls(paged_shop, about="SKU7") == ["GET SKU7"]


def read_pages(shop: Shop, side: str, path: str) -> None:
    """Reads a list to its end."""
    if side == "centra":
        with centra_of(shop) as client:
            list(client.pages(path))
    else:
        with myogo_of(shop) as target:
            list(target.pages(path))


@pytest.mark.parametrize(
    ("side", "path"),
    [("centra", "/products"), ("centra", "/stock"), ("myogo", "/api/v1/Products"), ("myogo", "/api/v1/Stock")],
)
def test_reading_an_endless_list_is_stopped(paged_shop: Shop, side: str, path: str) -> None:
    add_system_key(paged_shop, side, "max_rows = 20")
    paged_shop.box.add_fault(side=side, kind="endless", path=f"{path}?limit", times=FOREVER)
    with pytest.raises(RemoteSystemError, match="more than 20 rows") as stopped:
        read_pages(paged_shop, side, path)
    assert f"[systems.{side}]" in stopped.value.fix
    assert len(paged_shop.box.requests(side)) <= 2 + 21


def test_a_run_that_reads_an_endless_list_ends_without_a_write(paged_shop: Shop) -> None:
    add_system_key(paged_shop, "myogo", "max_rows = 20")
    paged_shop.box.add_fault(side="myogo", kind="endless", path="/Stock?limit", times=FOREVER)
    report = paged_shop.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "more than 20 rows" in report.message
    assert "[systems.myogo]" in report.fix
    assert len(paged_shop.box.requests("myogo")) <= 8 + 2 + 21
    assert writes(paged_shop) == []


def test_max_rows_is_an_exact_limit(paged_shop: Shop) -> None:
    """Centra has eight sizes."""
    add_system_key(paged_shop, "centra", "max_rows = 8")
    read_pages(paged_shop, "centra", "/products")
    paged_shop.edit("max_rows = 8", "max_rows = 7")
    with pytest.raises(RemoteSystemError, match="more than 7 rows"):
        read_pages(paged_shop, "centra", "/products")
