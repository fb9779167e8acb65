"""How many channels one `serve` carries: many channels of one small shop, each due every minute, nothing to do.

`python -m benchmarks.channels --channels 10 100` prints a line of figures for each number of channels.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import requests

from benchmarks.contestants import ours_plan
from benchmarks.race import ROOT, Contestant, Runs, once, shop
from pipelines.web.channel_overview import KEPT

SIZES = 3_000
WARM_UP_S, WINDOW_S = 45.0, 90.0
TICKS = os.sysconf("SC_CLK_TCK")
_PLAN = Contestant("ours_plan", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--window", type=float, default=WINDOW_S)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for figures in measured(Path(name), options.channels, options.window):
            print(json.dumps(figures), flush=True)


def measured(folder: Path, channels: list[int], window_s: float = WINDOW_S) -> Iterator[dict[str, Any]]:
    """One line of figures for each number of channels, all of one shop that has what its channels want."""
    wanted = folder / "wanted.duckdb"
    with shop(folder, SIZES) as job:
        once(_PLAN, job, Runs(), keep=wanted)
    with shop(folder, SIZES, held=wanted) as job:
        first = folder / "first"
        first.mkdir()
        ours_plan.work(job | {"folder": str(first), "verb": "push"})
        for count in channels:
            project = folder / f"project-{count}"
            _make_project(project, job["channel"], first / "data" / "demo", count)
            yield {"channels": count} | _served(project, window_s)
            shutil.rmtree(project)


def _make_project(project: Path, channel: str, data: Path, count: int) -> None:
    (project / "channels").mkdir(parents=True)
    for number in range(count):
        name = f"shop{number}"
        text = re.sub(r"(?m)^name\s*=.*$", f'name = "{name}"\nschedule = "every 1 min"', channel, count=1)
        (project / "channels" / f"{name}.toml").write_text(text, "utf-8")
        shutil.copytree(data, project / "data" / name, copy_function=_copy)


def _copy(source: str, target: str) -> None:
    """A published file is never changed, only replaced, so that a thousand channels can begin with the same one."""
    (os.link if source.endswith("analytics.duckdb") else shutil.copy2)(source, target)


def _served(project: Path, window_s: float) -> dict[str, Any]:
    log = project / "serve.log"
    command = [sys.executable, "-P", "-m", "pipelines", "serve", "--port", "0"]
    command += ["--project", str(project), "--data", str(project / "data")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as serve:
        try:
            address, started = _address(log, serve), time.time()
            while len([*(project / "data").glob(f"*/{KEPT}")]) < len([*(project / "channels").iterdir()]):
                assert serve.poll() is None, log.read_text()
                time.sleep(0.1)
            first_read_s = time.time() - started
            time.sleep(WARM_UP_S)
            began, cpu, pages, peak = time.time(), _Tree.of(serve.pid).cpu_s, [], 0.0
            while time.time() < began + window_s:
                asked = time.perf_counter()
                requests.get(address, timeout=600).raise_for_status()
                pages.append(time.perf_counter() - asked)
                peak = max(peak, _Tree.of(serve.pid).memory_mb)
                time.sleep(2)
            ended, cpu = time.time(), _Tree.of(serve.pid).cpu_s - cpu
        finally:
            serve.terminate()
    runs = _runs(project / "data", began, ended)
    return {
        "runs_per_minute": round(runs / (ended - began) * 60, 1),
        "cpu_s_per_run": round(cpu / runs, 2) if runs else None,
        "cpu_share": round(cpu / (ended - began), 2),
        "peak_mb": round(peak),
        "first_read_s": round(first_read_s, 1),  # of all channels, when this version serves them for the first time
        "first_page_s": round(sorted(pages)[len(pages) // 2], 3),
    }


def _address(log: Path, serve: subprocess.Popen[bytes]) -> str:
    while not (found := re.search(r"http://\S+:\d+", log.read_text())):
        if serve.poll() is not None:
            raise RuntimeError(log.read_text())
        time.sleep(0.1)
    return found[0]


def _runs(data: Path, began: float, ended: float) -> int:
    count = 0
    for file in data.glob("*/analytics.duckdb"):
        with duckdb.connect(str(file), read_only=True) as database:
            found = database.sql(
                "select count(*) from sync.runs where exit_code in (0, 3) and "
                f"started_at between to_timestamp({began}) at time zone 'UTC' "
                f"and to_timestamp({ended}) at time zone 'UTC'"
            ).fetchall()
            count += found[0][0]
    return count


@dataclass(frozen=True)
class _Tree:
    """A process and all below it: processor seconds so far, also of children that have ended; memory in MB, where
    pages that several processes share count once."""

    cpu_s: float
    memory_mb: float

    @classmethod
    def of(cls, root: int) -> _Tree:
        stats = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            stats[int(entry.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
        members, more = {root}, True
        while more:
            below = {pid for pid, (parent, _) in stats.items() if parent in members} - members
            members, more = members | below, bool(below)
        return cls(sum(stats[pid][1] for pid in members if pid in stats) / TICKS, sum(map(_pss_mb, members)))


def _pss_mb(pid: int) -> float:
    try:
        found = re.search(r"(?m)^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
