"""What a list of myOGO's order lines comes to."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def units(lines: Any) -> dict[str, Decimal] | None:
    """Units by code, without those of which there are none; None where the list cannot be read."""
    found: dict[str, Decimal] = {}
    try:
        for line in lines:
            code = str(line["code"])
            found[code] = found.get(code, Decimal(0)) + Decimal(str(line["quantity"]))
    except (ValueError, TypeError, KeyError, ArithmeticError):
        return None
    return {code: quantity for code, quantity in found.items() if quantity}


def units_in(text: object) -> dict[str, Decimal] | None:
    """The same of a list that is staged as JSON; None also where there is none."""
    try:
        return units(json.loads(text)) if isinstance(text, str) else None
    except ValueError:
        return None
