"""Sums the units in a list of myOGO's order lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def units(lines: Any) -> dict[str, Decimal] | None:
    """Units by code, without codes that sum to 0; None if the list cannot be read."""
    totals: dict[str, Decimal] = {}
    try:
        for line in lines:
            code = str(line["code"])
            totals[code] = totals.get(code, Decimal(0)) + Decimal(str(line["quantity"]))
    except (ValueError, TypeError, KeyError, ArithmeticError):
        return None
    return {code: quantity for code, quantity in totals.items() if quantity}


def units_in_words(totals: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{quantity} of {code!r}" for code, quantity in sorted(totals.items())) or "nothing"


def units_in(text: object) -> dict[str, Decimal] | None:
    """The units in a list that is staged as JSON text; None also if `text` is not a text."""
    try:
        return units(json.loads(text)) if isinstance(text, str) else None
    except ValueError:
        return None
