"""Reading Centra: every paging and value format gives the same rows; an answer that proves nothing stops the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.errors import CentraMyogoError, ConfigError, CredentialsError, SourceError
from pipelines.sandbox import Sandbox
from tests.support.shop import Shop, catalogue, euro, shop_in, size
from tests.support.shop_helpers import FOREVER, OtherHost, centra_of, replace_secret, set_page_size, writes
from tests.support.waiting import HANG_S

SIZES = tuple(size(n, sku=f"P{n}", variantSku="-V", sizeSku="-S", prices=[euro(f"{n}.50")]) for n in range(1, 8))
PRODUCTS = "/products"


@pytest.fixture
def paged_shop(shop_of: Callable[..., Shop]) -> Shop:
    """Seven sizes in pages of two."""
    shop = shop_of(*SIZES)
    set_page_size(shop, 2)
    return shop


def read_ids(shop: Shop, path: str = PRODUCTS) -> list[int]:
    with centra_of(shop) as client:
        return sorted(int(row["stockItemId"]) for page in client.pages(path) for row in page)


def queries(shop: Shop) -> list[str]:
    return [entry["query"] for entry in shop.box.requests("centra")]


@pytest.mark.parametrize("path", ["/products", "/stock"])
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="as documented"),
        pytest.param({"next_at_end": "null"}, id="next is null at the end"),
        pytest.param({"next_at_end": "empty"}, id="next is empty at the end"),
        pytest.param({"next_absolute": True}, id="next is a full address"),
        pytest.param({"next_repeats_filters": True}, id="next repeats the filters"),
        pytest.param({"sort": "shuffled"}, id="in no order"),
        pytest.param({"sort": "desc"}, id="newest first"),
        pytest.param({"max_limit": 1}, id="fewer rows than requested"),
    ],
)
def test_each_way_of_paging_reads_each_size_once(paged_shop: Shop, switches: dict[str, Any], path: str) -> None:
    paged_shop.box.switch("centra", **switches)
    assert read_ids(paged_shop, path) == [1, 2, 3, 4, 5, 6, 7]


def test_our_parameters_are_sent_with_every_page(paged_shop: Shop) -> None:
    """Only the page number is taken from `next`."""
    read_ids(paged_shop)
    assert queries(paged_shop) == ["limit=2", "limit=2&page=2", "limit=2&page=3", "limit=2&page=4"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The fingerprint of the plan for the seven sizes in the default formats."""
    folder: Path = tmp_path_factory.mktemp("expected")
    with Sandbox.start(catalogue(*SIZES)) as box:
        shop = shop_in(box, folder)
        shop.edit('name = "demo"', 'name = "expected"')
        yield shop.run("plan").fingerprint


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"ids_as": "number", "price_as": "number", "flags_as": "int"}, id="numbers as numbers"),
        pytest.param({"ids_as": "string", "price_as": "string", "flags_as": "bool"}, id="numbers as texts"),
        pytest.param({"empty_as": None}, id="empty values as null"),
        pytest.param({"empty_as": ""}, id="empty values as empty text"),
        pytest.param({"empty_as": "missing"}, id="empty values left out"),
    ],
)
def test_the_plan_does_not_depend_on_value_formats(paged_shop: Shop, expected: str, switches: dict[str, Any]) -> None:
    paged_shop.box.switch("centra", **switches)
    report = paged_shop.run("plan")
    assert (report.counts["create"], report.fingerprint) == (7, expected), report.message


@pytest.mark.parametrize("kind", ["wrong_length", "reset_body", "drop", "drop_after"])
def test_an_incomplete_answer_is_requested_again(paged_shop: Shop, kind: str) -> None:
    paged_shop.box.add_fault(side="centra", kind=kind, path="page=2")
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_temporary_failure_is_retried(paged_shop: Shop, status: int) -> None:
    paged_shop.box.add_fault(side="centra", kind="status", status=status, times=3)
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]
    assert len(queries(paged_shop)) == 4 + 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_lasting_failure_ends_after_the_allowed_attempts(paged_shop: Shop, status: int) -> None:
    paged_shop.box.add_fault(side="centra", kind="status", status=status, times=FOREVER)
    with pytest.raises(SourceError, match=f"HTTP {status}"):
        read_ids(paged_shop)
    assert len(queries(paged_shop)) == paged_shop.channel().systems["centra"].attempts == 6


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "at_least"),
    [
        pytest.param(lambda: "0.4", 0.4, id="seconds"),
        pytest.param(lambda: format_datetime(_in(2.0), usegmt=True), 1.0, id="HTTP date"),
        pytest.param(lambda: _in(0.5).isoformat(), 0.4, id="ISO date"),
        pytest.param(lambda: f"{_in(0.5).timestamp():.3f}", 0.4, id="Unix time"),
        pytest.param(lambda: format_datetime(_in(-60), usegmt=True), 0.0, id="a past time"),
        pytest.param(lambda: "soon", 0.0, id="unreadable"),
    ],
)
def test_retry_after_is_honoured_in_every_form(paged_shop: Shop, header: Callable[[], str], at_least: float) -> None:
    started = time.monotonic()
    paged_shop.box.add_fault(side="centra", kind="status", status=429, headers={"Retry-After": header()})
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]
    assert time.monotonic() - started >= at_least


def test_a_retry_after_of_an_hour_is_not_waited_for(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="status", status=429, headers={"Retry-After": "3600"}, times=FOREVER)
    with pytest.raises(SourceError, match="HTTP 429"):
        read_ids(paged_shop)
    assert len(queries(paged_shop)) == 1


def test_an_answer_that_arrives_too_slowly_is_given_up(paged_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece arrives in time, the complete answer does not."""
    monkeypatch.setattr("pipelines.systems.http.session.MAX_CALL_S", 0.2)
    paged_shop.box.add_fault(side="centra", kind="slow", seconds=HANG_S, pieces=100_000, times=FOREVER)
    with pytest.raises(SourceError, match="no answer in time"):
        read_ids(paged_shop)


def test_an_answer_sent_in_pieces_is_read_completely(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="slow", seconds=0.1, pieces=50)
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("page", ["page=2", "page=4", "limit=2"], ids=["middle", "last", "first"])
def test_an_empty_page_is_read_again(paged_shop: Shop, page: str) -> None:
    """A page that is empty by mistake must not lose its sizes."""
    paged_shop.box.add_fault(side="centra", kind="empty_page", path=page)
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]


def test_a_page_that_stays_empty_is_skipped(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="empty_page", path="page=2", times=2)
    assert read_ids(paged_shop) == [1, 2, 5, 6, 7]


def test_endless_empty_pages_stop_the_read(paged_shop: Shop) -> None:
    body = {"status": "ok", "products": [], "next": "?limit=2&page=2"}
    for page in range(2, 20):
        body = body | {"next": f"?page={page}"}
        paged_shop.box.add_fault(side="centra", kind="body", body=body, times=2)
    with pytest.raises(SourceError, match="3 empty pages in a row"):
        read_ids(paged_shop)


def test_an_empty_catalogue_is_read_as_empty(shop_of: Callable[..., Shop]) -> None:
    assert read_ids(shop_of()) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({"kind": "html", "times": FOREVER}, "HTML page instead of JSON", id="html 200"),
        pytest.param({"kind": "truncated", "times": FOREVER}, "not JSON", id="truncated"),
        pytest.param({"kind": "deep_json", "times": FOREVER}, "not JSON", id="nested too deep"),
        pytest.param({"kind": "no", "msg": "Database is gone"}, "Database is gone", id="status no"),
        pytest.param({"kind": "no", "msg": {"limit": "invalid value"}}, "limit: invalid value", id="msg is an object"),
        pytest.param({"kind": "body", "body": {"products": []}}, "status None", id="no status"),
        pytest.param({"kind": "body", "body": [1]}, "status None", id="no object"),
        pytest.param({"kind": "body", "body": {"status": "ok"}}, "no list under 'products'", id="no products"),
        pytest.param({"kind": "status", "status": 418}, "HTTP 418", id="an unexpected status"),
        pytest.param({"kind": "loop_next", "skip": 1}, "paging does not advance", id="next returns to the same page"),
        pytest.param(
            {
                "kind": "body",
                "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "http://evil.example/?page=2"},
            },
            "another host",
            id="next names another host",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "?limit=2"}},
            "has no page number",
            id="next without a page",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "http://["}},
            "not a query string",
            id="next is no address",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "?page=" + "9" * 5000}},
            "has no page number",
            id="next names a page number that is too large",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": 2}},
            "not a query string",
            id="next is a number",
        ),
    ],
)
def test_an_invalid_answer_stops_the_read(paged_shop: Shop, fault: dict[str, Any], message: str) -> None:
    paged_shop.box.add_fault(side="centra", **fault)
    with pytest.raises(SourceError, match=message) as caught:
        read_ids(paged_shop)
    assert caught.value.exit_code == 5


def test_a_repeated_page_stops_the_run_and_is_named(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="repeat_page", path="page=3")
    report = paged_shop.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "page 3 has only sizes that were already read" in report.message


@pytest.mark.parametrize("msg_as_object", [False, True], ids=["msg text", "msg object"])
@pytest.mark.parametrize("answer", [401, 403, "no"])
def test_a_wrong_key_is_reported_and_tried_once(paged_shop: Shop, answer: Any, msg_as_object: bool) -> None:
    paged_shop.box.switch("centra", auth_failure=answer, msg_as_object=msg_as_object)
    replace_secret(paged_shop, "centra_token", "not-the-key")
    with pytest.raises(CredentialsError, match="Centra rejected the key") as caught:
        read_ids(paged_shop)
    assert caught.value.exit_code == 2
    assert "Secret API key" in caught.value.fix
    assert len(queries(paged_shop)) == 1


@pytest.mark.parametrize("group", ["products", "stock"])
def test_an_endpoint_that_is_not_enabled_is_named(paged_shop: Shop, group: str) -> None:
    paged_shop.box.switch("centra", allow={group: False})
    with pytest.raises(CredentialsError, match=f"GET /{group}: HTTP 403 Not Allowed") as caught:
        read_ids(paged_shop, f"/{group}")
    assert "'PRODUCT & STOCK'" in caught.value.fix


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("query", ["", "?session=of-somebody"], ids=["plain", "with a query"])
def test_a_redirect_is_never_followed(paged_shop: Shop, status: int, query: str) -> None:
    """No request reaches the other host; the message names the target of the redirect."""
    with OtherHost() as other:
        location = f"{other.url}/login{query}"
        paged_shop.box.add_fault(side="centra", kind="redirect", status=status, location=location, times=FOREVER)
        with pytest.raises(ConfigError, match="redirect") as caught:
            read_ids(paged_shop)
        assert other.received == []
    assert f"{other.url}/login" in caught.value.message
    assert "session" not in str(caught.value)
    assert len(queries(paged_shop)) == 1


def test_a_redirect_ends_a_run_with_2(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(
        side="centra", kind="redirect", path="/stock", location="https://else.test/", times=FOREVER
    )
    report = paged_shop.run("push")
    assert (report.exit_code, report.outcome) == (2, "config")


def test_an_unknown_field_is_kept_and_reported(paged_shop: Shop) -> None:
    paged_shop.box.change_centra_row(5, washing="30 degrees")
    report = paged_shop.run("plan")
    assert report.counts["create"] == 7
    assert list(report.facts["findings"]["centra"]["unknown_fields"]) == ["washing"]
    assert paged_shop.sql("select extra from raw_centra.products where stock_item_id = '5'") == [
        ('{"washing":"30 degrees"}',)
    ]


def test_a_run_retries_temporary_failures_and_completes(paged_shop: Shop) -> None:
    """Each page fails twice, and the plan is complete."""
    for page, status in enumerate((500, 503, 429), start=2):
        paged_shop.box.add_fault(side="centra", kind="status", status=status, path=f"page={page}", times=2)
    report = paged_shop.run("plan")
    assert (report.exit_code, report.counts["create"]) == (0, 7)
    assert report.facts["health"]["centra"]["retries"] == 6


def test_an_unavailable_system_ends_the_run_with_5(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="status", status=503, path="/stock", times=FOREVER)
    report = paged_shop.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "HTTP 503" in report.message
    assert report.fix
    assert writes(paged_shop) == []


def test_a_failed_read_keeps_the_tables_of_the_previous_run(paged_shop: Shop) -> None:
    paged_shop.run("plan")
    paged_shop.box.change_centra_row(1, name="Newer")
    paged_shop.box.add_fault(side="centra", kind="html", path="page=4", times=FOREVER)
    assert paged_shop.run("plan").exit_code == 5
    assert paged_shop.sql("select count(*), count(*) filter (name = 'Newer') from raw_centra.products") == [(7, 0)]


@pytest.mark.parametrize(
    "kind", ["status", "html", "body", "no", "drop", "truncated", "wrong_length", "reset_body", "loop_next"]
)
def test_each_read_failure_has_a_fix(paged_shop: Shop, kind: str) -> None:
    paged_shop.box.add_fault(side="centra", kind=kind, times=FOREVER)
    with pytest.raises(CentraMyogoError) as caught:
        read_ids(paged_shop)
    assert caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize("kind", ["gzip_bomb", "huge_field"])
def test_an_answer_that_is_too_large_is_given_up_and_not_requested_again(paged_shop: Shop, kind: str) -> None:
    """The limit is 8 MB plus 64 KB per requested row, after decompression."""
    paged_shop.box.add_fault(side="centra", kind=kind, megabytes=9, times=FOREVER)
    with pytest.raises(SourceError, match="the answer has more than 8,519,680 bytes") as caught:
        read_ids(paged_shop)
    assert "page_size" in caught.value.fix
    assert len(queries(paged_shop)) == 1


def test_an_answer_within_the_size_limit_is_read(paged_shop: Shop) -> None:
    paged_shop.box.add_fault(side="centra", kind="huge_field", megabytes=8)
    assert read_ids(paged_shop) == [1, 2, 3, 4, 5, 6, 7]
