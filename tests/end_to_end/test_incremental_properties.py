"""Whatever happens on either side between two runs, changes merged into the stage are what a full read finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from tests.end_to_end.test_incremental import Ours, by_changes, keep_time
from tests.support.shop import TORTURE, Shop, catalogue, euro, size

# A run takes most of a second: a few stories each time, many with `make torture`.
STORIES = 40 if TORTURE else 2
NUMBER = st.integers(1, 6)
CENTRA = st.sampled_from(
    [{"name": "Anorak"}, {"name": "Parka"}, {"sku": "SKU1"}, {"ean": "7350000000016"}, {"active": 0}, {"physical": 9},
     {"physical": 5, "allocated": 0}, {"countryOfOrigin": "Portugal"}]
)  # fmt: skip
# What may change without moving Centra's `modified`.
SILENT = st.sampled_from([{"prices": []}, {"prices": [euro("11.00")]}, {"images": ["x"]}, {"categoryName": "Hats"}])
MYOGO = st.sampled_from([{"name": "Somebody's"}, {"supplier": "S"}, {"salesPrice": 3}, {"stock": 4}, {"reserved": 2}])
EVENT = st.one_of(
    st.tuples(st.just("size"), NUMBER, CENTRA | SILENT),
    st.tuples(st.just("size"), NUMBER, CENTRA),
    st.tuples(st.just("product"), NUMBER, MYOGO),
    st.tuples(st.just("received"), NUMBER, st.integers(1, 5)),
    st.tuples(st.just("no size"), NUMBER, st.none()),
    st.tuples(st.just("no product"), NUMBER, st.none()),
    st.tuples(st.just("second"), NUMBER, st.none()),
    st.tuples(st.just("renamed"), NUMBER, st.sampled_from(["OLD", "SKU2"])),
    st.tuples(st.just("no answer"), st.none(), st.none()),
    st.tuples(st.just("hours"), st.sampled_from([0.1, 1.9, 5.0]), st.none()),
)
STORY = st.lists(st.lists(EVENT, max_size=5), min_size=1, max_size=3)


@pytest.mark.parametrize("tells_all", [True, False])
def test_changes_come_to_what_a_full_read_finds(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tells_all: bool
) -> None:
    """Where Centra tells of every change, after each run; else after the full read that `full_every` brings."""

    @settings(deadline=None, database=None, max_examples=STORIES, suppress_health_check=[HealthCheck.too_slow])
    @given(STORY)
    def told(story: list[list[tuple[Any, ...]]]) -> None:
        with Sandbox.start(catalogue(*map(size, range(1, 5)), myogo=[{"code": "XX-1"}])) as box:
            folder = tmp_path_factory.mktemp("story")
            ours, whole = (_channel(box, folder, name) for name in ("ours", "whole"))
            keep_time(ours, monkeypatch)
            by_changes(ours.shop)
            box.switch("centra", silent=[] if tells_all else ["prices", "images", "categories", "categoryName"])
            for events in [[], *story]:
                for what, which, detail in events:
                    _happen(ours, what, which, detail, tells_all)
                assert ours.run("push", force=True).exit_code in (0, 3)
                if tells_all:
                    _same(ours, whole)
            ours.later(25)
            assert ours.read("plan").startswith("full: ")
            _same(ours, whole)

    told()


def _channel(box: Sandbox, folder: Any, name: str) -> Ours:
    (folder / name).mkdir()
    made = Ours(Shop(box, folder / name, channel_file(box.centra_url, box.myogo_url)))
    made.shop.edit("backoff_s           = 0.05", "backoff_s           = 0.001")
    return made


def _same(ours: Ours, whole: Ours) -> None:
    """Both plan the same from here, ours by what it read in its own way."""
    mine = ours.run("plan")
    theirs = whole.run("plan")
    assert mine.exit_code == theirs.exit_code or theirs.exit_code == 4, (mine.message, theirs.message)
    assert mine.fingerprint == theirs.fingerprint
    assert mine.counts == theirs.counts
    assert ours.stage() == whole.stage()


def _happen(ours: Ours, what: str, which: Any, detail: Any, tells_all: bool) -> None:
    box = ours.shop.box
    code = f"SKU{which}"
    there = code in {product["code"] for product in box.myogo_products()}
    match what:
        case "size" if _has(box, which):
            box.change_centra_row(which, **detail)
        case "size":
            box.add_centra_row(size(which, **detail))
        case "no size" if not tells_all and _has(box, which):
            box.delete_centra_row(which)
        case "no product" if not tells_all and there:
            box.delete_myogo_product(code)
        case "product" if there:
            box.change_myogo_product(code, **detail)
        case "received" if there:
            box.receive(code, detail)
        case "second":
            box.put_myogo_product({"code": code, "languageCode": "en"}, allow_duplicate=True)
        case "renamed" if there:
            box.change_myogo_product(code, code=detail)
        case "no answer":
            box.add_fault(side="myogo", kind="status", status=503, times=99, path="/api/v1/Stock")
            assert ours.run().exit_code == 5
            box.clear_faults()
        case "hours":
            ours.later(which)


def _has(box: Sandbox, number: int) -> bool:
    try:
        return bool(box.centra_row(number))
    except KeyError:
        return False
