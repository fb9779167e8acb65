"""After any edits on either side, the staged tables with merged changes equal those of a full read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.end_to_end.test_incremental import IncrementalShop, read_changes, use_shop_clock
from tests.support.shop import TORTURE, catalogue, euro, product, shop_in, size
from tests.support.shop_template import ShopTemplate

# A run takes almost a second: one scenario for each kind of list in `make test`, many in `make torture`.
SCENARIOS = 40 if TORTURE else 1
NUMBERS = st.integers(1, 6)
CENTRA = st.sampled_from(
    [{"name": "Anorak"}, {"name": "Parka"}, {"sku": "SKU1"}, {"ean": "7350000000016"}, {"active": 0}, {"physical": 9},
     {"physical": 5, "allocated": 0}, {"countryOfOrigin": "Portugal"}]
)  # fmt: skip
# Edits that do not move Centra's modification time.
CENTRA_UNLISTED = st.sampled_from(
    [{"prices": []}, {"prices": [euro("11.00")]}, {"images": ["x"]}, {"categoryName": "Hats"}]
)
MYOGO = st.sampled_from([{"name": "Made by hand"}, {"supplier": "S"}, {"salesPrice": 3}, {"stock": 4}, {"reserved": 2}])
EVENT = st.one_of(
    st.tuples(st.just("size"), NUMBERS, CENTRA | CENTRA_UNLISTED),
    st.tuples(st.just("size"), NUMBERS, CENTRA),
    st.tuples(st.just("product"), NUMBERS, MYOGO),
    st.tuples(st.just("received"), NUMBERS, st.integers(1, 5)),
    st.tuples(st.just("no size"), NUMBERS, st.none()),
    st.tuples(st.just("no product"), NUMBERS, st.none()),
    st.tuples(st.just("second"), NUMBERS, st.none()),
    st.tuples(st.just("renamed"), NUMBERS, st.sampled_from(["OLD", "SKU2"])),
    st.tuples(st.just("no answer"), st.none(), st.none()),
    st.tuples(st.just("hours"), st.sampled_from([0.1, 1.9, 5.0]), st.none()),
)


def _varied(scenario: list[list[tuple[Any, ...]]]) -> bool:
    """Whether the scenario has several kinds of events."""
    return len({event[0] for events in scenario for event in events}) > 1


SCENARIO = st.lists(st.lists(EVENT, max_size=5), min_size=1, max_size=3)
if not TORTURE:  # hypothesis begins with the simplest scenarios, which merge little or nothing
    SCENARIO = SCENARIO.filter(_varied)
PLANNED = ("read", "skipped", "withheld", "drifted", "unmatched", "create", "update", "unchanged")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopTemplate]:
    """Four sizes that myOGO holds, after one full read."""
    with Sandbox.start(catalogue(*map(size, range(1, 5)), myogo=[{"code": "XX-1"}, *map(product, range(1, 5))])) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("template"))
        read_changes(shop)
        yield ShopTemplate(shop, lambda shop: _push(IncrementalShop(shop)))


@pytest.mark.parametrize("lists_all_changes", [True, False])
def test_merged_changes_equal_a_full_read(
    template: ShopTemplate,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    lists_all_changes: bool,
) -> None:
    """If Centra lists every change, after each run; otherwise after the full read that `full_every` causes."""

    @settings(deadline=None, database=None, max_examples=SCENARIOS, suppress_health_check=[HealthCheck.too_slow])
    @given(SCENARIO)
    def check(scenario: list[list[tuple[Any, ...]]]) -> None:
        folder = tmp_path_factory.mktemp("story")
        incremental = IncrementalShop(template.copy_to(folder))
        box = incremental.shop.box
        (folder / "full").mkdir()
        full = IncrementalShop(shop_in(box, folder / "full"))
        use_shop_clock(incremental, monkeypatch)
        box.switch("centra", silent=[] if lists_all_changes else ["prices", "images", "categories", "categoryName"])
        for events in scenario:
            for what, which, detail in events:
                _apply(incremental, what, which, detail, lists_all_changes)
            if lists_all_changes:
                _push_and_compare(incremental, full)
            else:
                _push(incremental)
        if not lists_all_changes:
            incremental.advance_clock(25)
        pushed = _push_and_compare(incremental, full)
        assert pushed.facts["read"]["kind"] == "full" or lists_all_changes

    check()


def _push(incremental: IncrementalShop) -> RunResult:
    report = incremental.run("push", force=True)
    assert report.exit_code in (0, 3), report.message
    return report


def _push_and_compare(incremental: IncrementalShop, full: IncrementalShop) -> RunResult:
    """A push plans the same and stages the same rows as a plan of the other channel, which reads everything and has the
    same history: what was sent under which code, and with which values."""
    shutil.rmtree(full.shop.data, ignore_errors=True)
    shutil.copytree(incremental.shop.data, full.shop.data)
    full_plan = full.run("plan")
    pushed = _push(incremental)
    assert full_plan.exit_code in (3 if pushed.counts["withheld"] else 0, 4), full_plan.message
    assert pushed.fingerprint == full_plan.fingerprint
    assert {name: pushed.counts[name] for name in PLANNED} == {name: full_plan.counts[name] for name in PLANNED}
    assert incremental.staged_tables() == full.staged_tables()
    return pushed


def _apply(incremental: IncrementalShop, what: str, which: Any, detail: Any, lists_all_changes: bool) -> None:
    box = incremental.shop.box
    code = f"SKU{which}"
    held = code in {product["code"] for product in box.myogo_products()}
    match what:
        case "size" if _has(box, which):
            box.change_centra_row(which, **detail)
        case "size":
            box.add_centra_row(size(which, **detail))
        case "no size" if not lists_all_changes and _has(box, which):
            box.delete_centra_row(which)
        case "no product" if not lists_all_changes and held:
            box.delete_myogo_product(code)
        case "product" if held:
            box.change_myogo_product(code, **detail)
        case "received" if held:
            box.receive(code, detail)
        case "second":
            box.put_myogo_product({"code": code, "languageCode": "en"}, allow_duplicate=True)
        case "renamed" if held:
            box.change_myogo_product(code, code=detail)
        case "no answer":
            box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
            assert incremental.run().exit_code == 5
            box.clear_faults()
        case "hours":
            incremental.advance_clock(which)


def _has(box: Sandbox, number: int) -> bool:
    try:
        return bool(box.centra_row(number))
    except KeyError:
        return False
