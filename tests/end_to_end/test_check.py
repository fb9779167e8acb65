"""The Test button: each thing that can be wrong has a message and a fix of its own, and nothing is written."""

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
from tests.support.shop_helpers import FOREVER, SECRETS, Elsewhere, secret, writes

OK_OF_CENTRA = {"secrets", "products", "stock", "clock", "timezone"}
OK_OF_MYOGO = {"secrets", "token", "scopes", "products", "stock"}
TOKEN = "/OAuth/Token"


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), myogo=[{"code": "A"}])


def asked(shop: Shop) -> dict[tuple[str, str], dict[str, str]]:
    """The checks of `check --json` by system and name; each has the documented keys, a failed one has a fix."""
    document = shop.json("check")
    assert document.keys() == {"channel", "verb", "outcome", "exit_code", "checks"}
    assert (document["channel"], document["verb"]) == ("demo", "check")
    for one in document["checks"]:
        assert list(one) == ["system", "name", "status", "message", "fix"]
        assert one["message"]
        assert one["fix"] or one["status"] not in ("failed", "warning"), one
    assert writes(shop) == []
    assert not any(token in str(document) for token in SECRETS)
    found = {(one["system"], one["name"]): one for one in document["checks"]}
    found["", "end"] = {"outcome": document["outcome"], "exit_code": document["exit_code"]}
    return found


def statuses(found: dict[tuple[str, str], dict[str, str]], system: str) -> dict[str, str]:
    return {name: one["status"] for (of, name), one in found.items() if of == system}


def test_all_is_well(shop: Shop) -> None:
    found = asked(shop)
    assert found["", "end"] == {"outcome": "ok", "exit_code": 0}
    assert statuses(found, "channel") == {"file": "ok", "data": "ok", "limits": "ok"}
    assert statuses(found, "centra") == dict.fromkeys(OK_OF_CENTRA, "ok")
    assert statuses(found, "myogo") == dict.fromkeys(OK_OF_MYOGO, "ok")


def test_the_limits_in_force_are_shown(shop: Shop) -> None:
    """Those of the file and those that it leaves to their defaults."""
    shop.edit("max_creates      = 5000", "max_creates = 7")
    assert asked(shop)["channel", "limits"]["message"] == (
        "products: min_rows = 1, max_creates = 7, max_updates = 2000, max_update_share = 0.75, min_read_share = 0.6, "
        "min_known_share = 0.1, max_withheld_share = 0.5, max_price_jumps = 10, price_jump_factor = 5"
    )


def centra_at(url: str) -> Callable[[Shop], None]:
    return lambda shop: shop.edit(shop.box.centra_url, url)


def closed_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def to_https(shop: Shop) -> None:
    shop.edit(shop.box.centra_url, shop.box.centra_url.replace("http://", "https://"))


def to_nobody(shop: Shop) -> None:
    shop.edit(shop.box.centra_url, f"http://127.0.0.1:{closed_port()}/api/order-api")


def centra_fault(**fault: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.add_fault(side="centra", **({"times": FOREVER} | fault)) and None


def centra_switch(**switches: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.switch("centra", **switches) and None


CENTRA_WRONG = [
    pytest.param(
        lambda shop: shop.edit("/api/order-api", "/api/other"), "products", 2, "HTTP 404", "Base URL", id="bad URL"
    ),
    pytest.param(
        centra_at("https://shop.invalid/api"), "products", 5, "host name is not known", "host name", id="unknown host"
    ),
    pytest.param(to_https, "products", 5, "TLS connection failed", "certificates", id="no TLS there"),
    pytest.param(to_nobody, "products", 5, "connection refused", "port", id="nobody listens"),
    pytest.param(
        lambda shop: secret(shop, "centra_token", "wrong-key"), "products", 2, "key was turned down",
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
        lambda shop: shop.edit("/sandbox/centra_token", "/sandbox/no-such-file"), "secrets", 2, "cannot be read",
        "Write the secret", id="no secret",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "name", "exit_code", "said", "fix"), CENTRA_WRONG)
def test_what_is_wrong_with_centra_is_told(
    shop: Shop, wrong: Callable[[Shop], None], name: str, exit_code: int, said: str, fix: str
) -> None:
    """And myOGO is asked all the same."""
    wrong(shop)
    found = asked(shop)
    assert found["", "end"]["exit_code"] == exit_code
    assert found["centra", name]["status"] == "failed"
    assert re.search(re.escape(said), found["centra", name]["message"])
    assert re.search(re.escape(fix), found["centra", name]["fix"])
    assert statuses(found, "myogo") == dict.fromkeys(OK_OF_MYOGO, "ok")


def test_every_wrong_thing_has_words_of_its_own(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    told = []
    for number, case in enumerate(CENTRA_WRONG):
        wrong, name, *_ = case.values
        one = shop_of(size(1))
        one.folder = tmp_path / str(number)
        one.folder.mkdir()
        one.file.write_text(one.text)
        wrong(one)
        message = asked(one)["centra", name]["message"]
        told.append(re.sub(r"127\.0\.0\.1:\d+", "HOST", message))
    assert len(set(told)) == len(told)


def myogo_fault(**fault: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.box.add_fault(side="myogo", **({"times": FOREVER} | fault)) and None


def narrow_token(shop: Shop, *, told: bool) -> None:
    """The token endpoint hands out a token that may only read."""
    known = shop.box.credentials
    form = {
        "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
        "username": known.merchant_id, "password": known.secret_token, "scope": "read:product",
    }  # fmt: skip
    answer = requests.post(shop.box.token_url, data=form, timeout=5).json()
    answer |= {"scope": "read:product"} if told else {}
    shop.box.add_fault(side="myogo", kind="body", path=TOKEN, body=answer, times=FOREVER)


def myogo_api(shop: Shop, url: str) -> None:
    shop.edit(f'base_url            = "{shop.box.myogo_url}"', f'base_url            = "{url}"')


MYOGO_WRONG = [
    pytest.param(
        lambda s: secret(s, "secret_token", "wrong-one"), "token", 2, "merchant's", "secret_token", id="merchant"
    ),
    pytest.param(lambda s: secret(s, "client_id", "wrong-one"), "token", 2, "client_id", "OGOship gave", id="client"),
    pytest.param(
        lambda s: s.edit("/OAuth/Token", "/OAuth/Tok"), "token", 2, "HTTP 404", "token_url", id="bad token address"
    ),
    pytest.param(
        myogo_fault(kind="html", path=TOKEN), "token", 2, "no access_token", "token_url", id="an HTML page for a token"
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
        lambda s: narrow_token(s, told=True), "scopes", 2, "without write:product", "tech team", id="scope missing"
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
        lambda s: myogo_api(s, s.box.myogo_url + "/v9"), "products", 2, "HTTP 404", "base_url", id="bad URL"
    ),
    pytest.param(
        lambda s: myogo_api(s, f"http://127.0.0.1:{closed_port()}"), "products", 5, "connection refused", "port",
        id="nobody listens",
    ),
    pytest.param(
        myogo_fault(kind="redirect", path="/Products", location="https://my.test/"), "products", 2,
        "a redirect to https://my.test/", "base_url", id="a redirect",
    ),
    pytest.param(
        lambda s: s.edit("/sandbox/client_id", "/sandbox/none"), "secrets", 2, "cannot be read", "Write the secret",
        id="no secret",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "name", "exit_code", "said", "fix"), MYOGO_WRONG)
def test_what_is_wrong_with_myogo_is_told(
    shop: Shop, wrong: Callable[[Shop], None], name: str, exit_code: int, said: str, fix: str
) -> None:
    """And Centra was asked all the same."""
    wrong(shop)
    found = asked(shop)
    assert found["", "end"]["exit_code"] == exit_code
    assert found["myogo", name]["status"] == "failed"
    assert said in found["myogo", name]["message"]
    assert fix in found["myogo", name]["fix"]
    assert statuses(found, "centra") == dict.fromkeys(OK_OF_CENTRA, "ok")
    assert set(statuses(found, "myogo")) == OK_OF_MYOGO


def test_a_scope_that_no_answer_tells_of_is_not_promised(shop: Shop) -> None:
    """Nothing can be written to find out, so the check says that it does not know."""
    narrow_token(shop, told=False)
    assert "a missing one shows at the first push" in asked(shop)["myogo", "scopes"]["message"]


def test_both_sides_wrong_are_both_told(shop: Shop) -> None:
    """The exit code is that of what a person must mend first."""
    shop.box.switch("centra", auth_failure=403)
    secret(shop, "centra_token", "wrong-key")
    shop.box.add_fault(side="myogo", kind="status", status=503, times=FOREVER)
    found = asked(shop)
    assert found["", "end"] == {"outcome": "credentials", "exit_code": 2}
    assert found["centra", "products"]["status"] == found["myogo", "token"]["status"] == "failed"
    assert statuses(found, "myogo")["products"] == "skipped"


@pytest.mark.parametrize("minutes", [-30, 30], ids=["behind", "ahead"])
def test_a_clock_that_differs_is_a_warning(shop: Shop, minutes: int) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    body = {"status": "ok", "products": [{}]}
    centra_fault(kind="status", status=200, path="/products", headers={"Date": then}, body=body)(shop)
    found = asked(shop)
    assert found["centra", "clock"]["status"] == "warning"
    assert "clock" in found["centra", "clock"]["message"]
    assert "NTP" in found["centra", "clock"]["fix"]
    assert found["", "end"]["exit_code"] == 0


def test_a_zone_that_is_not_told_is_a_warning(shop: Shop) -> None:
    shop.edit('timezone            = "Europe/Stockholm"\n', "")
    found = asked(shop)
    assert found["centra", "timezone"]["status"] == "warning"
    assert "Europe/Stockholm" in found["centra", "timezone"]["fix"]
    assert found["", "end"]["exit_code"] == 0


def test_an_empty_catalogue_is_a_warning(shop_of: Callable[..., Shop]) -> None:
    found = asked(shop_of())
    assert found["centra", "products"]["status"] == "warning"
    assert found["", "end"]["exit_code"] == 0


def test_neither_key_nor_token_is_sent_to_where_a_redirect_leads(shop: Shop) -> None:
    with Elsewhere() as other:
        for side in ("centra", "myogo"):
            shop.box.add_fault(side=side, kind="redirect", location=f"{other.url}/x", times=FOREVER)
        assert asked(shop)["", "end"]["exit_code"] == 2
        assert other.heard == []


def test_a_check_leaves_no_file_behind(shop: Shop) -> None:
    before = sorted(shop.folder.rglob("*"))
    asked(shop)
    assert sorted(shop.folder.rglob("*")) == before


def test_a_certificate_nobody_vouches_for_is_told(shop: Shop, tmp_path: Path) -> None:
    with tls.serving(tls.certificate(tmp_path, "127.0.0.1")) as server:
        shop.edit(shop.box.centra_url, f"https://127.0.0.1:{server.port}/api/order-api")
        found = asked(shop)
    assert found["", "end"]["exit_code"] == 5
    assert "certificate verify failed" in found["centra", "products"]["message"]
    assert "CA certificates" in found["centra", "products"]["fix"]
