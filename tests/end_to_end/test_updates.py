"""An update sends the complete product; myOGO must not refuse it because of the other fields that it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, writes


@pytest.mark.parametrize("blank", ["currencyCode", "countryOfOrigin", "supplierCode"])
def test_a_blank_field_of_myogo_does_not_stop_an_update(shop_of: Callable[..., Shop], blank: str) -> None:
    """myOGO requires 3 letters for a currency and 2 for a country, so sending back its "" would be refused."""
    shop = shop_of(size(1, ean="96385074", countryOfOrigin=""), myogo=[{"code": "SKU1", "name": "Old", blank: ""}])
    report = shop.run()
    assert (report.exit_code, report.counts["applied"], report.counts["refused"]) == (0, 1, 0), report.message
    assert held(shop)["SKU1"][blank] == ""
    shop.run()
    assert writes(shop) == ["PUT SKU1"]
