"""Creates orders in myOGO, each once, and captures the payment in Centra first if required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused, TargetUnknown
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.create_once import look_up_or_lost, unresolved
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.myogo.order_target import OrderTarget


class CaptureThenCreate:
    """Creates an order by look-up, capture and POST; never changes an order."""

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        self.orders = OrderTarget(clients)
        self.centra = CentraOrders(clients["centra"])

    def create(self, key: str, row: dict[str, Any]) -> str:
        if not row.get("capture"):
            return self.orders.create(key, row)
        if (message := self.orders.existing_message(key, row)) is not None:
            return message
        self._capture(row["shipment_id"])
        try:
            message = self.orders.create_missing(key, row)
        except CentraMyogoError as error:
            error.message = f"Its payment has been captured. {error.message}"
            raise
        return "; ".join(filter(None, ("captured", message)))

    def update(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("orders are never updated")

    def _capture(self, shipment: str) -> None:
        """Captures the payment. Raises if the capture fails or its outcome is unknown: the order is then not sent.

        A shipment that Centra shows as paid counts as captured, also after a refusal: an earlier request may have
        captured it.
        """
        try:
            self.centra.capture(shipment)
        except (TargetRefused, TargetUnknown, WriteRedirected) as error:
            if look_up_or_lost(lambda: self._paid(shipment), error):
                return
            status = getattr(error, "status", None)
            if isinstance(error, TargetRefused):
                message = f"Not sent: its payment could not be captured ({error.message})"
                raise TargetRefused(message, status=status) from error
            message = f"Not sent: it is unknown whether its payment was captured ({error.message})"
            unclear = TargetUnknown(message, status=status)
            raise unresolved(unclear, "A look-up right after showed that it is unpaid.") from error

    def _paid(self, shipment: str) -> bool:
        order = shipment.rpartition("-")[0]
        rows = self.centra.shipments_of(order, "goodtogo")
        return any(str(row.get("shipmentId")) == shipment and is_paid(row) for row in rows)
