"""Several runs of one channel at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.core.json_codec import decode
from pipelines.sandbox import Sandbox
from tests.support import child_process
from tests.support.shop import TORTURE
from tests.support.shop_helpers import writes
from tests.torture import product_environment
from tests.torture.product_environment import ProductEnvironment

RUNS = 4


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with product_environment.start_sandbox() as running:
        yield running


@pytest.mark.parametrize("repetition", range(10 if TORTURE else 1))
def test_of_several_runs_at_the_same_time_some_run_in_turn_and_the_others_end_with_6(
    box: Sandbox, tmp_path: Path, repetition: int
) -> None:
    """Nothing is written twice; a run that does not get the lock reports its holder."""
    environment = ProductEnvironment(box, tmp_path)
    folders = [tmp_path / str(number) for number in range(RUNS)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(RUNS) as pool:
        results = list(pool.map(lambda folder: child_process.run(*environment.arguments, folder=folder), folders))
    codes = Counter(result.code for result in results)
    assert set(codes) <= {3, 6}, results
    assert codes[3] >= 1
    assert len(writes(environment.shop)) == len(set(writes(environment.shop))) == 5
    assert environment.products() == environment.expected()
    for result in results:
        document = decode(result.stdout.encode())
        assert document["exit_code"] == result.code
        if result.code == 6:
            assert document["error"]["id"] == "LOCK-001"
    environment.rerun()
    environment.check_nothing_to_do()
