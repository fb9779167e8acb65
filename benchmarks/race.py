"""Runs the contestants: each in its own process, in turn, against one shop, so that the ratios are comparable."""

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
PEERS = ROOT / ".venv-bench" / "bin" / "python"  # holds packages that the project itself does not install

COUNTED = {"products", "prices", "stock", "applied"}


@dataclass(frozen=True)
class Contestant:
    """`module` in benchmarks.contestants; `peer` runs it with the Python of `.venv-bench`."""

    module: str
    words: str
    peer: bool = False
    cannot: str = ""
    once_from: int = 10_000_000  # sizes; from this size on it runs once, because it takes minutes
    most: int = 1_000_000  # sizes; beyond this it needs more memory than the machine has

    @property
    def python(self) -> str:
        return str(PEERS) if self.peer else sys.executable


@dataclass
class Runs:
    """The cost of one contestant by round: seconds of the work, seconds of the process, peak memory."""

    seconds: list[float] = field(default_factory=list)
    process: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    did: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


@contextmanager
def shop(folder: Path, sizes: int, faults: float = 0.05, held: Path | None = None) -> Iterator[dict[str, Any]]:
    """Starts a generated shop in its own process; yields its addresses, secrets and channel file as a job."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    arguments = ["--sizes", str(sizes), "--faults", str(faults), "--ready", str(ready_file)]
    arguments += ["--held", str(held)] if held else []
    with subprocess.Popen([sys.executable, "-m", "benchmarks.shop", *arguments], cwd=ROOT) as process:
        try:
            while not ready_file.exists():
                if process.poll() is not None:
                    raise RuntimeError("the shop did not start")
                time.sleep(0.1)
            yield json.loads(ready_file.read_text("utf-8"))
        finally:
            process.terminate()


def once(one: Contestant, job: dict[str, Any], runs: Runs, keep: Path | None = None) -> None:
    """One run of one contestant. Deletes its files; copies the database that our run published to `keep` first."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    (folder / "job.json").write_text(json.dumps(job | {"folder": str(folder)}), "utf-8")
    command = [one.python, "-m", "benchmarks.run", one.module, str(folder / "job.json")]
    started = time.perf_counter()
    with (folder / "err.txt").open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        runs.failed = (folder / "err.txt").read_text("utf-8", "replace").strip().rpartition("\n")[2][:200]
    else:
        answer = json.loads(output.splitlines()[-1])
        runs.seconds.append(answer["seconds"])
        runs.process.append(seconds)
        runs.peak_mb.append(usage.ru_maxrss / 1024)
        runs.did = answer["did"]
    if keep is not None and not runs.failed:
        shutil.copy(folder / "data" / "demo" / "analytics.duckdb", keep)
    shutil.rmtree(folder)


def cpu_seconds(command: Sequence[str], *, quiet: bool = True) -> float:
    """The processor time, user and system, of the process and its children. It must end with 0 or 3."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def race(contestants: Sequence[Contestant], job: dict[str, Any], rounds: int, sizes: int) -> dict[str, Runs]:
    """All in turn, round by round; one that failed is dropped. The first turn is not measured: it warms the shop."""
    runs = {one.module: Runs() for one in contestants}
    once(contestants[0], job, Runs())
    for number, one in turns(contestants, rounds):
        if not (number and sizes >= one.once_from) and not runs[one.module].failed:
            once(one, job, runs[one.module])
            print(f"  {number + 1}/{rounds} {one.module}: {runs[one.module].seconds[-1:]}", flush=True)
    return runs


def turns(contestants: Sequence[Contestant], rounds: int) -> Iterator[tuple[int, Contestant]]:
    """Round number and contestant; each round begins with another contestant."""
    for number in range(rounds):
        for offset in range(len(contestants)):
            yield number, contestants[(number + offset) % len(contestants)]


def same_work(runs: Runs, floor: Runs) -> bool:
    """Whether both wrote the same number of rows or products, where both count them."""
    return all(runs.did[name] == floor.did[name] for name in COUNTED & runs.did.keys() & floor.did.keys())


def ratio(runs: Runs, floor: Runs) -> tuple[float, float, float]:
    """Median, lowest and highest of the ratios of the rounds."""
    ratios = [a / b for a, b in zip(runs.seconds, floor.seconds, strict=False)]
    return statistics.median(ratios), min(ratios), max(ratios)
