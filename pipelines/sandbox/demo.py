"""`make demo`: the whole line against the sandbox, told as it happens. Stops what it started.

Runs the verbs as a user would, in processes of their own: check, plan, push, report, and push again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

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
                _tell(folder, {**os.environ, "CENTRA_MYOGO_CHANNELS": str(channels)})
            finally:
                _end(sandbox)
    except Failed as failed:
        _say(f"\n{failed} (The sandbox's own words: {folder / 'sandbox.log'})")
        return 1
    tables = folder / "analytics.duckdb"
    _say(
        f"\nDone in {time.monotonic() - began:.0f} s; the sandbox is stopped. What it leaves:\n\n"
        f"  the report  {folder / 'report.html'}\n"
        f"  the lists   {folder / 'csv'}\n"
        f"  the tables  {tables}\n\n"
        "Ask the tables, for example:\n\n"
        f"  .venv/bin/python -c \"import duckdb; duckdb.connect('{tables}', read_only=True)"
        ".sql('from v_duplicate_codes').show()\""
    )
    return 0


def _tell(folder: Path, environment: dict[str, str]) -> None:
    _say("Stand-ins for Centra and myOGO run on this machine, with the sample catalogue.")
    for verb in ("check", "plan", "push"):
        _run(environment, verb, "demo")
    _run(environment, "report", "demo", "--html", str(folder / "report.html"), "--csv", str(folder / "csv"))
    _say("\nOnce more, to show that there is nothing left to do:")
    _run(environment, "push", "demo")


def _run(environment: dict[str, str], *words: str) -> None:
    """One verb, its output as a user sees it. Raises Failed."""
    _say(f"\n$ centra-myogo {' '.join(words)}\n")
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


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
