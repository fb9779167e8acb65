"""The story that `make demo` tells after the products have come to myOGO."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.sandbox.demo.steps import Story, Unexpected
from tests.support.shop import Shop


def _pushed(shop: Shop) -> Shop:
    shop.file.write_text(shop.text)
    for _ in range(2):  # the second reads what the first has made
        assert shop.run("push").exit_code == 3
    return shop


def _run(shop: Shop) -> Any:
    def run(*words: str) -> None:
        verb, _, *more = words
        ended = shop.command(verb, str(shop.file), "--data", str(shop.data), *more)
        assert ended.exit_code in (0, 3), ended.stdout

    return run


def test_the_story_ends_well(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Goods, stock, order, parcel: each system ends as the story says, or it would raise."""
    Story(_pushed(shop).file, shop.data / "demo", _run(shop)).tell()
    told = capsys.readouterr().out
    assert "In Centra, shipment 1001-1 is complete: Posti, JJFI65000001, JJFI65000002." in told
    assert shop.run("plan").counts["create"] + shop.run("plan").counts["update"] == 0


def test_a_story_that_goes_wrong_says_so(shop: Shop) -> None:
    """A flow that does nothing is noticed."""
    story = Story(_pushed(shop).file, shop.data / "demo", lambda *_: None)
    with pytest.raises(Unexpected, match="stock in Centra"):
        story.tell()
