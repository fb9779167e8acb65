"""`centra-myogo sandbox` says what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.sandbox.command import DEFAULT_PORTS, _next_step


@pytest.mark.parametrize(
    ("ports", "written", "step"),
    [
        (DEFAULT_PORTS, None, "In a second terminal:  centra-myogo plan demo"),
        ((0, 0), Path("box.toml"), "In a second terminal:  centra-myogo plan box.toml"),
        ((0, 0), None, "--channel-file FILE writes one, --print prints it"),
    ],
)
def test_the_next_step(ports: tuple[int, int], written: Path | None, step: str) -> None:
    assert step in _next_step(ports, written)
