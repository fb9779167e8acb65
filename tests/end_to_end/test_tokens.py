"""myOGO's tokens: requested as documented, renewed in time, and renewed once for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from pipelines.core.errors import CentraMyogoError, ConfigError, CredentialsError, TargetUnavailable
from pipelines.systems.myogo.oauth import OAuthTokenProvider
from tests.support.shop import Shop, size
from tests.support.shop_helpers import (
    FOREVER,
    SECRETS,
    OtherHost,
    calls,
    create,
    held,
    is_token,
    journal,
    myogo_of,
    push_of,
    replace_secret,
    token_requests,
    writes,
)
from tests.support.waiting import LONG_S

TOKEN = "/OAuth/Token"


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(*(size(n) for n in range(1, 9)))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def token_provider(shop: Shop, clock: Clock | None = None) -> OAuthTokenProvider:
    return OAuthTokenProvider(shop.channel().systems["myogo"], clock=clock or Clock())


def test_the_first_token_is_requested_as_documented(shop: Shop) -> None:
    """Form body, password grant, merchant id and secret token as user and password."""
    with OtherHost() as endpoint:
        shop.edit(f"{shop.box.myogo_url}/OAuth/Token", f"{endpoint.url}/OAuth/Token")
        with pytest.raises(ConfigError, match="without a usable access_token"):
            token_provider(shop).current()
        head, _, body = endpoint.received[0].partition("\n\n")
    known = shop.box.credentials
    assert "POST /OAuth/Token HTTP" in head
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert parse_qs(body) == {
        "grant_type": ["password"],
        "client_id": [known.client_id],
        "client_secret": [known.client_secret],
        "username": [known.merchant_id],
        "password": [known.secret_token],
        "scope": ["read:product write:product"],
    }


@pytest.mark.parametrize(
    ("lifetime", "valid_at", "renewed_at"),
    [
        pytest.param(5400, 5099, 5101, id="five minutes before it expires"),
        pytest.param(60, 29, 31, id="half way through a short lifetime"),
    ],
)
def test_a_token_is_renewed_before_it_expires(shop: Shop, lifetime: int, valid_at: int, renewed_at: int) -> None:
    shop.box.switch("myogo", token_ttl_s=lifetime)
    clock = Clock()
    tokens = token_provider(shop, clock)
    first = tokens.current()
    clock.now = valid_at
    assert tokens.current() == first
    clock.now = renewed_at
    assert tokens.current() != first
    assert token_requests(shop) == ["password", "refresh_token"]


@pytest.mark.parametrize("token", [r"half\ud800", r"two\nlines", "a blank", "Ä", ""], ids=ascii)
def test_a_token_that_no_header_can_carry_is_refused(shop: Shop, token: str) -> None:
    body = f'{{"access_token": "{token}"}}'
    shop.box.add_fault(side="myogo", kind="status", status=200, path=TOKEN, body=body, times=FOREVER)
    with pytest.raises(ConfigError, match="without a usable access_token"):
        token_provider(shop).current()


@pytest.mark.parametrize(
    "lifetime", ["soon", "nan", "inf", "-1", 0, None, 10**400, [1]], ids=lambda lifetime: repr(lifetime)[:9]
)
def test_an_invalid_lifetime_is_replaced_by_the_documented_one(shop: Shop, lifetime: Any) -> None:
    body = {"access_token": "some-token", "expires_in": lifetime}
    shop.box.add_fault(side="myogo", kind="body", path=TOKEN, body=body)
    clock = Clock()
    tokens = token_provider(shop, clock)
    tokens.current()
    clock.now = 5099
    assert tokens.current() == "some-token"
    clock.now = 5101
    assert tokens.current() != "some-token"


def test_each_refresh_token_is_used_once(shop: Shop) -> None:
    clock = Clock()
    tokens = token_provider(shop, clock)
    for _ in range(4):
        tokens.current()
        clock.now += 5101
    assert token_requests(shop) == ["password"] + ["refresh_token"] * 3
    assert {entry["status"] for entry in shop.box.requests("myogo")} == {200}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 400, "body": {"error": "invalid_grant"}}, id="spent"),
        pytest.param({"kind": "status", "status": 500}, id="500"),
        pytest.param({"kind": "drop_after"}, id="answer lost"),
        pytest.param({"kind": "html"}, id="html"),
        pytest.param({"kind": "truncated"}, id="truncated"),
    ],
)
def test_a_failed_refresh_falls_back_to_the_password(shop: Shop, fault: dict[str, Any]) -> None:
    """After a lost answer the refresh token may be used up, so it is not sent again."""
    clock = Clock()
    tokens = token_provider(shop, clock)
    first = tokens.current()
    clock.now = 5101
    shop.box.add_fault(side="myogo", path=TOKEN, contains="refresh_token", **fault)
    second = tokens.current()
    assert second != first
    assert token_requests(shop) == ["password", "refresh_token", "password"]


HALF = {"kind": "status", "status": 200, "body": '{"access_token": "abc'}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(HALF, id="half of it"),
        pytest.param({"kind": "html"}, id="html"),
        pytest.param({"kind": "status", "status": 200, "body": ""}, id="nothing"),
    ],
)
def test_a_token_that_comes_as_half_an_answer_is_requested_again(shop: Shop, fault: dict[str, Any]) -> None:
    shop.box.add_fault(side="myogo", path=TOKEN, **fault)
    assert token_provider(shop).current()
    assert token_requests(shop) == ["password", "password"]


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        pytest.param({"kind": "status", "status": 503, "times": FOREVER}, TargetUnavailable, "HTTP 503", id="down"),
        pytest.param({"kind": "html", "times": FOREVER}, ConfigError, "without a usable access_token", id="html 200"),
        pytest.param(
            HALF | {"times": FOREVER}, TargetUnavailable, "each time without a readable answer", id="half of it"
        ),
        pytest.param({"kind": "body", "body": {}}, ConfigError, "without a usable access_token", id="an empty object"),
        pytest.param({"kind": "status", "status": 404}, ConfigError, "HTTP 404", id="not there"),
        pytest.param(
            {"kind": "status", "status": 400, "body": {"error": "invalid_scope"}},
            CredentialsError,
            "scopes",
            id="scope not granted",
        ),
        pytest.param(
            {"kind": "status", "status": 403, "body": "Forbidden"}, CredentialsError, "merchant's", id="403 in text"
        ),
    ],
)
def test_a_missing_token_is_explained(
    shop: Shop, fault: dict[str, Any], error: type[CentraMyogoError], message: str
) -> None:
    shop.box.add_fault(side="myogo", path=TOKEN, **fault)
    with pytest.raises(error, match=message) as caught:
        token_provider(shop).current()
    assert caught.value.fix


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    ("name", "message"),
    [("client_id", "client_id and client_secret"), ("client_secret", "client_id"), ("secret_token", "merchant's")],
)
def test_wrong_credentials_are_distinguished_and_tried_once(shop: Shop, name: str, message: str, status: int) -> None:
    shop.box.switch("myogo", token_error_status=status)
    replace_secret(shop, name, "not-the-right-one")
    with pytest.raises(CredentialsError, match=message):
        token_provider(shop).current()
    assert token_requests(shop) == ["password"]


def test_a_redirect_of_the_token_address_is_not_followed(shop: Shop) -> None:
    with OtherHost() as other:
        shop.box.add_fault(
            side="myogo", kind="redirect", status=307, path=TOKEN, location=f"{other.url}/OAuth/Token", times=FOREVER
        )
        report = shop.run("push")
        assert other.received == []
    assert (report.exit_code, report.outcome) == (2, "config")
    assert "never sent on" in report.message


def test_a_revoked_token_is_replaced_once_for_all_threads(shop: Shop) -> None:
    """Eight threads get a 401 at the same time; one of them requests a new token."""
    barrier = threading.Barrier(8)
    results: list[Any] = []
    with myogo_of(shop) as client:
        old = client.tokens.current()
        shop.box.add_fault(side="myogo", kind="revoke_tokens", path="/Products", skip=7)
        shop.box.switch("myogo", latency_ms=50)

        def look_up(number: int) -> None:
            barrier.wait()
            results.append(client.products_with_code(f"SKU{number}"))

        threads = [threading.Thread(target=look_up, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shop.box.switch("myogo", latency_ms=0)
        assert client.tokens.current() != old
    assert results == [[]] * 8
    assert token_requests(shop) == ["password", "refresh_token"]


def test_tokens_revoked_during_a_push_need_one_renewal(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", kind="revoke_tokens", method="POST", path="/Products", skip=4)
    pushed, _ = push_of(shop, *(create(f"C{number}") for number in range(8)))
    assert pushed.counts["applied"] == len(held(shop)) == 8
    assert token_requests(shop) == ["password", "refresh_token"]


def test_a_token_that_expires_during_a_run_is_replaced(shop: Shop) -> None:
    """The server's clock is ahead of ours, so the token expires earlier than expected."""
    with myogo_of(shop) as client:
        client.products_with_code("A")
        shop.box.advance_clock(6000)
        client.products_with_code("B")
        shop.box.advance_clock(15 * 24 * 3600)
        client.products_with_code("C")
    assert token_requests(shop) == ["password", "refresh_token", "refresh_token", "password"]


def test_a_lasting_401_stops_the_push_with_2(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", kind="status", status=401, method="POST", path="/Products", skip=3, times=FOREVER)
    report = shop.run("push")
    counts = report.counts
    assert (report.exit_code, report.outcome) == (2, "credentials")
    assert counts["applied"] == len(held(shop)) == 3
    assert counts["not_attempted"] == 5
    in_flight = shop.channel().systems["myogo"].max_in_flight
    assert len(writes(shop)) <= 3 + 2 * in_flight
    assert all(outcome in ("applied", "not_attempted") for *_, outcome in journal(shop))


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_scope_stops_the_push_with_2(shop: Shop, status: int) -> None:
    """The token may read but not write."""
    shop.box.switch("myogo", missing_scope=status)
    known = shop.box.credentials
    form = {
        "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
        "username": known.merchant_id, "password": known.secret_token, "scope": "read:product",
    }  # fmt: skip
    read_only_token = requests.post(shop.box.token_url, data=form, timeout=LONG_S).json()["access_token"]
    shop.box.add_fault(side="myogo", kind="body", path=TOKEN, body={"access_token": read_only_token}, times=FOREVER)
    pushed, _ = push_of(shop, *(create(f"C{number}") for number in range(8)))
    assert pushed.stopped is not None
    assert (pushed.stopped.exit_code, pushed.stopped.outcome) == (2, "credentials")
    assert "write:product" in pushed.stopped.fix
    assert pushed.counts["not_attempted"] == 8
    assert held(shop) == {}


def test_the_token_goes_to_the_api_and_the_credentials_to_the_token_address_only(shop: Shop) -> None:
    shop.run("push")
    for entry in shop.box.requests("myogo"):
        assert entry["auth"] == ("none" if is_token(entry) else "ok")
    assert len(calls(shop)) == 8 * 2
    for entry in shop.box.requests():
        assert [token for token in SECRETS if token in f"{entry['path']}?{entry['query']}"] == []
