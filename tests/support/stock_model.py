"""Runs of the stock flow without HTTP and DuckDB: the transforms on rows of the stand-ins, and a program that sends the
orders and completes the shipments."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Literal

import pandas as pd

from pipelines.flows.order_flow import own_orders
from pipelines.sandbox import Credentials
from pipelines.sandbox.centra.api import BASE_PATH
from pipelines.sandbox.centra.order_rows import order_row, shipment_row
from pipelines.sandbox.centra.orders import visible
from pipelines.sandbox.myogo.product_state import product_row, stock_row
from pipelines.sandbox.server.state import State
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import known_fields_table, line_table
from schemas.fields.centra_orders import ORDERS, SHIPMENTS
from tests.support.frames import texts
from tests.support.order_frames import live_orders
from tests.support.shop import catalogue
from tests.support.trading_day import PREFIX, PRODUCTS, SIZES, units_of
from transforms.order_lines import PickRules
from transforms.stock import Params, address_sizes, to_centra, with_amounts, with_missing
from transforms.taken_units import CentraOrders, order_units

Row = dict[str, Any]
CUSTOMER = {"name": "A", "address1": "B", "zip": "1", "city": "C", "countryCode": "FI"}


class StockModel:
    """Both systems in memory, and a run of orders, tracking and stock."""

    def __init__(self, kind: Literal["physical", "fta"] = "physical", **switches: Any) -> None:
        self.state = State(catalogue(*SIZES, myogo=PRODUCTS), Credentials.fixed(), BASE_PATH)
        self.state.switch("centra", stock_update_type=kind)
        self.state.switch("myogo", duplicate_order="accept", **switches)
        self.actions, self.params = self.state.actions, Params(stock_update_type=kind)

    def create_in_myogo(self, reference: str, status: str, units: dict[str, int]) -> None:
        lines = [{"code": code, "quantity": quantity} for code, quantity in units.items()]
        fields = {"reference": reference, "status": status, "test": False, "shippingCode": "HOME",
                  "customer": CUSTOMER, "orderLines": lines}  # fmt: skip
        self.state.myogo.orders.add(fields, self.state.myogo.switches)

    def complete(self, shipment_id: str) -> None:
        given = {"order": shipment_id.split("-")[0], "shipment": shipment_id, "gtg": True, "shipped": True}
        self.state.centra.shipments.complete(given, self.state.centra.switches)

    def run(self, chance: random.Random, unsent: list[str], *, all_flows: bool) -> Counter[str]:
        """One run: everything is read, then orders are sent, shipments completed and amounts written. A completion may
        fail; its goods are then taken off twice until the next run. Returns these goods: units by code."""
        failed: Counter[str] = Counter()
        due = self._completions() if all_flows else []
        amounts = self._amounts(due)
        if all_flows:
            for shipment_id in unsent:
                self.create_in_myogo(f"{PREFIX}-{shipment_id}", "New", units_of(self.actions, shipment_id))
            for shipment_id in due:
                if chance.random() < 0.8:
                    self.complete(shipment_id)
                else:
                    failed.update(units_of(self.actions, shipment_id))
        self.state.centra.shop.write_stock(amounts, self.state.centra.switches)
        return failed

    def _completions(self) -> list[str]:
        """The shipments that are good to go and that myOGO has shipped."""
        shipped = {row["reference"] for row in self.actions.myogo_orders() if row["status"] == "Shipped"}
        pairs = self.state.centra.shipments.listing("goodtogo", self.state.centra.switches)
        return [shipment.id for shipment, _ in pairs if f"{PREFIX}-{shipment.id}" in shipped]

    def _amounts(self, due: list[str]) -> list[tuple[str, int]]:
        """The amounts to write."""
        rows = with_amounts(address_sizes(self._levels(), self._sizes(), pd.Series(dtype="str")), self._units(due),
                            self.params)  # fmt: skip
        rows = rows[(rows["quantity"] != rows["current"]).fillna(True)]
        return [(key, int(quantity)) for key, quantity in zip(rows["key"], rows["quantity"], strict=True)]

    def _levels(self) -> pd.DataFrame:
        switches = self.state.myogo.switches
        held = self.state.myogo.warehouse.products()
        listed = [stock_row(one, switches) for one in held if one.stock or switches.zero_stock_rows]
        products = [product_row(one, switches) for one in held]
        levels = to_centra(_available(listed, "product_code", "productCode"), self.params)
        return with_missing(levels, self._sizes(), _available(products, "code", "code"))

    def _sizes(self) -> pd.DataFrame:
        items = self.state.centra.shop.listing("asc")
        frame = pd.DataFrame(
            {"stock_item_id": texts([str(one.stock_item_id) for one in items]),
             "code": texts([one.code() for one in items]), "ean": texts([None] * len(items)),
             "upc": texts([None] * len(items)), "active": True, "physical_stock": [one.physical for one in items],
             "allocated_stock": [one.allocated for one in items]}
        )  # fmt: skip
        return frame.assign(available_stock=frame["physical_stock"] - frame["allocated_stock"])

    def _units(self, due: list[str]) -> pd.DataFrame:
        centra, switches = self.state.centra, self.state.centra.switches
        pairs = centra.shipments.listing("goodtogo", switches)
        shipments = [shipment_row(shipment, order, switches) for shipment, order in pairs]
        orders = [order_row(one, centra.shipments.of(one), switches) for one in visible(centra.orders.all(), switches)]
        sent = {str(order.number) for _, order in centra.shipments.listing("completed", switches)}
        listed = CentraOrders(
            known_fields_table(shipments, SHIPMENTS, str, Findings()).to_pandas()[["shipment_id", "order_id"]],
            line_table(shipments, "shipmentId", Findings()).to_pandas().rename(columns={"shipment_id": "source_id"}),
            known_fields_table(orders, ORDERS, str, Findings()).to_pandas()[["order_id", "order_status"]],
            line_table(orders, "orderId", Findings()).to_pandas().rename(columns={"order_id": "source_id"}),
            sent,
        )
        return order_units(listed, own_orders(live_orders(*self.actions.myogo_orders()), PREFIX), due, PickRules())


def _available(rows: list[Row], column: str, name: str) -> pd.DataFrame:
    codes = texts([row[name] for row in rows])
    return pd.DataFrame(
        {column: codes, "stock_available": pd.array([row["stockAvailable"] for row in rows], dtype="Int64")}
    )
