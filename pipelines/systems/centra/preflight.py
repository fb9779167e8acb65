"""What Centra must answer before a run can work; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.config import CentraConfig
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.system import Answer, Interview, Question

MAX_CLOCK_SKEW_S = 120


def preflight(config: CentraConfig, questions: Sequence[Question], interview: Interview) -> None:
    """Asks for the key, the lists, what `questions` add, the clock and the time zone."""
    checks = _CentraChecks(config)
    if not interview.ask("secrets", checks.secrets):
        interview.skip("products", "stock", "clock")
    elif interview.ask("products", checks.products) or checks.answered:
        interview.ask("stock", checks.stock)
        for question in questions:
            interview.ask(question.name, partial(question.ask, checks.client))
        interview.ask("clock", checks.clock)
    else:
        interview.skip("stock", "clock")
    checks.close()
    interview.ask("timezone", checks.timezone)


class _CentraChecks:
    """`client` is there once `secrets` has been asked; `answered` says whether Centra has answered at all."""

    client: CentraClient

    def __init__(self, config: CentraConfig) -> None:
        self.config = config
        self.answered = False
        self._date: str | None = None

    def close(self) -> None:
        if hasattr(self, "client"):
            self.client.close()

    def secrets(self) -> Answer:
        self.client = CentraClient(self.config.model_copy(update={"attempts": 1}))
        return "ok", "the API key is there", ""

    def products(self) -> Answer:
        answer = self.client.raw("/products", {"limit": 1})
        self.answered, self._date = True, answer.headers.get("Date")
        if self.client.envelope("/products", answer).get("products"):
            return "ok", f"{self.config.base_url} lists products", ""
        return (
            "warning",
            f"{self.config.base_url} answers, but lists no product",
            "In Centra, check the plugin's stores and markets: they decide what is listed.",
        )

    def stock(self) -> Answer:
        self.client.get("/stock", {"limit": 1})
        return "ok", "stock is listed", ""

    def clock(self) -> Answer:
        skew = _skew_s(self._date)
        if skew is None:
            return "warning", "Centra's answers carry no clock", "Nothing to do; times cannot be compared."
        if abs(skew) > MAX_CLOCK_SKEW_S:
            return (
                "warning",
                f"this machine's clock is {skew:+.0f} s away from Centra's",
                "Set this machine's clock (NTP): times of changes would be misread.",
            )
        return "ok", "the clocks agree", ""

    def timezone(self) -> Answer:
        if self.config.timezone is not None:
            return "ok", f"Centra's times are read as {self.config.timezone}", ""
        return (
            "warning",
            "the channel file names no time zone for Centra",
            'Set timezone = "Europe/Stockholm" (or the zone chosen in Centra) in [systems.centra]: '
            "Centra's times carry no offset and its API does not tell the zone.",
        )


class OrderListChecks:
    """What flows of orders add: both lists answer, and each shipping method seen in them is mapped.

    `mapped` is the channel's table of shipping methods; None where no flow maps them.
    """

    def __init__(self, mapped: Mapping[str, str] | None) -> None:
        self._mapped, self._seen = mapped, set[str]()

    def questions(self) -> list[Question]:
        return [
            Question("orders", lambda client: self._listed(client, "orders", "orderId")),
            Question("shipments", lambda client: self._listed(client, "shipments", "shipmentId")),
            Question("shipping", lambda client: self._shipping()),
        ]

    def _listed(self, client: CentraClient, name: str, own_id: str) -> Answer:
        rows = next(CentraOrders(client).rows(f"/{name}", name, own_id, {}), [])
        self._seen.update(str(row.get("shippingList") or "").strip() for row in rows)
        return "ok", f"{name} are listed", ""

    def _shipping(self) -> Answer:
        seen = f"shipping methods seen: {_quoted(self._seen)}"
        if self._mapped is None:
            return "ok", seen, ""
        mapped = {method.strip().casefold() for method in self._mapped}
        unmapped = {method for method in self._seen if method and method.casefold() not in mapped}
        if unmapped:
            return (
                "warning",
                f"{seen}; not mapped: {_quoted(unmapped)}",
                "Map them to myOGO's codes in [flows.orders.params.shipping]; until then such orders are withheld.",
            )
        return "ok", f"{seen}; all of them are mapped", ""


def _quoted(texts: set[str]) -> str:
    return ", ".join(repr(text) for text in sorted(texts - {""})) or "none"


def _skew_s(date: str | None) -> float | None:
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return None
