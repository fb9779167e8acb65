"""myOGO's webhooks: the subscriptions, the open API's paths for them, and the messages to their URLs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet_json
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.common.webhook_delivery import Deliveries, Message
from pipelines.sandbox.common.webhook_signing import ogoship_signature
from pipelines.sandbox.myogo.api_common import Failure, body_of, enum_text

TYPES = ("OrderShipped", "ProductStockLevelChanged")


@dataclass(frozen=True)
class Subscription:
    """One subscription to one type of event."""

    serial: int
    url: str
    key: str
    type: str
    headers: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return f"{self.serial:08x}-0000-4000-a000-{self.serial:012x}"


class Subscriptions:
    """Subscriptions by id."""

    def __init__(self, deliveries: Deliveries, switches: Callable[[], MyogoSwitches]) -> None:
        self._deliveries = deliveries
        self._switches = switches
        self._subscriptions: dict[str, Subscription] = {}
        self._next = 1

    def notify(self, type: str, row: Callable[[], dict[str, Any]]) -> None:
        """Sends the row to the subscribers of that type; calls `row` only if there is one."""
        if any(subscription.type == type for subscription in self._subscriptions.values()):
            self._deliveries.gather("myogo", (type, dotnet_json(row())), self._messages, self._switches())

    def list_all(self) -> Answer:
        """All subscriptions; without any, null or an empty list, as the switch `empty_webhooks` sets."""
        rows = [self._row(subscription) for subscription in self._subscriptions.values()]
        return Answer(200, dotnet_json(rows or (None if self._switches().empty_webhooks == "null" else [])))

    def get(self, id: str) -> Answer:
        """The subscription; without one, null or a Failure, as the switch `unknown_webhook` sets."""
        subscription = self._subscriptions.get(_key(id))
        if subscription is None and self._switches().unknown_webhook == 404:
            raise Failure(404, f"Webhook {id} was not found.")
        return Answer(200, dotnet_json(subscription and self._row(subscription)))

    def add(self, request: Request) -> Answer:
        """The new subscription; Failure names the first problem of the body."""
        subscription = self._validated(request, self._next)
        self._next += 1
        return self._store(subscription)

    def change(self, request: Request, id: str) -> Answer:
        """The subscription with all its fields replaced; Failure if there is no such subscription."""
        return self._store(self._validated(request, self._existing(id).serial))

    def remove(self, id: str) -> Answer:
        """Removes the subscription and returns 204; Failure if there is no such subscription."""
        del self._subscriptions[self._existing(id).id]
        return Answer(204, b"", applied=True)

    def _existing(self, id: str) -> Subscription:
        subscription = self._subscriptions.get(_key(id))
        if subscription is None:
            raise Failure(404, f"Webhook {id} was not found.")
        return subscription

    def _store(self, subscription: Subscription) -> Answer:
        self._subscriptions[subscription.id] = subscription
        return Answer(200, dotnet_json(self._row(subscription)), applied=True)

    def _row(self, subscription: Subscription) -> dict[str, Any]:
        type = enum_text(subscription.type, self._switches())
        row = {"id": subscription.id, "url": subscription.url, "key": subscription.key, "type": type}
        return row | {"customHeaders": dict(subscription.headers)}

    def _validated(self, request: Request, serial: int) -> Subscription:
        content = body_of(request)
        if not isinstance(content, dict):
            raise Failure(400, "The request body must be a webhook.")
        given = {name.lower(): value for name, value in content.items() if value is not None}
        for name in ("url", "key", "type"):
            if given.get(name, "") == "":
                raise Failure(400, f"The {name.capitalize()} field is required.")
        url, key, headers = given["url"], given["key"], given.get("customheaders", {})
        if not isinstance(url, str) or not _is_url(url, dotted=self._switches().webhook_hosts == "dotted"):
            raise Failure(400, "The Url field is not a valid fully-qualified http or https URL.")
        if not isinstance(key, str):
            raise Failure(400, "The field Key must be a string.")
        named = {name.lower(): name for name in TYPES} | {str(place): name for place, name in enumerate(TYPES, 1)}
        type = named.get(str(given["type"]).lower())
        if type is None:
            raise Failure(400, f"The value '{given['type']}' is not valid for Type.")
        if not isinstance(headers, dict) or not all(_is_header(*pair) for pair in headers.items()):
            raise Failure(400, "The field CustomHeaders must be a map of strings.")
        return Subscription(serial, url, key, type, tuple(headers.items()))

    def _messages(self, events: list[Any]) -> list[Message]:
        return [
            _message(subscription, type, body)
            for type, body in events
            for subscription in self._subscriptions.values()
            if subscription.type == type
        ]


def _message(subscription: Subscription, type: str, body: bytes) -> Message:
    signature = ("X-OGOship-Hmac-SHA256", ogoship_signature(subscription.key, body))
    headers = (("Content-Type", "application/json"), signature, *subscription.headers)
    return Message("myogo", type, subscription.url, headers, body)


def _is_url(text: str, *, dotted: bool) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host != "" and port != 0 and ("." in host or not dotted)


def _is_header(name: Any, value: Any) -> bool:
    return isinstance(value, str) and (name + value).isprintable() and ":" not in name and (name + value).isascii()


def _key(id: str) -> str:
    try:
        return str(UUID(id))
    except ValueError:
        return id
