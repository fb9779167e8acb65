"""Creates orders in myOGO, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.core.errors import CentraMyogoError, TargetRefused
from pipelines.core.json_codec import decode_exact
from pipelines.systems.create_once import create_once
from pipelines.systems.myogo.order_client import MyOgoOrders, reason_given
from pipelines.systems.target import HeldBack
from schemas.fields.myogo_orders import HELD_BACK, WAITING
from schemas.order_units import units
from schemas.orders.contract import ORDER

_JSON = ("lines", "cash_on_delivery", "customer")
FOUND = "found by its reference after an unclear answer"
ALREADY = "myOGO already holds this order"


class OrderTarget:
    """Creates orders by look-up and POST. Never changes an order."""

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        client = clients["myogo"]
        self.myogo, self.config = MyOgoOrders(client), client.config

    def create(self, key: str, row: dict[str, Any]) -> str:
        message = self.existing_message(key, row)
        return self.create_missing(key, row) if message is None else message

    def existing_message(self, key: str, row: dict[str, Any]) -> str | None:
        """A message if myOGO already has the order; None if it does not. Raises TargetRefused."""
        existing = self._one(key)
        return None if existing is None else _compare_existing(_payload(key, row), existing)

    def create_missing(self, key: str, row: dict[str, Any]) -> str:
        """Creates an order right after `existing_message` returned None."""
        payload = _payload(key, row)
        return create_once(
            self.config,
            create=lambda: self.myogo.create(payload),
            look_up=lambda: self._one(key),
            compare_existing=lambda existing, refusal: _compare_existing(payload, existing, refusal),
            accepted=_held_back,
            found_message=FOUND,
        )

    def update(self, key: str, row: dict[str, Any]) -> str:
        raise AssertionError("this program never changes an order in myOGO")

    def _one(self, reference: str) -> dict[str, Any] | None:
        orders = self.myogo.with_reference(reference)
        if len(orders) > 1:
            raise TargetRefused(f"myOGO holds {len(orders)} orders with the reference {reference!r}.")
        return orders[0] if orders else None


def _payload(key: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with myOGO's field names, without columns that myOGO does not have; JSON texts are decoded."""
    sent = {
        name: decode_exact(value.encode()) if name in _JSON else value
        for name, value in {ORDER.key: key, **row}.items()
        if value is not None and name in ORDER.vendor
    }
    return {ORDER.vendor[name]: value for name, value in sent.items()}


def _compare_existing(sent: dict[str, Any], existing: dict[str, Any], refusal: CentraMyogoError | None = None) -> str:
    """A message about an order that exists although it was to be created. Raises TargetRefused if its lines differ.

    `refusal` is myOGO's answer to the POST, if one was sent.
    """
    if units(sent["orderLines"]) == units(existing.get("orderLines")):
        return FOUND if refusal else ALREADY
    raise TargetRefused(
        "myOGO holds another order under this reference. Nothing was sent; check that order in myOGO.",
        status=getattr(refusal, "status", None),
    ) from refusal


def _held_back(order: dict[str, Any]) -> str:
    """A HeldBack with myOGO's reason if its status holds the order back; else ""."""
    status = str(order.get("status", ""))
    if status.casefold() not in (*HELD_BACK, *WAITING):
        return ""
    reason = reason_given(order)
    return HeldBack(f"myOGO put it into {status}{f': {reason}' if reason else ', without a reason'}")
