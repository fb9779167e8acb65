"""Fixtures for every test: a fresh sandbox and a channel that talks to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.core import logs
from pipelines.sandbox import Catalogue, Sandbox
from tests.support.shop import Shop, catalogue, shop_in

pytest_plugins = ["tests.support.mutant_order"]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Both stand-ins with the sample catalogue, on free ports."""
    with Sandbox.start(Catalogue.sample()) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hides the developer's environment, folder and .env file, and drops secrets that the previous test registered,
    and the logs that a command set up in this process."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "CHANNELS", "PROJECT", "LOG", "WAREHOUSE"):
        monkeypatch.delenv(f"CENTRA_MYOGO_{name}", raising=False)
    before, root = set(logs._secrets), logging.getLogger()
    root.setLevel(logging.WARNING)
    root.handlers[:] = [one for one in root.handlers if type(one) is not logging.StreamHandler]  # pytest's stay
    yield
    logs._secrets.clear()
    logs._secrets.update(before)


@pytest.fixture
def shop(box: Sandbox, tmp_path: Path) -> Shop:
    """A channel named demo that talks to `box`, with a short backoff so that tests are quick."""
    return shop_in(box, tmp_path)


@pytest.fixture
def shop_of(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """`shop_of(size(1), size(2), myogo=[...])`: a channel and a sandbox with exactly these products."""
    boxes: list[Sandbox] = []

    def make(*sizes: dict[str, Any], myogo: Sequence[dict[str, Any]] = ()) -> Shop:
        boxes.append(Sandbox.start(catalogue(*sizes, myogo=myogo)))
        return shop_in(boxes[-1], tmp_path)

    yield make
    for running in boxes:
        running.stop()
