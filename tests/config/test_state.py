"""`[state]` of a channel file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.config.state import State
from pipelines.core.errors import ConfigError
from tests.support.shop import Shop, size

GOOD = '[state]\ndatabase = { env = "FLEET_DATABASE" }\nsnapshots = "s3://bucket/shops/"\n'


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1))


def state(shop: Shop, table: str) -> State | None:
    shop.file.write_text(f"{shop.text}\n{table}", "utf-8")
    return shop.channel().state


def test_a_channel_has_none_by_default(shop: Shop) -> None:
    assert shop.channel().state is None


def test_the_defaults(shop: Shop) -> None:
    found = state(shop, GOOD)
    assert found
    assert (found.snapshots, found.lease_s, found.keep, found.share_rates) == ("s3://bucket/shops", 300, 3, True)
    assert found.database.env == "FLEET_DATABASE"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{ env = "FLEET_DATABASE" }', '"postgresql://user:pw@host/db"', "a secret must not be written here"),
        ("s3://bucket/shops/", "https://bucket/shops", "state.snapshots"),
        ("s3://bucket/shops/", "file://shops", "state.snapshots"),
        ("s3://bucket/shops/", "s3://bucket/shops?secret=x", "without secrets"),
        ("snapshots", "snapshot", "unknown key state.snapshot"),
        ("[state]", "[state]\nkeep = 0", "state.keep"),
        ("[state]", '[state]\nshare_rates = "no"', "state.share_rates: must be true or false"),
        ("[state]", "[state]\nlease_s = 199", "state.lease_s: 199 s is too short: a call may take 100 s"),
    ],
)
def test_a_mistake_names_its_key(shop: Shop, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        state(shop, GOOD.replace(old, new))
    assert message in caught.value.message
    assert "user:pw" not in caught.value.message
