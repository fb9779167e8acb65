"""The stand-in for myOGO answers as its API is documented, or as a switch sets."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from tests.support.waiting import LONG_S

Call = Callable[..., requests.Response]
NEW = {"code": "NEW-1", "languageCode": "en", "name": "Ny tröja"}


def b64(code: str) -> str:
    return base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")


def put(myogo: Call, code: str, **fields: Any) -> requests.Response:
    body = {"code": code, "languageCode": "en"} | fields
    return myogo(f"/Products/{b64(code)}", "PUT", body, base64url="true")


def codes(response: requests.Response) -> list[str]:
    return [product["code"] for product in response.json()]


def test_token_response(token: Call) -> None:
    answer = token()
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 5400)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": "x"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"username": "x"}, "invalid_grant"),
        ({"password": "x"}, "invalid_grant"),
        ({"scope": "read:everything"}, "invalid_scope"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
    ids=str,
)
def test_token_errors(box: Sandbox, token: Call, fields: dict[str, Any], error: str) -> None:
    assert (token(**fields).status_code, token(**fields).json()["error"]) == (400, error)
    box.switch("myogo", token_error_status=401)
    assert token(**fields).status_code == 401


def test_token_endpoint_takes_forms_only(box: Sandbox) -> None:
    answer = requests.post(box.token_url, json={"grant_type": "password"}, timeout=LONG_S)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_refresh_token_works_once(token: Call) -> None:
    first = token().json()["refresh_token"]
    second = token(grant_type="refresh_token", refresh_token=first, scope=None)
    assert second.ok
    assert second.json()["refresh_token"] != first
    assert token(grant_type="refresh_token", refresh_token=first).json()["error"] == "invalid_grant"


def test_tokens_expire(box: Sandbox, myogo: Call, token: Call) -> None:
    refresh = token().json()["refresh_token"]
    box.advance_clock(5399)
    assert myogo("/Products").ok
    box.advance_clock(2)
    assert myogo("/Products").status_code == 401
    assert token(grant_type="refresh_token", refresh_token=refresh).ok
    box.switch("myogo", refresh_ttl_s=1)
    refresh = token().json()["refresh_token"]
    box.advance_clock(1)
    assert token(grant_type="refresh_token", refresh_token=refresh).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"X-OgoKey": "x"}], ids=str)
def test_status_without_a_valid_token_is_401(box: Sandbox, headers: dict[str, str]) -> None:
    answer = requests.get(f"{box.myogo_url}/api/v1/Products", headers=headers, timeout=LONG_S)
    assert answer.status_code == 401
    assert answer.json().keys() == {"statusCode", "statusDescription", "message"}


def test_ogokey_replaces_a_token(box: Sandbox) -> None:
    headers = {"X-OgoKey": box.credentials.secret_token}
    assert requests.get(f"{box.myogo_url}/api/v1/Products", headers=headers, timeout=LONG_S).ok


@pytest.mark.parametrize("status", [401, 403])
def test_missing_scope(box: Sandbox, token: Call, status: int) -> None:
    box.switch("myogo", missing_scope=status)
    headers = {"Authorization": f"Bearer {token(scope='read:product').json()['access_token']}"}
    url = f"{box.myogo_url}/api/v1/Products"
    assert requests.get(url, headers=headers, timeout=LONG_S).ok
    assert requests.post(url, json=NEW, headers=headers, timeout=LONG_S).status_code == status


def test_paths_queries_and_names_ignore_case(box: Sandbox, myogo: Call) -> None:
    assert codes(myogo("/PRODUCTS", Code="OLD-1", LIMIT=1)) == ["OLD-1"]
    assert myogo("/products", "POST", {"Code": "A", "LANGUAGECODE": "en"}).json()["languageCode"] == "en"


def test_search(myogo: Call) -> None:
    assert codes(myogo("/Products")) == ["OLD-1", "TWICE", "TWICE", "XX-1"]
    assert codes(myogo("/Products", code="TWICE")) == ["TWICE", "TWICE"]
    assert codes(myogo("/Products", code="OLD")) == []
    assert codes(myogo("/Products", eanCode="111")) == ["OLD-1"]


def test_modified_after(box: Sandbox, myogo: Call) -> None:
    box.change_myogo_product("OLD-1", name="Changed")
    assert codes(myogo("/Products", modifiedAfter="2026-06-01T00:00:00Z")) == ["OLD-1"]
    moment = myogo("/Products", code="OLD-1").json()[0]["editTime"]
    assert codes(myogo("/Products", modifiedAfter=moment)) == ["OLD-1"]
    box.switch("myogo", modified_inclusive=False)
    assert codes(myogo("/Products", modifiedAfter=moment)) == []
    assert myogo("/Products", modifiedAfter="soon").status_code == 400


def test_paging(box: Sandbox, myogo: Call) -> None:
    assert codes(myogo("/Products", limit=3, page=2)) == ["XX-1"]
    assert codes(myogo("/Products", limit=3, page=3)) == []
    for number in range(60):
        box.put_myogo_product({"code": f"P{number}", "languageCode": "en"})
    assert [len(codes(myogo("/Products", limit=limit))) for limit in (0, 999)] == [1, 64]
    assert len(codes(myogo("/Products"))) == 50
    box.switch("myogo", limit_out_of_range="reject")
    assert [myogo("/Products", limit=limit).status_code for limit in (0, 251, 250)] == [400, 400, 200]


def test_money_keeps_its_digits(box: Sandbox, myogo: Call) -> None:
    many_digits = "0.1000000000000000055511151231257827"
    body = f'{{"code":"P","languageCode":"en","salesPrice":49.90,"supplyPrice":{many_digits}}}'
    session = {"Authorization": myogo("/Products").request.headers["Authorization"]}
    answer = requests.post(f"{box.myogo_url}/api/v1/Products", body, headers=session, timeout=LONG_S)
    assert '"salesPrice":49.90' in answer.text
    assert f'"supplyPrice":{many_digits}' in answer.text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": None}, "The Code field is required."),
        ({"code": ""}, "The Code field is required."),
        ({"languageCode": None}, "The LanguageCode field is required."),
        ({"languageCode": "swe"}, "LanguageCode"),
        ({"countryOfOrigin": "SWE"}, "CountryOfOrigin"),
        ({"currencyCode": "EU"}, "CurrencyCode"),
        ({"salesPrice": "49.90"}, "SalesPrice"),
        ({"salesPrice": True}, "SalesPrice"),
        ({"name": 5}, "Name"),
    ],
    ids=str,
)
def test_bad_product_is_refused_and_not_stored(box: Sandbox, myogo: Call, fields: dict[str, Any], message: str) -> None:
    answer = myogo("/Products", "POST", NEW | fields)
    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)
    assert message in answer.json()["message"]
    assert len(box.myogo_products()) == 4


def test_body_must_be_json_and_an_object(box: Sandbox, myogo: Call) -> None:
    headers = {"Authorization": myogo("/Products").request.headers["Authorization"]}
    url = f"{box.myogo_url}/api/v1/Products"
    assert requests.post(url, "{", headers=headers, timeout=LONG_S).status_code == 400
    assert myogo("/Products", "POST", [NEW]).status_code == 400


def test_create(myogo: Call) -> None:
    answer = myogo("/Products", "POST", NEW | {"stock": 99})
    assert answer.status_code == 200
    assert answer.json()["stock"] == 0
    assert answer.json()["name"] == "Ny tröja"


@pytest.mark.parametrize(
    ("choice", "status", "names"),
    [(400, 400, ["Old"]), (409, 409, ["Old"]), ("upsert", 200, ["New"]), ("duplicate", 200, ["Old", "New"])],
)
def test_duplicate_post(box: Sandbox, myogo: Call, choice: Any, status: int, names: list[str]) -> None:
    box.switch("myogo", duplicate_post=choice)
    answer = myogo("/Products", "POST", {"code": "OLD-1", "languageCode": "en", "name": "New"})
    assert answer.status_code == status
    assert [product["name"] for product in myogo("/Products", code="OLD-1").json()] == names


def test_put_keeps_the_stored_ean_and_what_is_omitted(myogo: Call) -> None:
    product = put(myogo, "OLD-1", eanCode="222", name="New").json()
    assert (product["eanCode"], product["name"], product["salesPrice"]) == ("111", "New", 12.5)
    assert put(myogo, "XX-1", eanCode="333").json()["eanCode"] == "333"


def test_put_can_clear_what_is_omitted(box: Sandbox, myogo: Call) -> None:
    box.switch("myogo", omitted_on_put="clear")
    product = put(myogo, "OLD-1").json()
    assert (product["eanCode"], product["name"], product["salesPrice"]) == ("111", None, None)


@pytest.mark.parametrize(
    ("code", "encoded"),
    [("shirt-345678-XS", "c2hpcnQtMzQ1Njc4LVhT"), ("ABC/1 ÅÄÖ", "QUJDLzEgw4XDhMOW"), ("10+20%", "MTArMjAl")],
)
def test_base64url_codes(box: Sandbox, myogo: Call, code: str, encoded: str) -> None:
    box.put_myogo_product({"code": code, "languageCode": "en"})
    body = {"code": code, "languageCode": "en", "name": "Ny"}
    answer = myogo(f"/Products/{encoded}", "PUT", body, base64url="true")
    assert (answer.status_code, answer.json()["name"]) == (200, "Ny")
    assert myogo("/Products/***", "PUT", body, base64url="true").status_code == 400


def test_put_by_plain_code_and_rename(myogo: Call) -> None:
    assert myogo("/Products/XX-1", "PUT", {"code": "SHIRT-1", "languageCode": "en"}).ok
    assert codes(myogo("/Products", code="SHIRT-1")) == ["SHIRT-1"]
    assert codes(myogo("/Products", code="XX-1")) == []
    taken = myogo("/Products/SHIRT-1", "PUT", {"code": "OLD-1", "languageCode": "en"})
    assert taken.status_code == 400
    assert myogo("/Products/XX-1", "PUT", {"code": "XX-1", "languageCode": "en"}).status_code == 404


def test_wrong_paths_and_methods(myogo: Call) -> None:
    assert myogo("/Nothing").status_code == 404
    assert myogo("/Products/OLD-1").status_code == 405
    assert myogo("/Products/OLD-1", "DELETE").status_code == 405


def test_stock(box: Sandbox, myogo: Call) -> None:
    assert myogo("/Stock", productCode="OLD-1").json() == [
        {
            "productCode": "OLD-1",
            "stock": 9,
            "stockAvailable": -2,
            "reserved": 11,
            "modified": "2026-01-01T00:00:00Z",
        }
    ]
    box.switch("myogo", stock_clamp=True)
    assert myogo("/Stock", productCode="OLD-1").json()[0]["stockAvailable"] == 0
    assert myogo("/Stock", productCode="none").status_code == 404
    box.switch("myogo", unknown_stock_code="empty")
    assert myogo("/Stock", productCode="none").json() == []
    assert len(myogo("/Stock", limit=250, page=1).json()) == 4
    box.change_myogo_product("OLD-1", stock=0)
    box.switch("myogo", zero_stock_rows=False)
    assert "OLD-1" not in {row["productCode"] for row in myogo("/Stock", limit=250).json()}
    assert myogo("/Stock", productCode="OLD-1").json() == []


@pytest.mark.parametrize("moves", [False, True])
def test_received_goods(box: Sandbox, myogo: Call, moves: bool) -> None:
    box.switch("myogo", stock_moves_edit_time=moves)
    box.receive("OLD-1", 5)
    changed = myogo("/Stock", modifiedAfter="2026-06-01").json()
    assert [(row["productCode"], row["stock"]) for row in changed] == [("OLD-1", 14)]
    assert codes(myogo("/Products", modifiedAfter="2026-06-01")) == (["OLD-1"] if moves else [])


def test_other_switches(box: Sandbox, myogo: Call) -> None:
    box.switch("myogo", emit_nulls="no")
    assert "description" not in myogo("/Products", code="OLD-1").json()[0]
    box.switch("myogo", extra_fields=True)
    assert "batchTracked" in myogo("/Products", code="OLD-1").json()[0]
    box.switch("myogo", sort="desc")
    assert codes(myogo("/Products"))[0] == "XX-1"
    box.switch("myogo", created_status=201)
    assert myogo("/Products", "POST", NEW).status_code == 201
    box.switch("myogo", codes_ignore_case=True)
    assert codes(myogo("/Products", code="old-1")) == ["OLD-1"]
    assert put(myogo, "old-1").json()["code"] == "old-1"
    box.switch("myogo", name_max=3, slash_in_code="reject", error_body="html")
    refused = myogo("/Products", "POST", NEW | {"code": "N"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "text/html")
    assert myogo("/Products", "POST", {"code": "A/B", "languageCode": "en"}).status_code == 400
