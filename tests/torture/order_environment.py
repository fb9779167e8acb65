"""The test environment for orders, tracking and stock: amounts to write back, orders to send, shipments to complete.

The expected state is independent of the program: it is computed from the orders themselves.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.state.run_result import RunResult
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders
from tests.support.shop import NO_EXPECTATIONS, Shop, catalogue, size
from tests.support.shop_helpers import is_token
from tests.torture import invariants
from tests.torture.product_environment import ATTEMPTS, with_test_settings

FLOWS = ("orders", "tracking", "stock")
AMOUNTS = {"SKU1": 11, "SKU2": 12, "SKU3": 13}  # stock in the warehouse before it ships
SHIPPED = {"demo-1001-1": ["JJFI1"], "demo-1002-1": ["JJFI2", "JJFI3"]}  # each has one SKU3
WAITING = {"demo-1003-1": ("SKU1", 2), "demo-1004-1": ("SKU2", 1)}
UNPAID = "1004-1"
INITIAL_UNITS = 10  # units of each size in Centra, allocated ones included
TABLES = """
[flows.stock.params]
goods_received = true

[flows.stock.limits]
max_update_share = 1.0

[flows.orders.params]
starting = 2026-01-01
status   = "New"
test     = false
capture  = true

[flows.orders.params.shipping]
standard = "HOME"

[flows.tracking.params]
starting = 2026-01-01

[flows.tracking.params.carriers]
HOME = { carrier = "Posti", service = "Home parcel" }
"""
# All requests of a run in the order of each side; a test checks that the list is complete.
_COMPLETED = [
    line
    for order in ("1001", "1002")
    for line in (
        "GET /shipments?order=%s&status=completed offset 0",
        "GET /shipments?order=%s&status=goodtogo offset 0",
        "GET /shipments?order=%s&status=goodtogo offset 1",
        "PUT /shipment %s-1",
        "GET /shipments?order=%s&status=completed offset 0, proof",
        "GET /shipments?order=%s&status=completed offset 1, proof",
    )
    for line in [line % order]
]
REQUESTS = {
    "centra": (
        "GET /products", "GET /stock", "GET /shipments?status=goodtogo offset 0", "GET /orders offset 0",
        "GET /shipments?status=completed offset 0", "GET /shipments?status=completed offset 0, again",
        "GET /shipments?status=goodtogo offset 4", "GET /shipments?status=goodtogo offset 4, again",
        "GET /orders offset 4", "GET /orders offset 4, again",
        "GET /shipments?order=1003&status=goodtogo offset 0, last look",
        "GET /shipments?order=1004&status=goodtogo offset 0, last look",
        "PUT /capture 1004-1", *_COMPLETED, "POST /stock", "GET /stock, read back",
    ),
    "myogo": (
        "POST /OAuth/Token", "GET /Products page 1", "GET /Products page 2", "GET /Stock page 1", "GET /Stock page 2",
        "GET /Orders page 1", "GET /Orders page 2", "GET /Orders?reference=demo-1003-1", "POST /Orders demo-1003-1",
        "GET /Orders?reference=demo-1004-1", "POST /Orders demo-1004-1",
    ),
}  # fmt: skip
VERBS = {side: Counter(name.split(" ")[0] for name in names) for side, names in REQUESTS.items()}


def start_sandbox() -> Sandbox:
    """A running sandbox with the products in stock."""
    sizes = [size(n, physical=INITIAL_UNITS, allocated=0) for n in (1, 2, 3)]
    return Sandbox.start(catalogue(*sizes, myogo=[{"code": code, "stock": n} for code, n in AMOUNTS.items()]))


class OrderEnvironment:
    """A run with a fault and the runs after it, with a method for each check."""

    def __init__(self, box: Sandbox, folder: Path, **channel: Any) -> None:
        self.box = box
        box.reset()
        box.switch("myogo", duplicate_post="duplicate")
        self.shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url) + NO_EXPECTATIONS + TABLES)
        self._text = self.shop.text
        self._write_channel_file(channel)
        self.personal_data: set[str] = set()
        for reference in SHIPPED:
            self._place_order("SKU3", 1, paid=1)
            self._create_in_myogo(reference)
        for code, quantity in WAITING.values():
            self._place_order(code, quantity, paid=1)
        box.change_centra_shipment(UNPAID, paid=0, should_capture=1)
        for reference, numbers in SHIPPED.items():
            box.ship(reference, numbers, None)
        self.served: Counter[str] = Counter()
        box.clear_requests()

    def _write_channel_file(self, channel: Mapping[str, Any]) -> None:
        self.shop.file.write_text(with_test_settings(self._text, channel, pages=(5, 5)), "utf-8")

    def _place_order(self, code: str, quantity: int, **fields: Any) -> None:
        order = self.box.place_centra_order(lines=[{"code": code, "qty": quantity}], **fields)
        self.personal_data |= {order[f"delivery{name}"] for name in ("Name", "Email", "Cell", "Address")}

    def _create_in_myogo(self, reference: str) -> None:
        """Creates an order in myOGO as an earlier run would have sent it."""
        home = {"name": "?", "address1": "?", "zip": "00100", "city": "Helsinki", "countryCode": "FI"}
        lines = [{"code": "SKU3", "quantity": 1}]
        order = {"reference": reference, "shippingCode": "HOME", "status": "New", "customer": home, "orderLines": lines}
        with closing(MyOgoClient(self.shop.channel().systems["myogo"], ("write:order",))) as client:
            MyOgoOrders(client).create(order)

    def end_faults(self) -> None:
        """Removes all faults and restores long timeouts."""
        self.box.clear_faults()
        self._write_channel_file({})

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line of the push."""
        flows = [word for flow in FLOWS for word in ("--flow", flow)]
        return "push", str(self.shop.file), *flows, "--data", str(self.shop.data), "--json"

    def push(self) -> RunResult:
        """One push, with the checks that hold for every run."""
        report = invariants.push_and_check(self.shop, flows=FLOWS)
        self.check_partial_state()
        self._check_no_personal_data(report)
        return report

    # The state of both sides.

    def amounts(self) -> dict[str, int]:
        """Units in Centra, by code."""
        return {f"SKU{n}": self.box.centra_row(n)["physical"] for n in (1, 2, 3)}

    def completed(self) -> dict[str, tuple[str, str]]:
        """Carrier and tracking numbers of the completed shipments in Centra."""
        return {
            one["shipmentId"]: (one["carrier"], one["trackingNumber"])
            for one in self.box.centra_shipments()
            if one["completed"]
        }

    def sent(self) -> dict[str, tuple[str, int, str, str]]:
        """Code, quantity, name and shipping code of the orders sent to myOGO by the runs."""
        sent_orders = [one for one in self.box.myogo_orders() if one["reference"] not in SHIPPED]
        by_reference = {one["reference"]: self._facts(one) for one in sent_orders}
        assert len(by_reference) == len(sent_orders), (
            f"an order was created twice: {[one['reference'] for one in sent_orders]}"
        )
        return by_reference

    @staticmethod
    def _facts(order: Mapping[str, Any]) -> tuple[str, int, str, str]:
        (line,) = order["orderLines"]
        return line["code"], int(line["quantity"]), order["customer"]["name"], order["shippingCode"]

    def check_partial_state(self) -> None:
        """Each order, shipment and amount is unchanged or as expected, and each write was served at most once."""
        sent, completed, amounts = self.sent(), self.completed(), self.amounts()
        names = {f"demo-{one['shipmentId']}": one["deliveryName"] for one in self.box.centra_shipments()}
        expected = {reference: (*goods, names[reference], "HOME") for reference, goods in WAITING.items()}
        assert sent.items() <= expected.items()
        assert completed.items() <= self._expected_shipments().items()
        paid = {one["shipmentId"]: one["paid"] for one in self.box.centra_shipments()}
        assert paid[UNPAID] or f"demo-{UNPAID}" not in sent, "sent before it was paid"
        for code, units in amounts.items():
            completed_units = len(completed) if code == "SKU3" else 0
            assert units in {
                INITIAL_UNITS - completed_units,
                *(self._final_amounts()[code] - n for n in range(completed_units + 1)),
            }, (code, units)
        request_counts = Counter((request_name(entry), entry["query"]) for entry in self.box.requests())
        assert max(request_counts.values(), default=0) <= 4 * ATTEMPTS, request_counts.most_common(
            3
        )  # a request and its look-up, each repeated once
        self.served += self._served()
        assert not [what for what, times in self.served.items() if times > 1], self.served

    def _served(self) -> Counter[str]:
        """The writes served since the last call that must be served only once."""
        served = Counter(
            request_name(entry)
            for entry in self.box.requests()
            if entry["applied"] and not is_token(entry) and entry["path"].endswith(("/Orders", "/capture", "/shipment"))
        )
        self.box.clear_requests()
        return served

    def is_complete(self) -> bool:
        """Whether all orders are sent and all shipments completed; stock may still change by a late completion."""
        return len(self.sent()) == len(WAITING) and self.completed() == self._expected_shipments()

    def is_final(self) -> bool:
        return self.is_complete() and self.amounts() == self._final_amounts()

    @staticmethod
    def _final_amounts() -> dict[str, int]:
        return AMOUNTS | {"SKU3": AMOUNTS["SKU3"] - len(SHIPPED)}

    @staticmethod
    def _expected_shipments() -> dict[str, tuple[str, str]]:
        return {ref.removeprefix("demo-"): ("Posti", ", ".join(numbers)) for ref, numbers in SHIPPED.items()}

    # The report of a run.

    def check_report(self, report: RunResult) -> bool:
        """Checks exit code, counts and journal against both sides; returns whether everything is done."""
        not_applied = report.counts["refused"] + report.counts["unknown"] + report.counts["not_attempted"]
        if report.exit_code == 0:
            assert not not_applied
        if report.exit_code in (0, 3):
            assert report.counts["not_attempted"] == 0
            assert not_applied or self.is_final()
        sent, completed, amounts = self.sent(), self.completed(), self.amounts()
        for flow, key, outcome in self.outcomes():
            if flow == "stock" and outcome == "refused":
                continue  # a refusal of Centra is accepted: amounts are absolute, and the next run reads them
            is_done = {
                "orders": key in sent,
                "tracking": key in completed,
                "stock": amounts.get(key) == self._final_amounts().get(key),
            }
            assert outcome == "unknown" or is_done[flow] == (outcome == "applied"), (flow, key, outcome)
        return self.is_final()

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Flow, key and outcome of the newest run's writes."""
        return self.shop.sql(
            "select flow, key, outcome from sync.journal where run_id = (select max(run_id) from sync.runs)"
        )

    def _check_no_personal_data(self, report: RunResult) -> None:
        """No personal data in the output of a run or in the published tables."""
        rows = self.shop.sql("select message from sync.journal union all select message from sync.runs")
        rows += self.shop.sql("select coalesce(code, '') || coalesce(message, '') from sync.withheld")
        text = json.dumps([report.as_json(), report.message, report.fix, rows], ensure_ascii=False)
        assert [value for value in self.personal_data if value in text] == []

    def rerun(self) -> int:
        """One more run, after which all orders and shipments are done; returns its exit code. An amount changed by
        a shipment that was completed late is corrected by the next run."""
        report = self.push()
        assert report.exit_code == 0, report.message
        assert self.is_complete()
        return report.exit_code

    def check_nothing_to_do(self) -> None:
        """One run may write amounts; the next one writes nothing."""
        for last in (False, True):
            self.box.clear_requests()
            assert invariants.push_and_check(self.shop, flows=FLOWS).exit_code == 0
            written = {request_name(e) for e in self.box.requests() if e["method"] != "GET" and not is_token(e)}
            assert written <= (set() if last else {"POST /stock"})
            assert self.is_final()
            if not written:
                return

    def clean_up(self) -> None:
        shutil.rmtree(self.shop.data)


def request_name(entry: Mapping[str, Any]) -> str:
    """The request without the parts that differ between runs."""
    path = entry["path"].removeprefix("/api/order-api").removeprefix("/api/v1")
    body, query = entry.get("body") or {}, entry["query"]
    if is_token(entry):
        return f"{entry['method']} {path}"
    if entry["method"] != "GET":
        target = body.get("shipment") or body.get("reference") or ""
        return f"{entry['method']} {path} {target}".rstrip()
    if "stock_modified" in query:
        return f"GET {path}, read back"
    query = re.sub(r"(newer_than|modifiedAfter|limit)=[^&]*&?", "", query).strip("&")
    query = re.sub(r"&?(page|offset)=", r" \1 ", query)
    query = re.sub(r"( page 1)$", "", query) if "reference=" in query else query
    query_text = f"?{query}" if query and not query.startswith(" ") else query
    return f"GET {path}{query_text}".rstrip()
