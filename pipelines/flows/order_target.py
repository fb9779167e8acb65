"""Creates orders in myOGO, each once, after a last look at Centra, and captures the payment first if required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused, TargetUnknown
from pipelines.flows.order_flow import reading_digest
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.centra.order_source import frames_of
from pipelines.systems.create_once import look_up_or_lost, unresolved
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.myogo.order_target import OrderTarget
from pipelines.systems.target import HeldBack


class CaptureThenCreate:
    """Creates an order by look-up, a last look at Centra, capture and POST; never changes an order. `params` are those
    of the orders flow; None for a target that sends what it is given."""

    def __init__(self, clients: Mapping[str, Any], params: Any = None) -> None:
        self.orders, self.params = OrderTarget(clients), params
        self.centra, self.key = CentraOrders(clients["centra"]), clients["myogo"].config.secret_token.reveal()

    def create(self, key: str, row: dict[str, Any]) -> str:
        if (message := self.orders.existing_message(key, row)) is not None:
            return message
        if row.get("read_as"):
            self._refuse_if_changed(key, row)
        if not row.get("capture"):
            return self.orders.create_missing(key, row)
        self._capture(row["shipment_id"])
        try:
            message = self.orders.create_missing(key, row)
        except CentraMyogoError as error:
            error.message = f"Its payment has been captured. {error.message}"
            raise
        joined = "; ".join(filter(None, ("captured", message)))
        return HeldBack(joined) if isinstance(message, HeldBack) else joined

    def update(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("orders are never updated")

    def _refuse_if_changed(self, key: str, row: dict[str, Any]) -> None:
        """Reads the shipment (or order) once more, right before it is sent. Raises TargetRefused if Centra no longer
        lists it, or if it differs from what this run has read."""
        shipment_id = row.get("shipment_id")
        if shipment_id:
            now, what = self.centra.open_shipment(shipment_id), f"shipment {shipment_id}"
        else:
            order_id = key.rpartition("-")[2]
            now, what = self._chosen_order(order_id), f"order {order_id}"
        if now is None:
            raise TargetRefused(
                f"Not sent: Centra no longer shows {what} as good to go. It was cancelled, put on hold or "
                "completed after this run had read it."
            )
        read_now = reading_digest(*frames_of(now, self.params.source, with_note=self.params.customer_note), self.key)
        if read_now != [row["read_as"]]:
            raise TargetRefused(
                f"Not sent: {what} was changed in Centra after this run had read it. The next run reads it anew."
            )

    def _chosen_order(self, order_id: str) -> dict[str, Any] | None:
        """The order, if it has one of the channel's statuses."""
        chosen = [status.casefold() for status in self.params.statuses]
        orders = self.centra.orders_with_number(order_id)
        return next((one for one in orders if str(one.get("orderStatus")).casefold() in chosen), None)

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
