"""Orders into myOGO, each once; the payment is taken in Centra first where it must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused, TargetUnknown
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.create_once import look_up_or_lost
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.myogo.order_target import OrderTarget


class CaptureThenCreate:
    """Creates by look-up, capture and POST. An order is never changed from here."""

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        self.orders = OrderTarget(clients)
        self.centra = CentraOrders(clients["centra"])

    def create(self, key: str, row: dict[str, Any]) -> str:
        if not row.get("capture"):
            return self.orders.create(key, row)
        if (found := self.orders.found_already(key, row)) is not None:
            return found
        self._capture(row["shipment_id"])
        try:
            said = self.orders.create_looked_up(key, row)
        except CentraMyogoError as error:
            error.message = f"Its payment has been captured. {error.message}"
            raise
        return "; ".join(filter(None, ("captured", said)))

    def update(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("an order is never changed from here")

    def _capture(self, shipment: str) -> None:
        """Takes the payment. Where it cannot be taken, or its fate is unknown, the order is not sent."""
        try:
            self.centra.capture(shipment)
        except TargetRefused as no:
            raise TargetRefused(f"Not sent: its payment could not be captured ({no.message})", status=no.status) from no
        except (TargetUnknown, WriteRedirected) as unclear:
            if not look_up_or_lost(lambda: self._paid(shipment), unclear):
                raise TargetUnknown(
                    f"Not sent: it is unknown whether its payment was captured ({unclear.message})",
                    status=getattr(unclear, "status", None),
                ) from unclear

    def _paid(self, shipment: str) -> bool:
        order = shipment.rpartition("-")[0]
        rows = self.centra.shipments_of(order, "goodtogo")
        return any(str(row.get("shipmentId")) == shipment and is_paid(row) for row in rows)
