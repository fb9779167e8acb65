"""Orders into myOGO, each once; the payment is taken first where it must be."""

from __future__ import annotations

from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused, TargetUnknown
from pipelines.core.json_codec import decode_exact
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders, is_paid
from pipelines.systems.create_once import create_once, look_up_or_lost
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders
from schemas.order_units import units
from schemas.orders.contract import ORDER

_JSON = ("lines", "cash_on_delivery", "customer")
FOUND = "found by its reference after an unclear answer"
ALREADY = "myOGO holds this order already"


class OrderTarget:
    """Creates by look-up, capture and POST. An order is never changed from here."""

    def __init__(self, client: MyOgoClient, params: object, other: CentraClient) -> None:
        self.myogo, self.centra = MyOgoOrders(client), CentraOrders(other)
        self.config = client.config

    def create(self, key: str, product: dict[str, Any]) -> str:
        payload = _payload({ORDER.key: key, **product})
        if (there := self._one(key)) is not None:
            return _as_wanted(payload, there)
        told = self._capture(product["shipment_id"]) if product.get("capture") else ""
        try:
            said = create_once(
                self.config,
                create=lambda: self.myogo.create(payload),
                look_up=lambda: self._one(key),
                as_wanted=lambda held, no: _as_wanted(payload, held, no),
                kept=_told_of,
                found=FOUND,
            )
        except CentraMyogoError as error:
            if told:
                error.message = f"Its payment has been captured. {error.message}"
            raise
        return "; ".join(filter(None, (told, said)))

    def update(self, key: str, product: dict[str, Any]) -> str:
        raise AssertionError("an order is never changed from here")

    def _one(self, reference: str) -> dict[str, Any] | None:
        found = self.myogo.with_reference(reference)
        if len(found) > 1:
            raise TargetRefused(f"myOGO holds {len(found)} orders with the reference {reference!r}.")
        return found[0] if found else None

    def _capture(self, shipment: str) -> str:
        """Takes the payment. Where it cannot be taken, or nobody knows, the order is not sent."""
        try:
            self.centra.capture(shipment)
        except TargetRefused as no:
            raise TargetRefused(f"Not sent: its payment could not be captured ({no.message})", status=no.status) from no
        except (TargetUnknown, WriteRedirected) as unclear:
            if not look_up_or_lost(lambda: self._paid(shipment), unclear):
                raise TargetUnknown(
                    f"Not sent: nobody knows whether its payment was captured ({unclear.message})",
                    status=getattr(unclear, "status", None),
                ) from unclear
        return "captured"

    def _paid(self, shipment: str) -> bool:
        order = shipment.rpartition("-")[0]
        rows = self.centra.shipments_of(order, "goodtogo")
        return any(str(row.get("shipmentId")) == shipment and is_paid(row) for row in rows)


def _payload(order: dict[str, Any]) -> dict[str, Any]:
    """In myOGO's names, without what is ours alone; what is kept as JSON text is what it says."""
    told = {
        name: decode_exact(value.encode()) if name in _JSON else value
        for name, value in order.items()
        if value is not None and name in ORDER.vendor
    }
    return {ORDER.vendor[name]: value for name, value in told.items()}


def _as_wanted(sent: dict[str, Any], held: dict[str, Any], no: CentraMyogoError | None = None) -> str:
    """What to tell of an order that is there although it was to be created; TargetRefused where it is another."""
    if units(sent["orderLines"]) == units(held.get("orderLines")):
        return FOUND if no else ALREADY
    raise TargetRefused(
        "myOGO holds another order under this reference. Nothing was sent; look at it in myOGO.",
        status=getattr(no, "status", None),
    ) from no


def _told_of(held: dict[str, Any]) -> str:
    """Where myOGO does not let the order go by itself."""
    status = str(held.get("status", ""))
    return f"myOGO put it into {status}" if status.casefold() in ("reserved", "pending") else ""
