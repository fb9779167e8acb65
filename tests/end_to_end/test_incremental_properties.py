"""After any edits on either side, the staged tables with merged changes equal those of a full read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sandbox import Sandbox
from tests.end_to_end.test_incremental import IncrementalShop, read_changes, use_shop_clock
from tests.support.shop import TORTURE, catalogue, euro, shop_in, size

# A run takes almost a second: a few scenarios in `make test`, many in `make torture`.
SCENARIOS = 40 if TORTURE else 2
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
SCENARIO = st.lists(st.lists(EVENT, max_size=5), min_size=1, max_size=3)


@pytest.mark.parametrize("lists_all_changes", [True, False])
def test_merged_changes_equal_a_full_read(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, lists_all_changes: bool
) -> None:
    """If Centra lists every change, after each run; otherwise after the full read that `full_every` causes."""

    @settings(deadline=None, database=None, max_examples=SCENARIOS, suppress_health_check=[HealthCheck.too_slow])
    @given(SCENARIO)
    def check(scenario: list[list[tuple[Any, ...]]]) -> None:
        with Sandbox.start(catalogue(*map(size, range(1, 5)), myogo=[{"code": "XX-1"}])) as box:
            folder = tmp_path_factory.mktemp("story")
            incremental, full = (_channel(box, folder, name) for name in ("incremental", "full"))
            use_shop_clock(incremental, monkeypatch)
            read_changes(incremental.shop)
            box.switch("centra", silent=[] if lists_all_changes else ["prices", "images", "categories", "categoryName"])
            for events in [[], *scenario]:
                for what, which, detail in events:
                    _apply(incremental, what, which, detail, lists_all_changes)
                assert incremental.run("push", force=True).exit_code in (0, 3)
                if lists_all_changes:
                    _check_same_result(incremental, full)
            incremental.advance_clock(25)
            assert incremental.run_and_describe_read("plan").startswith("full: ")
            _check_same_result(incremental, full)

    check()


def _channel(box: Sandbox, folder: Any, name: str) -> IncrementalShop:
    (folder / name).mkdir()
    return IncrementalShop(shop_in(box, folder / name))


def _check_same_result(incremental: IncrementalShop, full: IncrementalShop) -> None:
    """Both channels plan the same and stage the same rows."""
    changes_plan = incremental.run("plan")
    full_plan = full.run("plan")
    assert changes_plan.exit_code == full_plan.exit_code or full_plan.exit_code == 4, (
        changes_plan.message,
        full_plan.message,
    )
    assert changes_plan.fingerprint == full_plan.fingerprint
    assert changes_plan.counts == full_plan.counts
    assert incremental.staged_tables() == full.staged_tables()


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
