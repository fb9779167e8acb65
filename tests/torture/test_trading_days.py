"""Random days of a shop in complete runs over HTTP: Centra never shows more as free than can be sold.

`tests/transforms/test_stock_properties.py` plays many more of them, without HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from tests.end_to_end.test_orders import shop_with_orders
from tests.end_to_end.test_tracking import TABLE, create_in_myogo
from tests.support.shop import TORTURE, Shop
from tests.support.trading_day import PRODUCTS, SIZES, TradingDay, check_nothing_is_oversold, settle
from tests.torture.invariants import push_and_check

ShopOf = Callable[..., Shop]
STEPS, STEPS_PER_RUN = (40, 4) if TORTURE else (12, 6)


def complete(shop: Shop, shipment_id: str) -> None:
    """Completes a shipment as a person does in Centra."""
    body = {"order": shipment_id.split("-")[0], "shipment": shipment_id, "gtg": True, "shipped": True}
    with closing(CentraClient(shop.channel().systems["centra"])) as client:
        CentraOrders(client).complete("PUT", body)


@pytest.mark.parametrize("seed", range(20 if TORTURE else 1))
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "wild"])
def test_centra_never_shows_more_than_can_be_sold(shop_of: ShopOf, seed: int, calm: bool) -> None:
    """On a calm day exactly that, after each run; after a wild one once everything has ended."""
    kind = "fta" if seed % 2 else "physical"
    shop = shop_with_orders(shop_of, *SIZES, myogo=PRODUCTS)
    shop.text += f'{TABLE}\n[flows.stock.params]\ngoods_received = true\nstock_update_type = "{kind}"\n'
    shop.file.write_text(shop.text)
    shop.box.switch("centra", stock_update_type=kind)
    shop.box.switch("myogo", duplicate_order="accept", zero_stock_rows=bool(seed % 3))

    def create(reference: str, status: str, units: dict[str, int]) -> None:
        lines: list[dict[str, Any]] = [{"code": code, "quantity": quantity} for code, quantity in units.items()]
        create_in_myogo(shop, reference, status=status, orderLines=lines)

    day = TradingDay(seed, shop.box, create, lambda shipment_id: complete(shop, shipment_id), calm=calm)
    for number in range(1, STEPS + 1):
        day.step()
        if number % STEPS_PER_RUN == 0:
            flows = () if day.random.getrandbits(1) else ("stock",)
            day.log.append(f"run {flows}")
            assert push_and_check(shop, flows=flows).exit_code in (0, 3), day.log
            check_nothing_is_oversold(shop.box, exactly=calm, what=(seed, day.log))
    settle(day)
    assert push_and_check(shop, flows=("stock",)).exit_code in (0, 3)
    check_nothing_is_oversold(shop.box, exactly=True, what=(seed, day.log))
