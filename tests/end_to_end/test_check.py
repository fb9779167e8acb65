"""`check`: each possible problem has its own message and fix, and nothing is written."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.security import tls
from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER, SECRETS, OtherHost, replace_secret, writes
from tests.support.waiting import LONG_S

CENTRA_CHECKS = {"secrets", "products", "stock", "clock", "timezone"}
MYOGO_CHECKS = {"secrets", "token", "scopes", "products", "stock"}
TOKEN = "/OAuth/Token"


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), myogo=[{"code": "A"}])


def run_check(shop: Shop) -> dict[tuple[str, str], dict[str, str]]:
    """The checks of `check --json` by system and name; each has the documented keys, a failed check has a fix."""
    document = shop.json("check")
    assert document.keys() == {"channel", "verb", "outcome", "exit_code", "checks"}
    assert (document["channel"], document["verb"]) == ("demo", "check")
    for one in document["checks"]:
        assert list(one) == ["system", "name", "status", "message", "fix"]
        assert one["message"]
        assert one["fix"] or one["status"] not in ("failed", "warning"), one
    assert writes(shop) == []
    assert not any(token in str(document) for token in SECRETS)
    checks = {(one["system"], one["name"]): one for one in document["checks"]}
    checks["", "end"] = {"outcome": document["outcome"], "exit_code": document["exit_code"]}
    return checks


def statuses(checks: dict[tuple[str, str], dict[str, str]], system: str) -> dict[str, str]:
    return {name: one["status"] for (checked_system, name), one in checks.items() if checked_system == system}


def test_all_checks_pass_on_a_working_channel(shop: Shop) -> None:
    checks = run_check(shop)
    assert checks["", "end"] == {"outcome": "ok", "exit_code": 0}
    assert statuses(checks, "channel") == {"file": "ok", "data": "ok", "limits": "ok"}
    assert statuses(checks, "centra") == dict.fromkeys(CENTRA_CHECKS, "ok")
    assert statuses(checks, "myogo") == dict.fromkeys(MYOGO_CHECKS, "ok")


def test_check_prints_the_limits_that_differ_from_the_defaults(shop: Shop) -> None:
    shop.edit("max_creates      = 5000", "max_creates = 7")
    message = run_check(shop)["channel", "limits"]["message"]
    assert message == "products: max_creates = 7, max_update_share = 0.75, else the default limits"
    shop.edit("max_creates = 7", "")
    shop.edit("max_update_share = 0.75", "")
    assert run_check(shop)["channel", "limits"]["message"] == "products: the default limits"


def set_centra_url(url: str) -> Callable[[Shop], None]:
    return lambda shop: shop.edit(shop.box.centra_url, url)


def closed_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def set_centra_to_https(shop: Shop) -> None:
    shop.edit(shop.box.centra_url, shop.box.centra_url.replace("http://", "https://"))


def set_centra_to_closed_port(shop: Shop) -> None:
    shop.edit(shop.box.centra_url, f"http://127.0.0.1:{closed_port()}/api/order-api")


def centra_fault(**fault: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.add_fault(side="centra", **({"times": FOREVER} | fault)) and None


def centra_switch(**switches: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.switch("centra", **switches) and None


CENTRA_PROBLEMS = [
    pytest.param(
        lambda shop: shop.edit("/api/order-api", "/api/other"), "products", 2, "HTTP 404", "Base URL", id="bad URL"
    ),
    pytest.param(
        set_centra_url("https://shop.invalid/api"), "products", 5, "host name is not known", "host name",
        id="unknown host",
    ),
    pytest.param(set_centra_to_https, "products", 5, "TLS connection failed", "certificates", id="no TLS there"),
    pytest.param(set_centra_to_closed_port, "products", 5, "connection refused", "port", id="closed port"),
    pytest.param(
        lambda shop: replace_secret(shop, "centra_token", "wrong-key"), "products", 2, "rejected the key",
        "Secret API key", id="wrong key",
    ),
    pytest.param(
        centra_switch(allow={"products": False}), "products", 2, "Not Allowed", "'PRODUCT & STOCK'",
        id="products not ticked",
    ),
    pytest.param(
        centra_switch(allow={"stock": False}), "stock", 2, "/stock: HTTP 403 Not Allowed", "'PRODUCT & STOCK'",
        id="stock not ticked",
    ),
    pytest.param(centra_fault(kind="html"), "products", 5, "HTML page", "Base URL", id="an HTML page"),
    pytest.param(
        centra_fault(kind="redirect", location="https://shop.test/login"), "products", 2,
        "a redirect to https://shop.test/login", "Base URL", id="a redirect",
    ),
    pytest.param(centra_fault(kind="status", status=503), "products", 5, "HTTP 503", "again", id="down"),
    pytest.param(
        lambda shop: shop.edit("/credentials/centra_token", "/credentials/none"), "secrets", 2, "cannot be read",
        "Write the secret", id="no secret",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("break_setup", "name", "exit_code", "message", "fix"), CENTRA_PROBLEMS)
def test_each_problem_with_centra_has_its_message_and_fix(
    shop: Shop, break_setup: Callable[[Shop], None], name: str, exit_code: int, message: str, fix: str
) -> None:
    """And myOGO is checked as well."""
    break_setup(shop)
    checks = run_check(shop)
    assert checks["", "end"]["exit_code"] == exit_code
    assert checks["centra", name]["status"] == "failed"
    assert re.search(re.escape(message), checks["centra", name]["message"])
    assert re.search(re.escape(fix), checks["centra", name]["fix"])
    assert statuses(checks, "myogo") == dict.fromkeys(MYOGO_CHECKS, "ok")


def test_every_problem_with_centra_has_a_different_message(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    messages = []
    for number, case in enumerate(CENTRA_PROBLEMS):
        break_setup, name, *_ = case.values
        broken_shop = shop_of(size(1))
        broken_shop.folder = tmp_path / str(number)
        broken_shop.folder.mkdir()
        broken_shop.file.write_text(broken_shop.text)
        break_setup(broken_shop)
        message = run_check(broken_shop)["centra", name]["message"]
        messages.append(re.sub(r"127\.0\.0\.1:\d+", "HOST", message))
    assert len(set(messages)) == len(messages)


def myogo_fault(**fault: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.add_fault(side="myogo", **({"times": FOREVER} | fault)) and None


def give_read_only_token(shop: Shop, *, with_scope: bool) -> None:
    """Makes the token endpoint return a token that may only read; `with_scope` adds its scope to the answer."""
    known = shop.box.credentials
    form = {
        "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
        "username": known.merchant_id, "password": known.secret_token, "scope": "read:product",
    }  # fmt: skip
    answer = requests.post(shop.box.token_url, data=form, timeout=LONG_S).json()
    answer |= {"scope": "read:product"} if with_scope else {}
    shop.box.add_fault(side="myogo", kind="body", path=TOKEN, body=answer, times=FOREVER)


def set_myogo_url(shop: Shop, url: str) -> None:
    shop.edit(f'base_url            = "{shop.box.myogo_url}"', f'base_url            = "{url}"')


MYOGO_PROBLEMS = [
    pytest.param(
        lambda s: replace_secret(s, "secret_token", "wrong-one"), "token", 2, "merchant's", "secret_token",
        id="merchant",
    ),
    pytest.param(
        lambda s: replace_secret(s, "client_id", "wrong-one"), "token", 2, "client_id", "OGOship gave", id="client"
    ),
    pytest.param(
        lambda s: s.edit("/OAuth/Token", "/OAuth/Tok"), "token", 2, "HTTP 404", "token_url", id="bad token address"
    ),
    pytest.param(
        myogo_fault(kind="html", path=TOKEN), "token", 2, "without a usable access_token", "token_url",
        id="an HTML page for a token",
    ),
    pytest.param(
        myogo_fault(kind="status", status=503, path=TOKEN), "token", 5, "HTTP 503", "again", id="no tokens now"
    ),
    pytest.param(
        myogo_fault(kind="redirect", path=TOKEN, location="https://my.test/login"), "token", 2, "never sent on",
        "token_url", id="the token address redirects",
    ),
    pytest.param(
        myogo_fault(kind="status", status=400, path=TOKEN, body={"error": "invalid_scope"}), "token", 2, "scopes",
        "tech team", id="scopes not granted",
    ),
    pytest.param(
        lambda s: give_read_only_token(s, with_scope=True), "scopes", 2, "without write:product", "tech team",
        id="scope missing",
    ),
    pytest.param(
        myogo_fault(kind="status", status=403, path="/Products"), "products", 2, "HTTP 403", "scopes", id="403"
    ),
    pytest.param(
        myogo_fault(kind="status", status=401, path="/Products"), "products", 2, "even with a new token", "scopes",
        id="401 for ever",
    ),
    pytest.param(myogo_fault(kind="html", path="/Stock"), "stock", 5, "HTML page", "base_url", id="an HTML page"),
    pytest.param(
        lambda s: set_myogo_url(s, s.box.myogo_url + "/v9"), "products", 2, "HTTP 404", "base_url", id="bad URL"
    ),
    pytest.param(
        lambda s: set_myogo_url(s, f"http://127.0.0.1:{closed_port()}"), "products", 5, "connection refused", "port",
        id="closed port",
    ),
    pytest.param(
        myogo_fault(kind="redirect", path="/Products", location="https://my.test/"), "products", 2,
        "a redirect to https://my.test/", "base_url", id="a redirect",
    ),
    pytest.param(
        lambda s: s.edit("credentials/client_id", "credentials/none"), "secrets", 2, "cannot be read",
        "Write the secret", id="no secret",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("break_setup", "name", "exit_code", "message", "fix"), MYOGO_PROBLEMS)
def test_each_problem_with_myogo_has_its_message_and_fix(
    shop: Shop, break_setup: Callable[[Shop], None], name: str, exit_code: int, message: str, fix: str
) -> None:
    """And Centra is checked as well."""
    break_setup(shop)
    checks = run_check(shop)
    assert checks["", "end"]["exit_code"] == exit_code
    assert checks["myogo", name]["status"] == "failed"
    assert message in checks["myogo", name]["message"]
    assert fix in checks["myogo", name]["fix"]
    assert statuses(checks, "centra") == dict.fromkeys(CENTRA_CHECKS, "ok")
    assert set(statuses(checks, "myogo")) == MYOGO_CHECKS


def test_check_does_not_claim_a_scope_that_the_token_answer_leaves_out(shop: Shop) -> None:
    """A check may not write, so the message says that the scope is unknown."""
    give_read_only_token(shop, with_scope=False)
    assert "a missing scope fails at the first push" in run_check(shop)["myogo", "scopes"]["message"]


def test_problems_on_both_sides_are_both_reported(shop: Shop) -> None:
    """The exit code is that of the problem that must be fixed first."""
    shop.box.switch("centra", auth_failure=403)
    replace_secret(shop, "centra_token", "wrong-key")
    shop.box.add_fault(side="myogo", kind="status", status=503, times=FOREVER)
    checks = run_check(shop)
    assert checks["", "end"] == {"outcome": "credentials", "exit_code": 2}
    assert checks["centra", "products"]["status"] == checks["myogo", "token"]["status"] == "failed"
    assert statuses(checks, "myogo")["products"] == "skipped"


@pytest.mark.parametrize("minutes", [-30, 30], ids=["behind", "ahead"])
def test_a_different_clock_is_a_warning(shop: Shop, minutes: int) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    body = {"status": "ok", "products": [{}]}
    centra_fault(kind="status", status=200, path="/products", headers={"Date": then}, body=body)(shop)
    checks = run_check(shop)
    assert checks["centra", "clock"]["status"] == "warning"
    assert "clock" in checks["centra", "clock"]["message"]
    assert "NTP" in checks["centra", "clock"]["fix"]
    assert checks["", "end"]["exit_code"] == 0


def test_a_missing_time_zone_is_a_warning(shop: Shop) -> None:
    shop.edit('timezone            = "Europe/Stockholm"\n', "")
    checks = run_check(shop)
    assert checks["centra", "timezone"]["status"] == "warning"
    assert "Europe/Stockholm" in checks["centra", "timezone"]["fix"]
    assert checks["", "end"]["exit_code"] == 0


def test_an_empty_catalogue_is_a_warning(shop_of: Callable[..., Shop]) -> None:
    checks = run_check(shop_of())
    assert checks["centra", "products"]["status"] == "warning"
    assert checks["", "end"]["exit_code"] == 0


def test_neither_key_nor_token_is_sent_to_the_target_of_a_redirect(shop: Shop) -> None:
    with OtherHost() as other:
        for side in ("centra", "myogo"):
            shop.box.add_fault(side=side, kind="redirect", location=f"{other.url}/x", times=FOREVER)
        assert run_check(shop)["", "end"]["exit_code"] == 2
        assert other.received == []


def test_a_check_leaves_no_file_behind(shop: Shop) -> None:
    before = sorted(shop.folder.rglob("*"))
    run_check(shop)
    assert sorted(shop.folder.rglob("*")) == before


def test_an_untrusted_certificate_is_reported(shop: Shop, tmp_path: Path) -> None:
    with tls.serving(tls.certificate(tmp_path, "127.0.0.1")) as server:
        shop.edit(shop.box.centra_url, f"https://127.0.0.1:{server.port}/api/order-api")
        checks = run_check(shop)
    assert checks["", "end"]["exit_code"] == 5
    assert "certificate verify failed" in checks["centra", "products"]["message"]
    assert "CA certificates" in checks["centra", "products"]["fix"]
