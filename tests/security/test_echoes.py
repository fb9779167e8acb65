"""A system that repeats our secrets, in any encoding and any part of an answer: our output holds none of them.

Tested with `check`, which makes every kind of call that a run makes before it writes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator

import pytest

from pipelines.sandbox import Sandbox
from tests.security.canaries import PLAIN, WITH_SPECIAL_CHARACTERS, Canaries, forms
from tests.security.conftest import CanaryShop
from tests.security.echo_server import ReceivedRequest, Reply, at, centra_error, myogo_error
from tests.support.shop import TORTURE, catalogue, shop_in, size

CALLS = {
    "centra products": at("centra", "/products"),
    "centra stock": at("centra", "/stock"),
    "token": at("myogo", "/OAuth/Token"),
    "myogo products": at("myogo", "/api/v1/Products"),
    "myogo stock": at("myogo", "/api/v1/Stock"),
}
# Parts of an answer. The text is already encoded; each place puts it into a body or a header.
PLACES: dict[str, Callable[[str, int], Reply]] = {
    "plain text": lambda text, status: Reply(status, text, {"Content-Type": "text/plain"}),
    "a page": lambda text, status: Reply(status, f"<html><body>{text}</body></html>", {"Content-Type": "text/html"}),
    "a message": lambda text, status: Reply(status, myogo_error(text)),
    "raw JSON": lambda text, status: Reply(status, f'{{"status":"no","msg":"{text}","message":"{text}"}}'),
    "msg": lambda text, status: Reply(status, centra_error(text)),
    "msg as an object": lambda text, status: Reply(status, centra_error({text: text})),
    "status": lambda text, status: Reply(status, json.dumps({"status": text})),
    "an OAuth error": lambda text, status: Reply(status, json.dumps({"error": text, "error_description": text})),
    "a list": lambda text, status: Reply(status, json.dumps([text])),
    "a scope": lambda text, status: Reply(status, json.dumps({"access_token": "t" * 20, "scope": text})),
    "next": lambda text, status: Reply(status, json.dumps({"status": "ok", "products": [{}], "next": f"?{text}"})),
    "after much else": lambda text, status: Reply(status, "." * 185 + text, {"Content-Type": "text/plain"}),
    "headers": lambda text, status: Reply(
        status, "{}", {"Retry-After": text, "Location": f"/x?{text}", "WWW-Authenticate": text, "Content-Type": text},
    ),
    "a reason": lambda text, status: Reply(status, "{}", reason=text.replace("\n", " ")),
    "a cookie": lambda text, status: Reply(status, "{}", {"Set-Cookie": f"a={text}", "ETag": text, "Date": text}),
    "a length": lambda text, status: Reply(status, "{}", {"Content-Length": text}),
    "an encoding": lambda text, status: Reply(status, "{}", {"Content-Encoding": "gzip", "X-Note": text}),
}  # fmt: skip
# Without a token no other request to myOGO is sent, so the token address is tested separately.
CALL_GROUPS = (("centra products", "centra stock", "myogo products", "myogo stock"), ("token",))
ROUNDS = 13 if TORTURE else 1
STATUSES = (200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503, 599)


@pytest.fixture(scope="module", params=["plain", "special"] if TORTURE else ["special"])
def module_canary_shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CanaryShop]:
    """One for all tests of this module: a check changes nothing, and each test scripts its own replies."""
    with (
        pytest.MonkeyPatch.context() as environment,
        Sandbox.start(catalogue(size(1), myogo=[{"code": "A"}])) as box,
    ):
        shop = shop_in(box, tmp_path_factory.mktemp("echoes"))
        canary_shop = CanaryShop(shop, {"plain": PLAIN, "special": WITH_SPECIAL_CHARACTERS}[request.param], environment)
        yield canary_shop
        canary_shop.echo_server.stop()


@pytest.fixture
def canary_shop(module_canary_shop: CanaryShop) -> CanaryShop:
    module_canary_shop.echo_server.scripted.clear()
    module_canary_shop.echo_server.requests.clear()
    module_canary_shop.echo_server.tokens.clear()
    return module_canary_shop


def _traces_of_check(canary_shop: CanaryShop, *, as_json: bool) -> list[str]:
    """The traces of secrets in the output of `check` at --log debug, as text or JSON."""
    result = canary_shop.shop.command(
        "--log", "debug", "check", str(canary_shop.shop.file), *(["--json"] if as_json else [])
    )
    assert "Traceback" not in result.stderr
    assert not as_json or len(json.loads(result.stdout)["checks"]) == 13
    scanner = canary_shop.scanner
    return scanner.find("stdout", result.stdout) + scanner.find("stderr", result.stderr)


@pytest.mark.parametrize("place", PLACES)
def test_a_repeated_secret_is_masked_in_every_part_of_an_answer(canary_shop: CanaryShop, place: str) -> None:
    """For every call, with encodings and statuses in turn, so that they are combined."""
    names = list(forms("x"))
    turns = itertools.count()

    def reply(request: ReceivedRequest) -> Reply:
        turn = next(turns)
        return PLACES[place](request.secrets_as(names[turn * 7 % len(names)]), STATUSES[turn * 3 % len(STATUSES)])

    for calls in CALL_GROUPS:
        canary_shop.echo_server.scripted.clear()
        for call in calls:
            canary_shop.echo_server.script(CALLS[call], reply)
        for _ in range(ROUNDS):
            assert _traces_of_check(canary_shop, as_json=bool(next(turns) % 2)) == [], calls
    assert {secret for request in canary_shop.echo_server.requests for secret in request.secrets} >= set(
        canary_shop.canaries.all
    )


@pytest.mark.parametrize("form", forms("x"))
def test_every_encoding_is_masked_wherever_a_message_is_cut(canary_shop: CanaryShop, form: str) -> None:
    """The secret moves by some characters with each call."""
    shift = itertools.count()

    def reply(request: ReceivedRequest) -> Reply:
        return Reply(
            400, "." * (150 + next(shift) * 13 % 60) + request.secrets_as(form), {"Content-Type": "text/plain"}
        )

    for calls in CALL_GROUPS:
        for call in calls:
            canary_shop.echo_server.script(CALLS[call], reply)
        for _ in range(ROUNDS):
            assert _traces_of_check(canary_shop, as_json=False) == []


TOKEN_ANSWERS = {
    "cut off": '{"access_token":"%s","refr',
    "cut off in the token": '{"token_type":"bearer","access_token":"%s',
    "another key": '{"accessToken":"%s"}',
    "deeper": '{"data":{"access_token":"%s"}}',
    "a list": '["%s"]',
    "a text": '"%s"',
    "plain": "%s",
    "a page": '<html><input value="%s"></html>',
    "not for a header": '{"access_token":"%s\\n"}',
    "not text": '{"access_token":["%s"]}',
    "in two lines": '{"access_token":"\\u00e9%s"}',
}


@pytest.mark.parametrize("shape", TOKEN_ANSWERS)
def test_an_invalid_token_answer_is_never_quoted(canary_shop: CanaryShop, shape: str) -> None:
    """It contains a token at an unknown position."""
    secret = "unknown-Of8Tk2Wz6Rn4Qx9Lb"
    statuses = [200, 201, 203]
    if 'token":"' in TOKEN_ANSWERS[shape]:
        statuses += [400, 500]  # anywhere else in an error it cannot be recognised as a token
    canary_shop.echo_server.tokens.append(secret)
    for status in statuses:
        canary_shop.echo_server.scripted.clear()
        canary_shop.echo_server.script(CALLS["token"], Reply(status, TOKEN_ANSWERS[shape] % secret).for_any_request)
        assert _traces_of_check(canary_shop, as_json=False) == []


def test_a_secret_in_an_address_is_masked(canary_shop_of: Callable[..., CanaryShop], canaries: Canaries) -> None:
    """Some systems require it there; a key in an address is still masked."""
    canary_shop = canary_shop_of(canaries, size(1))
    token = forms(canary_shop.canaries.secret_token)["address"]
    canary_shop.shop.edit(canary_shop.echo_server.centra_url, f"{canary_shop.echo_server.centra_url}/{token}")
    canary_shop.shop.edit("/OAuth/Token", f"/OAuth/{token}")
    assert _traces_of_check(canary_shop, as_json=False) + _traces_of_check(canary_shop, as_json=True) == []
