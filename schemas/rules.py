"""The catalogue of row rules, of all flows: the only place that knows what a rule is called."""

from __future__ import annotations

from schemas.orders import rules as orders
from schemas.products import rules as products
from schemas.rule import Rule
from schemas.stock import rules as stock
from schemas.tracking import rules as tracking

RULES: dict[str, Rule] = {rule.id: rule for rules in (products, stock, orders, tracking) for rule in rules.RULES}
