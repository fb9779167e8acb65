"""The control paths of orders, shipments and webhooks."""

from typing import Any

from pipelines.sandbox.myogo.api_common import Failure, decoded
from pipelines.sandbox.server.actions import Play

CENTRA = ("centra/orders/{number}", "centra/shipments/{id}", "centra/webhook")
MYOGO = ("myogo/orders/{base64url reference}", "myogo/collect", "myogo/ship", "myogo/cancel", "myogo/return")


def centra(play: Play, method: str, rest: list[str], content: dict[str, Any]) -> Any:
    """What the path below `centra` gives; LookupError if there is no such path."""
    match (method, *rest):
        case ("POST", "orders"):
            return play.place_centra_order(content)
        case ("GET", "orders"):
            return play.centra_orders()
        case ("GET", "orders", number):
            return play.centra_order(number)
        case ("PATCH", "orders", number):
            return play.change_centra_order(number, content)
        case ("GET", "shipments"):
            return play.centra_shipments()
        case ("PATCH", "shipments", shipment_id):
            return play.change_centra_shipment(shipment_id, content)
        case ("PUT", "webhook"):
            return play.aim_centra_webhook(content["url"], str(content.get("secret", "")))
    raise LookupError(f"the control paths are centra/rows, {', '.join(CENTRA)}")


def myogo(play: Play, method: str, rest: list[str], content: dict[str, Any]) -> Any:
    """What the path below `myogo` gives; LookupError if there is no such path."""
    match (method, *rest):
        case ("GET", "orders"):
            return play.myogo_orders()
        case ("PATCH", "orders", reference):
            return play.change_myogo_order(_reference(reference), content)
        case ("POST", "collect"):
            return play.collect(content["reference"])
        case ("POST", "ship"):
            return play.ship(content["reference"], _numbers(content.get("tracking")), content.get("url"))
        case ("POST", "cancel"):
            return play.cancel(content["reference"])
        case ("POST", "return"):
            return play.take_back(content["reference"])
    known = ("myogo/products", "myogo/products/{base64url code}", "myogo/receive", *MYOGO)
    raise LookupError(f"the control paths are {', '.join(known)}")


def _reference(part: str) -> str:
    try:
        return decoded(part)
    except Failure as failure:
        raise ValueError(failure.message) from None


def _numbers(given: Any) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(number, str) for number in given):
        raise ValueError("tracking must be a list of strings")
    return given
