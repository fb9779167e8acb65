"""myOGO's open API and its token endpoint: paths, scopes, errors."""

from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet_json
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo import order_api
from pipelines.sandbox.myogo.api_common import Failure, body_of, key_of, lowercase_params, modified_after, window
from pipelines.sandbox.myogo.orders import Orders
from pipelines.sandbox.myogo.product import FIELDS, BadProduct, Product, validated
from pipelines.sandbox.myogo.product_state import CodeTaken, Warehouse
from pipelines.sandbox.myogo.tokens import SCOPES, Refused, Tokens
from pipelines.sandbox.myogo.webhooks import Subscriptions

EAN = FIELDS.index("eanCode")
FORM = "application/x-www-form-urlencoded"


class Myogo:
    """Answers requests from a Warehouse, its Orders and its Subscriptions; the switches decide how."""

    name = "myogo"

    def __init__(
        self,
        warehouse: Warehouse,
        orders: Orders,
        subscriptions: Subscriptions,
        tokens: Tokens,
        credentials: Credentials,
    ) -> None:
        self.warehouse = warehouse
        self.orders = orders
        self.subscriptions = subscriptions
        self.tokens = tokens
        self.switches = MyogoSwitches()
        # How OGOship issues X-OgoKey values is not published; here the secret token serves as one.
        self._key = credentials.secret_token
        self._routes = self._make_routes()

    @property
    def latency_ms(self) -> int:
        return self.switches.latency_ms

    def auth(self, request: Request) -> str:
        """The state of the request's token or key: "ok", "wrong" or "none"."""
        if b"authorization" not in request.headers and b"x-ogokey" not in request.headers:
            return "none"
        return "wrong" if self._scopes(request) is None else "ok"

    def answer(self, request: Request) -> Answer:
        """Carries the request out and returns the answer."""
        # Split before unquoting, so that %2F in a code does not separate parts of the path.
        parts = [unquote(part) for part in request.raw_path.strip("/").split("/")]
        names = [part.lower() for part in parts]
        if names == ["oauth", "token"]:
            return self._token(request)
        try:
            if names[:2] != ["api", "v1"]:
                raise Failure(404, "Not found.")
            return self._route(request, names[2:3], parts[3:])
        except Failure as failure:
            return self.error_answer(failure.status, failure.message)
        except BadProduct as problem:
            return self.error_answer(400, str(problem))
        except CodeTaken as taken:
            return self.error_answer(400, f"Product with code {taken} already exists.")

    def error_answer(self, status: int, message: str) -> Answer:
        """The error in the shape that the switches set."""
        description = HTTPStatus(status).phrase
        headers = (("WWW-Authenticate", "Bearer"),) if status == 401 else ()
        if self.switches.error_body == "html":
            page = f"<html><head><title>{status} {description}</title></head><body></body></html>"
            return Answer(status, page.encode(), "text/html", headers)
        error = {"statusCode": status, "statusDescription": description, "message": message}
        return Answer(status, dotnet_json(error), headers=headers)

    def _route(self, request: Request, resource: list[str], rest: list[str]) -> Answer:
        name = resource[0] if resource else ""
        scopes = self._scopes(request)
        if scopes is None:
            raise Failure(401, "Authorization has been denied for this request.")
        route = self._routes.get((request.method, name, len(rest)))
        if route is None:
            known = any((name, len(rest)) == (n, count) for _, n, count in self._routes)
            raise Failure(405, "The method is not allowed.") if known else Failure(404, "Not found.")
        scope, handler = route
        if scope not in scopes:
            raise Failure(self.switches.missing_scope, f"The token lacks the scope {scope}.")
        return handler(request, *rest)

    def _make_routes(self) -> dict[tuple[str, str, int], tuple[str, Callable[..., Answer]]]:
        """Scope and handler by method, resource and the number of parts of the path after the resource."""
        return {
            ("GET", "products", 0): ("read:product", self._search),
            ("POST", "products", 0): ("write:product", self._create),
            ("PUT", "products", 1): ("write:product", self._update),
            ("GET", "stock", 0): ("read:product", self._stock),
            ("GET", "orders", 0): ("read:order", self._order(order_api.search)),
            ("POST", "orders", 0): ("write:order", self._order(order_api.create)),
            ("PUT", "orders", 1): ("write:order", self._order(order_api.update)),
            ("GET", "webhooks", 0): ("read:webhook", lambda _: self.subscriptions.list_all()),
            ("POST", "webhooks", 0): ("write:webhook", lambda request: self.subscriptions.add(request)),
            ("GET", "webhooks", 1): ("read:webhook", lambda _, id: self.subscriptions.get(id)),
            ("PUT", "webhooks", 1): ("write:webhook", lambda request, id: self.subscriptions.change(request, id)),
            ("DELETE", "webhooks", 1): ("write:webhook", lambda _, id: self.subscriptions.remove(id)),
        }

    def _order(self, handler: Callable[..., Answer]) -> Callable[..., Answer]:
        return lambda request, *key: handler(request, *key, self.orders, self.switches)

    def _scopes(self, request: Request) -> frozenset[str] | None:
        key = request.header(b"x-ogokey")
        if key:
            return SCOPES if compare_digest(key.encode(), self._key.encode()) else None
        scheme, _, token = request.header(b"authorization").partition(" ")
        return self.tokens.scopes(token.strip()) if scheme.lower() == "bearer" else None

    def _token(self, request: Request) -> Answer:
        try:
            if request.method != "POST":
                raise Refused("invalid_request", "Use POST.")
            kind = request.header(b"content-type").partition(";")[0].strip().lower()
            if request.body and kind != FORM:
                raise Refused("invalid_request", f"Use {FORM}; JSON is not supported.")
            form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
            response = self.tokens.grant(request.params() | form, self.switches)
        except Refused as refused:
            body = {"error": refused.error, "error_description": refused.description}
            return Answer(self.switches.token_error_status, dotnet_json(body))
        return Answer(200, dotnet_json(response), headers=(("Cache-Control", "no-store"),))

    def _search(self, request: Request) -> Answer:
        params = lowercase_params(request)
        if not params.keys() & {"code", "eancode", "modifiedafter"}:
            return self._page(None, request, "product")
        products = self._find(params.get("code"))
        if "eancode" in params:
            products = [product for product in products if product.values[EAN] == params["eancode"]]
        if "modifiedafter" in params:
            after = modified_after(params["modifiedafter"], self.switches)
            products = [product for product in products if after(product.edited)]
        return self._page(products, request, "product")

    def _stock(self, request: Request) -> Answer:
        params = lowercase_params(request)
        if not params.keys() & {"productcode", "modifiedafter"} and self.switches.zero_stock_rows:
            return self._page(None, request, "stock")
        products = self._find(params.get("productcode"))
        if not products and "productcode" in params and self.switches.unknown_stock_code == 404:
            raise Failure(404, f"Product {params['productcode']} was not found.")
        if "modifiedafter" in params:
            after = modified_after(params["modifiedafter"], self.switches)
            products = [product for product in products if after(product.stock_modified)]
        if not self.switches.zero_stock_rows:
            products = [product for product in products if product.stock]
        return self._page(products, request, "stock")

    def _create(self, request: Request) -> Answer:
        fields = validated(body_of(request), self.switches)
        existing = self._find(fields["code"])
        match self.switches.duplicate_post:
            case 400 | 409 as status if existing:
                raise Failure(status, f"Product with code {fields['code']} already exists.")
            case "upsert" if existing:
                product = self.warehouse.update(existing[0], fields, self.switches)
            case _:
                product = self.warehouse.add(fields)
        return self._product_answer(product, self.switches.created_status)

    def _update(self, request: Request, code: str) -> Answer:
        code = key_of(request, code)
        existing = self._find(code)
        if not existing:
            raise Failure(404, f"Product {code} was not found.")
        fields = validated(body_of(request), self.switches)
        # Which of two products with one code a PUT changes is not documented; here it is the older.
        return self._product_answer(self.warehouse.update(existing[0], fields, self.switches), 200)

    def _find(self, code: str | None) -> list[Product]:
        if code is None:
            return self.warehouse.products(self.switches.sort)
        return self.warehouse.find(code, ignore_case=self.switches.codes_ignore_case)

    def _page(self, products: list[Product] | None, request: Request, kind: str) -> Answer:
        start, stop = window(request, self.switches)
        page = self.warehouse.products(self.switches.sort, start, stop) if products is None else products[start:stop]
        rows = [self.warehouse.row_json(product, kind, self.switches) for product in page]
        return Answer(200, b"[" + b",".join(rows) + b"]")

    def _product_answer(self, product: Product, status: int) -> Answer:
        return Answer(status, self.warehouse.row_json(product, "product", self.switches), applied=True)
