"""An answer without measure does not take the memory of the machine: it is given up early, and one more run heals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.sandbox import Sandbox
from tests.support.shop import TORTURE
from tests.support.shop_helpers import FOREVER
from tests.torture import ground
from tests.torture.ground import Ground

ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 120  # beyond what a run takes anyway


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


def peak_mb(here: Ground) -> tuple[int, float]:
    """Exit code and peak memory of a push in a process of its own."""
    command = [sys.executable, "-m", "pipelines", "push", str(here.shop.file), "--data", str(here.shop.data)]
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=own, cwd=here.shop.folder, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss / 1024


@pytest.mark.skipif(not TORTURE, reason="starts five processes; `make torture` does")
def test_memory_does_not_grow_with_an_answer(box: Sandbox, tmp_path: Path) -> None:
    """On either side, packed (a gigabyte in a megabyte) or plain, again and again."""
    here = Ground(box, tmp_path)
    code, usual = peak_mb(here)
    assert code == 3
    for side, path, kind in (
        ("centra", "/products", "gzip_bomb"),
        ("myogo", "/Stock", "gzip_bomb"),
        ("centra", "/products", "huge_field"),
        ("myogo", "/Products?limit", "huge_field"),
    ):
        box.add_fault(side=side, path=path, kind=kind, times=FOREVER)
        code, peak = peak_mb(here)
        box.clear_faults()
        assert code == 5
        assert peak < usual + MOST_MB, f"{kind} of {side} took {peak:.0f} MB, a usual run {usual:.0f} MB"
