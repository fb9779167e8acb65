"""Several runs of one channel at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.clients.payload import decode
from pipelines.sandbox import Sandbox
from tests.line.helpers import writes
from tests.torture import child
from tests.torture.cells import EVERYTHING
from tests.torture.story import healed, others, right, shop_in, start

AT_ONCE = 4


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with start() as running:
        yield running


@pytest.mark.parametrize("time", range(10 if EVERYTHING else 1))
def test_of_several_at_once_some_run_one_after_the_other_and_the_rest_end_with_6(
    box: Sandbox, tmp_path: Path, time: int
) -> None:
    """Nothing is written twice, whoever wins; the losers say who holds the lock."""
    shop = shop_in(box, tmp_path)
    untouched = others(shop)
    places = [tmp_path / str(number) for number in range(AT_ONCE)]
    for place in places:
        place.mkdir()
    words = ("push", str(shop.file), "--data", str(shop.data), "--json")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(lambda place: child.run(*words, folder=place), places))
    codes = Counter(gone.code for gone in ended)
    assert set(codes) <= {3, 6}, ended
    assert codes[3] >= 1
    assert len(writes(shop)) == len(set(writes(shop))) == 4
    right(shop, untouched)
    for gone in ended:
        told = decode(gone.printed.encode())
        assert told["exit_code"] == gone.code
        if gone.code == 6:
            assert told["error"]["id"] == "LOCK-001"
    healed(shop, untouched)
