"""One contestant's work, once, in this process: `python -m benchmarks.run NAME JOB.json`.

Prints one line of JSON: `seconds` of the work without imports, and `did`, the counts of what it wrote, so that the
harness can check that all contestants did the same. A contestant that times only one step returns it as `step_s`.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path


def main() -> None:
    name, job_file = sys.argv[1:]
    job = json.loads(Path(job_file).read_text("utf-8"))
    contestant = importlib.import_module(f"benchmarks.contestants.{name}")
    started = time.perf_counter()
    counts = contestant.work(job)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": counts.pop("step_s", seconds), "did": counts}))


if __name__ == "__main__":
    main()
