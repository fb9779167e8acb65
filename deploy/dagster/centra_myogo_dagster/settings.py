"""What the environment of a code server says."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`program` is the command line of the product. `machines` are all machines, of which `machine` is this one.
    `lost_after_s` is after how many seconds without a sign of life a run counts as lost, `retry_s` how long a run
    waits before it tries again."""

    project: Path
    data: Path
    program: str
    machine: str
    machines: tuple[str, ...]
    lost_after_s: float = 180.0
    retry_s: float = 60.0

    @property
    def channels(self) -> Path:
        return self.project / "channels"

    @property
    def beat_s(self) -> float:
        """How often a run gives a sign of life, in seconds."""
        return self.lost_after_s / 6


def settings_of(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError if they contradict each other."""
    project = Path(environment.get("CENTRA_MYOGO_PROJECT") or ".").resolve()
    machine = environment.get("CENTRA_MYOGO_MACHINE") or socket.gethostname()
    machines = tuple(environment.get("CENTRA_MYOGO_MACHINES", "").replace(",", " ").split()) or (machine,)
    if machine not in machines:
        raise ValueError(
            f"CENTRA_MYOGO_MACHINE ({machine}) is not one of CENTRA_MYOGO_MACHINES ({', '.join(machines)}). "
            "Give all code servers the same list."
        )
    lost_after_s = float(environment.get("CENTRA_MYOGO_LOST_AFTER_S") or 180)
    retry_s = float(environment.get("CENTRA_MYOGO_RETRY_S") or 60)
    if lost_after_s < 2 * retry_s:
        raise ValueError(
            f"CENTRA_MYOGO_LOST_AFTER_S ({lost_after_s:g}) must be at least twice CENTRA_MYOGO_RETRY_S ({retry_s:g}), "
            "because a run that waits gives no sign of life."
        )
    return Settings(
        project=project,
        data=Path(environment.get("CENTRA_MYOGO_DATA") or project / "data").resolve(),
        program=environment.get("CENTRA_MYOGO_PROGRAM") or "centra-myogo",
        machine=machine,
        machines=machines,
        lost_after_s=lost_after_s,
        retry_s=retry_s,
    )
