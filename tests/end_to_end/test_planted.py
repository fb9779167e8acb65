"""A complete run over the sample catalogue finds exactly the planted issues, rule by rule."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.sandbox import Catalogue, Sandbox
from pipelines.state.run_result import RunResult
from tests.support.declared import FLOWS
from tests.support.shop import Shop, shop_in

PLANTED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "sample" / "planted.json").read_text("utf-8")
)
# Names in the list that are not a rule of a size.
IN_MYOGO_ONLY = {"UNMATCHED": "TGT-003", "TGT-002": "TGT-002"}


def _planted(*kinds: str) -> dict[str, set[str]]:
    """Rule to the sizes with that planted issue (or codes, for products that only myOGO has)."""
    by_rule: dict[str, set[str]] = defaultdict(set)
    for entry in PLANTED:
        if entry["kind"] in kinds:
            rule = IN_MYOGO_ONLY.get(entry["rule"], entry["rule"])
            ids = entry["codes"] if entry["rule"] in IN_MYOGO_ONLY else entry["stock_item_ids"]
            by_rule[rule] |= {str(source_id) for source_id in ids}
    return by_rule


WITHHELD = _planted("withheld")
WARNED = _planted("warning", "drift", "unmatched")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, RunResult]]:
    """One `plan` of the sample, for all tests of this module."""
    with Sandbox.start(Catalogue.sample()) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("planted"))
        yield shop, shop.run("plan")


def _found(shop: Shop, table: str) -> dict[str, list[str]]:
    by_rule: dict[str, list[str]] = defaultdict(list)
    for rule, source_id in shop.sql(f"select rule, coalesce(source_id, code) from {table} order by all"):
        by_rule[rule].append(source_id)
    return by_rule


RULES = {rule.id: rule for rule in FLOWS["products"].rules}
# The sample has only documented types, and no prices written as floats; tests/end_to_end/cases has both. Its sizes were
# never pushed under another code, and no product that only myOGO has carries the EAN of a new size.
NOT_PLANTED = {
    "TYPE-001",
    "TYPE-002",
    "PRICE-004",
    "PRICE-005",
    "PRICE-006",
    "TGT-004",
    "TGT-005",
    "TGT-006",
    "SKU-005",
    "SKU-006",
    "EAN-005",
}


@pytest.mark.parametrize("rule", [rule for rule, entry in RULES.items() if entry.withholds and rule not in NOT_PLANTED])
def test_withheld_rows_are_the_planted_ones(planned: tuple[Shop, RunResult], rule: str) -> None:
    """Each planted size once and no other size; every rule is planted at least once."""
    assert WITHHELD[rule]
    assert _found(planned[0], "sync.withheld").get(rule, []) == sorted(WITHHELD[rule])


@pytest.mark.parametrize("rule", [rule for rule, one in RULES.items() if not one.withholds and rule not in NOT_PLANTED])
def test_warnings_are_the_planted_ones(planned: tuple[Shop, RunResult], rule: str) -> None:
    assert WARNED[rule]
    assert _found(planned[0], "out_myogo.warnings").get(rule, []) == sorted(WARNED[rule])


def test_the_list_names_exactly_the_rules_of_the_products_flow() -> None:
    assert set(WITHHELD) | set(WARNED) == set(RULES) - NOT_PLANTED


def test_the_counts_agree_with_the_list(planned: tuple[Shop, RunResult]) -> None:
    """Each size is in one bucket, and the exit code is 3."""
    counts, exit_code = planned[1].counts, planned[1].exit_code
    skipped = set().union(*_planted("skipped").values())
    withheld = set().union(*WITHHELD.values())
    updates = [code for entry in PLANTED if entry["kind"] == "update" for code in entry["codes"]]
    assert exit_code == 3
    assert counts["skipped"] == len(skipped)
    assert counts["withheld"] == len(withheld)
    assert counts["drifted"] == len(WARNED["EAN-004"])
    assert counts["unmatched"] == len(WARNED["TGT-002"] | WARNED["TGT-003"])
    assert [row[0] for row in planned[0].sql("select key from sync.changes where action = 'update' order by 1")] == (
        sorted(updates)
    )
    assert not skipped & withheld
