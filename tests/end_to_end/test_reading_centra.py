"""Reading Centra: however it pages and writes its values we read the same; what cannot be trusted stops the run."""

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
from pipelines.sandbox.channel_file import channel_file
from tests.support.shop import Shop, catalogue, euro, size
from tests.support.shop_helpers import FOREVER, Elsewhere, centra_of, pages_of, secret, writes

SIZES = tuple(size(n, sku=f"P{n}", variantSku="-V", sizeSku="-S", prices=[euro(f"{n}.50")]) for n in range(1, 8))
PRODUCTS = "/products"


@pytest.fixture
def seven(shop_of: Callable[..., Shop]) -> Shop:
    """Seven sizes in pages of two."""
    shop = shop_of(*SIZES)
    pages_of(shop, 2)
    return shop


def ids_read(shop: Shop, path: str = PRODUCTS) -> list[int]:
    with centra_of(shop) as client:
        return sorted(int(row["stockItemId"]) for page in client.pages(path) for row in page)


def asked(shop: Shop) -> list[str]:
    return [entry["query"] for entry in shop.box.requests("centra")]


@pytest.mark.parametrize("path", ["/products", "/stock"])
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="as documented"),
        pytest.param({"next_at_end": "null"}, id="next is null at the end"),
        pytest.param({"next_at_end": "empty"}, id="next is empty at the end"),
        pytest.param({"next_absolute": True}, id="next is a whole address"),
        pytest.param({"next_repeats_filters": True}, id="next repeats the filters"),
        pytest.param({"sort": "shuffled"}, id="in no order"),
        pytest.param({"sort": "desc"}, id="newest first"),
        pytest.param({"max_limit": 1}, id="fewer rows than asked for"),
    ],
)
def test_every_way_of_paging_reads_each_size_once(seven: Shop, switches: dict[str, Any], path: str) -> None:
    seven.box.switch("centra", **switches)
    assert ids_read(seven, path) == [1, 2, 3, 4, 5, 6, 7]


def test_our_own_parameters_are_sent_with_every_page(seven: Shop) -> None:
    """`next` is not relied on for anything but the page number."""
    ids_read(seven)
    assert asked(seven) == ["limit=2", "limit=2&page=2", "limit=2&page=3", "limit=2&page=4"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The fingerprint of the plan for the seven sizes as the catalogue writes them."""
    folder: Path = tmp_path_factory.mktemp("expected")
    with Sandbox.start(catalogue(*SIZES)) as box:
        shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url))
        shop.edit('name = "demo"', 'name = "expected"')
        yield shop.run("plan").fingerprint


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"ids_as": "number", "price_as": "number", "flags_as": "int"}, id="numbers as numbers"),
        pytest.param({"ids_as": "string", "price_as": "string", "flags_as": "bool"}, id="numbers as texts"),
        pytest.param({"empty_as": None}, id="nothing as null"),
        pytest.param({"empty_as": ""}, id="nothing as an empty text"),
        pytest.param({"empty_as": "missing"}, id="nothing left out"),
    ],
)
def test_the_plan_does_not_depend_on_how_values_are_written(
    seven: Shop, expected: str, switches: dict[str, Any]
) -> None:
    seven.box.switch("centra", **switches)
    report = seven.run("plan")
    assert (report.counts["create"], report.fingerprint) == (7, expected), report.message


@pytest.mark.parametrize("kind", ["wrong_length", "reset_body", "drop", "drop_after"])
def test_an_answer_that_breaks_off_is_asked_for_again(seven: Shop, kind: str) -> None:
    seven.box.add_fault(side="centra", kind=kind, path="page=2")
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_moment_of_trouble_is_waited_out(seven: Shop, status: int) -> None:
    seven.box.add_fault(side="centra", kind="status", status=status, times=3)
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]
    assert len(asked(seven)) == 4 + 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_lasting_trouble_ends_after_the_allowed_attempts(seven: Shop, status: int) -> None:
    seven.box.add_fault(side="centra", kind="status", status=status, times=FOREVER)
    with pytest.raises(SourceError, match=f"HTTP {status}"):
        ids_read(seven)
    assert len(asked(seven)) == seven.channel().systems["centra"].attempts == 6


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "at_least"),
    [
        pytest.param(lambda: "0.4", 0.4, id="seconds"),
        pytest.param(lambda: format_datetime(_in(2.0), usegmt=True), 1.0, id="HTTP date"),
        pytest.param(lambda: _in(0.5).isoformat(), 0.4, id="ISO date"),
        pytest.param(lambda: f"{_in(0.5).timestamp():.3f}", 0.4, id="Unix time"),
        pytest.param(lambda: format_datetime(_in(-60), usegmt=True), 0.0, id="a moment in the past"),
        pytest.param(lambda: "soon", 0.0, id="nothing readable"),
    ],
)
def test_retry_after_is_honoured_in_every_form(seven: Shop, header: Callable[[], str], at_least: float) -> None:
    begun = time.monotonic()
    seven.box.add_fault(side="centra", kind="status", status=429, headers={"Retry-After": header()})
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]
    assert at_least <= time.monotonic() - begun < at_least + 5


def test_a_wait_of_an_hour_is_not_sat_out(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="status", status=429, headers={"Retry-After": "3600"}, times=FOREVER)
    with pytest.raises(SourceError, match="HTTP 429"):
        ids_read(seven)
    assert len(asked(seven)) == 1


def test_an_answer_that_trickles_is_given_up(seven: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time, the whole never does."""
    monkeypatch.setattr("pipelines.systems.http.session.MAX_CALL_S", 0.2)
    seven.box.add_fault(side="centra", kind="slow", seconds=20, pieces=400, times=FOREVER)
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no answer in time"):
        ids_read(seven)
    assert time.monotonic() - begun < 10


def test_an_answer_that_comes_in_pieces_is_read_whole(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="slow", seconds=0.1, pieces=50)
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("page", ["page=2", "page=4", "limit=2"], ids=["middle", "last", "first"])
def test_an_empty_page_is_not_believed_at_once(seven: Shop, page: str) -> None:
    """A page that was empty by mistake must not lose the sizes on it."""
    seven.box.add_fault(side="centra", kind="empty_page", path=page)
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]


def test_a_page_that_stays_empty_is_passed_over(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="empty_page", path="page=2", times=2)
    assert ids_read(seven) == [1, 2, 5, 6, 7]


def test_empty_pages_without_end_stop_the_reading(seven: Shop) -> None:
    body = {"status": "ok", "products": [], "next": "?limit=2&page=2"}
    for page in range(2, 20):
        body = body | {"next": f"?page={page}"}
        seven.box.add_fault(side="centra", kind="body", body=body, times=2)
    with pytest.raises(SourceError, match="3 empty pages in a row"):
        ids_read(seven)


def test_an_empty_catalogue_is_read_as_such(shop_of: Callable[..., Shop]) -> None:
    assert ids_read(shop_of()) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param({"kind": "html"}, "HTML page instead of JSON", id="html 200"),
        pytest.param({"kind": "truncated"}, "no JSON", id="truncated"),
        pytest.param({"kind": "deep_json"}, "no JSON", id="nested without end"),
        pytest.param({"kind": "no", "msg": "Database is gone"}, "Database is gone", id="status no"),
        pytest.param({"kind": "no", "msg": {"limit": "invalid value"}}, "limit: invalid value", id="msg is an object"),
        pytest.param({"kind": "body", "body": {"products": []}}, "status None", id="no status"),
        pytest.param({"kind": "body", "body": [1]}, "status None", id="no object"),
        pytest.param({"kind": "body", "body": {"status": "ok"}}, "no list under 'products'", id="no products"),
        pytest.param({"kind": "status", "status": 418}, "HTTP 418", id="a status nobody expects"),
        pytest.param({"kind": "loop_next", "skip": 1}, "paging stands still", id="next leads back"),
        pytest.param(
            {
                "kind": "body",
                "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "http://evil.example/?page=2"},
            },
            "another host",
            id="next leads elsewhere",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "?limit=2"}},
            "names no page number",
            id="next without a page",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "http://["}},
            "not a query string",
            id="next is no address",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": "?page=" + "9" * 5000}},
            "names no page number",
            id="next names a page beyond counting",
        ),
        pytest.param(
            {"kind": "body", "body": {"status": "ok", "products": [{"stockItemId": 1}], "next": 2}},
            "not a query string",
            id="next is a number",
        ),
    ],
)
def test_an_answer_that_proves_nothing_stops_the_reading(seven: Shop, fault: dict[str, Any], said: str) -> None:
    seven.box.add_fault(side="centra", **fault)
    with pytest.raises(SourceError, match=said) as caught:
        ids_read(seven)
    assert caught.value.exit_code == 5


def test_a_repeated_page_stops_the_run_and_says_which(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="repeat_page", path="page=3")
    report = seven.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "page 3 repeats only sizes that were already read" in report.message


@pytest.mark.parametrize("msg_as_object", [False, True], ids=["msg text", "msg object"])
@pytest.mark.parametrize("answer", [401, 403, "no"])
def test_a_wrong_key_is_told_as_such_and_tried_once(seven: Shop, answer: Any, msg_as_object: bool) -> None:
    seven.box.switch("centra", auth_failure=answer, msg_as_object=msg_as_object)
    secret(seven, "centra_token", "not-the-key")
    with pytest.raises(CredentialsError, match="the key was turned down") as caught:
        ids_read(seven)
    assert caught.value.exit_code == 2
    assert "Secret API key" in caught.value.fix
    assert len(asked(seven)) == 1


@pytest.mark.parametrize("group", ["products", "stock"])
def test_an_endpoint_that_is_not_ticked_is_named(seven: Shop, group: str) -> None:
    seven.box.switch("centra", allow={group: False})
    with pytest.raises(CredentialsError, match=f"GET /{group}: HTTP 403 Not Allowed") as caught:
        ids_read(seven, f"/{group}")
    assert "'PRODUCT & STOCK'" in caught.value.fix


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("query", ["", "?session=of-somebody"], ids=["plain", "with a query"])
def test_a_redirect_is_never_followed(seven: Shop, status: int, query: str) -> None:
    """Neither the key nor anything else reaches the other host; the message says where we were sent."""
    with Elsewhere() as other:
        location = f"{other.url}/login{query}"
        seven.box.add_fault(side="centra", kind="redirect", status=status, location=location, times=FOREVER)
        with pytest.raises(ConfigError, match="redirect") as caught:
            ids_read(seven)
        assert other.heard == []
    assert f"{other.url}/login" in caught.value.message
    assert "session" not in str(caught.value)
    assert len(asked(seven)) == 1


def test_a_redirect_ends_a_run_with_2(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="redirect", path="/stock", location="https://else.test/", times=FOREVER)
    report = seven.run("push")
    assert (report.exit_code, report.outcome) == (2, "config")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"sku": "__missing__"}, "has no field 'sku'", id="a part of the code missing"),
        pytest.param({"active": "perhaps"}, "field 'active' is 'perhaps'", id="a flag that is none"),
        pytest.param({"prices": "10 EUR"}, "field 'prices' is '10 EUR'", id="prices no list"),
    ],
)
def test_a_broken_contract_names_field_and_row(seven: Shop, fields: dict[str, Any], said: str) -> None:
    seven.box.change_centra_row(5, **fields)
    report = seven.run("push")
    assert (report.exit_code, report.outcome) == (5, "contract")
    assert said in report.message
    assert "Centra size 5" in report.message
    assert seven.box.myogo_products() == []


def test_an_unknown_field_is_kept_and_reported(seven: Shop) -> None:
    seven.box.change_centra_row(5, washing="30 degrees")
    report = seven.run("plan")
    assert report.counts["create"] == 7
    assert list(report.facts["findings"]["centra"]["unknown_fields"]) == ["washing"]
    assert seven.sql("select extra from raw_centra.products where stock_item_id = '5'") == [
        ('{"washing":"30 degrees"}',)
    ]


def test_a_run_waits_trouble_out_and_ends_well(seven: Shop) -> None:
    """The same through a whole run: some trouble on each page, and the plan is complete."""
    for page, status in enumerate((500, 503, 429), start=2):
        seven.box.add_fault(side="centra", kind="status", status=status, path=f"page={page}", times=2)
    report = seven.run("plan")
    assert (report.exit_code, report.counts["create"]) == (0, 7)
    assert report.facts["health"]["centra"]["retries"] == 6


def test_a_system_that_stays_down_ends_the_run_with_5(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="status", status=503, path="/stock", times=FOREVER)
    report = seven.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert "HTTP 503" in report.message
    assert report.fix
    assert writes(seven) == []


def test_a_failed_read_leaves_the_tables_of_the_run_before(seven: Shop) -> None:
    seven.run("plan")
    seven.box.change_centra_row(1, name="Newer")
    seven.box.add_fault(side="centra", kind="html", path="page=4", times=FOREVER)
    assert seven.run("plan").exit_code == 5
    assert seven.sql("select count(*), count(*) filter (name = 'Newer') from raw_centra.products") == [(7, 0)]


@pytest.mark.parametrize(
    "kind", ["status", "html", "body", "no", "drop", "truncated", "wrong_length", "reset_body", "loop_next"]
)
def test_every_failure_of_reading_says_what_to_do(seven: Shop, kind: str) -> None:
    seven.box.add_fault(side="centra", kind=kind, times=FOREVER)
    with pytest.raises(CentraMyogoError) as caught:
        ids_read(seven)
    assert caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize("kind", ["gzip_bomb", "huge_field"])
def test_an_answer_larger_than_any_real_one_is_given_up_and_not_asked_for_again(seven: Shop, kind: str) -> None:
    """8 MB, and 64 KB for each row asked for, unpacked: what is more is not read to its end."""
    seven.box.add_fault(side="centra", kind=kind, megabytes=9, times=FOREVER)
    with pytest.raises(SourceError, match="an answer of more than 8,519,680 bytes, given up") as caught:
        ids_read(seven)
    assert "page_size" in caught.value.fix
    assert len(asked(seven)) == 1


def test_an_answer_of_the_largest_size_is_read(seven: Shop) -> None:
    seven.box.add_fault(side="centra", kind="huge_field", megabytes=8)
    assert ids_read(seven) == [1, 2, 3, 4, 5, 6, 7]
