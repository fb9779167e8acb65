"""A shop with planted secrets behind a hostile front."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.sandbox.common.credentials import DATA
from tests.security.canaries import PLAIN, SPIKY, Canaries, Watch
from tests.security.mirror import Mirror
from tests.support.shop import Shop


class Vault:
    """The shop, its front, its secrets, and a watch that knows the tokens too."""

    def __init__(self, shop: Shop, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.canaries = shop, canaries
        self.mirror = Mirror(shop.box, canaries)
        shop.edit("[systems.centra]\n", "[systems.centra]\nattempts = 1\n")
        shop.edit("[systems.myogo]\n", "[systems.myogo]\nattempts = 1\n")
        shop.edit(shop.box.centra_url, self.mirror.centra_url)
        shop.edit(f'"{shop.box.myogo_url}"', f'"{self.mirror.myogo_url}"')
        shop.edit(f"{shop.box.myogo_url}/OAuth", f"{self.mirror.myogo_url}/OAuth")
        for name, value in vars(canaries).items():
            monkeypatch.setenv(f"CANARY_{name.upper()}", value)
            shop.edit(f'{{ file = "{DATA}/sandbox/{name}" }}', f'{{ env = "CANARY_{name.upper()}" }}')

    @property
    def watch(self) -> Watch:
        return Watch([*self.canaries.all, *self.mirror.tokens])


@pytest.fixture(params=["plain", "spiky"])
def canaries(request: pytest.FixtureRequest) -> Canaries:
    return {"plain": PLAIN, "spiky": SPIKY}[request.param]


@pytest.fixture
def vault_of(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Vault]]:
    """`vault_of(canaries, size(1), ..., myogo=[...])`."""
    made: list[Vault] = []

    def make(canaries: Canaries, *sizes: dict[str, Any], **more: Any) -> Vault:
        made.append(Vault(shop_of(*sizes, **more), canaries, monkeypatch))
        return made[-1]

    yield make
    for vault in made:
        vault.mirror.stop()
