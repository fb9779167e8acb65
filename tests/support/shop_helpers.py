"""Shared helpers: a shop's clients, its request log, its journal, and another host that must get no request."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd

from pipelines.core.json_codec import decode, encode
from pipelines.engine.plan import Plan
from pipelines.engine.push import Pushed, Result, push
from pipelines.sandbox.common.credentials import CREDENTIALS, Credentials
from pipelines.state.journal import Journal
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.product_target import ProductTarget
from tests.support.shop import Shop

FOREVER = 10**6
SECRETS = tuple(vars(Credentials.fixed()).values())


@contextmanager
def centra_of(shop: Shop) -> Iterator[CentraClient]:
    with closing(CentraClient(shop.channel().systems["centra"])) as client:
        yield client


@contextmanager
def myogo_of(shop: Shop) -> Iterator[MyOgoClient]:
    with closing(MyOgoClient(shop.channel().systems["myogo"])) as client:
        yield client


def set_page_size(shop: Shop, rows: int) -> None:
    """Sets the page size of both systems."""
    shop.edit("page_size           = 100", f"page_size           = {rows}")
    shop.edit("client_id  ", f"page_size           = {rows}\nclient_id  ")


def add_system_key(shop: Shop, system: str, line: str) -> None:
    """Adds a line to a system's table."""
    shop.edit(f"[systems.{system}]\n", f"[systems.{system}]\n{line}\n")


def replace_secret(shop: Shop, name: str, value: str) -> None:
    """Replaces one of the sandbox's secrets, named by its file, with another value."""
    file = shop.folder / f"{name}.secret"
    file.write_text(value)
    shop.edit(f"{CREDENTIALS}/{name}", str(file))


def held(shop: Shop) -> dict[str, dict[str, Any]]:
    """myOGO's products by code; fails if myOGO holds a code twice."""
    products = shop.box.myogo_products()
    by_code = {product["code"]: product for product in products}
    assert len(by_code) == len(products), "myOGO holds a code twice"
    return by_code


def calls(shop: Shop, side: str = "myogo", about: str = "") -> list[str]:
    """The request log as `METHOD code` lines for one code or all; list and token requests are left out."""
    lines = []
    for entry in shop.box.requests(side):
        code = _code(entry)
        if code and about in (code, ""):
            lines.append(f"{entry['method']} {code}")
    return lines


def writes(shop: Shop) -> list[str]:
    """The writes that reached myOGO, as `METHOD code`."""
    return [line for line in calls(shop) if not line.startswith("GET ")]


def token_requests(shop: Shop) -> list[str]:
    """The grant types of the token requests, in order."""
    return [e["body"].get("grant_type", "?") for e in shop.box.requests("myogo") if is_token(e)]


def is_token(entry: dict[str, Any]) -> bool:
    return bool(entry["path"].lower() == "/oauth/token")


def _code(entry: dict[str, Any]) -> str:
    path = entry["path"]
    if entry["method"] == "POST" and path == "/api/v1/Products":
        return str(entry["body"]["code"])
    if entry["method"] == "PUT":
        text = path.rsplit("/", 1)[1]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    params = dict(part.partition("=")[::2] for part in entry["query"].split("&"))
    return params.get("code", "")


def journal(shop: Shop) -> list[tuple[str, str, str]]:
    """Key, action and outcome of the newest run's writes; fails if one has no intent or no end."""
    rows = shop.sql(
        "select key, action, outcome, intended_at, ended_at from sync.journal "
        "where run_id = (select max(run_id) from sync.runs) order by key"
    )
    assert all(intended and ended and intended <= ended for *_, intended, ended in rows)
    return [(key, action, outcome) for key, action, outcome, *_ in rows]


def withheld_rows_of(shop: Shop, flow: str) -> list[tuple[Any, ...]]:
    """Code, rule and source id of the rows that the newest run withholds in the flow."""
    return shop.sql(
        "select code, rule, source_id from sync.withheld where flow = ? and run_id = "
        "(select run_id from sync.runs order by started_at desc limit 1) order by 1, 2",
        flow,
    )


def oracle(*sizes: dict[str, Any]) -> dict[str, tuple[str, Decimal, str | None]]:
    """Code to name, euro price and EAN, computed from the Centra rows without the project's code."""
    wanted = {}
    for row in sizes:
        code = row["sku"] + row["variantSku"] + row["sizeSku"]
        price = next(Decimal(str(entry["price"])) for entry in row["prices"] if entry["currency"] == "EUR")
        wanted[code] = (f"{row['name']} {row['variant']} {row['size']}", price, row["ean"] or None)
    return wanted


def synced(shop: Shop) -> dict[str, tuple[str, Decimal, str | None]]:
    """myOGO's products in the form of `oracle`."""
    return {code: (p["name"], Decimal(p["salesPrice"]), p["eanCode"] or None) for code, p in held(shop).items()}


def create(code: str, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    """A planned create with the fields that a product needs."""
    return "create", code, {"code": code, "name": code, "sales_price": 10, "language_code": "en"} | fields


def update(code: str, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    return "update", code, fields


@dataclass
class PushedWithMessages(Pushed):
    """The result of a push, and the messages of its changes."""

    messages: list[str] = field(default_factory=list)


def push_of(shop: Shop, *changes: tuple[str, str, dict[str, Any]]) -> tuple[PushedWithMessages, dict[str, str]]:
    """Pushes changes as a run does, without reading first; returns the result and each code's journal outcome."""
    frame = pd.DataFrame(
        [(action, code, encode(after).decode()) for action, code, after in changes], columns=["action", "key", "after"]
    )
    path = shop.folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    in_flight = shop.channel().systems["myogo"].max_in_flight
    results: list[Result] = []
    with myogo_of(shop) as client, Journal(path, "run", "products") as journal:
        target = ProductTarget({"myogo": client})
        pushed = push(Plan(frame, 0, 0, ""), target, journal, in_flight, results.append, threading.Event())
    pushed_with_messages = PushedWithMessages(
        pushed.counts, pushed.stopped, [one.message for one in results if one.message]
    )
    assert sum(pushed_with_messages.counts.values()) == len(changes)
    outcomes: dict[str, str] = {}
    for event in map(decode, filter(None, path.read_bytes().splitlines())):
        if "outcome" in event:
            assert outcomes[event["key"]] == "intended"
        outcomes[event["key"]] = event.get("outcome", "intended")
    assert "intended" not in outcomes.values()
    assert {end: n for end, n in pushed_with_messages.counts.items() if end != "not_attempted"}.items() <= Counter(
        {"applied": 0, "refused": 0, "unknown": 0} | Counter(outcomes.values())
    ).items()
    return pushed_with_messages, outcomes


class OtherHost:
    """Another host. It answers like Centra with an empty catalogue and stores every request in `received`."""

    def __init__(self) -> None:
        self.received: list[str] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                received.append(f"{self.requestline}\n{self.headers}{body.decode()}")
                answer = b'{"status":"ok","products":[]}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> OtherHost:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
