"""What happens outside in the demonstration: a price is added, goods arrive, somebody orders, a parcel leaves."""

from __future__ import annotations

import json
import tomllib
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

MISCOUNTED = 25  # sizes of which the delivery brings one piece more than Centra has
PRICE = {"id": "36", "pricelist": "EUR Europe", "currency": "EUR", "price": "149.00", "campaigns": []}
PARCELS = ["JJFI65000001", "JJFI65000002"]
# A size that breaks one rule only: it has no price. It may have an entry in the price list, without an amount.
_UNPRICED = """
    select any_value(code), source_id from sync.issues
    where flow = 'products' and closed_at is null
    group by source_id having list(rule) = ['PRICE-001'] order by all limit 1
"""
_DELIVERED = """
    select o.code, o.stock_item_id, s.physical_stock from out_myogo.products o
    join raw_centra.stock s using (stock_item_id) join raw_myogo.stock m on m.product_code = o.code
    where m.stock = 0 order by s.available_stock < 3, o.code
"""


class UnexpectedState(Exception):
    """A system does not have the expected data after a step, or the sandbox refused a request."""


class Outside:
    """Acts through the sandbox's control paths; `folder` has the tables that the products flow wrote. All methods raise
    UnexpectedState."""

    def __init__(self, channel_file: Path, folder: Path) -> None:
        self._folder = folder
        self._base = tomllib.loads(channel_file.read_text("utf-8"))["systems"]["myogo"]["base_url"]

    def add_missing_price(self) -> str:
        """Adds the price that one size lacks; returns its code."""
        found = self.query(_UNPRICED)
        if not found:
            raise UnexpectedState("No size lacks only its price. Read the products first.")
        [(code, stock_item_id)] = found
        prices = self.control("GET", f"centra/rows/{stock_item_id}")["prices"]
        others = [entry for entry in prices if entry["id"] != PRICE["id"]]
        self.control("PATCH", f"centra/rows/{stock_item_id}", {"prices": [*others, PRICE]})
        return str(code)

    def deliver(self, sizes: list[tuple[str, int, int]]) -> None:
        """The warehouse receives and counts these sizes: a few have one piece more than Centra has."""
        for place, (code, _, physical) in enumerate(sizes):
            self.control("POST", "myogo/receive", {"code": code, "quantity": physical + (place < MISCOUNTED)})

    def sizes(self) -> list[tuple[str, int, int]]:
        """Code, stockItemId and physical stock in Centra of the pushed sizes without stock in myOGO, sellable first."""
        return [(code, int(size), physical) for code, size, physical in self.query(_DELIVERED)]

    def order(self, codes: list[tuple[str, int]]) -> Any:
        """A customer orders codes in these quantities: the order of Centra, good to go and not yet paid."""
        return self.control("POST", "centra/orders", {"lines": [{"code": code, "qty": qty} for code, qty in codes]})

    def ship(self, reference: str) -> None:
        """The warehouse hands the order over in two parcels."""
        self.control("POST", "myogo/ship", {"reference": reference, "tracking": PARCELS})

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the published tables, of the newest file."""
        with closing(duckdb.connect()) as db:
            path = str(self._folder / "analytics.duckdb").replace("'", "''")
            db.execute(f"attach '{path}' as tables (read_only)")
            db.execute("use tables")
            return db.execute(sql).fetchall()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's answer."""
        connection = HTTPConnection(urlsplit(self._base).netloc, timeout=30)
        with closing(connection):
            connection.request(method, f"/_control/{path}", None if body is None else json.dumps(body).encode())
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise UnexpectedState(f"{method} {path}: HTTP {answer.status} {content[:200]!r}")
        return json.loads(content)
