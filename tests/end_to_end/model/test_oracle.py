"""The oracle is independent of the program and agrees with it about the complete sample catalogue."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.sandbox import Sandbox
from tests.end_to_end.model import oracle
from tests.end_to_end.model.oracle import Channel, evaluate
from tests.end_to_end.model.system_under_test import planned_changes
from tests.house.test_house import ROOT, imports
from tests.support.shop import Shop, euro, size


def _sample() -> list[dict[str, Any]]:
    """Centra's rows of the sample catalogue as a flat list."""

    def without_missing(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value != "__missing__"}

    text = (ROOT / "data" / "sample" / "centra.json").read_text("utf-8")
    tree = json.loads(text, parse_float=Decimal, object_hook=without_missing)
    return [
        {name: value for name, value in (product | variant | one).items() if name not in ("variants", "sizes")}
        for product in tree["products"]
        for variant in product["variants"]
        for one in variant["sizes"]
    ]


def test_the_oracle_shares_nothing_with_the_program() -> None:
    assert {name.split(".")[0] for name in imports(Path(oracle.__file__))} <= set(sys.stdlib_module_names)


def test_the_oracle_and_a_run_agree_about_every_size_of_the_sample(shop: Shop, box: Sandbox) -> None:
    evaluation = evaluate(_sample(), box.myogo_products(), Channel(language_by_store={"Import": "swe"}))
    counts = shop.run("plan").counts
    withheld = shop.sql("select source_id, list(rule) from sync.withheld group by all")
    assert {stock_item_id: set(rules) for stock_item_id, rules in withheld} == evaluation.withheld
    assert planned_changes(shop.sql) == evaluation.changes
    expected = [
        evaluation.read,
        len(evaluation.skipped),
        len(evaluation.withheld),
        evaluation.planned("create"),
        evaluation.planned("update"),
    ]
    names = ("read", "skipped", "withheld", "create", "update", "unchanged", "drifted", "unmatched")
    assert [counts[name] for name in names] == [
        *expected,
        len(evaluation.unchanged),
        evaluation.drifted,
        evaluation.unmatched,
    ]


def test_the_oracle_finds_clashing_codes_and_skips_inactive_sizes() -> None:
    rows = [size(1, sku="A", variantSku="B"), size(2, sku="AB", active=0), size(3, sku="", prices=[euro(None)])]
    evaluation = evaluate(rows, [{"code": "AB", "name": "Old"}, {"code": "XX-1"}], Channel())
    assert evaluation.skipped == {"2"}
    assert evaluation.withheld == {"1": {"SKU-002"}, "3": {"SKU-001", "PRICE-001"}}
    assert (evaluation.changes, evaluation.unmatched) == ({}, 1)


def test_the_oracle_keeps_the_ean_of_myogo() -> None:
    rows, held = [size(1, ean="96385074", name="New")], [{"code": "SKU1", "eanCode": "1", "name": "Old"}]
    evaluation = evaluate(rows, held, Channel())
    assert "eanCode" not in evaluation.changes["update", "SKU1"][2]
    goal = oracle.after(held, evaluation, set())
    assert (goal[0]["eanCode"], goal[0]["name"], evaluation.drifted) == ("1", "New Blue S", 1)
    assert not evaluate(rows, goal, Channel()).changes
