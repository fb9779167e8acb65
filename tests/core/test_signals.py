"""What a signal does to a run, and what a second one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.core.errors import Interrupted
from pipelines.core.signals import interruptible


def _wait_for_a_signal() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


def test_while_reading_it_ends_at_once() -> None:
    begun = time.monotonic()
    with interruptible() as interrupted, interrupted.raising_immediately(), pytest.raises(Interrupted):
        _wait_for_a_signal()
    assert time.monotonic() - begun < 9


def test_while_working_it_is_noted_and_ends_at_the_next_check() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(1)
        with pytest.raises(Interrupted):
            interrupted.check()


def test_one_that_came_before_the_reading_ends_it_too() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(1)
        with pytest.raises(Interrupted), interrupted.raising_immediately():
            raise AssertionError("nothing is read any more")


def test_the_same_signal_passed_on_twice_is_one() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(1)


def test_the_handlers_of_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


SLOW = """
import os, signal, time
from pipelines.core.signals import interruptible
with interruptible() as interrupted:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1.2)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
"""


def test_a_second_one_in_earnest_ends_the_process_with_5() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, timeout=60)
    assert done.returncode == 5
    assert "ended at once" in done.stderr
