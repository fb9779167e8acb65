"""The steps after the products are in myOGO: a missing price, a delivery, stock, an order and a parcel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.sandbox.demo.outside import PRICE, Outside, UnexpectedState

STOCK = """
[flows.stock.params]
goods_received = true
"""
FIXED_AND_SENT = """
    select (select count(*) from sync.issue_events where run_id = r.run_id and event = 'closed: fixed'),
           (select count(*) from sync.journal where run_id = r.run_id and outcome = 'applied')
    from sync.runs r order by run_id desc limit 1
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


class Steps:
    """`run_command` runs a command as a user would; `folder` has the tables that the products flow wrote."""

    def __init__(self, channel_file: Path, folder: Path, run_command: Callable[..., None]) -> None:
        self._file, self._run_command = channel_file, run_command
        self._outside = Outside(channel_file, folder)
        self._day = yesterday()

    def run(self) -> None:
        """Runs all steps. Raises UnexpectedState after a step that does not have its result."""
        self._fix_a_price()
        sizes = self._outside.sizes()
        show(f"\nA delivery of {len(sizes):,} products arrives at the warehouse and is counted.")
        self._outside.deliver(sizes)
        self._switch_on("The goods have arrived, so the stock flow is switched on", STOCK)
        self._run_command("push", "demo", "--flow", "stock")
        code, stock_item_id, physical = sizes[0]
        self._expect(
            "stock in Centra", self._outside.control("GET", f"centra/rows/{stock_item_id}")["physical"], physical + 1
        )

        order = self._outside.order([(code, 1), (sizes[1][0], 2)])
        number = order["orderId"]
        show(f"\nA customer orders {code} and two of {sizes[1][0]}: order {number}, good to go, not yet paid.")
        self._switch_on("The orders flow takes the payment of orders and sends them to the warehouse", ORDERS)
        self._run_command("push", "demo", "--flow", "orders")
        reference = f"demo-{order['shipmentIds'][0]}"
        self._expect(
            "order in myOGO", [row["reference"] for row in self._outside.control("GET", "myogo/orders")], [reference]
        )

        show(f"\nThe warehouse picks {reference}, packs it into two parcels and hands them over.")
        self._outside.ship(reference)
        self._switch_on("The tracking flow completes shipments in Centra with the tracking numbers", TRACKING)
        self._run_command("push", "demo", "--flow", "tracking")
        (shipment,) = self._outside.control("GET", "centra/shipments")
        found = (shipment["completed"], shipment["carrier"], shipment["trackingNumber"])
        self._expect("shipment in Centra", found, (True, "Posti", "JJFI65000001, JJFI65000002"))
        show(
            f"\nIn Centra, shipment {shipment['shipmentId']} is complete: {shipment['carrier']}, "
            f"{shipment['trackingNumber']}. All four flows once more: there is nothing left to do."
        )
        self._run_command("push", "demo")

    def _fix_a_price(self) -> None:
        code = self._outside.add_missing_price()
        show(
            f"\nA colleague adds the missing price of {code} in Centra, in price list {PRICE['id']}: {PRICE['price']}."
        )
        self._run_command("push", "demo")
        [(fixed, sent)] = self._outside.query(FIXED_AND_SENT)
        show(f"\n{fixed} fixed, {sent} sent.")
        self._expect("number of rows that were fixed and sent", (fixed, sent), (1, 1))

    def _switch_on(self, reason: str, table: str) -> None:
        text = table.format(day=self._day)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(text)
        show(f"\n{reason}. This is added to the channel file:\n{text}")

    def _expect(self, name: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise UnexpectedState(f"The {name} is {found!r}, not {expected!r}.")


def yesterday() -> str:
    return f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


def show(text: str) -> None:
    print(text, flush=True)
