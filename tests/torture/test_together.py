"""Several runs of one channel at once."""

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
from tests.torture import ground
from tests.torture.ground import Ground

AT_ONCE = 4


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with ground.shop() as running:
        yield running


@pytest.mark.parametrize("time", range(10 if TORTURE else 1))
def test_of_several_at_once_some_run_one_after_the_other_and_the_rest_end_with_6(
    box: Sandbox, tmp_path: Path, time: int
) -> None:
    """Nothing is written twice, whoever wins; the losers say who holds the lock."""
    here = Ground(box, tmp_path)
    places = [tmp_path / str(number) for number in range(AT_ONCE)]
    for place in places:
        place.mkdir()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(lambda place: child_process.run(*here.words, folder=place), places))
    codes = Counter(gone.code for gone in ended)
    assert set(codes) <= {3, 6}, ended
    assert codes[3] >= 1
    assert len(writes(here.shop)) == len(set(writes(here.shop))) == 5
    assert here.products() == here.goal()
    for gone in ended:
        told = decode(gone.printed.encode())
        assert told["exit_code"] == gone.code
        if gone.code == 6:
            assert told["error"]["id"] == "LOCK-001"
    here.heals()
    here.is_at_rest()
