"""The steps after the products are in myOGO: a missing price, a delivery, stock, an order and a parcel."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

MISCOUNTED = 25  # sizes of which the delivery brings one piece more than Centra has
STOCK = """
[flows.stock.params]
goods_received = true
"""
# A size that breaks one rule only: it has no price. It may have an entry in the price list, without an amount.
UNPRICED = """
    select any_value(code), source_id from sync.withheld
    where run_id = (select max(run_id) from sync.runs) and flow = 'products'
    group by source_id having list(rule) = ['PRICE-001'] order by all limit 1
"""
FIXED_AND_SENT = """
    select (select count(*) from sync.issue_events where run_id = r.run_id and event = 'closed: fixed'),
           (select count(*) from sync.journal where run_id = r.run_id and outcome = 'applied')
    from sync.runs r order by run_id desc limit 1
"""
PRICE = {"id": "36", "pricelist": "EUR Europe", "currency": "EUR", "price": "149.00", "campaigns": []}
ORDERS = """
[flows.orders.params]
starting = {day}
status   = "New"
test     = false
capture  = true

[flows.orders.params.shipping]
standard = "HOME"
"""
TRACKING = """
[flows.tracking.params]
starting = {day}

[flows.tracking.params.carriers]
HOME = {{ carrier = "Posti", service = "Home parcel" }}
"""


class UnexpectedState(Exception):
    """A system does not have the expected data after a step, or the sandbox refused a request."""


class Steps:
    """`run_command` runs a command as a user would; `folder` has the tables that the products flow wrote."""

    def __init__(self, channel_file: Path, folder: Path, run_command: Callable[..., None]) -> None:
        self._file, self._folder, self._run_command = channel_file, folder, run_command
        self._base = tomllib.loads(channel_file.read_text("utf-8"))["systems"]["myogo"]["base_url"]
        self._day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"

    def run(self) -> None:
        """Runs all steps. Raises UnexpectedState after a step that does not have its result."""
        self._fix_a_price()
        sizes = self._sizes()
        show(f"\nA delivery of {len(sizes):,} products arrives at the warehouse and is counted.")
        for place, (code, _, physical) in enumerate(sizes):
            self._control("POST", "myogo/receive", {"code": code, "quantity": physical + (place < MISCOUNTED)})
        self._switch_on("The goods have arrived, so the stock flow is switched on", STOCK)
        self._run_command("push", "demo", "--flow", "stock")
        code, stock_item_id, physical = sizes[0]
        self._expect("stock in Centra", self._control("GET", f"centra/rows/{stock_item_id}")["physical"], physical + 1)

        lines = [{"code": code, "qty": 1}, {"code": sizes[1][0], "qty": 2}]
        order = self._control("POST", "centra/orders", {"lines": lines})
        number = order["orderId"]
        show(f"\nA customer orders {code} and two of {sizes[1][0]}: order {number}, good to go, not yet paid.")
        self._switch_on("The orders flow takes the payment of orders and sends them to the warehouse", ORDERS)
        self._run_command("push", "demo", "--flow", "orders")
        reference = f"demo-{order['shipmentIds'][0]}"
        self._expect("order in myOGO", [row["reference"] for row in self._control("GET", "myogo/orders")], [reference])

        show(f"\nThe warehouse picks {reference}, packs it into two parcels and hands them over.")
        self._control("POST", "myogo/ship", {"reference": reference, "tracking": ["JJFI65000001", "JJFI65000002"]})
        self._switch_on("The tracking flow completes shipments in Centra with the tracking numbers", TRACKING)
        self._run_command("push", "demo", "--flow", "tracking")
        (shipment,) = self._control("GET", "centra/shipments")
        found = (shipment["completed"], shipment["carrier"], shipment["trackingNumber"])
        self._expect("shipment in Centra", found, (True, "Posti", "JJFI65000001, JJFI65000002"))
        show(
            f"\nIn Centra, shipment {shipment['shipmentId']} is complete: {shipment['carrier']}, "
            f"{shipment['trackingNumber']}. All four flows once more: there is nothing left to do."
        )
        self._run_command("push", "demo")

    def _fix_a_price(self) -> None:
        [(code, stock_item_id)] = self._query(UNPRICED)
        prices = self._control("GET", f"centra/rows/{stock_item_id}")["prices"]
        show(
            f"\nA colleague adds the missing price of {code} in Centra, in price list {PRICE['id']}: {PRICE['price']}."
        )
        others = [entry for entry in prices if entry["id"] != PRICE["id"]]
        self._control("PATCH", f"centra/rows/{stock_item_id}", {"prices": [*others, PRICE]})
        self._run_command("push", "demo")
        [(fixed, sent)] = self._query(FIXED_AND_SENT)
        show(f"\n{fixed} fixed, {sent} sent.")
        self._expect("number of rows that were fixed and sent", (fixed, sent), (1, 1))

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(duckdb.connect(str(self._folder / "analytics.duckdb"), read_only=True)) as db:
            return db.execute(sql).fetchall()

    def _sizes(self) -> list[tuple[str, int, int]]:
        """Code, stockItemId and physical stock in Centra of the pushed sizes without stock in myOGO, sellable first."""
        rows = self._query(
            "select o.code, o.stock_item_id, s.physical_stock from out_myogo.products o "
            "join raw_centra.stock s using (stock_item_id) join raw_myogo.stock m on m.product_code = o.code "
            "where m.stock = 0 order by s.available_stock < 3, o.code"
        )
        return [(code, int(stock_item_id), physical) for code, stock_item_id, physical in rows]

    def _switch_on(self, reason: str, table: str) -> None:
        text = table.format(day=self._day)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(text)
        show(f"\n{reason}. This is added to the channel file:\n{text}")

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's answer. Raises UnexpectedState for an error."""
        connection = HTTPConnection(urlsplit(self._base).netloc, timeout=30)
        with closing(connection):
            connection.request(method, f"/_control/{path}", None if body is None else json.dumps(body).encode())
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise UnexpectedState(f"{method} {path}: HTTP {answer.status} {content[:200]!r}")
        return json.loads(content)

    def _expect(self, name: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise UnexpectedState(f"The {name} is {found!r}, not {expected!r}.")


def show(text: str) -> None:
    print(text, flush=True)
