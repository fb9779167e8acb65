"""The steps that `make demo` runs after the products have come to myOGO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.sandbox.demo.outside import UnexpectedState
from pipelines.sandbox.demo.steps import Steps
from tests.support.shop import Shop, size


def _pushed(shop: Shop) -> Shop:
    shop.file.write_text(shop.text)
    for _ in range(2):  # the second push reads the products that the first created
        assert shop.run("push").exit_code == 3
    return shop


def _run_command(shop: Shop) -> Any:
    def run(*words: str) -> None:
        verb, _, *more = words
        result = shop.command(verb, str(shop.file), "--data", str(shop.data), *more)
        assert result.exit_code in (0, 3), result.stdout

    return run


def test_the_steps_end_as_expected(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Goods, stock, order, parcel: a step without its result raises."""
    Steps(_pushed(shop).file, shop.data / "demo", _run_command(shop)).run()
    output = capsys.readouterr().out
    assert "\n1 fixed, 1 sent.\n" in output
    assert "In Centra, shipment 1001-1 is complete: Posti, JJFI65000001, JJFI65000002." in output
    assert shop.run("plan").counts["create"] + shop.run("plan").counts["update"] == 0


def test_a_step_without_its_result_raises(shop_of: Callable[..., Shop]) -> None:
    """Here no flow runs."""
    shop = _pushed(shop_of(size(1), size(2, prices=[])))
    steps = Steps(shop.file, shop.data / "demo", lambda *_: None)
    with pytest.raises(UnexpectedState, match="fixed and sent"):
        steps.run()
