"""Pushes in processes of their own, made to be killed. Run as a program it makes them, one for each line it reads.

A new interpreter would load libraries for four seconds; a fork of one that has loaded them is there at once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOO_LONG_S = 60.0


class Nursery:
    """Started with the first push that is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def killed(self, channel: Path, data: Path, sku: tuple[str, ...], due: Callable[[], bool]) -> bool:
        """Starts a push and kills it with SIGKILL once `due`; False where it had ended by itself before."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([str(channel), str(data), sku]) + "\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        until = time.monotonic() + TOO_LONG_S
        while not (dead := _ended(child)) and not due():
            assert time.monotonic() < until, f"the push neither ended nor hung, see {self._folder}"
            time.sleep(0.005)
        if not dead:
            os.kill(child, signal.SIGKILL)
        process.stdin.write("\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the push ended with {status}, see {self._folder}"
        return status != 0

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            with (self._folder / "nursery.log").open("w") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.model.nursery", str(self._folder)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        return self._process


def _ended(child: int) -> bool:
    """Whether the process has ended; as it is not ours but the program's, it stays a zombie until that waits."""
    try:
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _serve(folder: Path) -> None:
    os.environ |= {"DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    from pipelines.channel import load
    from pipelines.quality import great_expectations
    from pipelines.run import Order, run
    from pipelines.screen import Quiet

    with great_expectations():
        __import__("great_expectations.expectations.core")
    for module in ("dlt.destinations.impl.duckdb.factory", "schemas.verdict", "pipelines.sources.centra"):
        __import__(module)

    for line in sys.stdin:
        channel, data, sku = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 100
            try:
                report: Any = run(load(channel), Path(data), Order("push", tuple(sku)), Quiet())
                status = 0 if report.exit_code in (0, 3, 5) else 100 + report.exit_code
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
