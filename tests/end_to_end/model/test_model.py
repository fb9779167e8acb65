"""Random shops, edits on both sides, faults, kills and reruns, against an oracle that shares nothing with the program.

`make test` tells the same few stories each time. Under `make torture` they are many, long and new; the seed that made
them is printed, and TORTURE_SEED tells the same ones again.
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
from tests.end_to_end.model.vocabulary import EDITS, ELSEWISE, FAULTS, FORCE, KILLS, LIMITS, SKU, START
from tests.end_to_end.model.world import World
from tests.support.shop import TORTURE


class Model(RuleBasedStateMachine):
    """A shop and its runs."""

    few: tuple[int, int]  # stories, and steps of each, where a minute has to do
    many = 40, 14

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @initialize(edits=START)
    def begin(self, edits: list[Any]) -> None:
        self.world.happen(edits)

    def teardown(self) -> None:
        self.world.close()

    @rule()
    def a_quiet_moment(self) -> None:
        self.world.nothing_is_left()


class Calm(Model):
    """Runs that nothing disturbs."""

    few = 3, 8

    @rule(edits=EDITS, verb=st.sampled_from(["push", "push", "plan"]), sku=SKU, force=FORCE, limits=LIMITS)
    def run(self, edits: list[Any], verb: str, sku: tuple[str, ...], force: bool, limits: Row) -> None:
        self.world.happen(edits)
        self.world.run(verb, sku=sku, force=force and verb == "push", **limits)

    @rule(edits=EDITS, meanwhile=st.just([]) | EDITS, elsewise=st.lists(ELSEWISE, max_size=3), sku=SKU)
    def review(self, edits: list[Any], meanwhile: list[Any], elsewise: list[Any], sku: tuple[str, ...]) -> None:
        """A plan, then a push of exactly that: how rows are written and asked for is no matter, what they say is."""
        self.world.happen(edits)
        planned = self.world.run("plan", sku=sku)
        reviewed = self.world.changes
        self.world.happen([*meanwhile, *elsewise])
        pushed = self.world.run("push", sku=sku, expect=planned["fingerprint"])
        if planned["fingerprint"] and pushed["fingerprint"]:  # both read both sides
            assert (planned["fingerprint"] == pushed["fingerprint"]) == (reviewed == self.world.changes)

    @rule(edits=EDITS, elsewise=st.lists(ELSEWISE, max_size=3))
    def push_twice(self, edits: list[Any], elsewise: list[Any]) -> None:
        self.world.happen(edits)
        first = self.world.run("push", force=True)
        self.world.happen(elsewise)
        again = self.world.run("push", force=True)
        if first["exit_code"] != 5:  # it could read both sides; what myOGO would not take then, it may take now
            assert again["flows"]["products"]["applied"] <= first["flows"]["products"]["refused"]


class Stormy(Model):
    """Runs that are disturbed, each with one after it that is not and brings everything about."""

    few = 3, 6

    @rule(edits=EDITS, faults=FAULTS, sku=SKU)
    def push_through(self, edits: list[Any], faults: list[Row], sku: tuple[str, ...]) -> None:
        self.world.happen(edits)
        self.world.stormy_run(faults, sku)
        self.world.run("push", force=True)

    @rule(edits=EDITS, kill=KILLS, sku=SKU)
    def kill_a_push(self, edits: list[Any], kill: Row, sku: tuple[str, ...]) -> None:
        self.world.happen(edits)
        self.world.killed_run(kill, sku)
        self.world.run("push", force=True)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.start(Catalogue.of({"products": []})) as running:
        yield running


@pytest.mark.timeout(1800 if TORTURE else 900)
@pytest.mark.parametrize("model", [Calm, Stormy])
def test_every_story_ends_as_the_oracle_says(
    model: type[Model], box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stories, steps = model.many if TORTURE else model.few
    shops = iter(range(10**9))

    def story() -> Model:
        return model(World(box, tmp_path / f"shop{next(shops)}"))

    if TORTURE:
        number = int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(10**9))
        with capsys.disabled():
            print(f"\n{model.__name__}: TORTURE_SEED={number}")
        story = seed(number)(story)
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=stories,
            stateful_step_count=steps,
            derandomize=not TORTURE,
            database=None,
            deadline=None,
            verbosity=Verbosity.normal,
            # To make a story shorter costs hundreds of runs; one of a few steps can be read as it is.
            phases=[Phase.explicit, Phase.generate],
            # A step is one or two whole runs, a second each: slow by nature.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
