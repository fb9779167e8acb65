"""Every declared rule has the fields that an issue needs."""

from __future__ import annotations

import re

import pytest

from tests.support.declared import RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_complete(rule: str) -> None:
    """A valid id, a meaning without a full stop, a fix that is a sentence, and the place of the fix."""
    entry = RULES[rule]
    assert entry.id == rule
    assert re.fullmatch(r"[A-Z]{2,5}-\d{3}", rule)
    assert not entry.meaning.endswith(".")
    assert entry.fix.endswith(".")
    assert entry.fix_in in ("Centra", "myOGO", "channel file")


def test_exactly_these_rules_withhold_rows() -> None:
    """The set is part of the interface: a change of it changes what is sent."""
    assert {rule for rule, entry in RULES.items() if entry.withholds} == {
        "SKU-001", "SKU-002", "SKU-003", "SKU-005", "SKU-006", "EAN-005", "PRICE-001", "PRICE-002", "PRICE-005",
        "NAME-001", "LANG-001", "COO-001", "TYPE-001", "TYPE-002", "TYPE-003", "TYPE-004", "TGT-001",
        "STOCK-001", "STOCK-002", "STOCK-003", "STOCK-004", "STOCK-009", "STOCK-011",
        *(f"ORDER-{n:03}" for n in (*range(1, 20), 24) if n not in (10, 15)),
        *(f"TRACK-{n:03}" for n in range(1, 8) if n != 3),
    }  # fmt: skip
