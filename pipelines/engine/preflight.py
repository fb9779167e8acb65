"""The Test button: everything a run would need is asked for once, one by one, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pipelines.config.channel import Channel
from pipelines.config.reference import import_string
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.logs import redact
from pipelines.state.run_result import HEADLINES
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.order_client import MyOgoOrders

MAX_CLOCK_SKEW_S = 120
Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    system: str
    name: str
    status: Status
    message: str
    fix: str = ""


@dataclass(frozen=True)
class CheckReport:
    channel: str
    outcome: str
    exit_code: int
    checks: tuple[Check, ...]

    @property
    def headline(self) -> str:
        return "Everything answers as it should." if not self.exit_code else HEADLINES[self.outcome]

    def as_json(self) -> dict[str, Any]:
        """The object that `check --json` prints."""
        return {
            "channel": self.channel,
            "verb": "check",
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "checks": [asdict(check) for check in self.checks],
        }


def check(channel: Channel, data: Path, watch: Callable[[Check], None]) -> CheckReport:
    """Asks both systems and looks at the data folder. A failure in one place does not hide what the others say."""
    done: list[Check] = []
    errors: list[CentraMyogoError] = []

    def ask(system: str, name: str, question: Callable[[], tuple[Status, str, str]]) -> bool:
        try:
            status, message, fix = question()
            answer = Check(system, name, status, redact(message), fix)  # an address may hold a secret too
        except CentraMyogoError as error:
            errors.append(error)
            answer = Check(system, name, "failed", error.message, error.fix)
        done.append(answer)
        watch(answer)
        return answer.status != "failed"

    def skip(system: str, *names: str) -> None:
        for name in names:
            answer = Check(system, name, "skipped", "not asked, because what comes before it failed")
            done.append(answer)
            watch(answer)

    done.append(Check("channel", "file", "ok", f"{channel.path} is right"))
    watch(done[0])
    ask("channel", "data", lambda: _writable(data / channel.name))
    for name in channel.in_order(()):
        ask("channel", "limits", partial(_limits, name, channel.flow_limits(name)))
        if advice := import_string(channel.flows[name].judge).advice(channel.flow_params(name)):
            ask("channel", name, partial(_said, advice))
    _ask_centra(channel, ask, skip)
    _ask_myogo(channel, ask, skip)
    worst = min(errors, key=lambda error: error.exit_code, default=None)
    outcome, code = (worst.outcome, worst.exit_code) if worst else ("ok", 0)
    return CheckReport(channel.name, outcome, code, tuple(done))


Ask = Callable[[str, str, Callable[[], tuple[Status, str, str]]], bool]


def _writable(folder: Path) -> tuple[Status, str, str]:
    """Whether a run could write there; nothing is made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ConfigError(
            f"Working files would go to {folder}, but {there} cannot be written to.",
            "Give --data (or CENTRA_MYOGO_DATA) a folder that this user may write to.",
        )
    return "ok", f"working files go to {folder}", ""


def _said(advice: tuple[Status, str, str]) -> tuple[Status, str, str]:
    return advice


def _limits(name: str, limits: Any) -> tuple[Status, str, str]:
    """What a plan must keep to, defaults included."""
    return "ok", f"{name}: {', '.join(f'{key} = {value:g}' for key, value in limits)}", ""


def _ask_centra(channel: Channel, ask: Ask, skip: Callable[..., None]) -> None:
    config = channel.systems.centra
    clients: list[CentraClient] = []
    dates: list[str | None] = []

    def secrets() -> tuple[Status, str, str]:
        clients.append(CentraClient(config.model_copy(update={"attempts": 1})))
        return "ok", "the API key is there", ""

    def products() -> tuple[Status, str, str]:
        answer = clients[0].raw("/products", {"limit": 1})
        dates.append(answer.headers.get("Date"))
        rows = clients[0].envelope("/products", answer).get("products")
        if not rows:
            return (
                "warning",
                f"{config.base_url} answers, but lists no product",
                ("In Centra, check the plugin's stores and markets: they decide what is listed."),
            )
        return "ok", f"{config.base_url} lists products", ""

    def stock() -> tuple[Status, str, str]:
        clients[0].get("/stock", {"limit": 1})
        return "ok", "stock is listed", ""

    def clock() -> tuple[Status, str, str]:
        skew = _skew_s(dates[0] if dates else None)
        if skew is None:
            return "warning", "Centra's answers carry no clock", "Nothing to do; times cannot be compared."
        if abs(skew) > MAX_CLOCK_SKEW_S:
            return (
                "warning",
                f"this machine's clock is {skew:+.0f} s away from Centra's",
                ("Set this machine's clock (NTP): times of changes would be misjudged."),
            )
        return "ok", "the clocks agree", ""

    def zone() -> tuple[Status, str, str]:
        if config.timezone is None:
            return (
                "warning",
                "the channel file names no time zone for Centra",
                (
                    'Set timezone = "Europe/Stockholm" (or the zone chosen in Centra) in [systems.centra]: '
                    "Centra's times carry no offset and its API does not tell the zone."
                ),
            )
        return "ok", f"Centra's times are read as {config.timezone}", ""

    if not ask("centra", "secrets", secrets):
        skip("centra", "products", "stock", "clock")
    else:
        reached = ask("centra", "products", products)
        if reached or dates:
            ask("centra", "stock", stock)
            if _has_orders(channel):
                _ask_for_orders(channel, clients, ask)
            ask("centra", "clock", clock)
        else:
            skip("centra", "stock", "clock")
        clients[0].close()
    ask("centra", "timezone", zone)


def _ask_for_orders(channel: Channel, clients: list[CentraClient], ask: Ask) -> None:
    """What the flows of orders need of Centra; asked where one of them is on."""
    orders = CentraOrders(clients[0])
    methods: set[str] = set()

    def listed(path: str, key: str, own_id: str, group: str) -> tuple[Status, str, str]:
        rows = next(orders.rows(path, key, own_id, {}), [])
        methods.update(str(row.get("shippingList") or "").strip() for row in rows)
        return "ok", f"{group} are listed", ""

    def shipping() -> tuple[Status, str, str]:
        if "orders" not in channel.flows:
            return "ok", f"shipping methods seen: {_quoted(methods)}", ""
        mapped = {method.strip().casefold() for method in channel.flow_params("orders").shipping}
        strange = {method for method in methods if method and method.casefold() not in mapped}
        if strange:
            return (
                "warning",
                f"shipping methods seen: {_quoted(methods)}; not mapped: {_quoted(strange)}",
                "Map them to myOGO's codes in [flows.orders.params.shipping]; until then such orders are withheld.",
            )
        return "ok", f"shipping methods seen: {_quoted(methods)}; all of them are mapped", ""

    ask("centra", "orders", partial(listed, "/orders", "orders", "orderId", "orders"))
    ask("centra", "shipments", partial(listed, "/shipments", "shipments", "shipmentId", "shipments"))
    ask("centra", "shipping", shipping)


def _quoted(texts: set[str]) -> str:
    return ", ".join(repr(text) for text in sorted(texts - {""})) or "none"


def _ask_myogo(channel: Channel, ask: Ask, skip: Callable[..., None]) -> None:
    config = channel.systems.myogo
    clients: list[MyOgoClient] = []

    def secrets() -> tuple[Status, str, str]:
        scopes = channel.scopes(channel.in_order(()))
        clients.append(MyOgoClient(config.model_copy(update={"attempts": 1}), scopes))
        return "ok", "client and merchant credentials are there", ""

    def token() -> tuple[Status, str, str]:
        clients[0].tokens.current()
        return "ok", f"{config.token_url} gives a token", ""

    def writing() -> tuple[Status, str, str]:
        granted = clients[0].tokens.granted
        if granted is None:
            return "ok", "the token does not say which scopes it has; a push will tell", ""
        for scope in channel.scopes(channel.in_order(())):
            if scope not in granted.split():
                raise ConfigError(
                    f"The token has the scopes {granted!r}, without {scope}.",
                    f"Ask OGOship's tech team to allow {scope} for your client_id.",
                )
        return "ok", f"the token may do what the flows need: {granted}", ""

    def products() -> tuple[Status, str, str]:
        clients[0].products_with_code("centra-myogo-check")
        return "ok", f"{config.base_url} lists products", ""

    def stock() -> tuple[Status, str, str]:
        next(clients[0].pages("/api/v1/Stock"), None)
        return "ok", "stock is listed", ""

    def orders() -> tuple[Status, str, str]:
        MyOgoOrders(clients[0]).with_reference("centra-myogo-check")
        return "ok", "orders are listed", ""

    if not ask("myogo", "secrets", secrets):
        skip("myogo", "token", "scopes", "products", "stock")
        return
    if ask("myogo", "token", token):
        ask("myogo", "scopes", writing)
        ask("myogo", "products", products)
        ask("myogo", "stock", stock)
        if _has_orders(channel):
            ask("myogo", "orders", orders)
    else:
        skip("myogo", "scopes", "products", "stock")
    clients[0].close()


def _has_orders(channel: Channel) -> bool:
    return not all(channel.judge(name).of_catalogue for name in channel.flows)


def _skew_s(date: str | None) -> float | None:
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return None
