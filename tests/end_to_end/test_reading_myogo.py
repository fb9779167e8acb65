"""Reading myOGO: an incomplete list would cause duplicate creates, so the end of a list must be proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.core.errors import ConfigError, TargetUnavailable
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER, OtherHost, held, myogo_of, set_page_size, writes

PRODUCTS, STOCK = "/api/v1/Products", "/api/v1/Stock"
SEVEN = [{"code": f"SKU{n}", "eanCode": f"{n}"} for n in range(1, 8)]


@pytest.fixture
def paged_shop(shop_of: Callable[..., Shop]) -> Shop:
    """Seven products in myOGO, the same seven in Centra, in pages of two."""
    shop = shop_of(*(size(n) for n in range(1, 8)), myogo=SEVEN)
    set_page_size(shop, 2)
    return shop


def read_codes(shop: Shop, path: str = PRODUCTS) -> list[str]:
    key = "code" if path == PRODUCTS else "productCode"
    with myogo_of(shop) as client:
        return sorted(row[key] for page in client.pages(path) for row in page)


ALL_CODES = [f"SKU{n}" for n in range(1, 8)]


@pytest.mark.parametrize("path", [PRODUCTS, STOCK])
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="as documented"),
        pytest.param({"sort": "shuffled"}, id="in no order"),
        pytest.param({"emit_nulls": "no"}, id="without nulls"),
        pytest.param({"extra_fields": True}, id="with fields we do not know"),
        pytest.param({"limit_out_of_range": "reject"}, id="strict about limits"),
    ],
)
def test_each_list_format_reads_each_product_once(paged_shop: Shop, switches: dict[str, Any], path: str) -> None:
    paged_shop.box.switch("myogo", **switches)
    assert read_codes(paged_shop, path) == ALL_CODES


@pytest.mark.parametrize("rows", [1, 2, 6, 7, 8], ids=lambda n: f"pages of {n}")
def test_the_end_of_the_list_is_found_at_any_page_size(shop_of: Callable[..., Shop], rows: int) -> None:
    shop = shop_of(myogo=SEVEN)
    set_page_size(shop, rows)
    assert read_codes(shop) == ALL_CODES


@pytest.mark.parametrize("body", [[], None], ids=["[]", "null"])
def test_an_empty_myogo_is_read_as_empty(shop_of: Callable[..., Shop], body: Any) -> None:
    shop = shop_of()
    shop.box.add_fault(side="myogo", kind="body", path=PRODUCTS, body=body, times=FOREVER)
    assert read_codes(shop) == []


def test_a_short_page_is_not_taken_for_the_end(paged_shop: Shop) -> None:
    """The server returns one row instead of two; if that were the end, six products would be created again."""
    for page in range(1, 8):
        body = [{"id": str(page), "code": f"SKU{page}"}]
        paged_shop.box.add_fault(side="myogo", kind="body", path=f"{PRODUCTS}?limit=2&page={page}", body=body)
    assert read_codes(paged_shop) == ALL_CODES


@pytest.mark.parametrize("page", [1, 2, 4], ids=["first", "middle", "last"])
def test_an_empty_page_is_read_again(paged_shop: Shop, page: int) -> None:
    paged_shop.box.add_fault(side="myogo", kind="empty_page", path=f"{PRODUCTS}?limit=2&page={page}")
    assert read_codes(paged_shop) == ALL_CODES


def test_a_page_that_is_empty_by_mistake_creates_nothing(paged_shop: Shop) -> None:
    """In a complete push against a myOGO that accepts a code twice."""
    paged_shop.box.switch("myogo", duplicate_post="duplicate")
    paged_shop.box.add_fault(side="myogo", kind="empty_page", path=f"{PRODUCTS}?limit=2&page=1")
    paged_shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
    paged_shop.run("push")
    assert {line.split()[0] for line in writes(paged_shop)} == {"PUT"}
    assert sorted(held(paged_shop)) == ALL_CODES


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"kind": "status", "status": 404}, id="404"),
        pytest.param({"kind": "status", "status": 400}, id="400"),
        pytest.param({"kind": "body", "body": None}, id="null"),
        pytest.param({"kind": "repeat_page"}, id="the last page again"),
    ],
)
def test_any_answer_beyond_a_short_page_is_the_end(paged_shop: Shop, answer: dict[str, Any]) -> None:
    """myOGO's answer there is not documented; page 4 was short."""
    paged_shop.box.add_fault(side="myogo", path=f"{PRODUCTS}?limit=2&page=5", **answer)
    assert read_codes(paged_shop) == ALL_CODES


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "wrong_length"}, id="body shorter than its length"),
        pytest.param({"kind": "reset_body"}, id="reset in the middle"),
        pytest.param({"kind": "drop"}, id="dropped"),
        pytest.param({"kind": "status", "status": 429}, id="429"),
        pytest.param({"kind": "status", "status": 500}, id="500"),
        pytest.param({"kind": "status", "status": 503}, id="503"),
        pytest.param({"kind": "html"}, id="html 200"),
        pytest.param({"kind": "truncated"}, id="truncated"),
        pytest.param({"kind": "revoke_tokens"}, id="the token revoked"),
    ],
)
def test_a_temporary_failure_is_retried(paged_shop: Shop, fault: dict[str, Any]) -> None:
    paged_shop.box.add_fault(side="myogo", path="page=2", **fault)
    assert read_codes(paged_shop) == ALL_CODES


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({"kind": "html", "times": FOREVER}, "HTML page instead of JSON", id="html 200"),
        pytest.param({"kind": "truncated", "times": FOREVER}, "not JSON", id="truncated"),
        pytest.param({"kind": "body", "body": {"items": []}}, "not a list", id="an object"),
        pytest.param({"kind": "repeat_page", "path": "page=3"}, "paging does not advance", id="page 2 again"),
        pytest.param({"kind": "status", "status": 503, "times": FOREVER}, "HTTP 503", id="stays down"),
        pytest.param({"kind": "status", "status": 400}, "HTTP 400: Bad Request", id="400 in the middle"),
    ],
)
def test_an_invalid_list_stops_the_read(paged_shop: Shop, fault: dict[str, Any], message: str) -> None:
    paged_shop.box.add_fault(side="myogo", **({"path": "page=2"} | fault))
    with pytest.raises(TargetUnavailable, match=message) as caught:
        read_codes(paged_shop)
    assert (caught.value.exit_code, bool(caught.value.fix)) == (5, True)


def test_repeated_pages_of_the_same_products_stop_the_read(paged_shop: Shop) -> None:
    """A server that ignores `page`, with stock numbers that change from call to call."""
    for stock in range(9):
        body = [{"id": str(n), "code": f"SKU{n}", "stock": stock} for n in (1, 2)]
        paged_shop.box.add_fault(side="myogo", kind="body", path=PRODUCTS, body=body)
    with pytest.raises(TargetUnavailable, match="paging does not advance"):
        read_codes(paged_shop)


def test_a_redirect_is_never_followed(paged_shop: Shop) -> None:
    with OtherHost() as other:
        paged_shop.box.add_fault(side="myogo", kind="redirect", path=PRODUCTS, location=other.url, times=FOREVER)
        with pytest.raises(ConfigError, match="never sent on") as caught:
            read_codes(paged_shop)
        assert other.received == []
    assert caught.value.exit_code == 2


def test_unknown_fields_are_stored_and_reported(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), myogo=[{"code": "SKU1"}])
    shop.box.switch("myogo", extra_fields=True)
    report = shop.run("plan")
    assert set(report.facts["findings"]["myogo"]["unknown_fields"]) >= {"batchTracked", "channels"}
    assert shop.sql("select extra from raw_myogo.products") == [('{"batchTracked":false,"channels":[]}',)]
