"""Completes shipments in Centra, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import TargetRefused, TargetUnknown
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.create_once import look_up_or_lost, unresolved
from pipelines.systems.http.failures import WriteRedirected
from transforms.tracking import Params

ALREADY = "already completed in Centra"
FOUND = "found completed after an unclear answer"


class ShipmentTarget:
    """`PUT /shipment` with `gtg`, `shipped` and `capture` set explicitly; a look-up verifies the result.

    Centra completes only shipments that are paid and good to go, but may answer "ok" for others too. The effect of a
    second completion is not documented.
    """

    def __init__(self, clients: Mapping[str, Any], params: Params) -> None:
        client: CentraClient = clients["centra"]
        self.orders, self.params, self.verb = CentraOrders(client), params, client.config.completion_verb

    def create(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("shipments are created in Centra")

    def update(self, key: str, row: dict[str, Any]) -> str:
        if not (order := _order_of(key)):
            raise TargetRefused(f"The shipment number {key!r} does not contain an order number. Complete it in Centra.")
        if self._completed(key):
            return ALREADY
        open_shipments = [
            row for row in self.orders.shipments_of(order, "goodtogo") if str(row.get("shipmentId")) == key
        ]
        body: dict[str, Any] = {"order": order, "shipment": key, "gtg": True, "shipped": True}
        # A paid shipment needs no capture; asking for one would do no harm (Centra: it is ignored then).
        body["capture"] = self.params.capture and not any(map(is_paid, open_shipments))
        if self.params.send_email is not None:
            body["sendEmail"] = self.params.send_email
        body |= {name: row[name] for name in ("carrier", "service", "packages", "tracking") if row.get(name)}
        try:
            self.verb = self.orders.complete(self.verb, body, lambda: self._open(key))
        except (TargetRefused, TargetUnknown, WriteRedirected) as unclear:
            if look_up_or_lost(lambda: self._completed(key) or None, unclear):
                return FOUND
            if isinstance(unclear, TargetUnknown):
                raise unresolved(unclear, "A look-up right after showed that the shipment is still open.") from unclear
            raise
        if not look_up_or_lost(
            lambda: self._completed(key) or None,
            TargetUnknown("Centra answered ok, which does not prove that the shipment is completed."),
        ):
            raise TargetRefused(
                "Centra answered ok but left the shipment open: it completes only shipments that are paid (captured) "
                "and good to go. The next run tries again."
            )
        return ""

    def _open(self, shipment_id: str) -> bool:
        """Whether the shipment is good to go and not completed. Raises TargetLost."""
        refused = TargetRefused("Centra refused to complete the shipment.")
        rows = look_up_or_lost(lambda: self.orders.shipments_of(_order_of(shipment_id), "goodtogo"), refused) or []
        return any(str(row.get("shipmentId")) == shipment_id for row in rows)

    def _completed(self, shipment_id: str) -> bool:
        rows = self.orders.shipments_of(_order_of(shipment_id), "completed")
        return any(str(row.get("shipmentId")) == shipment_id for row in rows)


def _order_of(shipment_id: str) -> str:
    """The order number of a shipment number, which is the order number, a dash and a count."""
    return shipment_id.rpartition("-")[0]
