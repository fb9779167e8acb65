"""A target whose writes raise an unexpected exception."""

from __future__ import annotations

from typing import Any


class Products:
    def __init__(self, client: Any, *_: Any) -> None:
        self.client = client

    def create(self, key: str, product: dict[str, Any]) -> str:
        return str(1 / 0)

    update = create
