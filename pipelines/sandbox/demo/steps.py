"""What happens after the products are in myOGO: goods, stock, an order, a parcel. Told with the flows that it takes."""

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

MISCOUNTED = 25  # sizes of which the delivery brings something else than Centra believes
STOCK = """
[flows.stock.params]
goods_received = true
"""
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


class Unexpected(Exception):
    """The story did not go as it should."""


class Story:
    """`run` runs a verb as a user would; the data folder holds what the products flow has left."""

    def __init__(self, channel_file: Path, folder: Path, run: Callable[..., None]) -> None:
        self._file, self._folder, self._run = channel_file, folder, run
        self._base = tomllib.loads(channel_file.read_text("utf-8"))["systems"]["myogo"]["base_url"]
        self._day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"

    def tell(self) -> None:
        """Raises Unexpected where the two systems do not end as they should."""
        sizes = self._sizes()
        say(f"\nA delivery of {len(sizes):,} products arrives at the warehouse and is counted.")
        for number, (code, _, physical) in enumerate(sizes):
            self._control("POST", "myogo/receive", {"code": code, "quantity": physical + (number < MISCOUNTED)})
        self._switched_on("The goods are there, so the stock flow may be switched on", STOCK)
        self._run("push", "demo", "--flow", "stock")
        code, stock_item_id, physical = sizes[0]
        self._expect("stock in Centra", self._control("GET", f"centra/rows/{stock_item_id}")["physical"], physical + 1)

        ordered = [{"code": code, "qty": 1}, {"code": sizes[1][0], "qty": 2}]
        order = self._control("POST", "centra/orders", {"lines": ordered})
        say(f"\nA customer orders {code} and two of {sizes[1][0]}: order {order['orderId']}, good to go, not yet paid.")
        self._switched_on("Orders go to the warehouse, and their payment is taken first", ORDERS)
        self._run("push", "demo", "--flow", "orders")
        reference = f"demo-{order['shipmentIds'][0]}"
        self._expect("order in myOGO", [one["reference"] for one in self._control("GET", "myogo/orders")], [reference])

        say(f"\nThe warehouse picks {reference}, packs it into two parcels and hands them over.")
        self._control("POST", "myogo/ship", {"reference": reference, "tracking": ["JJFI65000001", "JJFI65000002"]})
        self._switched_on("What was shipped is told to Centra", TRACKING)
        self._run("push", "demo", "--flow", "tracking")
        (shipment,) = self._control("GET", "centra/shipments")
        told = (shipment["completed"], shipment["carrier"], shipment["trackingNumber"])
        self._expect("shipment in Centra", told, (True, "Posti", "JJFI65000001, JJFI65000002"))
        say(
            f"\nIn Centra, shipment {shipment['shipmentId']} is complete: {shipment['carrier']}, "
            f"{shipment['trackingNumber']}. All four flows once more: there is nothing left to do."
        )
        self._run("push", "demo")

    def _sizes(self) -> list[tuple[str, int, int]]:
        """Code, size and physical stock in Centra of what was pushed and has not arrived yet, sellable first."""
        with closing(duckdb.connect(str(self._folder / "analytics.duckdb"), read_only=True)) as db:
            return [
                (code, int(own), physical)
                for code, own, physical in db.execute(
                    "select o.code, o.stock_item_id, s.physical_stock from out_myogo.products o "
                    "join raw_centra.stock s using (stock_item_id) join raw_myogo.stock m on m.product_code = o.code "
                    "where m.stock = 0 order by s.available_stock < 3, o.code"
                ).fetchall()
            ]

    def _switched_on(self, why: str, table: str) -> None:
        text = table.format(day=self._day)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(text)
        say(f"\n{why}; the channel file gets:\n{text}")

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        """What the sandbox answers. Raises Unexpected."""
        own = HTTPConnection(urlsplit(self._base).netloc, timeout=30)
        with closing(own):
            own.request(method, f"/_control/{path}", None if body is None else json.dumps(body).encode())
            answer = own.getresponse()
            said = answer.read()
        if answer.status != HTTPStatus.OK:
            raise Unexpected(f"{method} {path}: HTTP {answer.status} {said[:200]!r}")
        return json.loads(said)

    def _expect(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise Unexpected(f"The {what} is {found!r}, not {wanted!r}.")


def say(text: str) -> None:
    print(text, flush=True)
