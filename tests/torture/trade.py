"""A shop in trade that is tortured: stock to bring back, orders to send, parcels to tell of.

Nothing here knows how the program works: what must become of both sides is said of the orders themselves.
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
from tests.support.shop import Shop, catalogue, size
from tests.support.shop_helpers import is_token
from tests.torture import promises
from tests.torture.ground import ATTEMPTS, small

FLOWS = ("orders", "tracking", "stock")
AMOUNTS = {"SKU1": 11, "SKU2": 12, "SKU3": 13}  # what the warehouse has before it ships
LEFT = {"demo-1001-1": ["JJFI1"], "demo-1002-1": ["JJFI2", "JJFI3"]}  # one SKU3 in each
WAITING = {"demo-1003-1": ("SKU1", 2), "demo-1004-1": ("SKU2", 1)}
UNPAID = "1004-1"
AT_FIRST = 10  # units of each size in Centra, those included that are promised to orders
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
# Every request of a run, in the order in which a side hears of them; a test holds the list to what is sent.
_COMPLETED = [
    line
    for order in ("1001", "1002")
    for line in (
        "GET /shipments?order=%s&status=completed offset 0",
        "GET /shipments?order=%s&status=goodtogo offset 0",
        "GET /shipments?order=%s&status=goodtogo offset 1",
        "POST /shipment %s-1",
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
        "GET /orders offset 4", "GET /orders offset 4, again", "PUT /capture 1004-1", *_COMPLETED, "POST /stock",
        "GET /stock, read back",
    ),
    "myogo": (
        "POST /OAuth/Token", "GET /Products page 1", "GET /Products page 2", "GET /Stock page 1", "GET /Stock page 2",
        "GET /Orders page 1", "GET /Orders page 2", "GET /Orders?reference=demo-1003-1", "POST /Orders demo-1003-1",
        "GET /Orders?reference=demo-1004-1", "POST /Orders demo-1004-1",
    ),
}  # fmt: skip
VERBS = {side: Counter(name.split(" ")[0] for name in names) for side, names in REQUESTS.items()}


def shop() -> Sandbox:
    """A running sandbox with the goods in it."""
    sizes = [size(n, physical=AT_FIRST, allocated=0) for n in (1, 2, 3)]
    return Sandbox.start(catalogue(*sizes, myogo=[{"code": code, "stock": n} for code, n in AMOUNTS.items()]))


class Trade:
    """One struck run of the shop and the runs after it; every check of a promise is a method."""

    def __init__(self, box: Sandbox, folder: Path, **channel: Any) -> None:
        self.box = box
        box.reset()
        box.switch("myogo", duplicate_post="duplicate")
        self.shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url) + TABLES)
        self._text = self.shop.text
        self._write(channel)
        self.people: set[str] = set()
        for reference in LEFT:
            self._order("SKU3", 1, paid=1)
            self._imported(reference)
        for code, quantity in WAITING.values():
            self._order(code, quantity, paid=1)
        box.change_centra_shipment(UNPAID, paid=0, should_capture=1)
        for reference, numbers in LEFT.items():
            box.ship(reference, numbers, None)
        self.served: Counter[str] = Counter()
        box.clear_requests()

    def _write(self, channel: Mapping[str, Any]) -> None:
        self.shop.file.write_text(small(self._text, channel, pages=(5, 5)), "utf-8")

    def _order(self, code: str, quantity: int, **given: Any) -> None:
        order = self.box.place_centra_order(lines=[{"code": code, "qty": quantity}], **given)
        self.people |= {order[f"delivery{name}"] for name in ("Name", "Email", "Cell", "Address")}

    def _imported(self, reference: str) -> None:
        """Somebody's order in myOGO, as an earlier run would have sent it."""
        home = {"name": "?", "address1": "?", "zip": "00100", "city": "Helsinki", "countryCode": "FI"}
        lines = [{"code": "SKU3", "quantity": 1}]
        order = {"reference": reference, "shippingCode": "HOME", "status": "New", "customer": home, "orderLines": lines}
        with closing(MyOgoClient(self.shop.channel().systems["myogo"], ("write:order",))) as client:
            MyOgoOrders(client).create(order)

    def calms_down(self) -> None:
        """No fault waits any more, and the runs from here on are patient."""
        self.box.clear_faults()
        self._write({})

    @property
    def words(self) -> tuple[str, ...]:
        """The push as it is written on the command line."""
        flows = [word for flow in FLOWS for word in ("--flow", flow)]
        return "push", str(self.shop.file), *flows, "--data", str(self.shop.data), "--json"

    def push(self) -> RunResult:
        """One run with what holds of every run."""
        report = promises.kept(self.shop, flows=FLOWS)
        self.is_underway()
        self._nobody_is_named(report)
        return report

    # What both sides hold, and what they may and must.

    def amounts(self) -> dict[str, int]:
        """Units in Centra, by code."""
        return {f"SKU{n}": self.box.centra_row(n)["physical"] for n in (1, 2, 3)}

    def completed(self) -> dict[str, tuple[str, str]]:
        """Carrier and numbers of the shipments that are complete in Centra."""
        return {
            one["shipmentId"]: (one["carrier"], one["trackingNumber"])
            for one in self.box.centra_shipments()
            if one["completed"]
        }

    def sent(self) -> dict[str, tuple[str, int, str, str]]:
        """Code, quantity, name and way of the orders that myOGO was sent since."""
        found = [one for one in self.box.myogo_orders() if one["reference"] not in LEFT]
        told = {one["reference"]: self._facts(one) for one in found}
        assert len(told) == len(found), f"an order was made twice: {[one['reference'] for one in found]}"
        return told

    @staticmethod
    def _facts(order: Mapping[str, Any]) -> tuple[str, int, str, str]:
        (line,) = order["orderLines"]
        return line["code"], int(line["quantity"]), order["customer"]["name"], order["shippingCode"]

    def is_underway(self) -> None:
        """Each thing is as it was or as it must become, whenever a run ended; and what is done was done once."""
        sent, completed, amounts = self.sent(), self.completed(), self.amounts()
        names = {f"demo-{one['shipmentId']}": one["deliveryName"] for one in self.box.centra_shipments()}
        wanted = {reference: (*goods, names[reference], "HOME") for reference, goods in WAITING.items()}
        assert sent.items() <= wanted.items()
        assert completed.items() <= self._parcels().items()
        paid = {one["shipmentId"]: one["paid"] for one in self.box.centra_shipments()}
        assert paid[UNPAID] or f"demo-{UNPAID}" not in sent, "sent before it was paid"
        for code, units in amounts.items():
            gone = len(completed) if code == "SKU3" else 0
            assert units in {AT_FIRST - gone, *(self._last()[code] - n for n in range(gone + 1))}, (code, units)
        asked = Counter((name(entry), entry["query"]) for entry in self.box.requests())
        assert max(asked.values(), default=0) <= 4 * ATTEMPTS, asked.most_common(3)  # asked for twice, looked up twice
        self.served += self._served()
        assert not [what for what, times in self.served.items() if times > 1], self.served

    def _served(self) -> Counter[str]:
        """The writes that a system took since the last look, of those that may be served once only."""
        taken = Counter(
            name(entry)
            for entry in self.box.requests()
            if entry["applied"] and not is_token(entry) and entry["path"].endswith(("/Orders", "/capture", "/shipment"))
        )
        self.box.clear_requests()
        return taken

    def is_done(self) -> bool:
        """Whether all is as it must be, but for what stock becomes by a shipment that is completed after it."""
        return len(self.sent()) == len(WAITING) and self.completed() == self._parcels()

    def is_at_rest(self) -> bool:
        return self.is_done() and self.amounts() == self._last()

    @staticmethod
    def _last() -> dict[str, int]:
        return AMOUNTS | {"SKU3": AMOUNTS["SKU3"] - len(LEFT)}

    @staticmethod
    def _parcels() -> dict[str, tuple[str, str]]:
        return {ref.removeprefix("demo-"): ("Posti", ", ".join(numbers)) for ref, numbers in LEFT.items()}

    # What a run says.

    def tells_the_truth(self, report: RunResult) -> bool:
        """Whether all is done; the exit code, the counts and the journal must agree with what both sides hold."""
        left = report.counts["refused"] + report.counts["unknown"] + report.counts["not_attempted"]
        if report.exit_code == 0:
            assert not left
        if report.exit_code in (0, 3):
            assert report.counts["not_attempted"] == 0
            assert left or self.is_at_rest()
        sent, completed, amounts = self.sent(), self.completed(), self.amounts()
        for flow, key, outcome in self.outcomes():
            if flow == "stock" and outcome == "refused":
                continue  # where Centra says no it is believed: amounts are absolute, and the next run reads them
            done = {
                "orders": key in sent,
                "tracking": key in completed,
                "stock": amounts.get(key) == self._last().get(key),
            }
            assert outcome == "unknown" or done[flow] == (outcome == "applied"), (flow, key, outcome)
        return self.is_at_rest()

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Flow, key and outcome of the newest run's writes."""
        return self.shop.sql(
            "select flow, key, outcome from sync.journal where run_id = (select max(run_id) from sync.runs)"
        )

    def _nobody_is_named(self, report: RunResult) -> None:
        """Neither in what a run prints nor in what analysts are given of it."""
        rows = self.shop.sql("select message from sync.journal union all select message from sync.runs")
        rows += self.shop.sql("select coalesce(code, '') || coalesce(message, '') from sync.withheld")
        told = json.dumps([report.as_json(), report.message, report.fix, rows], ensure_ascii=False)
        assert [who for who in self.people if who in told] == []

    def heals(self) -> int:
        """The exit code of one more run, after which all is done; an amount that a shipment has changed which was
        completed later than it should have been is made right by the run after."""
        report = self.push()
        assert report.exit_code == 0, report.message
        assert self.is_done()
        return report.exit_code

    def rests(self) -> None:
        """Runs that write amounts at most, and then nothing."""
        for last in (False, True):
            self.box.clear_requests()
            assert promises.kept(self.shop, flows=FLOWS).exit_code == 0
            written = {name(e) for e in self.box.requests() if e["method"] != "GET" and not is_token(e)}
            assert written <= (set() if last else {"POST /stock"})
            assert self.is_at_rest()
            if not written:
                return

    def clean_up(self) -> None:
        shutil.rmtree(self.shop.data)


def name(entry: Mapping[str, Any]) -> str:
    """What is asked of whom, without what differs from one run to the next."""
    path = entry["path"].removeprefix("/api/order-api").removeprefix("/api/v1")
    body, query = entry.get("body") or {}, entry["query"]
    if is_token(entry):
        return f"{entry['method']} {path}"
    if entry["method"] != "GET":
        of = body.get("shipment") or body.get("reference") or ""
        return f"{entry['method']} {path} {of}".rstrip()
    if "stock_modified" in query:
        return f"GET {path}, read back"
    query = re.sub(r"(newer_than|modifiedAfter|limit)=[^&]*&?", "", query).strip("&")
    query = re.sub(r"&?(page|offset)=", r" \1 ", query)
    query = re.sub(r"( page 1)$", "", query) if "reference=" in query else query
    asked = f"?{query}" if query and not query.startswith(" ") else query
    return f"GET {path}{asked}".rstrip()
