"""Output that goes nowhere, or stops being read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from tests.support.shop import Shop, size


def test_a_reader_that_leaves_does_not_stop_the_push(shop_of: Callable[..., Shop]) -> None:
    """`push | head -1`: everything is applied, the tables say so, and the exit code is that of the run."""
    shop = shop_of(*(size(n) for n in range(1, 30)))
    words = [sys.executable, "-u", "-m", "pipelines", "push", str(shop.file), "--data", str(shop.data)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=shop.folder)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    said = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait(60) == 0, said
    assert said == ""
    assert shop.sql("select applied, not_attempted from sync.runs") == [(29, 0)]


def test_an_ean_of_blanks_in_myogo_is_told_and_left(shop_of: Callable[..., Shop]) -> None:
    """myOGO keeps what it has, so planning it as a change would plan it for ever."""
    shop = shop_of(size(1, ean="7350000000016"), myogo=[{"code": "SKU1", "eanCode": " "}])
    shop.run("push")
    again = shop.run("push")
    assert (again.counts["update"], again.counts["drifted"]) == (0, 1)
