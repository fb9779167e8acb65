"""`make demo`: the whole story against the sandbox, told as it happens. Stops what it started.

Runs the verbs as a user would, in processes of their own: products come to myOGO, goods arrive and show in Centra, an
order goes to the warehouse, and its tracking comes back. What people do in between, the sandbox's control paths do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import IO

from pipelines.sandbox.demo.steps import Story, Unexpected, say

START_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
WELL = {0, 3}  # the sample has rows that need a person, on purpose


class Failed(Exception):
    """The story did not go as it should."""


def main() -> int:
    """0 when the story ended well, and 1 with a message where it did not."""
    folder = Path(os.environ.get("CENTRA_MYOGO_DATA") or "data") / "demo"
    channels = folder / "channel"
    channels.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        with (folder / "sandbox.log").open("wb") as log:
            sandbox = _started(channels / "demo.toml", log)
            try:
                environment = {**os.environ, "CENTRA_MYOGO_CHANNELS": str(channels)}
                _tell_of_products(folder, environment)
                Story(channels / "demo.toml", folder, partial(_run, environment)).tell()
                _run(environment, "report", "demo", "--html", str(folder / "report.html"), "--csv", str(folder / "csv"))
            finally:
                _end(sandbox)
    except (Failed, Unexpected) as failed:
        say(f"\n{failed} (The sandbox's own words: {folder / 'sandbox.log'})")
        return 1
    tables = folder / "analytics.duckdb"
    say(
        f"\nDone in {time.monotonic() - began:.0f} s; the sandbox is stopped. What it leaves:\n\n"
        f"  the report  {folder / 'report.html'}\n"
        f"  the lists   {folder / 'csv'}\n"
        f"  the tables  {tables}\n\n"
        "Ask the tables, for example:\n\n"
        f"  .venv/bin/python -c \"import duckdb; duckdb.connect('{tables}', read_only=True)"
        ".sql('from v_duplicate_codes').show()\""
    )
    return 0


def _tell_of_products(folder: Path, environment: dict[str, str]) -> None:
    say("Stand-ins for Centra and myOGO run on this machine, with the sample catalogue.")
    for verb in ("check", "plan", "push"):
        _run(environment, verb, "demo")
    say("\nOnce more, to show that there is nothing left to do:")
    _run(environment, "push", "demo")


def _run(environment: dict[str, str], *words: str) -> None:
    """One verb, its output as a user sees it. Raises Failed."""
    say(f"\n$ centra-myogo {' '.join(words)}\n")
    code = subprocess.run(_command(*words), env=environment, check=False).returncode
    if code not in WELL:
        raise Failed(f"{words[0]} ended with exit code {code}, which it should not.")


def _started(file: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The sandbox, listening: it writes the channel file once it does. Raises Failed."""
    file.unlink(missing_ok=True)
    ports = ("--centra-port", "0", "--myogo-port", "0")
    sandbox = subprocess.Popen(_command("sandbox", *ports, "--channel-file", str(file)), stdout=log, stderr=log)
    deadline = time.monotonic() + START_WITHIN_S
    while not file.is_file():
        if sandbox.poll() is not None or time.monotonic() > deadline:
            _end(sandbox)
            raise Failed("The sandbox did not start.")
        time.sleep(0.05)
    return sandbox


def _end(sandbox: subprocess.Popen[bytes]) -> None:
    sandbox.terminate()
    try:
        sandbox.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        sandbox.kill()
        sandbox.wait()


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pipelines", *words]


if __name__ == "__main__":
    sys.exit(main())
