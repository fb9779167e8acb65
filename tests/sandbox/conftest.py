"""A small shop with one problem of each kind, and a sandbox with that shop for every test."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from pipelines.sandbox import Catalogue, Sandbox
from tests.support.waiting import LONG_S, wait_for

SCOPES = "read:product write:product read:order write:order read:webhook write:webhook"


def _size(key: int, sku: str, **more: Any) -> dict[str, Any]:
    size = {"stockItemId": key, "sizeSku": sku, "size": sku.strip("-"), "sizeComment": "", "upc": None}
    return size | {"ean": f"73500000{key}", "physical": 10, "allocated": 3} | more


def _prices(euro: Any) -> list[dict[str, Any]]:
    return [
        {"id": "36", "price": euro, "pricelist": "EUR Europe", "currency": "EUR", "campaigns": []},
        {"id": 19, "price": 100, "pricelist": "SEK", "currency": "SEK", "campaigns": []},
    ]


def _product(number: int, sku: str, variants: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "sku": sku, "productId": number, "brand": None, "collection": "AW26", "product": f"{sku} inre",
        "weight": Decimal("1.25"), "weightUnit": "kg", "countryOfOrigin": "PT", "harmCode": "62014000",
        "harmDescription": "Coats", "active": 1, "createdAt": "2026-01-10 08:00:00", "name": "Tröja 100 %",
        "description": "<p>Fin</p>", "shortDescription": "", "comment": "", "metaTitle": "",
        "metaDescription": "", "metaKeywords": "", "folder": "Outerwear / Parkas",
        "categories": ["Shop / Jackor/Ytterkläder"], "categoryName": "Jackor", "store": "Retail",
        "attributes": {"material": "ull"}, "variants": variants,
    } | more  # fmt: skip


CENTRA = {
    "products": [
        _product(501, "JKT100", [
            {"variantId": 901, "variantSku": "-BLU", "variant": "Blå", "images": [],
             "prices": _prices("329.00"),
             "sizes": [_size(7001, "-S"), _size(7002, "-M"), _size(7003, "-L", ean="__missing__")]},
            {"variantId": 902, "variantSku": "-RED", "variant": "Röd", "images": [], "prices": _prices(49.9),
             "sizes": [_size(7004, "-S", name="Annan"), _size(7005, "-M", ean="")]},
        ]),
        _product(502, "HAT", [
            {"variantId": 903, "variantSku": "", "variant": "Grå", "images": ["https://cdn.test/1.jpg"],
             "prices": [], "sizes": [_size(7006, "")]},
        ], createdAt="2026-03-01 12:00:00"),
    ]
}  # fmt: skip
MYOGO = {
    "products": [
        {"code": "OLD-1", "languageCode": "en", "name": "Old", "eanCode": "111",
         "salesPrice": Decimal("12.50"), "supplyPrice": 5, "currencyCode": "EUR",
         "stock": 9, "reserved": 11, "stockUpdate": 4},
        {"code": "TWICE", "languageCode": "en", "name": "First"},
        {"code": "TWICE", "languageCode": "en", "name": "Second"},
        {"code": "XX-1", "languageCode": "sv", "name": "Okänd"},
    ]
}  # fmt: skip
SHOP = Catalogue.of(CENTRA, MYOGO)


@pytest.fixture
def shop() -> Catalogue:
    return SHOP


@pytest.fixture
def box(shop: Catalogue) -> Iterator[Sandbox]:
    with Sandbox.start(shop) as running:
        yield running


@pytest.fixture
def centra(box: Sandbox) -> Iterator[Callable[..., requests.Response]]:
    """Calls the Order API with the correct key: centra("/products", limit=2)."""
    with requests.Session() as session:
        session.headers["API-Authorization"] = box.credentials.centra_token

        def call(path: str, method: str = "GET", json: Any = None, **params: Any) -> requests.Response:
            return session.request(method, box.centra_url + path, params=params, json=json, timeout=LONG_S)

        yield call


@pytest.fixture
def token(box: Sandbox) -> Callable[..., requests.Response]:
    """Requests a token with the correct credentials, except for the given fields; None omits a field."""

    def request(**fields: Any) -> requests.Response:
        known = box.credentials
        form = {
            "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
            "username": known.merchant_id, "password": known.secret_token, "scope": SCOPES,
        } | fields  # fmt: skip
        return requests.post(box.token_url, data=form, timeout=LONG_S)

    return request


@pytest.fixture
def myogo(box: Sandbox, token: Callable[..., requests.Response]) -> Iterator[Callable[..., requests.Response]]:
    """Calls myOGO with a valid token: myogo("/Products", "POST", {"code": ...})."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token().json()['access_token']}"

        def call(path: str, method: str = "GET", json: Any = None, **params: Any) -> requests.Response:
            return session.request(method, f"{box.myogo_url}/api/v1{path}", params=params, json=json, timeout=LONG_S)

        yield call


@pytest.fixture
def control(box: Sandbox) -> Callable[..., requests.Response]:
    """Calls a control path; both servers have the same ones."""

    def call(path: str, method: str = "GET", json: Any = None) -> requests.Response:
        return requests.request(method, f"{box.myogo_url}/_control/{path}", json=json, timeout=LONG_S)

    return call


@dataclass
class Receiver:
    """A receiver of webhooks: the calls that it got, and the status that it answers with."""

    url: str
    status: int = 200
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """All calls, as headers and body, once there are that many."""
        wait_for(lambda: len(self.calls) >= count)
        return self.calls


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(target.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        target = Receiver(f"http://127.0.0.1:{server.server_port}/hook?from=shop")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield target
        server.shutdown()
        thread.join()
