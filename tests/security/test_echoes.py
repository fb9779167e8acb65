"""A system that repeats our own secrets to us, in any form and any place of an answer: nothing we say holds one.

Asked through `check`, which makes every kind of call a run makes before it writes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator

import pytest

from pipelines.sandbox import Sandbox
from tests.security.canaries import PLAIN, SPIKY, Canaries, forms
from tests.security.conftest import Vault
from tests.security.mirror import Heard, Reply, at, centra_says, myogo_says
from tests.support.shop import TORTURE, catalogue, shop_in, size

CALLS = {
    "centra products": at("centra", "/products"),
    "centra stock": at("centra", "/stock"),
    "token": at("myogo", "/OAuth/Token"),
    "myogo products": at("myogo", "/api/v1/Products"),
    "myogo stock": at("myogo", "/api/v1/Stock"),
}
# Where in an answer it stands. The text is in its form already; each place makes a body or a header of it.
PLACES: dict[str, Callable[[str, int], Reply]] = {
    "plain text": lambda text, status: Reply(status, text, {"Content-Type": "text/plain"}),
    "a page": lambda text, status: Reply(status, f"<html><body>{text}</body></html>", {"Content-Type": "text/html"}),
    "a message": lambda text, status: Reply(status, myogo_says(text)),
    "raw JSON": lambda text, status: Reply(status, f'{{"status":"no","msg":"{text}","message":"{text}"}}'),
    "msg": lambda text, status: Reply(status, centra_says(text)),
    "msg as an object": lambda text, status: Reply(status, centra_says({text: text})),
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
    "an encoding": lambda text, status: Reply(status, "{}", {"Content-Encoding": "gzip", "X-Told": text}),
}  # fmt: skip
# Without a token nothing else of myOGO is asked, so the token address has a turn of its own.
EACH_CALL = (("centra products", "centra stock", "myogo products", "myogo stock"), ("token",))
ROUNDS = 13 if TORTURE else 1
STATUSES = (200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503, 599)


@pytest.fixture(scope="module", params=["plain", "spiky"] if TORTURE else ["spiky"])
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """One for all tests here: a check changes nothing, and each test casts spells of its own."""
    with (
        pytest.MonkeyPatch.context() as environment,
        Sandbox.start(catalogue(size(1), myogo=[{"code": "A"}])) as box,
    ):
        shop = shop_in(box, tmp_path_factory.mktemp("echoes"))
        vault = Vault(shop, {"plain": PLAIN, "spiky": SPIKY}[request.param], environment)
        yield vault
        vault.mirror.stop()


@pytest.fixture
def vault(standing: Vault) -> Vault:
    standing.mirror.spells.clear()
    standing.mirror.heard.clear()
    standing.mirror.tokens.clear()
    return standing


def _asked(vault: Vault, *, json_: bool) -> list[str]:
    """The traces of secrets in what `check` says at debug, to people or to machines."""
    result = vault.shop.command("--log", "debug", "check", str(vault.shop.file), *(["--json"] if json_ else []))
    assert "Traceback" not in result.stderr
    assert not json_ or len(json.loads(result.stdout)["checks"]) == 13
    watch = vault.watch
    return watch.found("stdout", result.stdout) + watch.found("stderr", result.stderr)


@pytest.mark.parametrize("place", PLACES)
def test_what_a_system_says_back_is_masked(vault: Vault, place: str) -> None:
    """Every call, with forms and statuses dealt out in turn so that each meets the other."""
    names = list(forms("x"))
    turns = itertools.count()

    def then(heard: Heard) -> Reply:
        turn = next(turns)
        return PLACES[place](heard.said(names[turn * 7 % len(names)]), STATUSES[turn * 3 % len(STATUSES)])

    for calls in EACH_CALL:
        vault.mirror.spells.clear()
        for call in calls:
            vault.mirror.cast(CALLS[call], then)
        for _ in range(ROUNDS):
            assert _asked(vault, json_=bool(next(turns) % 2)) == [], calls
    assert {secret for heard in vault.mirror.heard for secret in heard.secrets} >= set(vault.canaries.all)


@pytest.mark.parametrize("form", forms("x"))
def test_every_form_is_masked_wherever_a_message_is_cut(vault: Vault, form: str) -> None:
    """Some characters further on with each call."""
    shift = itertools.count()

    def then(heard: Heard) -> Reply:
        return Reply(400, "." * (150 + next(shift) * 13 % 60) + heard.said(form), {"Content-Type": "text/plain"})

    for calls in EACH_CALL:
        for call in calls:
            vault.mirror.cast(CALLS[call], then)
        for _ in range(ROUNDS):
            assert _asked(vault, json_=False) == []


TOKEN_ANSWERS = {
    "cut off": '{"access_token":"%s","refr',
    "cut off in the token": '{"token_type":"bearer","access_token":"%s',
    "of another name": '{"accessToken":"%s"}',
    "deeper": '{"data":{"access_token":"%s"}}',
    "a list": '["%s"]',
    "a text": '"%s"',
    "plain": "%s",
    "a page": '<html><input value="%s"></html>',
    "not for a header": '{"access_token":"%s\\n"}',
    "not a text": '{"access_token":["%s"]}',
    "in two lines": '{"access_token":"\\u00e9%s"}',
}


@pytest.mark.parametrize("shape", TOKEN_ANSWERS)
def test_an_odd_token_answer_is_never_quoted(vault: Vault, shape: str) -> None:
    """There is a token somewhere in it, and nobody can say where."""
    secret = "unheard-Of8Tk2Wz6Rn4Qx9Lb"
    statuses = [200, 201, 203]
    if 'token":"' in TOKEN_ANSWERS[shape]:
        statuses += [400, 500]  # elsewhere in an error, nobody could know that it is one
    vault.mirror.tokens.append(secret)
    for status in statuses:
        vault.mirror.spells.clear()
        vault.mirror.cast(CALLS["token"], Reply(status, TOKEN_ANSWERS[shape] % secret).to)
        assert _asked(vault, json_=False) == []


def test_a_secret_in_an_address_is_masked(vault_of: Callable[..., Vault], canaries: Canaries) -> None:
    """As some systems want it: nobody should, but whoever does is not told on."""
    vault = vault_of(canaries, size(1))
    token = forms(vault.canaries.secret_token)["address"]
    vault.shop.edit(vault.mirror.centra_url, f"{vault.mirror.centra_url}/{token}")
    vault.shop.edit("/OAuth/Token", f"/OAuth/{token}")
    assert _asked(vault, json_=False) + _asked(vault, json_=True) == []
