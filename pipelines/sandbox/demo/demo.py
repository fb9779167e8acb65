"""`centra-myogo demo`: runs all four flows against the sandbox, with commentary, and stops what it started.

Each command runs in its own process, as for a user: products come to myOGO, goods arrive and show in Centra, an order
goes to the warehouse, and its tracking numbers come back. The sandbox's control paths act for customer and warehouse.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import IO

from pipelines.core.errors import ConfigError
from pipelines.sandbox.demo.leftovers import remove_earlier
from pipelines.sandbox.demo.outside import UnexpectedState
from pipelines.sandbox.demo.steps import Steps, show

START_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
EXPECTED_EXIT_CODES = {0, 3}  # 3: the sample has withheld rows on purpose


class DemoFailed(Exception):
    """The sandbox did not start, or a command ended with an unexpected exit code."""


def main(folder: Path) -> int:
    """Runs the demonstration; its files go to `folder`. 0 if every step succeeded, 1 with a message if one did not.

    Raises ConfigError if the folder cannot be used.
    """
    channels = folder / "channel"
    if remove_earlier(folder):
        show(f"The files of an earlier demo in {folder} are removed: this one begins anew.\n")
    began = time.monotonic()
    try:
        with _log_file(channels, folder / "sandbox.log") as log:
            sandbox = _start_sandbox(channels / "demo.toml", log)
            try:
                environment = {
                    **os.environ,
                    "CENTRA_MYOGO_CHANNELS": str(channels),
                    "CENTRA_MYOGO_DATA": str(folder.parent),
                }
                _run_products(environment)
                Steps(channels / "demo.toml", folder, partial(_run, environment)).run()
                _run(environment, "report", "demo", "--html", str(folder / "report.html"), "--csv", str(folder / "csv"))
            finally:
                _stop(sandbox)
    except (DemoFailed, UnexpectedState) as failed:
        show(f"\n{failed} (The sandbox's log: {folder / 'sandbox.log'})")
        return 1
    tables = folder / "analytics.duckdb"
    show(
        f"\nDone in {time.monotonic() - began:.0f} s; the sandbox is stopped. It leaves:\n\n"
        f"  the report  {folder / 'report.html'}  ({(folder / 'report.html').resolve().as_uri()})\n"
        f"  the lists   {folder / 'csv'}\n"
        f"  the tables  {tables}\n\n"
        "To query the tables, for example:\n\n"
        f"  {_python()} -c \"import duckdb; duckdb.connect('{tables}', read_only=True)"
        ".sql('from v_duplicate_codes').show()\"\n\n"
        "To go on with commands such as centra-myogo plan demo, start the stand-ins first: centra-myogo sandbox"
    )
    return 0


def _log_file(channels: Path, file: Path) -> IO[bytes]:
    """The opened log of the sandbox; creates the folders. Raises ConfigError."""
    try:
        channels.mkdir(parents=True, exist_ok=True)
        return file.open("wb")
    except OSError as error:
        raise ConfigError(
            f"{error.filename or file} cannot be created: {error.strerror}.",
            "Check the owner and the rights of the folder, or give another one with --data (or CENTRA_MYOGO_DATA).",
        ) from error


def _run_products(environment: dict[str, str]) -> None:
    show("Stand-ins for Centra and myOGO run on this machine, with the sample catalogue.")
    for verb in ("check", "plan", "push"):
        _run(environment, verb, "demo")
    show("\nOnce more, to show that there is nothing left to do:")
    _run(environment, "push", "demo")


def _run(environment: dict[str, str], *arguments: str) -> None:
    """Runs one command; a user would see the same output. Raises DemoFailed."""
    show(f"\n$ centra-myogo {' '.join(arguments)}\n")
    code = subprocess.run(_command(*arguments), env=environment, check=False).returncode
    if code not in EXPECTED_EXIT_CODES:
        raise DemoFailed(f"{arguments[0]} ended with the unexpected exit code {code}.")


def _start_sandbox(file: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The running sandbox; it writes the channel file once it listens. Raises DemoFailed."""
    file.unlink(missing_ok=True)
    ports = ("--centra-port", "0", "--myogo-port", "0")
    sandbox = subprocess.Popen(_command("sandbox", *ports, "--channel-file", str(file)), stdout=log, stderr=log)
    deadline = time.monotonic() + START_WITHIN_S
    while not file.is_file():
        if sandbox.poll() is not None or time.monotonic() > deadline:
            _stop(sandbox)
            raise DemoFailed("The sandbox did not start.")
        time.sleep(0.05)
    return sandbox


def _stop(sandbox: subprocess.Popen[bytes]) -> None:
    sandbox.terminate()
    try:
        sandbox.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        sandbox.kill()
        sandbox.wait()


def _python() -> str:
    """The interpreter as a user would type it."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "pipelines", *arguments]
