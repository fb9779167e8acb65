"""One contestant's work, once, in this process: `python -m benchmarks.run NAME JOB.json`.

Prints one line of JSON: `seconds` of the work without imports, and `did`, what it brought about, so that the
harness can see that all of them did the same. Where only a step of the work is raced, the contestant says `step_s`.
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
    begun = time.perf_counter()
    did = contestant.work(job)
    whole = time.perf_counter() - begun
    print(json.dumps({"seconds": did.pop("step_s", whole), "did": did}))


if __name__ == "__main__":
    main()
