"""`python -m benchmarks`: runs the races and writes benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import channels, pages
from benchmarks.page import page, plot
from benchmarks.race import PEERS, ROOT, Contestant, Runs, cpu_seconds, once, race, ratio, same_work, shop, turns
from benchmarks.shop import held
from benchmarks.warm import WarmRuns
from pipelines.core.json_codec import encode
from pipelines.sandbox.myogo.product import FIELDS

HERE = Path(__file__).parent
LARGE = 50_000
STAGING = [
    Contestant("floor_stage", "the floor: requests, orjson, Arrow into DuckDB"),
    Contestant("ours_stage", "**this project's staging**"),
    Contestant(
        "plain_script", "plain script: requests, `json_normalize`, DuckDB", cannot="no check of types, all in memory"
    ),
    Contestant(
        "singer_tap", "singer-sdk tap into target-duckdb", peer=True, cannot="prices stay nested JSON", once_from=LARGE
    ),
    Contestant(
        "dlt_tuned",
        "dlt `rest_api`, Parquet, large buffers",
        cannot="no contract, drift becomes columns",
        once_from=1_000_000,
    ),
    Contestant("dlt_as_documented", "dlt `rest_api` as documented", cannot="as above", once_from=LARGE, most=100_000),
]
READING = [
    Contestant("floor_read", "the floor: both sides downloaded and parsed"),
    Contestant("ours_plan", "**this project's complete plan, nothing to do**"),
    Contestant("ours_again", "**the same again: nothing has changed, so the results are kept**"),
    Contestant("ours_changes", '**the same with `refresh = "changes"`**', most=100_000),
]
PUSHING = [
    Contestant("floor_push", "bare thread pool, the same two requests per product, 4 in flight"),
    Contestant("ours_push", "**this project's push, 4 in flight**"),
    Contestant("drt_push", "drt-core, DuckDB to REST", peer=True, cannot="POST only: no look-up, no diff, no journal"),
]
PUSHED = 2_000
ALLOWED, ALLOWED_READ = 200.0, 20.0
IDLE_SIZES = 3_000
CHANNELS = [10, 100]
PARTS = ("stage", "plan", "push", "rate", "start", "idle", "pages", "channels")
IMPORTS = "import dlt, duckdb, pandas, pandera.pandas"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--channels", type=int, nargs="+", default=CHANNELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[*PARTS], help=f"any of: {', '.join(PARTS)}, test, torture")
    options = parser.parse_args()
    results: dict[str, Any] = (
        json.loads((HERE / "results.json").read_text()) if (HERE / "results.json").exists() else {}
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for sizes in options.sizes:
            if "stage" in options.only:
                results[f"stage {sizes}"] = _staging(folder, sizes, options.rounds)
                _save(results)
            if "plan" in options.only:
                results[f"plan {sizes}"] = _planning(folder, sizes, options.rounds)
                _save(results)
        if "push" in options.only:
            results["push"] = _pushing(folder, options.rounds)
        if "rate" in options.only:
            results["rate"] = _at_a_rate(folder, options.rounds)
        if "start" in options.only:
            results["start"] = _starting(folder, options.rounds)
        if "idle" in options.only:
            results["idle"] = _idle(folder, options.rounds)
        for suite in ("test", "torture"):
            if suite in options.only:
                results.setdefault("suites", {})[suite] = _suite(suite)
        if "pages" in options.only:
            results["pages"] = pages.measured(folder / "pages", 3 * options.rounds)
        if "channels" in options.only:
            results["channels"] = [*channels.measured(folder, options.channels)]
        _save(results)


def _staging(folder: Path, sizes: int, rounds: int) -> dict[str, Any]:
    contestants = [one for one in STAGING if sizes <= one.most and (not one.peer or PEERS.exists())]
    print(f"staging {sizes:,}", flush=True)
    with shop(folder, sizes) as job:
        return _table(contestants, race(contestants, job, rounds, sizes))


def _planning(folder: Path, sizes: int, rounds: int) -> dict[str, Any]:
    print(f"plan {sizes:,}", flush=True)
    wanted, half_failing = folder / "wanted.duckdb", Runs()
    with shop(folder, sizes) as job:
        once(READING[1], job, Runs(), keep=wanted)
    contestants = [one for one in READING if sizes <= one.most]
    with shop(folder, sizes, held=wanted) as job:
        table = _table(contestants, race(contestants, job, rounds, sizes))
    with shop(folder, sizes, faults=0.5) as job:
        once(READING[1], job, half_failing)
    return table | {"peak_mb with half of the rows failing": round(half_failing.peak_mb[0])}


def _pushing(folder: Path, rounds: int) -> dict[str, Any]:
    """Each run gets its own shop, because a pushed product stays there."""
    print("push", flush=True)
    contestants = [one for one in PUSHING if not one.peer or PEERS.exists()]
    runs = {one.module: Runs() for one in contestants}
    bodies = _bodies(folder)
    for number, one in turns(contestants, rounds):
        with shop(folder, PUSHED, faults=0) as job:
            once(one, job | {"bodies": str(bodies)}, runs[one.module])
            print(f"  {number + 1}/{rounds} {one.module}: {runs[one.module].seconds[-1:]}", flush=True)
    return _table(contestants, runs)


def _bodies(folder: Path) -> Path:
    file, wanted = folder / "bodies.jsonl", folder / "wanted.duckdb"
    with shop(folder, PUSHED, faults=0) as job:
        once(READING[1], job, Runs(), keep=wanted)
    products = [dict(zip(FIELDS, one.values, strict=True)) for one in held(wanted)]
    file.write_bytes(b"\n".join(encode({k: v for k, v in one.items() if v is not None}) for one in products))
    return file


def _at_a_rate(folder: Path, rounds: int) -> dict[str, Any]:
    """The shares of the allowed request rate that a push, and a first read of each system, use when the rate binds."""
    print("rate", flush=True)
    shares: dict[str, list[float]] = {"push": [], "read Centra": [], "read myOGO": []}
    wanted = folder / "wanted.duckdb"
    with shop(folder, 10_000) as job:
        once(READING[1], job, Runs(), keep=wanted)
    for _ in range(rounds):
        runs = Runs()
        with shop(folder, 1_000, faults=0) as job:
            once(PUSHING[1], job | {"channel": _limited(job["channel"], "myogo", ALLOWED)}, runs)
        shares["push"].append(runs.did["requests"] / runs.seconds[0] / ALLOWED)
        for system, title in (("centra", "Centra"), ("myogo", "myOGO")):
            runs = Runs()
            with shop(folder, 10_000, held=wanted) as job:
                once(READING[1], job | {"channel": _limited(job["channel"], system, ALLOWED_READ)}, runs)
            took = sum(seconds for step, seconds in runs.did["seconds"].items() if step.startswith("read "))
            shares[f"read {title}"].append(runs.did["requests"][system] / took / ALLOWED_READ)
    allowed = {name: ALLOWED if name == "push" else ALLOWED_READ for name in shares}
    return {
        name: {"allowed": allowed[name], "share": statistics.median(found), "lowest": min(found)}
        for name, found in shares.items()
    }


def _limited(channel: str, system: str, per_second: float) -> str:
    """The channel file with this rate for one system."""
    begin = channel.index(f"[systems.{system}]")
    return channel[:begin] + channel[begin:].replace(" 10000.0", f" {per_second}", 1)


def _starting(folder: Path, rounds: int) -> dict[str, Any]:
    seconds_by_command = {}
    with shop(folder, 100) as job:
        file = folder / "demo.toml"
        file.write_text(job["channel"], "utf-8")
        for arguments in (["--help"], ["check", str(file)]):
            seconds = []
            for _ in range(rounds):
                started = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "pipelines", *arguments], cwd=ROOT, check=True, capture_output=True
                )
                seconds.append(time.perf_counter() - started)
            seconds_by_command[arguments[0]] = statistics.median(seconds)
    return seconds_by_command


def _idle(folder: Path, rounds: int) -> dict[str, Any]:
    """The processor time of a push of a small shop with nothing to do, and of importing what any such program needs."""
    print("idle", flush=True)
    wanted = folder / "wanted.duckdb"
    with shop(folder, IDLE_SIZES) as job:
        once(READING[1], job, Runs(), keep=wanted)
    commands = {"imports": [sys.executable, "-c", IMPORTS]}
    with shop(folder, IDLE_SIZES, held=wanted) as job:
        for refresh in ("full", "changes"):
            file = folder / f"{refresh}.toml"
            file.write_text(
                job["channel"].replace('name = "demo"', f'name = "demo"\nrefresh = "{refresh}"', 1), "utf-8"
            )
            commands[refresh] = [sys.executable, "-m", "pipelines", "push", str(file), "--data", str(folder / refresh)]
            for _ in range(2):  # the first evaluates the catalogue checks, and the second may have them still to do
                cpu_seconds(commands[refresh])
        warm = WarmRuns()
        measures = {name: partial(cpu_seconds, command) for name, command in commands.items()} | {
            f"{refresh} warm": partial(warm.cpu_seconds, folder / f"{refresh}.toml", folder / refresh)
            for refresh in ("full", "changes")
        }
        measures["full warm"]()
        runs = {name: Runs() for name in measures}
        for number in range(rounds):
            for name, measure in measures.items():
                runs[name].seconds.append(measure())
            print(f"  {number + 1}/{rounds} {[round(one.seconds[-1], 2) for one in runs.values()]}", flush=True)
    return {
        name: {"cpu_s": statistics.median(one.seconds), "ratio": ratio(one, runs["imports"])}
        for name, one in runs.items()
    }


def _suite(target: str) -> dict[str, Any]:
    """The processor time of `make TARGET`, in seconds and in imports."""
    imports = [sys.executable, "-c", IMPORTS]
    cpu_seconds(imports)  # the first import in a new environment compiles the packages
    floors = [cpu_seconds(imports)]
    spent = cpu_seconds(["make", target], quiet=False)
    floors.append(cpu_seconds(imports))
    on = datetime.now(UTC).date().isoformat()
    return {"cpu_s": round(spent), "imports": round(spent / statistics.mean(floors)), "on": on}


def _table(contestants: list[Contestant], runs: dict[str, Runs]) -> dict[str, Any]:
    floor = runs[contestants[0].module]
    for one in runs.values():
        if one.seconds and not same_work(one, floor):
            one.failed = f"it did {one.did}, the floor {floor.did}"
    return {
        "contestants": {
            one.module: {
                "words": one.words,
                "cannot": one.cannot,
                "failed": runs[one.module].failed,
                **(
                    {
                        "rounds": len(runs[one.module].seconds),
                        "seconds": statistics.median(runs[one.module].seconds),
                        "ratio": ratio(runs[one.module], floor),
                        "process": statistics.median(runs[one.module].process),
                        "peak_mb": max(runs[one.module].peak_mb),
                        "did": runs[one.module].did,
                    }
                    if runs[one.module].seconds
                    else {}
                ),
            }
            for one in contestants
        }
    }


def _save(results: dict[str, Any]) -> None:
    results["machine"] = {
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "on": datetime.now(UTC).date().isoformat(),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    (HERE / "RESULTS.md").write_text(page(results), "utf-8")
    (HERE / "plot.svg").write_text(plot(results), "utf-8")


if __name__ == "__main__":
    main()
