"""Contestants side by side: each in a process of its own, in turn, against one shop, so that only ratios count."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-bench" / "bin" / "python"  # what the project itself does not install

COUNTED = {"products", "prices", "stock", "applied"}


@dataclass(frozen=True)
class Contestant:
    """`module` in benchmarks.contestants; `peer` runs it with the peers' own installation."""

    module: str
    words: str
    peer: bool = False
    cannot: str = ""
    once_from: int = 10_000_000  # sizes; from there on it runs once: it takes minutes
    most: int = 1_000_000  # sizes; beyond them it would take all memory there is

    @property
    def python(self) -> str:
        return str(PEERS) if self.peer else sys.executable


@dataclass
class Runs:
    """What one contestant took, round by round: seconds of the work, of the whole process, and its peak memory."""

    seconds: list[float] = field(default_factory=list)
    process: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    did: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


@contextmanager
def shop(folder: Path, sizes: int, faults: float = 0.05, held: Path | None = None) -> Iterator[dict[str, Any]]:
    """A made-up shop in a process of its own; yields what a job needs to know of it."""
    told = folder / "told.json"
    told.unlink(missing_ok=True)
    words = ["--sizes", str(sizes), "--faults", str(faults), "--told", str(told)]
    words += ["--held", str(held)] if held else []
    with subprocess.Popen([sys.executable, "-m", "benchmarks.shop", *words], cwd=ROOT) as process:
        try:
            while not told.exists():
                if process.poll() is not None:
                    raise RuntimeError("the shop did not start")
                time.sleep(0.1)
            yield json.loads(told.read_text("utf-8"))
        finally:
            process.terminate()


def once(one: Contestant, job: dict[str, Any], runs: Runs, keep: Path | None = None) -> None:
    """One run of one contestant; its files are thrown away, what a run of ours published is copied to `keep` first."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    (folder / "job.json").write_text(json.dumps(job | {"folder": str(folder)}), "utf-8")
    command = [one.python, "-m", "benchmarks.run", one.module, str(folder / "job.json")]
    begun = time.perf_counter()
    with (folder / "err.txt").open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - begun
    if process.returncode:
        runs.failed = (folder / "err.txt").read_text("utf-8", "replace").strip().rpartition("\n")[2][:200]
    else:
        answer = json.loads(said.splitlines()[-1])
        runs.seconds.append(answer["seconds"])
        runs.process.append(whole)
        runs.peak_mb.append(usage.ru_maxrss / 1024)
        runs.did = answer["did"]
    if keep is not None and not runs.failed:
        shutil.copy(folder / "data" / "demo" / "analytics.duckdb", keep)
    shutil.rmtree(folder)


def race(contestants: Sequence[Contestant], job: dict[str, Any], rounds: int, sizes: int) -> dict[str, Runs]:
    """All of them in turn, round after round; one that failed is out. The first, unmeasured turn warms the shop."""
    runs = {one.module: Runs() for one in contestants}
    once(contestants[0], job, Runs())
    for number, one in turns(contestants, rounds):
        if not (number and sizes >= one.once_from) and not runs[one.module].failed:
            once(one, job, runs[one.module])
            print(f"  {number + 1}/{rounds} {one.module}: {runs[one.module].seconds[-1:]}", flush=True)
    return runs


def turns(contestants: Sequence[Contestant], rounds: int) -> Iterator[tuple[int, Contestant]]:
    """The number of the round and who runs; each round begins with another one."""
    for number in range(rounds):
        for place in range(len(contestants)):
            yield number, contestants[(number + place) % len(contestants)]


def same_work(mine: Runs, floor: Runs) -> bool:
    """Whether both brought about as much, as far as both count it."""
    return all(mine.did[name] == floor.did[name] for name in COUNTED & mine.did.keys() & floor.did.keys())


def ratio(mine: Runs, floor: Runs) -> tuple[float, float, float]:
    """Median, lowest and highest of the ratios of the rounds."""
    ratios = [a / b for a, b in zip(mine.seconds, floor.seconds, strict=False)]
    return statistics.median(ratios), min(ratios), max(ratios)
