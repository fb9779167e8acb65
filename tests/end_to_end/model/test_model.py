"""Random shops, edits on both sides, faults, kills and reruns, compared with an independent oracle.

`make test` runs the same few scenarios each time. `make torture` runs many, long and new ones; it prints their seed,
and TORTURE_SEED repeats them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipelines.sandbox import Catalogue, Sandbox
from tests.end_to_end.model.oracle import Row
from tests.end_to_end.model.strategies import EDITS, FAULTS, FORCE, FORMAT_CHANGES, KILLS, LIMITS, SKU, START
from tests.end_to_end.model.system_under_test import SystemUnderTest
from tests.support.shop import TORTURE


class Model(RuleBasedStateMachine):
    """The state machine: a shop and its runs."""

    few: tuple[int, int]  # scenarios and steps of each in `make test`, which has a minute for them
    many = 40, 14

    def __init__(self, system: SystemUnderTest) -> None:
        super().__init__()
        self.system = system

    @initialize(edits=START)
    def begin(self, edits: list[Any]) -> None:
        self.system.apply_edits(edits)

    def teardown(self) -> None:
        self.system.close()

    @rule()
    def no_file_is_left_behind(self) -> None:
        self.system.no_file_is_left_behind()


class UndisturbedRuns(Model):
    """Runs without faults."""

    few = 3, 8

    @rule(edits=EDITS, verb=st.sampled_from(["push", "push", "plan"]), sku=SKU, force=FORCE, limits=LIMITS)
    def run(self, edits: list[Any], verb: str, sku: tuple[str, ...], force: bool, limits: Row) -> None:
        self.system.apply_edits(edits)
        self.system.run(verb, sku=sku, force=force and verb == "push", **limits)

    @rule(edits=EDITS, between=st.just([]) | EDITS, formats=st.lists(FORMAT_CHANGES, max_size=3), sku=SKU)
    def review(self, edits: list[Any], between: list[Any], formats: list[Any], sku: tuple[str, ...]) -> None:
        """A plan, then a push of exactly that plan: only the content of rows counts, not their format."""
        self.system.apply_edits(edits)
        planned = self.system.run("plan", sku=sku)
        reviewed = self.system.changes
        self.system.apply_edits([*between, *formats])
        pushed = self.system.run("push", sku=sku, expect=planned["fingerprint"])
        if planned["fingerprint"] and pushed["fingerprint"]:  # both read both sides
            assert (planned["fingerprint"] == pushed["fingerprint"]) == (reviewed == self.system.changes)

    @rule(edits=EDITS, formats=st.lists(FORMAT_CHANGES, max_size=3))
    def push_twice(self, edits: list[Any], formats: list[Any]) -> None:
        self.system.apply_edits(edits)
        first = self.system.run("push", force=True)
        self.system.apply_edits(formats)
        again = self.system.run("push", force=True)
        if first["exit_code"] != 5:  # it read both sides; myOGO may accept now what it refused then
            assert again["flows"]["products"]["applied"] <= first["flows"]["products"]["refused"]


class DisturbedRuns(Model):
    """Runs with faults, each followed by an undisturbed run that completes the work."""

    few = 3, 6

    @rule(edits=EDITS, faults=FAULTS, sku=SKU)
    def push_with_faults(self, edits: list[Any], faults: list[Row], sku: tuple[str, ...]) -> None:
        self.system.apply_edits(edits)
        self.system.disturbed_run(faults, sku)
        self.system.run("push", force=True)

    @rule(edits=EDITS, kill=KILLS, sku=SKU)
    def kill_a_push(self, edits: list[Any], kill: Row, sku: tuple[str, ...]) -> None:
        self.system.apply_edits(edits)
        self.system.killed_run(kill, sku)
        self.system.run("push", force=True)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.start(Catalogue.of({"products": []})) as running:
        yield running


@pytest.mark.timeout(1800 if TORTURE else 900)
@pytest.mark.parametrize("model", [UndisturbedRuns, DisturbedRuns])
def test_every_random_scenario_ends_as_the_oracle_expects(
    model: type[Model], box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenarios, steps = model.many if TORTURE else model.few
    shop_numbers = iter(range(10**9))

    def scenario() -> Model:
        return model(SystemUnderTest(box, tmp_path / f"shop{next(shop_numbers)}"))

    if TORTURE:
        number = int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(10**9))
        with capsys.disabled():
            print(f"\n{model.__name__}: TORTURE_SEED={number}")
        scenario = seed(number)(scenario)
    run_state_machine_as_test(
        scenario,
        settings=settings(
            max_examples=scenarios,
            stateful_step_count=steps,
            derandomize=not TORTURE,
            database=None,
            deadline=None,
            verbosity=Verbosity.normal,
            # To shrink a scenario takes hundreds of runs; one of a few steps is readable without that.
            phases=[Phase.explicit, Phase.generate],
            # A step is one or two complete runs of a second each.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
