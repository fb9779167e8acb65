"""Centra's Order API: its paths, its permissions, its envelope."""

from collections.abc import Callable, Collection, Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from pipelines.sandbox.centra.list_query import BadQuery, Query
from pipelines.sandbox.centra.order_api import NOT_ALLOWED, ROUTES, Call
from pipelines.sandbox.centra.orders import Orders, Rejected
from pipelines.sandbox.centra.product_rows import Dialect, Item, Kind, Variant, rows_json
from pipelines.sandbox.centra.product_state import Shop
from pipelines.sandbox.centra.shipments import Shipments
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import parse_json, php_json
from pipelines.sandbox.common.switches import CentraSwitches

BASE_PATH = "/api/order-api"
MAX_CACHE_BYTES, MAX_CACHED_PAGE_BYTES = 256 << 20, 4 << 20


class Centra:
    """Answers requests from a Shop, its Orders and its Shipments; the switches decide how."""

    name = "centra"

    def __init__(
        self, shop: Shop, orders: Orders, shipments: Shipments, credentials: Credentials, base_path: str = BASE_PATH
    ) -> None:
        self.shop = shop
        self.orders = orders
        self.shipments = shipments
        self.switches = CentraSwitches()
        self.base_path = "/" + base_path.strip("/")
        self._token = credentials.centra_token.encode()
        self._pages: dict[tuple[Any, ...], bytes] = {}
        self._cached_bytes = 0

    @property
    def latency_ms(self) -> int:
        return self.switches.latency_ms

    def auth(self, request: Request) -> str:
        """The state of the request's key: "ok", "wrong" or "none"."""
        key = request.headers.get(b"api-authorization")
        if key is None:
            return "none"
        return "ok" if compare_digest(key, self._token) else "wrong"

    def answer(self, request: Request) -> Answer:
        """Carries the request out and returns the answer."""
        if self.auth(request) != "ok":
            failure = self.switches.auth_failure
            return self._rejection("Unauthorized", status=200 if failure == "no" else failure)
        path = request.path.rstrip("/")
        resource = path[len(self.base_path) + 1 :] if path.startswith(self.base_path + "/") else ""
        name, slash, key = resource.partition("/")
        where = request.method, name + ("/*" if slash else "")
        group, handler = self._routes().get(where) or self._order_route(where, key)
        if not group:
            return self._rejection(f"There is nothing at {request.method} {request.path}", status=404)
        if not getattr(self.switches.allow, group):
            return NOT_ALLOWED
        try:
            return handler(request)
        except BadQuery as problem:
            return self._rejection({problem.name: "invalid value"})
        except Rejected as rejected:
            return self._rejection(rejected.msg, status=rejected.http, **rejected.more)

    def clear_page_cache(self) -> None:
        """Must be called after `shop` was replaced."""
        self._pages.clear()
        self._cached_bytes = 0

    def _routes(self) -> Mapping[tuple[str, str], tuple[str, Callable[[Request], Answer]]]:
        return {
            ("GET", "products"): ("products", self._list),
            ("GET", "stock"): ("stock", self._list),
            ("POST", "stock"): ("stock", self._write_stock),
            # Some revisions of Centra's page document PUT.
            ("PUT", "stock"): ("stock", self._write_stock),
        }

    def _order_route(self, where: tuple[str, str], key: str) -> tuple[str, Callable[[Request], Answer]]:
        group, handler = ROUTES.get(where, ("", None))
        if handler is None:
            return "", lambda _: NOT_ALLOWED
        return group, lambda request: handler(Call(request, key, self.orders, self.shipments, self.switches))

    def _list(self, request: Request) -> Answer:
        stock = request.path.rstrip("/").endswith("/stock")
        fault_and_host = request.page_served, request.page_linked, request.headers.get(b"host")
        key = (self.shop.version, self.switches, stock, request.query, *fault_and_host)
        body = self._pages.get(key)
        if body is None:
            body = self._page(request, stock)
            self._cache(key, body)
        return Answer(200, body)

    def _cache(self, key: tuple[Any, ...], body: bytes) -> None:
        if len(body) > MAX_CACHED_PAGE_BYTES:
            return
        if self._cached_bytes + len(body) > MAX_CACHE_BYTES:
            self.clear_page_cache()
        self._pages[key] = body
        self._cached_bytes += len(body)

    def _page(self, request: Request, stock: bool) -> bytes:
        params = request.params()
        query = Query.of(params, self.switches)
        matching = query.matching(self.shop.listing(self.switches.sort))
        if copies := self.switches.in_two_stores:
            matching = [copy for item in matching for copy in _in_stores(item, copies)]
        rows, more = matching, False
        if query.limit:
            served = request.page_served or query.page
            rows = matching[(served - 1) * query.limit : served * query.limit]
            more = query.page * query.limit < len(matching)
        kind: Kind = "stock" if stock else "attributes" if query.attributes else "products"
        text = rows_json(rows, kind, Dialect.of(self.switches), physical=query.physical)
        text = '{"status":"ok","products":[' + text + "]"
        if query.limit and query.page > 1:
            text += f',"previous":{php_json(self._link(request, query, query.page - 1))}'
        if request.page_linked is not None or more:
            text += f',"next":{php_json(self._link(request, query, request.page_linked or query.page + 1))}'
        elif query.limit and self.switches.next_at_end != "absent":
            text += ',"next":' + ("null" if self.switches.next_at_end == "null" else '""')
        return (text + "}").encode("ascii")

    def _link(self, request: Request, query: Query, page: int) -> str:
        paging = {"limit": str(query.limit), "page": str(page)}
        others = {k: v for k, v in request.params().items() if k not in paging}
        link = "?" + urlencode((others if self.switches.next_repeats_filters else {}) | paging)
        if self.switches.next_absolute:
            return f"http://{request.header(b'host')}{request.path}{link}"
        return link

    def _write_stock(self, request: Request) -> Answer:
        if self.switches.batch_limit and request.body.count(b'"quantity"') > self.switches.batch_limit:
            return self._rejection("Too many products in one request", status=413)
        try:
            content = parse_json(request.body)
        except ValueError:
            return self._rejection("The body is not JSON")
        rows = content.get("products") if isinstance(content, dict) else None
        if not isinstance(rows, list) or not rows:
            return self._rejection({"products": "required"})
        entries = []
        for row in rows:
            entry = _stock_entry(row)
            if entry is None or (entry[1] < 0 and self.switches.negative_quantity == "no"):
                return self._rejection({"quantity" if entry or _names_product(row) else "product": "invalid value"})
            entries.append(entry)
        result = self.shop.write_stock(entries, self.switches)
        if result.applied and self.switches.stock_fills_demand:
            self.orders.fill_demand(self.switches)
        if not result.not_found and not result.bundles:
            return Answer(200, b'{"status":"ok"}', applied=True)
        errors = {"productsNotFound": list(result.not_found), "productsAreBundles": list(result.bundles)}
        errors = {name: codes for name, codes in errors.items() if codes}
        return self._rejection("Some of the products were not updated", errors=errors, applied=result.applied)

    def _rejection(self, msg: Any, *, status: int = 200, applied: bool = False, **more: Any) -> Answer:
        if self.switches.msg_as_object and isinstance(msg, str):
            msg = {"error": msg}
        return Answer(status, php_json({"status": "no", "msg": msg} | more).encode("ascii"), applied=applied)


def _in_stores(item: Item, ids: Collection[int]) -> list[Item]:
    """The item, and once more with another store if its id is one of `ids`."""
    if item.stock_item_id not in ids:
        return [item]
    return [item, item._replace(variant=Variant(item.variant.fields | {"store": "Wholesale"}))]


def _names_product(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("product"), str) and row["product"] != ""


def _stock_entry(row: Any) -> tuple[str, int] | None:
    if not _names_product(row):
        return None
    quantity = row.get("quantity")
    if isinstance(quantity, str) and quantity.lstrip("-").isdecimal():
        quantity = int(quantity)
    return (row["product"], quantity) if type(quantity) is int else None
