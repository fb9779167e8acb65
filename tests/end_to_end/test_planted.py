"""A whole run over the sample catalogue finds exactly the faults that were planted in it, rule by rule."""

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
# How the list names what is no rule of a size.
IN_MYOGO_ONLY = {"UNMATCHED": "TGT-003", "TGT-002": "TGT-002"}


def _planted(*kinds: str) -> dict[str, set[str]]:
    """Rule to the sizes (or, for what Centra does not have, codes) that the list plants it in."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in PLANTED:
        if entry["kind"] in kinds:
            rule = IN_MYOGO_ONLY.get(entry["rule"], entry["rule"])
            things = entry["codes"] if entry["rule"] in IN_MYOGO_ONLY else entry["stock_item_ids"]
            found[rule] |= {str(thing) for thing in things}
    return found


WITHHELD = _planted("withheld")
WARNED = _planted("warning", "drift", "unmatched")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, RunResult]]:
    """One `plan` of the sample, for all tests of this module."""
    with Sandbox.start(Catalogue.sample()) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("planted"))
        yield shop, shop.run("plan")


def _found(shop: Shop, table: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for rule, thing in shop.sql(f"select rule, coalesce(source_id, code) from {table} order by all"):
        found[rule].append(thing)
    return found


OWN = {rule.id: rule for rule in FLOWS["products"].rules}
# The sample is a shop that writes its values as Centra documents them; other types stand in tests/end_to_end/cases.
NOT_PLANTED = {"TYPE-001"}


@pytest.mark.parametrize("rule", [rule for rule, entry in OWN.items() if entry.withholds and rule not in NOT_PLANTED])
def test_withheld_is_what_was_planted(planned: tuple[Shop, RunResult], rule: str) -> None:
    """No size more and no size less, each once; and every rule is planted at least once."""
    assert WITHHELD[rule]
    assert _found(planned[0], "sync.withheld").get(rule, []) == sorted(WITHHELD[rule])


@pytest.mark.parametrize("rule", [rule for rule, entry in OWN.items() if not entry.withholds])
def test_warnings_are_what_was_planted(planned: tuple[Shop, RunResult], rule: str) -> None:
    assert WARNED[rule]
    assert _found(planned[0], "out_myogo.warnings").get(rule, []) == sorted(WARNED[rule])


def test_the_list_names_only_rules_that_there_are() -> None:
    assert set(WITHHELD) | set(WARNED) == set(OWN) - NOT_PLANTED


def test_the_counts_agree_with_the_list(planned: tuple[Shop, RunResult]) -> None:
    """Each size in one bucket, and the exit code says that somebody must look."""
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
