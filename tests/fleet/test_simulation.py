"""The simulation of `python -m benchmarks.fleet`: it keeps the promises with the real lease, notices a lease that does
not keep them, and gives the same figures for the same seed."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks import fleet as page
from benchmarks.fleet_picture import Panel, drawn
from benchmarks.fleet_simulation import Faults, Fleet, Outcome, Run, Simulation, quantile
from pipelines.core.errors import StateUnavailable
from pipelines.fleet.lease import Lease

RUN = Run(cpu_s=2.0, read_s=10.0, changed_share=0.3)
SMALL = Fleet(channels=60, workers=3, run=RUN, hours=3.0)
ALL_FAULTS = Faults(300, 120, 500, 600, (3000, 3600), (5000, 5600), until_s=7200)


def simulated(fleet: Fleet) -> Outcome:
    return Simulation(fleet).run()


def test_without_faults_each_channel_runs_each_time_and_nobody_waits() -> None:
    outcome = simulated(SMALL)
    assert set(outcome.counts) <= {"good", "stored", "restored", "changes"}
    assert 60 * 11 <= outcome.counts["good"] <= 60 * 12
    assert len(outcome.good) == 60
    assert quantile(outcome.delays, 0.99) < 1.0
    assert len(outcome.delays) == outcome.counts["good"]
    assert 0 <= outcome.cpu_s - 2.0 * outcome.counts["good"] <= 2.0 * outcome.at_once


@pytest.mark.parametrize("seed", range(5))
def test_with_all_faults_no_two_holders_write_at_once_and_each_channel_runs_again(seed: int) -> None:
    outcome = simulated(replace(SMALL, faults=ALL_FAULTS, seed=seed))
    assert outcome.counts["kills"] > 5
    assert outcome.counts["freezes"] > 5
    assert outcome.counts["exit 5, lost the lease"] > 0
    assert outcome.counts["exit 6"] > 0
    assert min(outcome.good.values()) > 3 * 3600 - SMALL.interval_s - 60
    assert len(outcome.good) == 60


def test_a_channel_of_a_killed_worker_waits_for_the_rest_of_the_lease() -> None:
    outcome = simulated(replace(SMALL, faults=Faults(kill_every_s=300)))
    assert outcome.takeovers
    assert max(outcome.takeovers) <= SMALL.lease_s + SMALL.retry_s
    assert min(outcome.takeovers) >= SMALL.lease_s * 0.9 - SMALL.retry_s


def simulated_until_noticed(fleet: Fleet) -> None:
    for seed in range(10):
        simulated(replace(fleet, seed=seed))


def test_a_lease_that_is_not_checked_before_a_write_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lease, "check", lambda self: None)
    monkeypatch.setattr("benchmarks.fleet_simulation.Leases.add_intent", lambda *_: None)
    with pytest.raises(AssertionError, match="a holder that was replaced"):
        simulated_until_noticed(replace(SMALL, faults=ALL_FAULTS))


def test_a_lease_that_does_not_count_the_longest_call_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A holder that cannot renew writes until the last moment, and its last write outlives its lease."""
    fleet = replace(
        SMALL, workers=6, run=replace(RUN, changed_share=1.0, changes=400), lease_s=200.0, retry_s=5.0, noticed_s=5.0,
        faults=Faults(freeze_every_s=100, freeze_s=300),
    )  # fmt: skip
    check = Lease.check

    def without_the_call(self: Lease) -> None:
        self._longest_call_s = 0.0
        check(self)

    def not_renewed(self: Lease) -> bool:
        raise StateUnavailable("The database is away.")

    monkeypatch.setattr(Lease, "renew", not_renewed)
    assert simulated(fleet).counts["exit 5, lost the lease"] > 0
    monkeypatch.setattr(Lease, "check", without_the_call)
    with pytest.raises(AssertionError, match="may still take effect"):
        simulated_until_noticed(fleet)


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    fleet = replace(SMALL, faults=ALL_FAULTS)
    assert simulated(fleet) == simulated(fleet)
    assert simulated(fleet).delays != simulated(replace(fleet, seed=2)).delays


def test_too_few_workers_let_channels_wait() -> None:
    crowded = replace(SMALL, channels=600, workers=1, run=replace(RUN, cpu_s=4.0))
    assert quantile(simulated(crowded).delays, 0.99) > 60
    assert quantile(simulated(replace(crowded, workers=3)).delays, 0.99) < 60


def test_the_workers_that_suffice_grow_with_the_channels() -> None:
    few, many = (page.needs(channels, "changes", 900.0, 0.5) for channels in (20, 1500))
    assert (few.workers, few.refresh) == (1, "changes")
    assert many.workers > 1
    assert many.p99_s <= page.WAIT_S
    assert many.statements > few.statements
    for table in (page.needs_table, page.traffic_table):
        lines = [*table([few, many])]
        assert len({line.count("|") for line in lines}) == 1
        assert "| 1,500 | changes |" in lines[-1]


def test_the_table_of_faults_and_the_picture() -> None:
    outcome = page.with_faults(30, "changes", 2, Faults(kill_every_s=300), hours=2.0)
    table = [*page.faults_table({"kills": outcome})]
    assert len({line.count("|") for line in table}) == 1
    curves = {"a & b": [(10.0, 1.0), (1000.0, 20.0)], "none": [(10.0, 0.0), (1000.0, 0.0)]}
    picture = drawn([Panel("Workers", "channels", "workers", curves, is_logarithmic) for is_logarithmic in
                          (True, False)])  # fmt: skip
    assert len(ElementTree.fromstring(picture).findall("{*}circle")) == 8


def test_quantiles() -> None:
    assert [quantile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
    assert quantile([], 0.5) == 0.0
