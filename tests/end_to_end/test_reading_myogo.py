"""Reading myOGO: a list cut short would have us create what is there, so the end of a list is proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.core.errors import ConfigError, TargetUnavailable
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER, Elsewhere, held, myogo_of, pages_of, writes

PRODUCTS, STOCK = "/api/v1/Products", "/api/v1/Stock"
SEVEN = [{"code": f"SKU{n}", "eanCode": f"{n}"} for n in range(1, 8)]


@pytest.fixture
def seven(shop_of: Callable[..., Shop]) -> Shop:
    """Seven products in myOGO, the same seven in Centra, in pages of two."""
    shop = shop_of(*(size(n) for n in range(1, 8)), myogo=SEVEN)
    pages_of(shop, 2)
    return shop


def codes_read(shop: Shop, path: str = PRODUCTS) -> list[str]:
    key = "code" if path == PRODUCTS else "productCode"
    with myogo_of(shop) as client:
        return sorted(row[key] for page in client.pages(path) for row in page)


ALL = [f"SKU{n}" for n in range(1, 8)]


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
def test_every_way_of_listing_reads_each_product_once(seven: Shop, switches: dict[str, Any], path: str) -> None:
    seven.box.switch("myogo", **switches)
    assert codes_read(seven, path) == ALL


@pytest.mark.parametrize("rows", [1, 2, 6, 7, 8], ids=lambda n: f"pages of {n}")
def test_the_end_is_found_wherever_it_falls(shop_of: Callable[..., Shop], rows: int) -> None:
    shop = shop_of(myogo=SEVEN)
    pages_of(shop, rows)
    assert codes_read(shop) == ALL


@pytest.mark.parametrize("body", [[], None], ids=["[]", "null"])
def test_an_empty_myogo_is_read_as_such(shop_of: Callable[..., Shop], body: Any) -> None:
    shop = shop_of()
    shop.box.add_fault(side="myogo", kind="body", path=PRODUCTS, body=body, times=FOREVER)
    assert codes_read(shop) == []


def test_fewer_rows_than_asked_for_are_not_taken_for_the_end(seven: Shop) -> None:
    """A server that gives one row where two were asked for: were its short page the end, six would be made again."""
    for page in range(1, 8):
        body = [{"id": str(page), "code": f"SKU{page}"}]
        seven.box.add_fault(side="myogo", kind="body", path=f"{PRODUCTS}?limit=2&page={page}", body=body)
    assert codes_read(seven) == ALL


@pytest.mark.parametrize("page", [1, 2, 4], ids=["first", "middle", "last"])
def test_an_empty_page_is_not_believed_at_once(seven: Shop, page: int) -> None:
    seven.box.add_fault(side="myogo", kind="empty_page", path=f"{PRODUCTS}?limit=2&page={page}")
    assert codes_read(seven) == ALL


def test_an_empty_page_by_mistake_creates_nothing(seven: Shop) -> None:
    """Through a whole push: myOGO would even accept a code twice, and none is sent."""
    seven.box.switch("myogo", duplicate_post="duplicate")
    seven.box.add_fault(side="myogo", kind="empty_page", path=f"{PRODUCTS}?limit=2&page=1")
    seven.edit("max_update_share = 0.75", "max_update_share = 1.0")
    seven.run("push")
    assert {line.split()[0] for line in writes(seven)} == {"PUT"}
    assert sorted(held(seven)) == ALL


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"kind": "status", "status": 404}, id="404"),
        pytest.param({"kind": "status", "status": 400}, id="400"),
        pytest.param({"kind": "body", "body": None}, id="null"),
        pytest.param({"kind": "repeat_page"}, id="the last page again"),
    ],
)
def test_whatever_comes_beyond_the_end_is_the_end(seven: Shop, answer: dict[str, Any]) -> None:
    """What myOGO answers there is not documented; page 4 was short."""
    seven.box.add_fault(side="myogo", path=f"{PRODUCTS}?limit=2&page=5", **answer)
    assert codes_read(seven) == ALL


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "wrong_length"}, id="announced more than it sent"),
        pytest.param({"kind": "reset_body"}, id="reset in the middle"),
        pytest.param({"kind": "drop"}, id="dropped"),
        pytest.param({"kind": "status", "status": 429}, id="429"),
        pytest.param({"kind": "status", "status": 500}, id="500"),
        pytest.param({"kind": "status", "status": 503}, id="503"),
        pytest.param({"kind": "revoke_tokens"}, id="the token revoked"),
    ],
)
def test_a_moment_of_trouble_is_waited_out(seven: Shop, fault: dict[str, Any]) -> None:
    seven.box.add_fault(side="myogo", path="page=2", **fault)
    assert codes_read(seven) == ALL


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param({"kind": "html"}, "HTML page instead of JSON", id="html 200"),
        pytest.param({"kind": "truncated"}, "no JSON", id="truncated"),
        pytest.param({"kind": "body", "body": {"items": []}}, "no list", id="an object"),
        pytest.param({"kind": "repeat_page", "path": "page=3"}, "paging stands still", id="page 2 again"),
        pytest.param({"kind": "status", "status": 503, "times": FOREVER}, "HTTP 503", id="stays down"),
        pytest.param({"kind": "status", "status": 400}, "HTTP 400: Bad Request", id="400 in the middle"),
    ],
)
def test_a_list_that_proves_nothing_stops_the_reading(seven: Shop, fault: dict[str, Any], said: str) -> None:
    seven.box.add_fault(side="myogo", **({"path": "page=2"} | fault))
    with pytest.raises(TargetUnavailable, match=said) as caught:
        codes_read(seven)
    assert (caught.value.exit_code, bool(caught.value.fix)) == (5, True)


def test_page_after_page_of_the_same_products_stops_the_reading(seven: Shop) -> None:
    """A server that does not heed `page`, with figures that change from call to call."""
    for stock in range(9):
        body = [{"id": str(n), "code": f"SKU{n}", "stock": stock} for n in (1, 2)]
        seven.box.add_fault(side="myogo", kind="body", path=PRODUCTS, body=body)
    with pytest.raises(TargetUnavailable, match="paging stands still"):
        codes_read(seven)


def test_a_redirect_is_never_followed(seven: Shop) -> None:
    with Elsewhere() as other:
        seven.box.add_fault(side="myogo", kind="redirect", path=PRODUCTS, location=other.url, times=FOREVER)
        with pytest.raises(ConfigError, match="never sent on") as caught:
            codes_read(seven)
        assert other.heard == []
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param([{"name": "nameless"}], "has no field 'code'", id="no code"),
        pytest.param([{"code": "A", "name": {"en": "A"}}], "myOGO product 'A': field 'name'", id="a name that is none"),
        pytest.param(["A"], "row 1 of page 1 is no object", id="no object"),
    ],
)
def test_a_broken_contract_names_field_and_row(shop_of: Callable[..., Shop], body: Any, said: str) -> None:
    shop = shop_of(size(1))
    shop.box.add_fault(side="myogo", kind="body", path=PRODUCTS, body=body)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (5, "contract")
    assert said in report.message
    assert writes(shop) == []


def test_fields_we_do_not_know_are_kept_and_reported(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), myogo=[{"code": "SKU1"}])
    shop.box.switch("myogo", extra_fields=True)
    report = shop.run("plan")
    assert set(report.facts["findings"]["myogo"]["unknown_fields"]) >= {"batchTracked", "channels"}
    assert shop.sql("select extra from raw_myogo.products") == [('{"batchTracked":false,"channels":[]}',)]
