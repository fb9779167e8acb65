"""The oracle is nobody's echo, and it is no fool: it judges the whole sample catalogue as a run does."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.sandbox import Sandbox
from tests.end_to_end.model import oracle
from tests.end_to_end.model.oracle import Channel, verdict
from tests.end_to_end.model.world import planned_changes
from tests.house.test_house import ROOT, imports
from tests.support.shop import Shop, euro, size


def _sample() -> list[dict[str, Any]]:
    """Centra's rows of the sample catalogue, flat."""

    def without_missing(found: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if value != "__missing__"}

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


def test_the_oracle_and_a_run_say_the_same_of_every_size_of_the_sample(shop: Shop, box: Sandbox) -> None:
    said = verdict(_sample(), box.myogo_products(), Channel(language_by_store={"Import": "swe"}))
    counts = shop.run("plan").counts
    withheld = shop.sql("select source_id, list(rule) from sync.withheld group by all")
    assert {own: set(rules) for own, rules in withheld} == said.withheld
    assert planned_changes(shop.sql) == said.changes
    ours = [said.read, len(said.skipped), len(said.withheld), said.planned("create"), said.planned("update")]
    names = ("read", "skipped", "withheld", "create", "update", "unchanged", "drifted", "unmatched")
    assert [counts[name] for name in names] == [*ours, len(said.unchanged), said.drifted, said.unmatched]


def test_the_oracle_sees_glued_codes_and_who_is_wanted() -> None:
    rows = [size(1, sku="A", variantSku="B"), size(2, sku="AB", active=0), size(3, sku="", prices=[euro(None)])]
    said = verdict(rows, [{"code": "AB", "name": "Old"}, {"code": "XX-1"}], Channel())
    assert said.skipped == {"2"}
    assert said.withheld == {"1": {"SKU-002"}, "3": {"SKU-001", "PRICE-001"}}
    assert (said.changes, said.unmatched) == ({}, 1)


def test_the_oracle_never_takes_an_ean_back() -> None:
    rows, held = [size(1, ean="96385074", name="New")], [{"code": "SKU1", "eanCode": "1", "name": "Old"}]
    said = verdict(rows, held, Channel())
    assert "eanCode" not in said.changes["update", "SKU1"][2]
    goal = oracle.after(held, said, set())
    assert (goal[0]["eanCode"], goal[0]["name"], said.drifted) == ("1", "New Blue S", 1)
    assert not verdict(rows, goal, Channel()).changes
