"""Whatever a system answers, the clients end in a value or in an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import CentraMyogoError, ConfigError, RemoteSystemError
from pipelines.sandbox import Sandbox
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.http.session import Answer
from pipelines.systems.myogo.client import MyOgoClient, _list, api_message
from tests.support.shop import Shop, catalogue, shop_in
from tests.support.strategies import JSON, ODD_TEXTS, SCALAR, TEXT, damaged, tried

STATUS = st.sampled_from([200, 201, 204, 299, 300, 400, 401, 403, 404, 409, 418, 422, 451, 499, 501, 505, 599, 0])
ENVELOPE = st.fixed_dictionaries(
    {}, optional={"status": st.sampled_from(["ok", "no", "not allowed", True]) | JSON, "msg": JSON, "products": JSON,
                  "next": JSON}
)  # fmt: skip
PRODUCT = {"code": "A-1", "name": "Parka", "languageCode": "en", "salesPrice": 10}
TOKEN = st.fixed_dictionaries(
    {}, optional={"access_token": TEXT | JSON, "refresh_token": TEXT | JSON, "expires_in": SCALAR | TEXT, "scope": JSON,
                  "error": st.sampled_from(["invalid_scope", "invalid_client"]) | JSON, "error_description": JSON,
                  "message": JSON}
)  # fmt: skip


def _wire(document: Any) -> bytes:
    """The document as PHP would write it, surrogates and all."""
    try:
        return json.dumps(document, default=lambda twice: list(twice.given_more_than_once)).encode()
    except RecursionError:
        return b"[" * 2000


def bodies(document: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    wired = document.map(_wire)
    return wired | wired.flatmap(damaged) | st.binary(max_size=40) | st.sampled_from([b"", b"<html>", b"null", b"[]"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Sandbox.start(catalogue()) as box:
        made = shop_in(box, tmp_path_factory.mktemp("fuzz"))
        yield made


@pytest.fixture(scope="module")
def centra(shop: Shop) -> Iterator[CentraClient]:
    client = CentraClient(shop.channel().systems["centra"])
    yield client
    client.close()


@pytest.fixture(scope="module")
def myogo(shop: Shop) -> Iterator[MyOgoClient]:
    client = MyOgoClient(shop.channel().systems["myogo"])
    yield client
    client.close()


def fit(error: CentraMyogoError) -> None:
    """Can be stored and printed, and says what to do."""
    f"{error.message}{error.fix}".encode()
    assert error.message
    assert len(error.message) < 2000


@tried(200)
@given(status=STATUS, body=bodies(ENVELOPE))
def test_an_answer_of_centra_is_an_envelope_or_an_error(centra: CentraClient, status: int, body: bytes) -> None:
    try:
        document = centra.envelope("/products", Answer(status, {}, body))
    except (ConfigError, RemoteSystemError) as error:
        fit(error)
    else:
        assert document["status"] == "ok"
        assert 200 <= status < 300


@tried(150)
@given(value=JSON | TEXT | st.text(max_size=20).map("?page=".__add__))
def test_next_is_a_page_the_end_or_an_error(centra: CentraClient, value: Any) -> None:
    try:
        page = centra._next_page("/products", value)
    except RemoteSystemError as error:
        fit(error)
    else:
        assert page is None or page >= 0
        assert (page is None) == (not value)


@tried(150)
@given(status=STATUS, body=bodies(st.lists(JSON, max_size=3) | JSON), exact=st.booleans())
def test_a_list_of_myogo_is_one_or_an_error(status: int, body: bytes, exact: bool) -> None:
    answer = Answer(status, {}, body)
    told = api_message(answer)
    assert told
    assert len(told) <= 300
    try:
        rows = _list("/api/v1/Products", answer, exact=exact)
    except RemoteSystemError as error:
        fit(error)
    else:
        assert isinstance(rows, list)


@tried(150)
@given(status=STATUS, body=bodies(TOKEN))
def test_an_answer_with_a_token_is_kept_or_explained(myogo: MyOgoClient, status: int, body: bytes) -> None:
    """A token that is kept can stand in a header."""
    answer = Answer(status, {}, body)
    if myogo.tokens._keep(answer):
        token = myogo.tokens.current()
        assert token.isascii()
        assert token.isprintable()
        assert myogo.tokens._good_until < float("inf")
    with pytest.raises(ConfigError) as caught:
        myogo.tokens._explain(answer)
    fit(caught.value)


WRITTEN = st.fixed_dictionaries({}, optional={"code": st.just("A-1") | SCALAR, "name": SCALAR, "salesPrice": SCALAR})
WIRE_TEXT = (WRITTEN | SCALAR | st.sampled_from(ODD_TEXTS)).map(lambda document: _wire(document).decode())


@tried(40)
@given(status=st.sampled_from([200, 201, 202, 400, 403, 404, 409, 422, 501]), body=WIRE_TEXT, again=st.booleans())
def test_an_answer_to_a_write_proves_it_or_is_an_error(
    shop: Shop, myogo: MyOgoClient, status: int, body: str, again: bool
) -> None:
    """Over real HTTP, and nothing is taken for done that does not name the product."""
    shop.box.clear_faults()
    myogo.tokens._access = ""
    shop.box.add_fault(side="myogo", path="/api/v1/Products", kind="status", status=status, body=body)
    try:
        held = myogo.update_product("A-1", PRODUCT) if again else myogo.create_product(PRODUCT)
    except CentraMyogoError as error:
        fit(error)
        told = error.exit_code in (2, 3, 5)
    else:
        told = True
        assert held["code"] == "A-1"
        assert 200 <= status < 300
    assert told
