"""A shop with planted secrets behind a server that repeats secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.sandbox.common.credentials import CREDENTIALS
from tests.security.canaries import PLAIN, WITH_SPECIAL_CHARACTERS, Canaries, SecretScanner
from tests.security.echo_server import EchoServer
from tests.support.shop import Shop


class CanaryShop:
    """A shop, the echo server in front of its sandbox, its secrets, and a scanner for secrets and tokens."""

    def __init__(self, shop: Shop, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.canaries = shop, canaries
        self.echo_server = EchoServer(shop.box, canaries)
        shop.edit("[systems.centra]\n", "[systems.centra]\nattempts = 1\n")
        shop.edit("[systems.myogo]\n", "[systems.myogo]\nattempts = 1\n")
        shop.edit(shop.box.centra_url, self.echo_server.centra_url)
        shop.edit(f'"{shop.box.myogo_url}"', f'"{self.echo_server.myogo_url}"')
        shop.edit(f"{shop.box.myogo_url}/OAuth", f"{self.echo_server.myogo_url}/OAuth")
        for name, value in vars(canaries).items():
            monkeypatch.setenv(f"CANARY_{name.upper()}", value)
            shop.edit(f'{{ file = "{CREDENTIALS}/{name}" }}', f'{{ env = "CANARY_{name.upper()}" }}')

    @property
    def scanner(self) -> SecretScanner:
        return SecretScanner([*self.canaries.all, *self.echo_server.tokens])


@pytest.fixture(params=["plain", "special"])
def canaries(request: pytest.FixtureRequest) -> Canaries:
    return {"plain": PLAIN, "special": WITH_SPECIAL_CHARACTERS}[request.param]


@pytest.fixture
def canary_shop_of(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., CanaryShop]]:
    """`canary_shop_of(canaries, size(1), ..., myogo=[...])`."""
    shops: list[CanaryShop] = []

    def make(canaries: Canaries, *sizes: dict[str, Any], **more: Any) -> CanaryShop:
        shops.append(CanaryShop(shop_of(*sizes, **more), canaries, monkeypatch))
        return shops[-1]

    yield make
    for canary_shop in shops:
        canary_shop.echo_server.stop()
