"""Orders into myOGO, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused
from pipelines.core.json_codec import decode_exact
from pipelines.systems.create_once import create_once
from pipelines.systems.myogo.order_client import MyOgoOrders
from schemas.order_units import units
from schemas.orders.contract import ORDER

_JSON = ("lines", "cash_on_delivery", "customer")
FOUND = "found by its reference after an unclear answer"
ALREADY = "myOGO holds this order already"


class OrderTarget:
    """Creates by look-up and POST. An order is never changed from here."""

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        client = clients["myogo"]
        self.myogo, self.config = MyOgoOrders(client), client.config

    def create(self, key: str, row: dict[str, Any]) -> str:
        found = self.found_already(key, row)
        return self.create_looked_up(key, row) if found is None else found

    def found_already(self, key: str, row: dict[str, Any]) -> str | None:
        """What to say of the order where myOGO has it already; None where it does not. Raises TargetRefused."""
        there = self._one(key)
        return None if there is None else _as_wanted(_payload(key, row), there)

    def create_looked_up(self, key: str, row: dict[str, Any]) -> str:
        """Creates an order that `found_already` has just not found."""
        payload = _payload(key, row)
        return create_once(
            self.config,
            create=lambda: self.myogo.create(payload),
            look_up=lambda: self._one(key),
            as_wanted=lambda held, no: _as_wanted(payload, held, no),
            accepted=_held_back,
            found=FOUND,
        )

    def update(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("an order is never changed from here")

    def _one(self, reference: str) -> dict[str, Any] | None:
        found = self.myogo.with_reference(reference)
        if len(found) > 1:
            raise TargetRefused(f"myOGO holds {len(found)} orders with the reference {reference!r}.")
        return found[0] if found else None


def _payload(key: str, row: dict[str, Any]) -> dict[str, Any]:
    """In myOGO's names, without what is ours alone; what is kept as JSON text becomes what it says."""
    sent = {
        name: decode_exact(value.encode()) if name in _JSON else value
        for name, value in {ORDER.key: key, **row}.items()
        if value is not None and name in ORDER.vendor
    }
    return {ORDER.vendor[name]: value for name, value in sent.items()}


def _as_wanted(sent: dict[str, Any], held: dict[str, Any], no: CentraMyogoError | None = None) -> str:
    """What to say of an order that is there although it was to be created; TargetRefused where it is another."""
    if units(sent["orderLines"]) == units(held.get("orderLines")):
        return FOUND if no else ALREADY
    raise TargetRefused(
        "myOGO holds another order under this reference. Nothing was sent; look at it in myOGO.",
        status=getattr(no, "status", None),
    ) from no


def _held_back(held: dict[str, Any]) -> str:
    """What to say where myOGO does not let the order go by itself; "" where it does."""
    status = str(held.get("status", ""))
    return f"myOGO put it into {status}" if status.casefold() in ("reserved", "pending") else ""
