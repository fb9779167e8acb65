"""A small shop with one awkward thing of each sort, served by a sandbox of its own for every test."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from pipelines.sandbox import Catalogue, Sandbox

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
    """Calls the Order API with the right key: centra("/products", limit=2)."""
    with requests.Session() as session:
        session.headers["API-Authorization"] = box.credentials.centra_token

        def call(path: str, method: str = "GET", json: Any = None, **params: Any) -> requests.Response:
            return session.request(method, box.centra_url + path, params=params, json=json, timeout=5)

        yield call


@pytest.fixture
def token(box: Sandbox) -> Callable[..., requests.Response]:
    """Asks for a token with the right credentials, except for the fields given; None leaves one out."""

    def ask(**fields: Any) -> requests.Response:
        known = box.credentials
        form = {
            "grant_type": "password", "client_id": known.client_id, "client_secret": known.client_secret,
            "username": known.merchant_id, "password": known.secret_token, "scope": SCOPES,
        } | fields  # fmt: skip
        return requests.post(box.token_url, data=form, timeout=5)

    return ask


@pytest.fixture
def myogo(box: Sandbox, token: Callable[..., requests.Response]) -> Iterator[Callable[..., requests.Response]]:
    """Calls myOGO with a good token: myogo("/Products", "POST", {"code": ...})."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token().json()['access_token']}"

        def call(path: str, method: str = "GET", json: Any = None, **params: Any) -> requests.Response:
            return session.request(method, f"{box.myogo_url}/api/v1{path}", params=params, json=json, timeout=5)

        yield call


@pytest.fixture
def control(box: Sandbox) -> Callable[..., requests.Response]:
    """Calls a control path; the same on either server."""

    def call(path: str, method: str = "GET", json: Any = None) -> requests.Response:
        return requests.request(method, f"{box.myogo_url}/_control/{path}", json=json, timeout=5)

    return call


@dataclass
class Receiver:
    """Whoever webhooks are for: what it was sent, and the status it answers with."""

    url: str
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """What came, once so many have come."""
        until(lambda: len(self.got) >= count)
        return self.got


def until(true: Callable[[], bool]) -> None:
    """Returns once it is true."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(got.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        got = Receiver(f"http://127.0.0.1:{server.server_port}/hook?from=shop")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield got
        server.shutdown()
        thread.join()
