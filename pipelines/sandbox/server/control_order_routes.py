"""The control paths of orders, shipments and webhooks."""

from typing import Any

from pipelines.sandbox.myogo.api_common import Failure, decode_key
from pipelines.sandbox.server.actions import Actions

CENTRA = ("centra/orders/{number}", "centra/shipments/{id}", "centra/webhook")
MYOGO = ("myogo/orders/{base64url reference}", "myogo/collect", "myogo/ship", "myogo/cancel", "myogo/return")


def centra(actions: Actions, method: str, rest: list[str], content: dict[str, Any]) -> Any:
    """The result of the path below `centra`; LookupError if there is no such path."""
    match (method, *rest):
        case ("POST", "orders"):
            return actions.place_centra_order(**content)
        case ("GET", "orders"):
            return actions.centra_orders()
        case ("GET", "orders", number):
            return actions.centra_order(number)
        case ("PATCH", "orders", number):
            return actions.change_centra_order(number, **content)
        case ("GET", "shipments"):
            return actions.centra_shipments()
        case ("PATCH", "shipments", shipment_id):
            return actions.change_centra_shipment(shipment_id, **content)
        case ("DELETE", "shipments", shipment_id):
            return actions.delete_centra_shipment(shipment_id)
        case ("PUT", "webhook"):
            return actions.set_centra_webhook(content["url"], str(content.get("secret", "")))
    raise LookupError(f"the control paths are centra/rows, {', '.join(CENTRA)}")


def myogo(actions: Actions, method: str, rest: list[str], content: dict[str, Any]) -> Any:
    """The result of the path below `myogo`; LookupError if there is no such path."""
    match (method, *rest):
        case ("GET", "orders"):
            return actions.myogo_orders()
        case ("PATCH", "orders", reference):
            return actions.change_myogo_order(_reference(reference), **content)
        case ("POST", "collect"):
            return actions.collect(content["reference"])
        case ("POST", "ship"):
            return actions.ship(content["reference"], _numbers(content.get("tracking")), content.get("url"))
        case ("POST", "cancel"):
            return actions.cancel(content["reference"])
        case ("POST", "return"):
            return actions.take_back(content["reference"])
    known = ("myogo/products", "myogo/products/{base64url code}", "myogo/receive", *MYOGO)
    raise LookupError(f"the control paths are {', '.join(known)}")


def _reference(part: str) -> str:
    try:
        return decode_key(part)
    except Failure as failure:
        raise ValueError(failure.message) from None


def _numbers(given: Any) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(number, str) for number in given):
        raise ValueError("tracking must be a list of strings")
    return given
