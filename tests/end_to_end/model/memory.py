"""The model's account of what a shop's faults should be remembered with: since when, closed why, how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

Key = tuple[str, str]  # size and rule


@dataclass(frozen=True)
class Fault:
    since: datetime
    closed: str | None = None
    times: int = 1


@dataclass
class Memory:
    """`unsure` after a kill: nobody knows whether that run still wrote down what it had judged."""

    faults: dict[Key, Fault] = field(default_factory=dict)
    unsure: bool = False

    def judged(self, at: datetime, told: set[Key], there: set[str], wanted: set[str], narrowed: bool) -> None:
        """A run that began at `at` found `told` broken; of the sizes `there`, it wanted these."""
        for key in told:
            old = self.faults.get(key)
            if old is None:
                self.faults[key] = Fault(at)
            elif old.closed:
                self.faults[key] = Fault(at, None, old.times + 1)
        for key, old in self.faults.items():
            own = key[0]
            if old.closed or key in told or (narrowed and own not in wanted):
                continue
            why = "fixed" if own in wanted else "skipped" if own in there else "gone"
            self.faults[key] = replace(old, closed=why)

    def compare(self, kept: dict[Key, tuple[datetime, str | None, int]], starts: Iterable[datetime]) -> None:
        """`kept` is what the run says it remembers. After a kill, what it may have changed is taken over."""
        told = {key: Fault(*values) for key, values in kept.items()}
        if self.unsure:
            latest = set(sorted(starts)[-2:])
            for key, fault in told.items():
                mine = self.faults.get(key)
                if mine != fault and fault.since in latest:
                    self.faults[key] = fault
            self.unsure = False
        assert told == self.faults
