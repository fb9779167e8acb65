"""The catalogue of row rules, of all flows: the only place that knows what a rule is called."""

from __future__ import annotations

from schemas.order_rules import ORDER_RULES
from schemas.product_rules import PRODUCT_RULES
from schemas.rule import Rule
from schemas.stock_rules import STOCK_RULES

RULES: dict[str, Rule] = {rule.id: rule for rule in (*PRODUCT_RULES, *STOCK_RULES, *ORDER_RULES)}
