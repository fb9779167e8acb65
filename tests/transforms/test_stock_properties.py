"""What Centra shows as free never exceeds what can be sold, on random days."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.support.shop import TORTURE
from tests.support.stock_model import StockModel
from tests.support.trading_day import TradingDay, check_nothing_is_oversold, settle

STEPS, STEPS_PER_RUN = (60, 3) if TORTURE else (24, 4)
SEEDS = range(300 if TORTURE else 2)


def play(seed: int, kind: Literal["physical", "fta"], *, calm: bool, **switches: Any) -> None:
    model = StockModel(kind, **switches)
    day = TradingDay(seed, model.actions, model.create_in_myogo, model.complete, calm=calm)
    for number in range(STEPS):
        day.step()
        if number % STEPS_PER_RUN == STEPS_PER_RUN - 1:
            all_flows = bool(day.random.getrandbits(1))
            day.log.append(f"run, all flows: {all_flows}")
            failed = model.run(day.random, day.unsent(), all_flows=all_flows)
            check_nothing_is_oversold(model.actions, exactly=calm, failed=failed, what=(seed, day.log))
    settle(day)
    model.run(day.random, [], all_flows=False)
    check_nothing_is_oversold(model.actions, exactly=True, what=(seed, day.log))


@pytest.mark.parametrize("seed", SEEDS)
def test_on_a_calm_day_centra_shows_exactly_what_can_be_sold(seed: int) -> None:
    """Orders, cancellations in Centra, picks, shipments, returns, deliveries, counted stock, orders of a second shop
    and of people, shipments completed by hand."""
    play(seed, "physical", calm=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_on_a_wild_day_centra_never_shows_more_than_can_be_sold(seed: int) -> None:
    """Also orders beyond the stock, drafts, orders sent twice, held ones, orders without a shipment; exactly that once
    everything has ended."""
    play(seed, "physical", calm=False)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "wild"])
def test_free_amounts_and_left_out_zero_rows_are_no_different(seed: int, calm: bool) -> None:
    play(seed, "fta" if seed % 2 else "physical", calm=calm, zero_stock_rows=False)
