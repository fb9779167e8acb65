"""One contestant's work, once, in this process: `python -m benchmarks.run NAME JOB.json`.

Prints one line of JSON: `seconds` of the work without imports, and `did`, what it brought about, so that the
harness can see that all of them did the same.
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
    print(json.dumps({"seconds": time.perf_counter() - begun, "did": did}))


if __name__ == "__main__":
    main()
