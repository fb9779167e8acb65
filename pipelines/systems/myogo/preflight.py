"""Checks that myOGO answers as a run needs it. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.core.errors import ConfigError
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.config import MyOgoConfig
from pipelines.systems.myogo.order_client import MyOgoOrders
from pipelines.systems.system import CheckResult, CheckRunner, SystemCheck

PROBE = "centra-myogo-check"  # a code and a reference that do not exist


def preflight(
    config: MyOgoConfig, scopes: Sequence[str], extra_checks: Sequence[SystemCheck], runner: CheckRunner
) -> None:
    """Checks the credentials, a token with the scopes that the flows need, the lists, and the flows' `extra_checks`."""
    checks = _MyOgoChecks(config, scopes)
    if not runner.run("secrets", checks.secrets):
        runner.skip("token", "scopes", "products", "stock")
        return
    if runner.run("token", checks.token):
        runner.run("scopes", checks.granted_scopes)
        runner.run("products", checks.products)
        runner.run("stock", checks.stock)
        for check in extra_checks:
            runner.run(check.name, partial(check.run, checks.client))
    else:
        runner.skip("scopes", "products", "stock")
    checks.client.close()


class _MyOgoChecks:
    """`client` is set by the check `secrets`."""

    client: MyOgoClient

    def __init__(self, config: MyOgoConfig, scopes: Sequence[str]) -> None:
        self.config, self.scopes = config, scopes

    def secrets(self) -> CheckResult:
        self.client = MyOgoClient(self.config.model_copy(update={"attempts": 1}), self.scopes)
        return "ok", "client and merchant credentials are set", ""

    def token(self) -> CheckResult:
        self.client.tokens.current()
        return "ok", f"{self.config.token_url} gives a token", ""

    def granted_scopes(self) -> CheckResult:
        granted = self.client.tokens.granted
        if granted is None:
            return "ok", "the token does not name its scopes; a missing scope fails at the first push", ""
        for scope in self.scopes:
            if scope not in granted.split():
                raise ConfigError(
                    f"The token has the scopes {granted!r}, without {scope}.",
                    f"Ask OGOship's tech team to allow {scope} for your client_id.",
                )
        return "ok", f"the token has the scopes that the flows need: {granted}", ""

    def products(self) -> CheckResult:
        self.client.products_with_code(PROBE)
        return "ok", f"{self.config.base_url} lists products", ""

    def stock(self) -> CheckResult:
        next(self.client.pages("/api/v1/Stock"), None)
        return "ok", "stock is listed", ""


def orders_are_listed(client: MyOgoClient) -> CheckResult:
    """The check that order flows add."""
    MyOgoOrders(client).with_reference(PROBE)
    return "ok", "orders are listed", ""
