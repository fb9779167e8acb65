"""Amounts of orders in messages, and when two of them differ."""

from __future__ import annotations

from decimal import Decimal

CENT = Decimal("0.01")
# Amounts of several lines or parcels that were rounded one by one may differ by so much from their rounded sum.
ROUNDING = Decimal("0.05")


def shown(amount: Decimal) -> str:
    """The amount with two decimals, or with more if it has more."""
    cents = amount.quantize(CENT)
    return format(cents if cents == amount else amount.normalize(), "f")


def differ(one: Decimal | None, other: Decimal | None) -> bool:
    """Whether two amounts differ by more than rounding; false if one is not known."""
    return one is not None and other is not None and abs(one - other) > ROUNDING
