"""The effect of a first and a second signal on a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.core.errors import Interrupted
from pipelines.core.signals import interruptible
from tests.support.waiting import HANG_S, LONG_S


def _wait_for_a_signal() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(HANG_S)


def test_a_signal_ends_a_read_immediately() -> None:
    with interruptible() as interrupted, interrupted.raising_immediately(), pytest.raises(Interrupted):
        _wait_for_a_signal()


def test_a_signal_during_work_ends_at_the_next_check() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(LONG_S)
        with pytest.raises(Interrupted):
            interrupted.check()


def test_an_earlier_signal_ends_a_later_read() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(LONG_S)
        with pytest.raises(Interrupted), interrupted.raising_immediately():
            raise AssertionError("the read must not start")


def test_a_repeated_signal_counts_once() -> None:
    with interruptible() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.event.wait(LONG_S)


def test_the_previous_handlers_are_restored() -> None:
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
    time.sleep(3600)
"""


def test_a_second_signal_after_a_pause_ends_the_process_with_5() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, timeout=LONG_S)
    assert done.returncode == 5
    assert "ended immediately" in done.stderr
