"""A closed output pipe, and an EAN of blanks in myOGO."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

from tests.support.shop import Shop, size


def test_a_closed_pipe_does_not_stop_the_push(shop_of: Callable[..., Shop]) -> None:
    """`push | head -1`: everything is applied and recorded, and the exit code is that of the run."""
    shop = shop_of(*(size(n) for n in range(1, 30)))
    command = [sys.executable, "-u", "-m", "pipelines", "push", str(shop.file), "--data", str(shop.data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=shop.folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    stderr_text = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 0, stderr_text
    assert re.fullmatch(r"Read Centra 58 rows, myOGO 0 rows in \d+ s\n", stderr_text)
    assert shop.sql("select applied, not_attempted from sync.runs") == [(29, 0)]


def test_an_ean_of_blanks_in_myogo_is_drift_and_is_not_changed(shop_of: Callable[..., Shop]) -> None:
    """myOGO keeps its EAN, so a planned change would be planned again in every run."""
    shop = shop_of(size(1, ean="7350000000016"), myogo=[{"code": "SKU1", "eanCode": " "}])
    shop.run("push")
    again = shop.run("push")
    assert (again.counts["update"], again.counts["drifted"]) == (0, 1)
