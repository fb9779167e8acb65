"""What myOGO must answer before a run can work; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.core.errors import ConfigError
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.config import MyOgoConfig
from pipelines.systems.myogo.order_client import MyOgoOrders
from pipelines.systems.system import Answer, Interview, Question

PROBE = "centra-myogo-check"  # a code and a reference that nobody has


def preflight(config: MyOgoConfig, scopes: Sequence[str], questions: Sequence[Question], interview: Interview) -> None:
    """Asks for the credentials, a token with the scopes that the flows need, the lists, and what `questions` add."""
    checks = _MyOgoChecks(config, scopes)
    if not interview.ask("secrets", checks.secrets):
        interview.skip("token", "scopes", "products", "stock")
        return
    if interview.ask("token", checks.token):
        interview.ask("scopes", checks.granted_scopes)
        interview.ask("products", checks.products)
        interview.ask("stock", checks.stock)
        for question in questions:
            interview.ask(question.name, partial(question.ask, checks.client))
    else:
        interview.skip("scopes", "products", "stock")
    checks.client.close()


class _MyOgoChecks:
    """`client` is there once `secrets` has been asked."""

    client: MyOgoClient

    def __init__(self, config: MyOgoConfig, scopes: Sequence[str]) -> None:
        self.config, self.scopes = config, scopes

    def secrets(self) -> Answer:
        self.client = MyOgoClient(self.config.model_copy(update={"attempts": 1}), self.scopes)
        return "ok", "client and merchant credentials are there", ""

    def token(self) -> Answer:
        self.client.tokens.current()
        return "ok", f"{self.config.token_url} gives a token", ""

    def granted_scopes(self) -> Answer:
        granted = self.client.tokens.granted
        if granted is None:
            return "ok", "the token does not name its scopes; a missing one shows at the first push", ""
        for scope in self.scopes:
            if scope not in granted.split():
                raise ConfigError(
                    f"The token has the scopes {granted!r}, without {scope}.",
                    f"Ask OGOship's tech team to allow {scope} for your client_id.",
                )
        return "ok", f"the token may do what the flows need: {granted}", ""

    def products(self) -> Answer:
        self.client.products_with_code(PROBE)
        return "ok", f"{self.config.base_url} lists products", ""

    def stock(self) -> Answer:
        next(self.client.pages("/api/v1/Stock"), None)
        return "ok", "stock is listed", ""


def orders_are_listed(client: MyOgoClient) -> Answer:
    """What flows of orders add."""
    MyOgoOrders(client).with_reference(PROBE)
    return "ok", "orders are listed", ""
