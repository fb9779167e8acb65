"""Random days of a shop: orders, cancellations, picks, shipments, returns, other people's orders, mistakes.

The expected state is independent of the program: it is computed from what the two stand-ins hold.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any

from tests.support.shop import size

CODES = ("SKU1", "SKU2", "SKU3")
UNITS = 12  # of each size, in both systems, in the morning
PREFIX = "demo"
TAKING = {"New", "Reserved", "Locked", "Collecting", "Shipped"}
SIZES = [size(int(code[3:]), physical=UNITS, allocated=0) for code in CODES]
PRODUCTS = [{"code": code, "stock": UNITS} for code in CODES]


class TradingDay:
    """Events in both systems. `actions` are those of the sandbox; `create_in_myogo` takes a reference, a status and
    units by code, `complete` the id of a shipment, which it completes in Centra. A `calm` day has no event after which
    it is not certain whether goods are sold or free."""

    def __init__(
        self,
        seed: int,
        actions: Any,
        create_in_myogo: Callable[[str, str, dict[str, int]], object],
        complete: Callable[[str], object],
        *,
        calm: bool,
    ) -> None:
        self.random = random.Random(seed)
        self.actions = actions
        self.create_in_myogo, self.complete = create_in_myogo, complete
        self.calm = calm
        self.log: list[str] = []
        self.others = 0

    def step(self) -> None:
        """One random event."""
        events = [self.order] * 5 + [self.pick, self.ship, self.ship, self.deliver, self.order_by_others]
        events += [self.cancel_in_centra, self.complete_by_hand, self.cancel_others, self.take_back, self.count_stock]
        if not self.calm:
            events += [self.order_beyond_stock, self.draft, self.cancel_in_myogo, self.hold, self.split, self.lock]
        event = self.random.choice(events)
        self.log.append(event.__name__)
        event()

    # What happens in Centra.

    def order(self) -> None:
        """A customer orders what the shop shows as free."""
        sold = [code for code in CODES if free(self.actions, code) > 0]
        if codes := self.random.sample(sold, min(len(sold), self.random.choice((1, 1, 2)))):
            lines = [{"code": code, "qty": self.random.randint(1, min(3, free(self.actions, code)))} for code in codes]
            self.actions.place_centra_order(lines=lines, paid=1)

    def order_beyond_stock(self) -> None:
        """A customer orders more than there is."""
        code = self.random.choice(CODES)
        self.actions.place_centra_order(lines=[{"code": code, "qty": max(free(self.actions, code), 0) + 2}], paid=1)

    def split(self) -> None:
        """An order without a shipment yet."""
        self.actions.place_centra_order(lines=[{"code": self.random.choice(CODES), "qty": 1}], shipment=False)

    def cancel_in_centra(self) -> None:
        orders = [one for one in self.actions.centra_orders() if one["status"] in ("2", "3")]
        whole = [one for one in orders if not any(line["shipped"] for line in one["lines"])]
        if whole:
            self.actions.change_centra_order(self.random.choice(whole)["orderId"], status="Cancelled")

    def hold(self) -> None:
        if open_ones := self._open_shipments():
            self.actions.change_centra_shipment(self.random.choice(open_ones), gtg=bool(self.random.getrandbits(1)))

    def complete_by_hand(self) -> None:
        if open_ones := self._open_shipments():
            self.complete(self.random.choice(open_ones))

    # What happens in myOGO.

    def pick(self) -> None:
        self._act(self.actions.collect, "New")

    def ship(self) -> None:
        self._act(lambda reference: self.actions.ship(reference, ["JJFI1"]), "New", "Collecting")

    def take_back(self) -> None:
        self._act(self.actions.take_back, "Shipped", others=True)

    def cancel_in_myogo(self) -> None:
        self._act(self.actions.cancel, "New", "Pending", "Collecting")

    def cancel_others(self) -> None:
        self._act(self.actions.cancel, "New", "Pending", "Collecting", others=True)

    def lock(self) -> None:
        status = self.random.choice(("Reserved", "Locked", "Draft"))
        self._act(lambda reference: self.actions.change_myogo_order(reference, status=status), "New")

    def draft(self) -> None:
        """Somebody sent an order as a draft, or twice."""
        if unsent := self.unsent():
            source_id = self.random.choice(unsent)
            for _ in range(self.random.choice((1, 2))):
                self.create_in_myogo(
                    f"{PREFIX}-{source_id}", self.random.choice(("Draft", "New")), units_of(self.actions, source_id)
                )

    def order_by_others(self) -> None:
        """A person, a second shop whose numbers are the same as ours, or one whose name begins like ours."""
        self.others += 1
        reference = self.random.choice(("by hand {0}", "second-{1}-1", f"{PREFIX}_two-{{1}}-1"))
        units = {self.random.choice(CODES): self.random.randint(1, 4)}
        number = 1000 + self.others
        if reference.format(self.others, number) not in {one["reference"] for one in self.actions.myogo_orders()}:
            self.create_in_myogo(reference.format(self.others, number), "New", units)

    def deliver(self) -> None:
        self.actions.receive(self.random.choice(CODES), self.random.randint(1, 6))

    def count_stock(self) -> None:
        """Goods are missing from a shelf, or were found."""
        code = self.random.choice(CODES)
        stock = stock_of(self.actions)[code]["stock"]
        self.actions.change_myogo_product(code, stock=max(0, stock + self.random.randint(-3, 2)))

    def unsent(self) -> list[str]:
        """Shipments that are good to go and that myOGO does not have."""
        known = {one["reference"] for one in self.actions.myogo_orders()}
        return [
            one["shipmentId"]
            for one in self.actions.centra_shipments()
            if not one["completed"] and one["gtg"] and f"{PREFIX}-{one['shipmentId']}" not in known
        ]

    def _open_shipments(self) -> list[str]:
        return [one["shipmentId"] for one in self.actions.centra_shipments() if not one["completed"]]

    def _act(self, action: Callable[[str], object], *statuses: str, others: bool = False) -> None:
        """An action on a random order in one of the statuses, if the warehouse can do it."""
        found = [
            one["reference"]
            for one in self.actions.myogo_orders()
            if one["status"] in statuses and not (others and one["reference"].startswith(f"{PREFIX}-"))
        ]
        if found:
            try:
                action(self.random.choice(found))
            except ValueError:
                self.log.append("(not possible)")


def stock_of(actions: Any) -> dict[str, dict[str, int]]:
    return {one["code"]: one for one in actions.myogo_products()}


def free(actions: Any, code: str) -> int:
    """The units of a size that Centra shows as free."""
    row = actions.centra_row(int(code[3:]))
    return int(row["physical"]) - int(row["allocated"])


def units_of(actions: Any, shipment_id: str) -> dict[str, int]:
    """The units by code in a shipment of Centra."""
    (shipment,) = [one for one in actions.centra_shipments() if one["shipmentId"] == shipment_id]
    units = Counter[str]()
    lines = {line["line_id"]: line for line in actions.centra_order(shipment_id.split("-")[0])["lines"]}
    for line_id, quantity in shipment["quantities"].items():
        units[f"SKU{lines[line_id]['stock_item_id']}"] += quantity
    return dict(units)


def can_be_sold(actions: Any, taking: Set[str] = TAKING) -> dict[str, int]:
    """By code, what myOGO has available less what Centra has allocated to orders that myOGO has not taken yet. It has
    taken those in the statuses `taking`."""
    taken_references = {one["reference"] for one in actions.myogo_orders() if one["status"] in taking}
    waiting = Counter[str]()
    for order in actions.centra_orders():
        allocated, taken = Counter[str](), Counter[str]()
        for line in order["lines"]:
            allocated[f"SKU{line['stock_item_id']}"] += line["allocated"]
        for shipment_id in order["shipmentIds"]:
            if f"{PREFIX}-{shipment_id}" in taken_references and not _is_completed(actions, shipment_id):
                taken.update(units_of(actions, shipment_id))
        waiting.update(allocated - taken)
    return {code: max(0, row["stockAvailable"] - waiting[code]) for code, row in stock_of(actions).items()}


def backlog(actions: Any) -> Counter[str]:
    """By code, the units that Centra has sold without having them."""
    units = Counter[str]()
    for order in actions.centra_orders():
        if order["status"] in ("2", "3"):
            for line in order["lines"]:
                units[f"SKU{line['stock_item_id']}"] += line["qty"] - line["allocated"] - line["shipped"]
    return units


def _is_completed(actions: Any, shipment_id: str) -> bool:
    return any(one["completed"] for one in actions.centra_shipments() if one["shipmentId"] == shipment_id)


def settle(day: TradingDay) -> None:
    """Everything that is open ends: in Centra completed or cancelled, in myOGO shipped or cancelled."""
    actions = day.actions
    for shipment in actions.centra_shipments():
        if not shipment["completed"]:
            actions.change_centra_shipment(shipment["shipmentId"], gtg=True, paid=True)
            day.complete(shipment["shipmentId"])
    for order in actions.centra_orders():
        if any(line["allocated"] for line in order["lines"]):
            actions.change_centra_order(order["orderId"], status="Cancelled")
    for order in actions.myogo_orders():
        if order["status"] not in ("Shipped", "Returned", "Cancelled"):
            actions.change_myogo_order(order["reference"], status="Cancelled")


def check_nothing_is_oversold(
    actions: Any, *, exactly: bool, failed: Mapping[str, int] = MappingProxyType({}), what: object = ""
) -> None:
    """After a run, Centra shows no more as free than can be sold; or exactly that, less the units (by code) of the
    shipments whose completion has `failed` in that run.

    A pending order has goods in myOGO too, perhaps: they are no longer available, and a run that finds it pending takes
    them off once more. What Centra has sold without having it is taken off once myOGO has the order.
    """
    most, least = can_be_sold(actions, TAKING | {"Pending"}), can_be_sold(actions)
    shown, sold_without_stock = {code: free(actions, code) for code in CODES}, backlog(actions)
    for code in CODES:
        assert shown[code] <= most[code] + sold_without_stock[code], (code, shown, most, what)
        assert not exactly or shown[code] >= least[code] - failed.get(code, 0), (code, shown, least, what)
