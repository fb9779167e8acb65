"""Centra's webhook plugin, Integration version: one receiver for the events of orders and shipments."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.json_formats import php_json
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.common.webhook_delivery import Deliveries, Message
from pipelines.sandbox.common.webhook_signing import centra_signature

FORM = "application/x-www-form-urlencoded"


class CentraWebhook:
    """Sends nothing until it has a URL."""

    def __init__(self, deliveries: Deliveries, clock: Clock, switches: Callable[[], CentraSwitches]) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._switches = switches
        self.url: str | None = None
        self._secret = ""

    def set_receiver(self, url: str | None, secret: str) -> None:
        """Sends to the URL from now on, signed with the secret; None ends it. ValueError if it is no http(s) URL."""
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("the url must begin with http:// or https://")
        self.url, self._secret = url, secret

    def notify(self, type: str, action: str, id: Any) -> None:
        """Sends an event soon; `id` is an order's number or a shipment's serial number."""
        if self.url is None:
            return
        switches = self._switches()
        now = datetime.fromtimestamp(self._clock.now(), ZoneInfo(switches.timezone))
        event = {"type": type, "action": action, "date": now.strftime("%Y-%m-%d %H:%M:%S.%f"), "id": id}
        self._deliveries.gather("centra", event, self._messages, switches)

    def _messages(self, events: list[Any]) -> list[Message]:
        if self.url is None:
            return []
        size = self._switches().webhook_batch or len(events)
        return [self._message(self.url, events[start : start + size]) for start in range(0, len(events), size)]

    def _message(self, url: str, events: list[Any]) -> Message:
        body = f"payload={quote_plus(php_json({'events': events}))}".encode("ascii")
        moment = int(self._clock.now())
        gap = " " if self._switches().webhook_header == "spaced" else ""
        signature = f"t={moment},{gap}v1={centra_signature(self._secret, moment, body)}"
        names = ", ".join(f"{event['type']} {event['action']}" for event in events)
        return Message("centra", names, url, (("Content-Type", FORM), ("X-Centra-Signature", signature)), body)
