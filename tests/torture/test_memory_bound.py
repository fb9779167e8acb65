"""A huge answer does not exhaust the memory: the run stops reading it early."""

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
from tests.torture import product_environment
from tests.torture.product_environment import ProductEnvironment

ROOT = Path(__file__).resolve().parents[2]
MAX_EXTRA_MB = 120  # above the memory of a normal run


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with product_environment.start_sandbox() as running:
        yield running


def peak_mb(environment: ProductEnvironment) -> tuple[int, float]:
    """The exit code and the peak memory of a push in a child process."""
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "push",
        str(environment.shop.file),
        "--data",
        str(environment.shop.data),
    ]
    environment_variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment_variables, cwd=environment.shop.folder, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss / 1024


@pytest.mark.skipif(not TORTURE, reason="starts five processes; `make torture` does")
def test_memory_does_not_grow_with_the_size_of_an_answer(box: Sandbox, tmp_path: Path) -> None:
    """On both sides, compressed (a gigabyte in a megabyte) or not, for every answer."""
    environment = ProductEnvironment(box, tmp_path)
    code, normal_peak = peak_mb(environment)
    assert code == 3
    for side, path, kind in (
        ("centra", "/products", "gzip_bomb"),
        ("myogo", "/Stock", "gzip_bomb"),
        ("centra", "/products", "huge_field"),
        ("myogo", "/Products?limit", "huge_field"),
    ):
        box.add_fault(side=side, path=path, kind=kind, times=FOREVER)
        code, peak = peak_mb(environment)
        box.clear_faults()
        assert code == 5
        assert peak < normal_peak + MAX_EXTRA_MB, (
            f"{kind} of {side} took {peak:.0f} MB, a usual run {normal_peak:.0f} MB"
        )
