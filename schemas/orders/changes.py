"""What differs between an order in Centra and the one in myOGO, in words. `live` are myOGO's orders by reference."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from schemas.order_amounts import differ, shown
from schemas.order_units import units_in, units_in_words


def changed_lines(lines: pd.Series, live_lines: pd.Series) -> pd.Series:
    """How the units of two lists of lines differ, in words; "" if they do not, or if one of them cannot be read."""
    texts = [
        f"myOGO has {units_in_words(live)}; Centra has {units_in_words(here)}."
        if here is not None and live is not None and here != live
        else ""
        for here, live in zip(lines.map(units_in), live_lines.map(units_in), strict=True)
    ]
    return pd.Series(texts, lines.index, dtype="str")


def changed_amounts(orders: pd.DataFrame, live: pd.DataFrame) -> pd.Series:
    """What differs between the amounts of each order and those in myOGO, in words; "" for nothing. An amount that one
    side does not say is not compared, except that myOGO must not collect what is not paid on delivery."""
    collects, totals = (live[name].to_dict() for name in ("collects", "total"))
    columns = ("reference", "paid_on_delivery", "collects", "share", "price_currency")
    texts = []
    for reference, on_delivery, wanted, share, currency in zip(*(orders[name] for name in columns), strict=True):
        unit = f" {currency}" if isinstance(currency, str) else ""
        cash, total = collects.get(reference), totals.get(reference)
        if not on_delivery and cash:
            text = f"myOGO collects {shown(cash)}{unit} on delivery; in Centra nothing is paid on delivery."
        elif cash is not None and differ(_amount(wanted), cash):
            text = f"myOGO collects {shown(cash)}{unit} on delivery; in Centra it is {shown(wanted)}{unit}."
        elif total is not None and differ(_amount(share), total):
            text = f"Its total is {shown(total)}{unit} in myOGO and {shown(share)}{unit} in Centra."
        else:
            text = ""
        texts.append(text)
    return pd.Series(texts, orders.index, dtype="str")


def _amount(value: Any) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def destination_changed(orders: pd.DataFrame, live: pd.DataFrame, destinations: Mapping[str, str]) -> pd.Series:
    """Whether each order's destination differs from the one that was sent (`destinations`) and from the one that myOGO
    has now. Of those that were sent only digests with the same prefix (version and key) are compared."""

    def changed(recorded: str | None, current: str) -> bool:
        return (
            recorded is not None and recorded.rpartition("-")[0] == current.rpartition("-")[0] and recorded != current
        )

    pairs = zip(orders["reference"], orders["destination"], strict=True)
    differs = pd.Series([changed(destinations.get(one), current) for one, current in pairs], orders.index, dtype=bool)
    return differs & ~_goes_there_now(orders, live)


def _goes_there_now(orders: pd.DataFrame, live: pd.DataFrame) -> pd.Series:
    """Whether myOGO now has each order's destination as Centra has it, because somebody changed it there too."""
    address = orders["reference"].map(live["address_digest"]) == orders["address_digest"]
    point = orders["reference"].map(live["pick_up_point_digest"]) == orders["pick_up_point_digest"]
    return (address & (point | (orders["pick_up_point_digest"] == ""))).fillna(False).astype(bool)
