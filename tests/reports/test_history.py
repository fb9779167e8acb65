"""`history`: the events of one code in words, as people read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.shop import Shop, euro, size


def shown(shop: Shop, code: str) -> str:
    result = shop.command("history", str(shop.file), code, "--data", str(shop.data))
    return result.stdout if result.exit_code == 0 else " ".join(result.stderr.split())


def test_history_shows_planned_changes_field_by_field(shop_of: Callable[..., Shop]) -> None:
    """With the currency, the old value, and the time zone once."""
    shop = shop_of(size(1, prices=[euro("10.00")]))
    shop.run("push")
    shop.box.change_centra_row(1, prices=[euro("12.00")])
    shop.run("push")
    text = shown(shop, "SKU1")
    assert text.splitlines()[0] == "All times are UTC."
    assert text.count("UTC") == 1
    assert "planned update  price 10.00 EUR -> 12.00 EUR" in text
    assert "; price: 10.00 EUR" in text
    assert "{" not in text


@pytest.mark.parametrize(("asked", "proposed"), [("SKU9", True), ("nope", False)])
def test_history_proposes_only_similar_codes(shop_of: Callable[..., Shop], asked: str, proposed: bool) -> None:
    shop = shop_of(size(1))
    shop.run("push")
    text = shown(shop, asked)
    assert f"No run has met '{asked}'." in text
    assert ("The closest codes: 'SKU1'" in text) is proposed
