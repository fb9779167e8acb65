"""Each scripted fault has its documented effect, on the requests that it matches and on no others."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Catalogue, Sandbox
from tests.support.waiting import HANG_S, LONG_S, wait_for

Call = Callable[..., requests.Response]
NEW = {"code": "NEW-1", "languageCode": "en"}


def stored(box: Sandbox) -> list[str]:
    return [product["code"] for product in box.myogo_products()]


def last(box: Sandbox, side: str) -> tuple[Any, Any, Any]:
    entry = box.requests(side)[-1]
    return entry["fault"], entry["status"], entry["applied"]


def test_fault_skips_requests_and_ends(box: Sandbox, centra: Call) -> None:
    box.add_fault(side="centra", method="GET", path="/products", skip=1, times=2, kind="status", status=503)
    assert [centra("/products", limit=1).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert box.faults()[0]["taken"] == 2


def test_fault_hits_matching_requests_only(box: Sandbox, centra: Call, myogo: Call) -> None:
    box.add_fault(side="centra", path="page=2", times=-1, kind="status")
    box.add_fault(side="myogo", method="POST", contains="NEW-1", times=-1, kind="status")
    assert [centra("/products", limit=1, page=page).status_code for page in (1, 2, 3)] == [200, 500, 200]
    assert myogo("/Products", "POST", {"code": "OTHER", "languageCode": "en"}).ok
    assert myogo("/Products", "POST", NEW).status_code == 500
    box.clear_faults()
    assert centra("/products", limit=1, page=2).ok


def test_status_with_headers_and_body(box: Sandbox, myogo: Call) -> None:
    retry = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    box.add_fault(side="myogo", kind="status", status=429, headers=retry, body="slow down", content_type="text/html")
    answer = myogo("/Products", "POST", NEW)
    assert (answer.status_code, answer.text) == (429, "slow down")
    assert answer.headers["retry-after"] == retry["Retry-After"]
    assert answer.headers["content-type"] == "text/html"
    assert last(box, "myogo") == ("status", 429, False)
    assert "NEW-1" not in stored(box)


def test_status_without_body_has_the_vendors_shape(box: Sandbox, centra: Call, myogo: Call) -> None:
    for side in ("centra", "myogo"):
        box.add_fault(side=side, kind="status", status=502)
    assert centra("/products").json() == {"status": "no", "msg": "Bad Gateway"}
    assert myogo("/Products").json()["statusCode"] == 502


def test_status_after_applies(box: Sandbox, myogo: Call) -> None:
    box.add_fault(side="myogo", kind="status_after", status=500)
    assert myogo("/Products", "POST", NEW).status_code == 500
    assert last(box, "myogo") == ("status_after", 500, True)
    assert "NEW-1" in stored(box)


@pytest.mark.parametrize(
    ("kind", "applied"), [("drop", False), ("drop_after", True), ("hang", False), ("hang_after", True)]
)
def test_no_answer(box: Sandbox, myogo: Call, kind: str, applied: bool) -> None:
    options = {"seconds": 0.5} if "hang" in kind else {}
    box.add_fault(side="myogo", kind=kind, **options)
    began = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        myogo("/Products", "POST", NEW)
    assert "hang" not in kind or time.monotonic() - began >= 0.5
    assert last(box, "myogo") == (kind, None, applied)
    assert ("NEW-1" in stored(box)) is applied


def test_a_client_that_leaves_a_hanging_request_is_no_error(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    box.add_fault(side="centra", kind="hang", seconds=HANG_S)
    with pytest.raises(requests.Timeout):
        requests.get(f"{box.centra_url}/products", timeout=0.05)
    box.stop()  # returns after the request has ended
    assert [record.getMessage() for record in caplog.records] == []


def test_sandbox_stops_at_once_while_a_request_hangs(shop: Catalogue) -> None:
    box = Sandbox.start(shop)
    box.add_fault(side="centra", kind="hang", seconds=HANG_S)
    with pytest.raises(requests.Timeout):
        requests.get(f"{box.centra_url}/products", timeout=0.05)
    box.stop()


def test_slow_answers_are_complete(box: Sandbox, centra: Call) -> None:
    box.add_fault(side="centra", kind="slow", seconds=0.1)
    box.add_fault(side="centra", kind="slow", seconds=0.1, pieces=4)
    for _ in range(2):
        began = time.monotonic()
        assert len(centra("/products").json()["products"]) == 6
        assert time.monotonic() - began >= 0.1


def test_truncated_body_of_correct_length_is_not_json(box: Sandbox, centra: Call) -> None:
    box.add_fault(side="centra", kind="truncated")
    answer = centra("/products")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    "fault",
    [{"kind": "truncated", "length": "full"}, {"kind": "wrong_length"}, {"kind": "reset_body"}],
    ids=lambda fault: fault["kind"],
)
def test_answer_that_ends_early(box: Sandbox, centra: Call, fault: dict[str, Any]) -> None:
    box.add_fault(side="centra", **fault)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        centra("/products")
    assert last(box, "centra") == (fault["kind"], 200, False)


def test_length_too_small_cuts_the_body(box: Sandbox, centra: Call) -> None:
    box.add_fault(side="centra", kind="wrong_length", by=-10)
    with pytest.raises(requests.JSONDecodeError):
        centra("/products").json()


def test_html_redirect_body_and_no(box: Sandbox, centra: Call) -> None:
    for fault in (
        {"kind": "html"}, {"kind": "redirect", "location": "https://evil.test/", "status": 307},
        {"kind": "body", "body": [1, None]}, {"kind": "no", "msg": {"limit": "invalid value"}},
    ):  # fmt: skip
        box.add_fault(side="centra", **fault)
    html = centra("/products")
    assert (html.status_code, html.headers["content-type"][:9]) == (200, "text/html")
    redirect = requests.get(f"{box.centra_url}/products", allow_redirects=False, timeout=LONG_S)
    assert (redirect.status_code, redirect.headers["location"]) == (307, "https://evil.test/")
    assert centra("/products").json() == [1, None]
    assert centra("/products").json() == {"status": "no", "msg": {"limit": "invalid value"}}


@pytest.mark.parametrize(
    ("kind", "keys", "link"),
    [
        ("empty_page", [], "?limit=2&page=3"),
        ("repeat_page", [7001, 7002], "?limit=2&page=3"),
        ("loop_next", [7003, 7004], "?limit=2&page=2"),
    ],
)
def test_false_pages(box: Sandbox, centra: Call, kind: str, keys: list[int], link: str) -> None:
    box.add_fault(side="centra", kind=kind)
    page = centra("/products", limit=2, page=2).json()
    assert ([row["stockItemId"] for row in page["products"]], page["next"]) == (keys, link)
    assert len(centra("/products", limit=2, page=2).json()["products"]) == 2


def test_false_pages_of_myogo(box: Sandbox, myogo: Call) -> None:
    box.add_fault(side="myogo", kind="repeat_page")
    box.add_fault(side="myogo", kind="empty_page")
    assert [product["code"] for product in myogo("/Products", limit=1, page=2).json()] == ["OLD-1"]
    assert myogo("/Products", limit=1, page=2).json() == []


def test_revoked_tokens(box: Sandbox, myogo: Call, token: Call) -> None:
    box.add_fault(side="myogo", kind="revoke_tokens")
    assert [myogo("/Products").status_code for _ in range(2)] == [401, 401]
    headers = {"Authorization": f"Bearer {token().json()['access_token']}"}
    assert requests.get(f"{box.myogo_url}/api/v1/Products", headers=headers, timeout=LONG_S).ok


def test_oversized_answers(box: Sandbox, centra: Call, myogo: Call) -> None:
    box.add_fault(side="centra", kind="gzip_bomb", megabytes=3)
    box.add_fault(side="centra", kind="deep_json", depth=500)
    box.add_fault(side="myogo", kind="huge_field", megabytes=2)
    bomb = centra("/products")
    assert int(bomb.headers["content-length"]) < 10_000 < 3_000_000 < len(bomb.content)
    assert bomb.json()["products"] == []
    assert centra("/products").text.count("[") == 500
    assert len(myogo("/Products").json()[0]["name"]) == 2 << 20


def test_token_endpoint_can_fail_too(box: Sandbox, token: Call) -> None:
    box.add_fault(side="myogo", path="/oauth/token", kind="status", status=503)
    assert [token().status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    "fault",
    [
        {"side": "centra", "kind": "explode"},
        {"side": "shop", "kind": "drop"},
        {"side": "myogo", "kind": "loop_next"},
        {"side": "centra", "kind": "drop", "seconds": 3},
        {"side": "centra", "kind": "drop", "times": "often"},
        {"side": "centra", "kind": "edit", "edits": [{"stockItemId": 1}]},
    ],
    ids=str,
)
def test_impossible_fault_is_refused(box: Sandbox, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fault"):
        box.add_fault(**fault)
    assert box.faults() == []


@pytest.mark.parametrize("side", ["centra", "myogo"])
@pytest.mark.parametrize(
    ("kind", "error"), [("refuse", requests.ConnectionError), ("silence", requests.exceptions.ConnectTimeout)]
)
def test_a_side_is_unreachable_after_an_answer_and_comes_back(
    box: Sandbox, centra: Call, myogo: Call, side: str, kind: str, error: type[Exception]
) -> None:
    """It comes back after the set time, on its port; the other side stays reachable."""
    call, other, url = (centra, myogo, box.centra_url) if side == "centra" else (myogo, centra, box.myogo_url)
    paths = {"centra": "/products", "myogo": "/Products"}
    box.add_fault(side=side, kind=kind, seconds=HANG_S)
    assert call(paths[side]).ok
    for _ in range(3):
        with pytest.raises(error) as caught:
            requests.get(url, timeout=(0.1, LONG_S))
        assert isinstance(caught.value, requests.exceptions.ConnectTimeout) is (kind == "silence")
    assert other(paths["myogo" if side == "centra" else "centra"]).ok
    box.clear_faults()
    box.add_fault(side=side, kind=kind, seconds=0.2)
    assert call(paths[side]).ok
    wait_for(lambda: _reachable(url))
    assert [call(paths[side]).status_code for _ in range(3)] == [200, 200, 200]


def _reachable(url: str) -> bool:
    try:
        requests.get(url, timeout=(0.1, LONG_S))
    except requests.ConnectionError:
        return False
    return True


@pytest.mark.parametrize("kind", ["refuse", "silence"])
@pytest.mark.parametrize("method", ["clear_faults", "reset"])
def test_clearing_faults_makes_a_side_reachable_at_once(box: Sandbox, centra: Call, kind: str, method: str) -> None:
    for _ in range(5):
        box.add_fault(side="centra", kind=kind, seconds=HANG_S)
        assert centra("/products").ok
        getattr(box, method)()
        assert centra("/products").ok


@pytest.mark.parametrize("kind", ["refuse", "silence"])
def test_clearing_faults_over_control_makes_a_side_reachable(
    box: Sandbox, centra: Call, control: Call, kind: str
) -> None:
    box.add_fault(side="centra", kind=kind, seconds=HANG_S)
    assert centra("/products").ok
    control("faults", "DELETE")
    assert centra("/products").ok


@pytest.mark.parametrize("kind", ["refuse", "silence"])
def test_a_sandbox_with_an_unreachable_side_can_be_stopped(shop: Catalogue, kind: str) -> None:
    box = Sandbox.start(shop)
    box.add_fault(side="centra", kind=kind, seconds=HANG_S)
    requests.get(f"{box.centra_url}/products", timeout=LONG_S)
    box.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{box.centra_url}/products", timeout=LONG_S)


def test_a_late_write_takes_effect_after_its_connection_was_lost(box: Sandbox, myogo: Call) -> None:
    for seconds in (HANG_S, 0.05):
        box.add_fault(side="myogo", kind="drop_late", seconds=seconds)
        with pytest.raises(requests.ConnectionError):
            myogo("/Products", "POST", NEW)
        if seconds == HANG_S:
            assert last(box, "myogo") == ("drop_late", None, False)
            assert myogo("/Products", code="NEW-1").json() == []
    wait_for(lambda: [product["code"] for product in myogo("/Products", code="NEW-1").json()] == ["NEW-1"])


def test_no_late_write_comes_after_a_reset(box: Sandbox, myogo: Call) -> None:
    box.add_fault(side="myogo", kind="drop_late", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        myogo("/Products", "POST", NEW)
    box.reset()
    time.sleep(0.2)
    assert "NEW-1" not in stored(box)


@pytest.mark.parametrize(
    ("edit", "keys"),
    [
        ({"remove": 7001}, [7004, 7005]),
        ({"add": {"stockItemId": 6999, "sku": "NEW"}}, [7002, 7003]),
        ({"change": 7003, "sizeSku": "-XL"}, [7003, 7004]),
    ],
    ids=["removed", "added", "changed"],
)
def test_centra_is_edited_right_before_the_answer(
    box: Sandbox, centra: Call, edit: dict[str, Any], keys: list[int]
) -> None:
    box.add_fault(side="centra", path="page=2", kind="edit", edits=[edit])
    assert [row["stockItemId"] for row in centra("/products", limit=2).json()["products"]] == [7001, 7002]
    assert [row["stockItemId"] for row in centra("/products", limit=2, page=2).json()["products"]] == keys


@pytest.mark.parametrize(
    ("edits", "codes"),
    [
        ([{"remove": "OLD-1"}], ["XX-1"]),
        ([{"add": {"code": "A"}}, {"change": "XX-1", "name": "Känd"}], ["TWICE", "XX-1"]),
    ],
    ids=["removed", "added and changed"],
)
def test_myogo_is_edited_right_before_the_answer(
    box: Sandbox, myogo: Call, edits: list[dict[str, Any]], codes: list[str]
) -> None:
    box.add_fault(side="myogo", path="page=2", kind="edit", edits=edits)
    assert [product["code"] for product in myogo("/Products", limit=2).json()] == ["OLD-1", "TWICE"]
    assert [product["code"] for product in myogo("/Products", limit=2, page=2).json()] == codes


@pytest.mark.parametrize("side", ["centra", "myogo"])
def test_order_of_edits_moves_what_was_edited_to_the_end(box: Sandbox, centra: Call, myogo: Call, side: str) -> None:
    box.switch(side, sort="edited")
    if side == "centra":
        box.change_centra_row(7001, size="S/M")
        assert [row["stockItemId"] for row in centra("/products").json()["products"]][-1] == 7001
    else:
        assert myogo("/Products").json()[0]["code"] == "OLD-1"
        box.change_myogo_product("OLD-1", name="Older")
        assert myogo("/Products").json()[-1]["code"] == "OLD-1"


def test_endless_lists_have_fresh_rows_on_every_page(box: Sandbox, centra: Call, myogo: Call) -> None:
    box.add_fault(side="centra", kind="endless", path="/products", times=-1)
    box.add_fault(side="myogo", kind="endless", path="/Products", times=-1)
    pages = [centra("/products", limit=2, page=page).json() for page in (1, 2, 900)]
    assert len({row["stockItemId"] for page in pages for row in page["products"]}) == 6
    assert pages[-1]["next"] == "?limit=2&page=901"
    rows = [row for page in (1, 2, 900) for row in myogo("/Products", limit=2, page=page).json()]
    assert len({row["code"] for row in rows}) == len({row["id"] for row in rows}) == 6


def test_revoked_refresh_tokens(box: Sandbox, myogo: Call, token: Call) -> None:
    """As if each had been used already: invalid_grant."""
    refresh = token().json()["refresh_token"]
    box.add_fault(side="myogo", kind="revoke_tokens", refresh=1)
    assert myogo("/Products").status_code == 401
    answer = token(grant_type="refresh_token", refresh_token=refresh, username=None, password=None, scope=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_path_can_match_the_end_of_the_url(box: Sandbox, centra: Call) -> None:
    box.add_fault(side="centra", path="/products?limit=1$", times=-1, kind="status", status=503)
    assert [centra("/products", limit=1, page=page).status_code for page in (None, 2)] == [503, 200]
