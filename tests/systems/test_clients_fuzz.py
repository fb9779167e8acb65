"""For any answer of a system the clients return a value or raise an error with a fix."""

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
from tests.support.strategies import JSON, SCALAR, TEXT, UNUSUAL_TEXTS, damaged, fuzz_settings

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


def _to_php_json(document: Any) -> bytes:
    """The document as PHP writes it, with lone surrogates."""
    try:
        return json.dumps(document, default=lambda twice: list(twice.given_more_than_once)).encode()
    except RecursionError:
        return b"[" * 2000


def bodies(document: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    bodies_of_documents = document.map(_to_php_json)
    return (
        bodies_of_documents
        | bodies_of_documents.flatmap(damaged)
        | st.binary(max_size=40)
        | st.sampled_from([b"", b"<html>", b"null", b"[]"])
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Sandbox.start(catalogue()) as box:
        fuzzed_shop = shop_in(box, tmp_path_factory.mktemp("fuzz"))
        yield fuzzed_shop


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


def check_error(error: CentraMyogoError) -> None:
    """Checks that the error can be stored and printed, and has a message."""
    f"{error.message}{error.fix}".encode()
    assert error.message
    assert len(error.message) < 2000


@fuzz_settings(200)
@given(status=STATUS, body=bodies(ENVELOPE))
def test_an_answer_of_centra_is_an_envelope_or_an_error(centra: CentraClient, status: int, body: bytes) -> None:
    try:
        document = centra.envelope("/products", Answer(status, {}, body))
    except (ConfigError, RemoteSystemError) as error:
        check_error(error)
    else:
        assert document["status"] == "ok"
        assert 200 <= status < 300


@fuzz_settings(150)
@given(value=JSON | TEXT | st.text(max_size=20).map("?page=".__add__))
def test_next_is_a_page_the_end_or_an_error(centra: CentraClient, value: Any) -> None:
    try:
        page = centra._next_page("/products", value)
    except RemoteSystemError as error:
        check_error(error)
    else:
        assert page is None or page >= 0
        assert (page is None) == (not value)


@fuzz_settings(150)
@given(status=STATUS, body=bodies(st.lists(JSON, max_size=3) | JSON), exact=st.booleans())
def test_an_answer_of_myogo_is_a_list_or_an_error(status: int, body: bytes, exact: bool) -> None:
    answer = Answer(status, {}, body)
    message = api_message(answer)
    assert message
    assert len(message) <= 300
    try:
        rows = _list("/api/v1/Products", answer, exact=exact)
    except RemoteSystemError as error:
        check_error(error)
    else:
        assert isinstance(rows, list)


@fuzz_settings(150)
@given(status=STATUS, body=bodies(TOKEN))
def test_a_token_answer_is_kept_or_explained(myogo: MyOgoClient, status: int, body: bytes) -> None:
    """A kept token can be sent in a header."""
    answer = Answer(status, {}, body)
    if myogo.tokens._store_token(answer):
        token = myogo.tokens.current()
        assert token.isascii()
        assert token.isprintable()
        assert myogo.tokens._good_until < float("inf")
    with pytest.raises(ConfigError) as caught:
        myogo.tokens._raise_for(answer)
    check_error(caught.value)


WRITTEN = st.fixed_dictionaries({}, optional={"code": st.just("A-1") | SCALAR, "name": SCALAR, "salesPrice": SCALAR})
WIRE_TEXT = (WRITTEN | SCALAR | st.sampled_from(UNUSUAL_TEXTS)).map(lambda document: _to_php_json(document).decode())


@fuzz_settings(40)
@given(status=st.sampled_from([200, 201, 202, 400, 403, 404, 409, 422, 501]), body=WIRE_TEXT, is_update=st.booleans())
def test_an_answer_to_a_write_names_the_product_or_is_an_error(
    shop: Shop, myogo: MyOgoClient, status: int, body: str, is_update: bool
) -> None:
    """Over HTTP. An answer that does not name the product does not count as done."""
    shop.box.clear_faults()
    myogo.tokens._access = ""
    shop.box.add_fault(side="myogo", path="/api/v1/Products", kind="status", status=status, body=body)
    try:
        held = myogo.update_product("A-1", PRODUCT) if is_update else myogo.create_product(PRODUCT)
    except CentraMyogoError as error:
        check_error(error)
        allowed = error.exit_code in (2, 3, 5)
    else:
        allowed = True
        assert held["code"] == "A-1"
        assert 200 <= status < 300
    assert allowed
