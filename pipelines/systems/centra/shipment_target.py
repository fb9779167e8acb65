"""Completed shipments into Centra, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import TargetRefused, TargetUnknown
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.create_once import look_up_or_lost, unresolved
from pipelines.systems.http.failures import WriteRedirected
from transforms.tracking import Params

ALREADY = "completed in Centra already"
FOUND = "found completed after an unclear answer"


class ShipmentTarget:
    """`POST /shipment` with `gtg`, `shipped` and `capture` said outright; what came of it is looked up.

    Centra completes only what is paid and good to go, and may answer "ok" all the same; what completing twice does is
    not documented.
    """

    def __init__(self, clients: Mapping[str, Any], params: Params) -> None:
        client: CentraClient = clients["centra"]
        self.orders, self.params, self.verb = CentraOrders(client), params, client.config.completion_verb

    def create(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("shipments are made in Centra")

    def update(self, key: str, row: dict[str, Any]) -> str:
        if not (order := _order_of(key)):
            raise TargetRefused(f"The shipment {key!r} does not say which order it is of. Complete it in Centra.")
        if self._completed(key):
            return ALREADY
        there = [one for one in self.orders.shipments_of(order, "goodtogo") if str(one.get("shipmentId")) == key]
        body: dict[str, Any] = {"order": order, "shipment": key, "gtg": True, "shipped": True}
        # What is paid is not to be paid again: how Centra takes that is not documented.
        body["capture"] = self.params.capture and not any(map(is_paid, there))
        if self.params.send_email is not None:
            body["sendEmail"] = self.params.send_email
        body |= {name: row[name] for name in ("carrier", "service", "packages", "tracking") if row.get(name)}
        try:
            self.orders.complete(self.verb, body)
        except (TargetRefused, TargetUnknown, WriteRedirected) as unclear:
            if look_up_or_lost(lambda: self._completed(key) or None, unclear):
                return FOUND
            if isinstance(unclear, TargetUnknown):
                raise unresolved(unclear, "The shipment was still open when looked up right after.") from unclear
            raise
        if not look_up_or_lost(
            lambda: self._completed(key) or None, TargetUnknown("Centra answered ok, which proves nothing.")
        ):
            raise TargetRefused(
                "Centra answered ok and left the shipment open: it completes only what is paid (captured) and good to "
                "go. The next run tries again."
            )
        return ""

    def _completed(self, shipment_id: str) -> bool:
        rows = self.orders.shipments_of(_order_of(shipment_id), "completed")
        return any(str(row.get("shipmentId")) == shipment_id for row in rows)


def _order_of(shipment_id: str) -> str:
    """Centra's shipment numbers are the order's number, a dash and a count."""
    return shipment_id.rpartition("-")[0]
