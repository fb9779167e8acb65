"""How many workers 10 to 10,000 channels need, what they ask of the database and of the object store, and how long a
channel waits when its worker dies: a simulation with the lease code of the product, from the measured cost of a run.

`python -m benchmarks.fleet` prints the tables of docs/scale.md in a minute, without a database and without a network;
`--svg docs/scale.svg` draws the curves. It ends with an AssertionError if a promise is broken.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.fleet_picture import Panel, drawn
from benchmarks.fleet_simulation import Faults, Fleet, Outcome, Run, Simulation, quantile

# A run of 3,000 sizes with nothing to do. The processor time is that of benchmarks/RESULTS.md ("Many channels in one
# `serve`") and what [state] adds to it; that and all others are from `python -m benchmarks.fleet_cost`.
CPU_S = 1.8 + 0.14
REQUESTS = {"full": (60, 32), "changes": (6, 4)}  # to Centra and to myOGO, by `refresh`
TRANSACTIONS, LOG_BYTES = 9, 14_700  # of a run, in the database, without those of its requests; write-ahead log
CHANGE_TRANSACTIONS, CHANGE_LOG_BYTES = 2, 2_130
JOURNAL_BYTES = 35_100  # that the database keeps of a channel
SNAPSHOT_BYTES = 7_600_000
# Settings. The rate is the default of both systems; the systems are read at the same time.
PER_SECOND, KEEP, CHANGES = 2.0, 3, 10
WAIT_S = 60.0  # workers suffice if 99 of 100 runs wait no longer, also for a processor
LOAD = 0.8  # of the processors, and of the runs at once: the rest is for faults
SAME_MINUTE_S = 60.0  # a schedule such as "every 15 min" lets all channels begin within the same minute
DAY_S = 86_400.0


def run_of(refresh: str) -> Run:
    """A run that reads so and, one time in twenty, writes ten changes of two requests each."""
    return Run(CPU_S, max(REQUESTS[refresh]) / PER_SECOND, changes=CHANGES, change_s=2 / PER_SECOND)


@dataclass(frozen=True)
class Needs:
    """What a number of channels needs. Delays in seconds; statements a second; bytes of a day."""

    channels: int
    refresh: str
    workers: int
    median_s: float
    p99_s: float
    same_minute_p99_s: float
    at_once: int
    processors: float
    statements: float
    log_bytes: float
    stored_bytes: float
    restored_bytes: float


def needs(channels: int, refresh: str, interval_s: float, hours: float) -> Needs:
    """With the fewest workers that suffice. Restored is what it is if a run may be on any worker."""
    fleet = Fleet(channels, 1, run_of(refresh), interval_s, hours)
    per_second = channels / interval_s
    occupied = fleet.run.read_s + CPU_S + fleet.run.changed_share * CHANGES * fleet.run.change_s
    least = max(per_second * occupied / fleet.runs_at_once, per_second * CPU_S / fleet.processors)
    workers = math.ceil(least / LOAD)
    while True:
        outcome = Simulation(replace(fleet, workers=workers)).run()
        if quantile(outcome.delays, 0.99) <= WAIT_S:
            fleet = replace(fleet, workers=workers)
            elsewhere = Simulation(replace(fleet, stays=False)).run()
            same_minute = Simulation(replace(fleet, due_within_s=SAME_MINUTE_S)).run()
            return _needs(fleet, refresh, outcome, elsewhere.counts["restored"], quantile(same_minute.delays, 0.99))
        workers += 1


def _needs(fleet: Fleet, refresh: str, outcome: Outcome, restored: int, same_minute_s: float) -> Needs:
    seconds = fleet.hours * 3600
    runs, changes = outcome.counts["good"], outcome.counts["changes"]
    statements = runs * (TRANSACTIONS + sum(REQUESTS[refresh])) + outcome.asked["renew"]
    statements += changes * (CHANGE_TRANSACTIONS + 2)
    stored_bytes = outcome.counts["stored"] * SNAPSHOT_BYTES * DAY_S / seconds
    return Needs(
        fleet.channels,
        refresh,
        fleet.workers,
        quantile(outcome.delays, 0.5),
        quantile(outcome.delays, 0.99),
        same_minute_s,
        outcome.at_once,
        outcome.cpu_s / seconds,
        statements / seconds,
        (runs * LOG_BYTES + changes * CHANGE_LOG_BYTES) * DAY_S / seconds,
        stored_bytes,
        restored / (outcome.counts["stored"] - fleet.channels) * stored_bytes,  # its first run restores nothing
    )


def needs_table(found: Sequence[Needs]) -> Iterator[str]:
    yield (
        "| Channels | `refresh` | workers | runs at once | processors in use | wait, median and p99 "
        "| p99 if all are due in the same minute |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|"
    for one in found:
        yield (
            f"| {one.channels:,} | {one.refresh} | {one.workers:,} | {one.at_once:,} | {one.processors:.2g} "
            f"| {one.median_s:.0f} s, {one.p99_s:.0f} s | {one.same_minute_p99_s:.0f} s |"
        )


def traffic_table(found: Sequence[Needs]) -> Iterator[str]:
    yield (
        "| Channels | `refresh` | statements a second | log of the database, a day | size of the database "
        "| snapshots stored, a day | restored, a day | kept |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for one in found:
        yield (
            f"| {one.channels:,} | {one.refresh} | {_figures(one.statements)} | {_size(one.log_bytes)} "
            f"| {_size(one.channels * JOURNAL_BYTES)} | {_size(one.stored_bytes)} | {_size(one.restored_bytes)} "
            f"| {_size(one.channels * KEEP * SNAPSHOT_BYTES)} |"
        )


def _figures(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _size(count: float) -> str:
    for unit, bytes_ in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= bytes_:
            return f"{count / bytes_:.3g} {unit}"
    return f"{count / 1e3:.0f} kB"


FAULTS = {
    "no fault": Faults(),
    "a worker is killed every 10 minutes": Faults(kill_every_s=600),
    "a worker is frozen for 10 minutes, every 20 minutes": Faults(freeze_every_s=1200),
    "the database is away for 10 minutes": Faults(database_away=(7200, 7800)),
    "the object store is away for 10 minutes": Faults(store_away=(7200, 7800)),
    "all of these": Faults(600, 120, 1200, 600, (7200, 7800), (10_800, 11_400)),
}


def with_faults(
    channels: int, refresh: str, workers: int, faults: Faults, seed: int = 1, hours: float = 6.0
) -> Outcome:
    """Faults until an hour before the end. Raises AssertionError if a channel has had no good run since."""
    fleet = Fleet(channels, workers, run_of(refresh), hours=hours, seed=seed,
                  faults=replace(faults, until_s=(hours - 1) * 3600))  # fmt: skip
    outcome = Simulation(fleet).run()
    assert len(outcome.good) == channels, f"{channels - len(outcome.good)} channels have never run"
    oldest = hours * 3600 - min(outcome.good.values())
    assert oldest <= fleet.interval_s + 2 * WAIT_S + fleet.run.read_s, f"a channel has not run for {oldest:.0f} s"
    return outcome


def takeovers_with(lease_s: float) -> list[float]:
    """How long channels of killed workers wait, in seconds; the longest call is half of the lease or less."""
    run = replace(run_of("changes"), longest_call_s=min(100.0, lease_s / 2))
    fleet = Fleet(300, 4, run, hours=6.0, lease_s=lease_s, retry_s=20.0, faults=Faults(kill_every_s=200.0))
    return Simulation(fleet).run().takeovers


def faults_table(outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield (
        "| What happens | runs that ended well | exit 5 | exit 6 | channels taken over "
        "| takeover, median, p99 and longest |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for what, one in outcomes.items():
        five = sum(number for how, number in one.counts.items() if how.startswith("exit 5"))
        took = ", ".join(f"{quantile(one.takeovers, share):.0f} s" for share in (0.5, 0.99, 1.0))
        yield (
            f"| {what} | {one.counts['good']:,} | {five:,} | {one.counts['exit 6']:,} | {len(one.takeovers):,} "
            f"| {took if one.takeovers else ''} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--minutes", type=float, default=15, help="each channel is due every so many minutes")
    parser.add_argument("--hours", type=float, default=1, help="simulated time")
    parser.add_argument("--fault-channels", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=5, help="how often all faults at once are simulated")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    found = [
        needs(channels, refresh, options.minutes * 60, options.hours)
        for refresh in REQUESTS
        for channels in options.channels
    ]
    print(*needs_table(found), "", *traffic_table(found), "", sep="\n", flush=True)
    channels = options.fault_channels
    workers = needs(channels, "changes", 900, options.hours).workers + 2
    outcomes = {what: with_faults(channels, "changes", workers, faults) for what, faults in FAULTS.items()}
    for seed in range(2, options.seeds + 1):
        with_faults(channels, "changes", workers, FAULTS["all of these"], seed)
    print(f"{channels:,} channels on {workers} workers, 6 hours:\n", *faults_table(outcomes), "", sep="\n", flush=True)
    waits = {}
    for n in range(workers - 2, workers + 5):
        fleet = Fleet(channels, n, run_of("changes"), hours=options.hours)
        both = (Simulation(replace(fleet, due_within_s=within_s)).run() for within_s in (None, SAME_MINUTE_S))
        any_time, same_minute = (quantile(one.delays, 0.99) for one in both)
        waits[n] = (any_time, same_minute)
        print(f"{n} workers: p99 of the wait {any_time:.0f} s, due in the same minute {same_minute:.0f} s")
    takeovers = {lease_s: takeovers_with(lease_s) for lease_s in (60.0, 120.0, 200.0, 300.0, 600.0)}
    print()
    for lease_s, seconds in takeovers.items():
        print(f"lease_s = {lease_s:.0f}: takeover median {quantile(seconds, 0.5):.0f} s, longest {max(seconds):.0f} s")
    if options.svg:
        panels = [
            Panel("Workers needed, every 15 minutes", "channels", "workers", {
                f'refresh = "{refresh}"': [(one.channels, one.workers) for one in found if one.refresh == refresh]
                for refresh in REQUESTS
            }, True),
            Panel(f"Wait of {channels:,} channels, p99", "workers", "seconds", {
                "due in the same minute": [(n, wait[1]) for n, wait in waits.items()],
                "due at any time": [(n, wait[0]) for n, wait in waits.items()],
            }, False),
            Panel("Until another worker takes over", "state.lease_s", "seconds", {
                "the longest": [(lease_s, max(one)) for lease_s, one in takeovers.items()],
                "the median": [(lease_s, quantile(one, 0.5)) for lease_s, one in takeovers.items()],
            }, False),
        ]  # fmt: skip
        options.svg.write_text(drawn(panels), "utf-8")


if __name__ == "__main__":
    main()
