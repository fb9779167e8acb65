"""Fixtures of the pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.web.pages import Pages


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    """With the operator olga and the viewer vera."""
    return Pages(monkeypatch)


@pytest.fixture
def open_pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Without users."""
    return Pages(monkeypatch, users=False)


@pytest.fixture
def pages_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pages]:
    """`pages_with(settings={"hosts": ["pages.example.com"]})`."""
    return partial(Pages, monkeypatch)
