"""An update sends the whole product, and what myOGO holds beside our fields is no reason for it to say no."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, writes


@pytest.mark.parametrize("blank", ["currencyCode", "countryOfOrigin", "supplierCode"])
def test_a_blank_that_myogo_holds_does_not_stop_an_update(shop_of: Callable[..., Shop], blank: str) -> None:
    """myOGO wants exactly 3 letters of a currency and 2 of a country, and sent back, its own "" would be none."""
    shop = shop_of(size(1, ean="96385074", countryOfOrigin=""), myogo=[{"code": "SKU1", "name": "Old", blank: ""}])
    report = shop.run()
    assert (report.exit_code, report.counts["applied"], report.counts["refused"]) == (0, 1, 0), report.message
    assert held(shop)["SKU1"][blank] == ""
    shop.run()
    assert writes(shop) == ["PUT SKU1"]
