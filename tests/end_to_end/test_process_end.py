"""How the process of a command ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import atexit, sys, threading, time
from pipelines import __main__
import pipelines.cli

def app():
    def late():
        time.sleep(0.3)
        print("thread")
    threading.Thread(target=late).start()
    atexit.register(lambda: print("atexit"))
    print("printed", end="")
    {ending}

pipelines.cli.app = app
__main__.command()
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("sys.exit(3)", 3),
        ("sys.exit()", 0),
        ("sys.exit('said')", 1),
        ("pass", 0),
        ("raise RuntimeError('broke')", 1),
    ],
)
def test_a_process_ends_with_its_code_and_all_of_its_output(ending: str, code: int) -> None:
    """Threads and what is registered with atexit come first."""
    command = [sys.executable, "-c", _SCRIPT.format(ending=ending)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (code, "printedthread\natexit\n")
    assert ("said" in finished.stderr) == ("said" in ending)
    assert ("internal error" in finished.stderr) == ("broke" in ending)


def test_output_that_nobody_reads_is_an_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        finished = subprocess.run(
            [sys.executable, "-c", _SCRIPT.format(ending="pass")],
            stdout=write_end,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    finally:
        os.close(write_end)
    assert finished.returncode != 0
