"""Whether acting on a plan is sane: each limit on both sides of its edge."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.channel import Limits
from pipelines.limits import violations
from pipelines.plan import Plan


def said(limits: Limits, creates: int = 0, updates: int = 0, live: int = 0, read: int = 1) -> list[str]:
    changes = pd.DataFrame({"action": ["create"] * creates + ["update"] * updates})
    return violations(limits, Plan(changes, 0, live, ""), read)


@pytest.mark.parametrize(("read", "refused"), [(0, True), (49, True), (50, False), (51, False)])
def test_min_rows(read: int, refused: bool) -> None:
    assert said(Limits(min_rows=50), read=read) == (
        [f"{read} rows were read, fewer than min_rows = 50"] if refused else []
    )


@pytest.mark.parametrize(("creates", "refused"), [(0, False), (5, False), (6, True)])
def test_max_creates(creates: int, refused: bool) -> None:
    assert said(Limits(max_creates=5), creates=creates) == (
        ["6 products would be created, more than max_creates = 5"] if refused else []
    )


@pytest.mark.parametrize(("updates", "refused"), [(0, False), (5, False), (6, True)])
def test_max_updates(updates: int, refused: bool) -> None:
    assert said(Limits(max_updates=5), updates=updates, live=1000) == (
        ["6 products would be updated, more than max_updates = 5"] if refused else []
    )


@pytest.mark.parametrize(
    ("share", "live", "updates", "refused"),
    [
        pytest.param(0.30, 9, 9, False, id="9 products: a share says nothing"),
        pytest.param(0.30, 10, 3, False, id="10 products, at the edge"),
        pytest.param(0.30, 10, 4, True, id="10 products, beyond"),
        pytest.param(0.30, 11, 3, False, id="11 products, below"),
        pytest.param(0.30, 11, 4, True, id="11 products, beyond"),
        pytest.param(0.29, 100, 29, False, id="29 of 100 at 0.29"),
        pytest.param(0.29, 100, 30, True, id="30 of 100 at 0.29"),
        pytest.param(0.57, 100, 57, False, id="57 of 100 at 0.57"),
        pytest.param(0.0, 10, 0, False, id="nothing at 0"),
        pytest.param(0.0, 10, 1, True, id="one at 0"),
        pytest.param(1.0, 10, 10, False, id="everything at 1"),
    ],
)
def test_max_update_share(share: float, live: int, updates: int, refused: bool) -> None:
    """Of what the target holds, once it holds 10; exactly at the edge is within."""
    found = said(Limits(max_update_share=share), updates=updates, live=live)
    assert bool(found) is refused
    if refused:
        assert f"{updates} of the {live} products" in found[0]
        assert f"max_update_share = {share:g}" in found[0]


def test_creates_are_no_part_of_the_share() -> None:
    assert said(Limits(max_update_share=0.1), creates=50, updates=1, live=10) == []


def test_all_that_is_wrong_is_said() -> None:
    limits = Limits(min_rows=5, max_creates=0, max_updates=0, max_update_share=0.0)
    assert len(said(limits, creates=1, updates=1, live=10, read=4)) == 4


def test_an_empty_plan_is_sane() -> None:
    """With the default limits, as soon as one row was read."""
    assert said(Limits(), read=1) == []
    assert said(Limits(), read=0) != []
