"""Checks that Centra answers as a run needs it. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.config import CentraConfig
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.system import CheckResult, CheckRunner, SystemCheck

MAX_CLOCK_SKEW_S = 120


def preflight(config: CentraConfig, extra_checks: Sequence[SystemCheck], runner: CheckRunner) -> None:
    """Checks the key, the lists, the flows' `extra_checks`, the clock and the time zone."""
    checks = _CentraChecks(config)
    if not runner.run("secrets", checks.secrets):
        runner.skip("products", "stock", "clock")
    elif runner.run("products", checks.products) or checks.answered:
        runner.run("stock", checks.stock)
        for check in extra_checks:
            runner.run(check.name, partial(check.run, checks.client))
        runner.run("clock", checks.clock)
    else:
        runner.skip("stock", "clock")
    checks.close()
    runner.run("timezone", checks.timezone)


class _CentraChecks:
    """`client` is set by the check `secrets`. `answered` is true once Centra has given any answer."""

    client: CentraClient

    def __init__(self, config: CentraConfig) -> None:
        self.config = config
        self.answered = False
        self._date: str | None = None

    def close(self) -> None:
        if hasattr(self, "client"):
            self.client.close()

    def secrets(self) -> CheckResult:
        self.client = CentraClient(self.config.model_copy(update={"attempts": 1}))
        return "ok", "the API key is set", ""

    def products(self) -> CheckResult:
        answer = self.client.raw("/products", {"limit": 1})
        self.answered, self._date = True, answer.headers.get("Date")
        if self.client.envelope("/products", answer).get("products"):
            return "ok", f"{self.config.base_url} lists products", ""
        return (
            "warning",
            f"{self.config.base_url} answers, but lists no product",
            "In Centra, check the plugin's stores and markets: they determine which products are listed.",
        )

    def stock(self) -> CheckResult:
        self.client.get("/stock", {"limit": 1})
        return "ok", "stock is listed", ""

    def clock(self) -> CheckResult:
        skew = _skew_s(self._date)
        if skew is None:
            return "warning", "Centra's answers have no Date header", "Nothing to do; the clocks cannot be compared."
        if abs(skew) > MAX_CLOCK_SKEW_S:
            return (
                "warning",
                f"this machine's clock is {skew:+.0f} s away from Centra's",
                "Set this machine's clock (NTP), or the times of changes will be misread.",
            )
        return "ok", "the clocks agree", ""

    def timezone(self) -> CheckResult:
        if self.config.timezone is not None:
            return "ok", f"Centra's times are read as {self.config.timezone}", ""
        return (
            "warning",
            "the channel file names no time zone for Centra",
            'Set timezone = "Europe/Stockholm" (or the zone chosen in Centra) in [systems.centra]: '
            "Centra's times have no offset and its API does not return the zone.",
        )


class OrderListChecks:
    """The checks that order flows add: both lists answer, and each shipping method in them is mapped.

    `mapped` is the channel's table of shipping methods; None if no flow maps them.
    """

    def __init__(self, mapped: Mapping[str, str] | None) -> None:
        self._mapped, self._seen = mapped, set[str]()

    def checks(self) -> list[SystemCheck]:
        return [
            SystemCheck("orders", lambda client: self._listed(client, "orders", "orderId")),
            SystemCheck("shipments", lambda client: self._listed(client, "shipments", "shipmentId")),
            SystemCheck("shipping", lambda client: self._shipping()),
        ]

    def _listed(self, client: CentraClient, name: str, id_key: str) -> CheckResult:
        rows = next(CentraOrders(client).rows(f"/{name}", name, id_key, {}), [])
        self._seen.update(str(row.get("shippingList") or "").strip() for row in rows)
        return "ok", f"{name} are listed", ""

    def _shipping(self) -> CheckResult:
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
