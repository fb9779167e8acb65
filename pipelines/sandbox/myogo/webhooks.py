"""myOGO's webhooks: who is told what, and the open API's paths for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.common.webhook_delivery import Deliveries, Message
from pipelines.sandbox.common.webhook_signing import ogoship_signature
from pipelines.sandbox.myogo.api_common import Failure, body_of, spelt

TYPES = ("OrderShipped", "ProductStockLevelChanged")


@dataclass(frozen=True)
class Hook:
    """One subscription."""

    serial: int
    url: str
    key: str
    type: str
    headers: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return f"{self.serial:08x}-0000-4000-a000-{self.serial:012x}"


class Subscriptions:
    """Hooks by id."""

    def __init__(self, deliveries: Deliveries, switches: Callable[[], MyogoSwitches]) -> None:
        self._deliveries = deliveries
        self._switches = switches
        self._hooks: dict[str, Hook] = {}
        self._next = 1

    def tell(self, type: str, row: Callable[[], dict[str, Any]]) -> None:
        """Has everybody told who asked for that type; the row is made only if there is somebody."""
        if any(hook.type == type for hook in self._hooks.values()):
            self._deliveries.gather("myogo", (type, dotnet(row())), self._messages, self._switches())

    def listed(self) -> Answer:
        """All hooks; when there is none, null where the switches say so."""
        hooks = [self._row(hook) for hook in self._hooks.values()]
        return Answer(200, dotnet(hooks or (None if self._switches().empty_webhooks == "null" else [])))

    def one(self, id: str) -> Answer:
        """The hook; null or a Failure if there is none."""
        hook = self._hooks.get(_key(id))
        if hook is None and self._switches().unknown_webhook == 404:
            raise Failure(404, f"Webhook {id} was not found.")
        return Answer(200, dotnet(hook and self._row(hook)))

    def add(self, request: Request) -> Answer:
        """The new hook; Failure says what is wrong with it."""
        hook = self._validated(request, self._next)
        self._next += 1
        return self._stored(hook)

    def change(self, request: Request, id: str) -> Answer:
        """The hook with everything in it replaced; Failure if there is none."""
        return self._stored(self._validated(request, self._known(id).serial))

    def remove(self, id: str) -> Answer:
        """204 once the hook is gone; Failure if there was none."""
        del self._hooks[self._known(id).id]
        return Answer(204, b"", applied=True)

    def _known(self, id: str) -> Hook:
        hook = self._hooks.get(_key(id))
        if hook is None:
            raise Failure(404, f"Webhook {id} was not found.")
        return hook

    def _stored(self, hook: Hook) -> Answer:
        self._hooks[hook.id] = hook
        return Answer(200, dotnet(self._row(hook)), applied=True)

    def _row(self, hook: Hook) -> dict[str, Any]:
        type = spelt(hook.type, self._switches())
        return {"id": hook.id, "url": hook.url, "key": hook.key, "type": type, "customHeaders": dict(hook.headers)}

    def _validated(self, request: Request, serial: int) -> Hook:
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
        return Hook(serial, url, key, type, tuple(headers.items()))

    def _messages(self, told: list[Any]) -> list[Message]:
        return [_message(hook, type, body) for type, body in told for hook in self._hooks.values() if hook.type == type]


def _message(hook: Hook, type: str, body: bytes) -> Message:
    signature = ("X-OGOship-Hmac-SHA256", ogoship_signature(hook.key, body))
    headers = (("Content-Type", "application/json"), signature, *hook.headers)
    return Message("myogo", type, hook.url, headers, body)


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
