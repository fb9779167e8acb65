"""Waiting for other threads and processes. No test depends on the speed of the machine.

A test that something does *not* wait makes the other side hang for HANG_S: if it waits after all, pytest's limit ends
the test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONG_S = 300.0  # a hundred times what the slowest step takes on a quiet machine
HANG_S = 3600.0  # longer than pytest lets a test run


def wait_for(condition: Callable[[], T]) -> T:
    """Calls `condition` until it returns a true value, and returns that value. Fails after LONG_S."""
    deadline = time.monotonic() + LONG_S
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return result
